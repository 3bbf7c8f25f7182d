import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Config } from '../shared/config.ts';

/** The settings of {@link AlarmTopicStack}. */
export interface AlarmTopicStackProps extends StackProps {
  readonly config: Config;
}

/** The topic that gets all alarms of a stage. A separate stack, because every other stack has alarms. */
export class AlarmTopicStack extends Stack {
  /** The topic to which the people on call subscribe. */
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { config, ...props }: AlarmTopicStackProps) {
    super(scope, id, props);
    const fromThisAccount = { StringEquals: { 'aws:SourceAccount': this.account } };
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com', { conditions: fromThisAccount });
    // A separate key that CloudWatch may use, which must not use the key of the tables.
    const masterKey = new Key(this, 'Key', {
      description: 'Annals: alarms',
      enableKeyRotation: true,
      removalPolicy: config.removalPolicy,
    });
    masterKey.grantEncryptDecrypt(cloudWatch);
    this.topic = new Topic(this, 'Alarms', {
      displayName: `annals-${config.stage} alarms`,
      enforceSSL: true,
      masterKey,
    });
    // The policy that demands TLS replaces SNS's default policy, which would let CloudWatch publish.
    this.topic.grantPublish(cloudWatch);
    new CfnOutput(this, 'AlarmTopic', { value: this.topic.topicArn });
  }
}
