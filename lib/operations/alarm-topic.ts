import { CfnOutput, Stack } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type Config, nameOf } from '../shared/config.ts';

/** The settings of {@link AlarmTopic}. */
export interface AlarmTopicProps {
  readonly config: Config;
  /** The key in place of the key that is made by default. */
  readonly key?: IKey;
}

/** The topic that gets all alarms of a stage. A separate stack, because every other stack has alarms. */
export class AlarmTopic extends Construct {
  /** The topic to which the people on call subscribe. */
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { config, key }: AlarmTopicProps) {
    super(scope, id);
    const fromThisAccount = { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } };
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com', { conditions: fromThisAccount });
    // A separate key that CloudWatch may use, which must not use the key of the tables.
    const made = { description: 'Annals: alarms', enableKeyRotation: true, removalPolicy: config.removalPolicy };
    const masterKey = key ?? new Key(this, 'Key', made);
    masterKey.grantEncryptDecrypt(cloudWatch);
    this.topic = new Topic(this, 'Alarms', {
      displayName: `${nameOf(config)} alarms`,
      enforceSSL: true,
      masterKey,
    });
    // The policy that demands TLS replaces SNS's default policy, which would let CloudWatch publish.
    this.topic.grantPublish(cloudWatch);
    new CfnOutput(this, 'AlarmTopic', { value: this.topic.topicArn });
  }
}
