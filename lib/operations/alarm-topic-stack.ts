import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Config } from '../shared/config.ts';

export interface AlarmTopicStackProps extends StackProps {
  readonly config: Config;
}

/** Where all alarms of a stage go. A stack of its own, because every other stack has alarms. */
export class AlarmTopicStack extends Stack {
  /** Subscribe whoever is on call. */
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { config, ...props }: AlarmTopicStackProps) {
    super(scope, id, props);
    const ofThisAccount = { StringEquals: { 'aws:SourceAccount': this.account } };
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com', { conditions: ofThisAccount });
    // A key of its own, that CloudWatch may use: it has no business with the tables.
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
    // The policy that refuses what is not TLS replaces SNS's default policy, which lets CloudWatch publish.
    this.topic.grantPublish(cloudWatch);
    new CfnOutput(this, 'AlarmTopic', { value: this.topic.topicArn });
  }
}
