import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { configureEventSystem } from '../../core/base/configuration.ts';
import { functionsIn, synthesize } from './synthesis.ts';

const { data, bus, api, delivery, replay } = synthesize('dev');

/** The mapping from the table's stream to a function. */
function mapping(name: string, template = delivery) {
  const [[functionId] = []] = Object.entries(
    template.findResources('AWS::Lambda::Function', {
      Properties: { Environment: { Variables: { POWERTOOLS_SERVICE_NAME: `annals-${name}` } } },
    }),
  );
  const [found] = Object.values(
    template.findResources('AWS::Lambda::EventSourceMapping', { Properties: { FunctionName: { Ref: functionId } } }),
  );
  return found?.Properties;
}

describe('the stream of the table', () => {
  it('has two consumers; it can feed no third', () => {
    delivery.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
    expect(mapping('projector').EventSourceArn).toEqual(mapping('relay').EventSourceArn);
  });

  it.each(['projector', 'relay'])('feeds the %s with whole inserts from the beginning, and loses none', (name) => {
    const [bucket] = Object.keys(delivery.findResources('AWS::S3::Bucket'));
    expect(mapping(name)).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      FilterCriteria: { Filters: expect.arrayContaining([{ Pattern: JSON.stringify({ eventName: ['INSERT'] }) }]) },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [bucket, 'Arn'] } } },
    });
    expect(mapping(name).MaximumRetryAttempts).toBeUndefined(); // as long as the record's age allows
    expect(mapping(name).MaximumRecordAgeInSeconds).toBeLessThan(24 * 3600);
  });

  it('is relayed one batch at a time, and projected several', () => {
    expect(mapping('relay').ParallelizationFactor).toBe(1);
    expect(mapping('projector').ParallelizationFactor).toBeGreaterThan(1);
  });
});

describe('annals.config.ts', () => {
  const config = { event_system: { bus: { batch_size: 250, batch_timeout: '1500ms' }, snapshots: { frequency: 50 } } };

  it('sets the batches of the relay, in whole seconds', () => {
    expect(mapping('relay')).toMatchObject({ BatchSize: 100, MaximumBatchingWindowInSeconds: 1 });
    expect(mapping('relay', synthesize('dev', config).delivery)).toMatchObject({
      BatchSize: 250,
      MaximumBatchingWindowInSeconds: 2,
    });
  });

  it('reaches every function, with its defaults', () => {
    const templates = synthesize('dev', config);
    for (const template of [templates.api, templates.delivery]) {
      for (const { Properties } of functionsIn(template)) {
        expect(JSON.parse(Properties.Environment.Variables.ANNALS_CONFIG)).toEqual(configureEventSystem(config));
      }
    }
  });
});

describe('the bucket of failed batches', () => {
  it('is encrypted with the key of the events, closed, and forgets in time', () => {
    delivery.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: Match.anyValue() } },
        ],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      LifecycleConfiguration: { Rules: [Match.objectLike({ ExpirationInDays: 14, Status: 'Enabled' })] },
    });
  });

  it('refuses requests without TLS', () => {
    delivery.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });
});

describe('every function', () => {
  const functions = [api, delivery, replay].flatMap((template) =>
    functionsIn(template).map(({ Properties }) => ({ template, Properties })),
  );

  it('is one of these', () => {
    const names = functions.map(({ Properties }) => Properties.Environment.Variables.POWERTOOLS_SERVICE_NAME);
    expect(names).toEqual(
      ['command', 'query', 'operate', 'mcp', 'work', 'projector', 'relay', 'archiver', 'verify', 'replay'].map(
        (name) => `annals-${name}`,
      ),
    );
  });

  it('runs on Node 24 on Arm, is traced, and logs to a log of its own that forgets', () => {
    const logs = new Set<string>();
    for (const { template, Properties } of functions) {
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        TracingConfig: { Mode: 'Active' },
        LoggingConfig: { LogFormat: 'JSON' },
      });
      const log: string = Properties.LoggingConfig.LogGroup.Ref;
      expect(template.findResources('AWS::Logs::LogGroup')[log]?.Properties.RetentionInDays).toBe(7);
      logs.add(log);
    }
    expect(logs.size).toBe(functions.length);
  });
});

describe('deployment', () => {
  it('needs no function of its own where data is kept; elsewhere one that empties buckets when their stack goes', () => {
    const { app: _, ...production } = synthesize('prod');
    const customIn = (templates: Template[]) =>
      templates
        .flatMap((template) => Object.values(template.toJSON().Resources as Record<string, { Type: string }>))
        .map(({ Type }) => Type)
        .filter((type) => type.startsWith('Custom::') || type.includes('CustomResource'));
    expect(customIn(Object.values(production))).toEqual([]);
    expect(new Set(customIn([data, bus, api, delivery, replay]))).toEqual(new Set(['Custom::S3AutoDeleteObjects']));
  });
});
