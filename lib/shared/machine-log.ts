import { Aws, Fn } from 'aws-cdk-lib';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';

/**
 * The log of a state machine. Only groups under `/aws/vendedlogs/` leave the account's resource policy of CloudWatch Logs as
 * it is, and that policy holds 5,120 characters: with other names, the first deployment to a busy account fails. A name
 * that is kept after its stack would stop the next deployment, so this one has a part of the stack's id in it.
 */
export class MachineLog extends LogGroup {
  constructor(scope: Construct, id: string, { config, machine }: { config: Config; machine: string }) {
    super(scope, id, {
      logGroupName: `/aws/vendedlogs/states/${machine}-${thisStack()}`,
      retention: config.logRetentionDays,
      removalPolicy: config.removalPolicy,
    });
  }
}

/** Eight characters that no earlier or later stack of the same name has. */
function thisStack(): string {
  const uuid = Fn.select(2, Fn.split('/', Aws.STACK_ID)); // arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<uuid>
  return Fn.select(0, Fn.split('-', uuid));
}
