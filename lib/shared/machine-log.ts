import { Aws, Fn } from 'aws-cdk-lib';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';

/**
 * The log of a state machine. Log groups with other names than `/aws/vendedlogs/...` would extend the account's resource
 * policy of CloudWatch Logs, which holds 5,120 characters, so that the deployment to a busy account would fail. A log group
 * may outlive its stack, so its name has a part of the stack's id, which keeps it from blocking the next deployment.
 */
export class MachineLog extends LogGroup {
  constructor(scope: Construct, id: string, { config, machine }: { config: Config; machine: string }) {
    super(scope, id, {
      logGroupName: `/aws/vendedlogs/states/${machine}-${stackIdPart()}`,
      retention: config.logRetentionDays,
      removalPolicy: config.removalPolicy,
    });
  }
}

/** Eight characters of the stack's id, which differ from those of other stacks with the same name. */
function stackIdPart(): string {
  const uuid = Fn.select(2, Fn.split('/', Aws.STACK_ID)); // arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<uuid>
  return Fn.select(0, Fn.split('-', uuid));
}
