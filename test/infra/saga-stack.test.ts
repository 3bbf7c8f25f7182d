import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { multiAgentTask } from '../../domain/task/multi-agent-task-saga.ts';
import { workflowSaga } from '../../domain/workflow/workflow-saga.ts';
import { compileSaga, type State } from '../../lib/sagas/saga-machine.ts';
import { synthesize } from './synthesis.ts';

const { sagas: stack } = synthesize('dev');
const resources = (type: string) => Object.values(stack.findResources(type)).map(({ Properties }) => Properties);
const options = { taskFunction: 'arn:aws:lambda:eu-central-1:1:function:task' };

/** Every state of a machine, also those inside of maps. */
function statesIn(states: Readonly<Record<string, State>>): [string, State][] {
  return Object.entries(states).flatMap(([name, state]) => {
    return [[name, state] as [string, State], ...statesIn(state.ItemProcessor?.States ?? {})];
  });
}

const machines = [compileSaga(multiAgentTask, options), compileSaga(workflowSaga, options)];

describe('a compiled saga', () => {
  it.each(machines)('leads from every state to one that there is ($StartAt)', ({ StartAt, States }) => {
    const goals = statesIn(States).flatMap(([, state]) => [
      ...[state.Next, state.Default, state.ItemProcessor?.StartAt].filter((next) => next !== undefined),
      ...(state.Choices ?? []).map(({ Next }) => Next),
      ...(state.Catch ?? []).map(({ Next }) => Next),
    ]);
    expect(new Set([StartAt, ...goals])).toEqual(new Set(statesIn(States).map(([name]) => name)));
  });

  it.each(machines)('waits for each answer by its token, no longer than its deadline ($StartAt)', ({ States }) => {
    const waits = statesIn(States).filter(([, { Resource }]) => String(Resource).endsWith('.waitForTaskToken'));
    expect(waits).toHaveLength(1);
    expect(waits[0]?.[1]).toMatchObject({
      TimeoutSecondsPath: '$.timeoutSeconds',
      Parameters: { Payload: { task: 'ask', 'token.$': '$$.Task.Token' } },
    });
  });

  it.each(machines)('pauses with jitter before it tries a task again ($StartAt)', ({ States }) => {
    for (const [name, state] of statesIn(States).filter(([, { Type }]) => Type === 'Task')) {
      const retries = state['Retry'] as { JitterStrategy?: string; MaxAttempts: number }[];
      const tried = retries.filter(({ MaxAttempts }) => MaxAttempts > 0);
      expect(tried.length, name).toBeGreaterThan(0);
      for (const { JitterStrategy } of tried) expect(JitterStrategy).toBe('FULL');
    }
  });

  it.each(machines)('catches data that is too large, which States.ALL omits ($StartAt)', ({ States }) => {
    const catching = statesIn(States).filter(([, { Catch }]) => Catch);
    expect(catching.length).toBeGreaterThan(2);
    for (const [name, { Catch }] of catching) {
      expect(
        Catch?.flatMap(({ ErrorEquals }) => ErrorEquals),
        name,
      ).toEqual(expect.arrayContaining(['States.DataLimitExceeded', 'States.ALL']));
      expect(Catch?.at(-1), name).toMatchObject({ ErrorEquals: ['States.ALL'] }); // has to stand alone, and last
    }
  });

  it('undoes one step after the other, and parks a saga whose step cannot be undone', () => {
    expect(machines[0]?.States['Undo the last']).toMatchObject({
      Catch: [{ Next: 'Park' }, { Next: 'Park' }],
      Next: 'Anything left?',
    });
    expect(machines[0]?.States['Parked']).toMatchObject({ Type: 'Fail', Error: 'SagaParked' });
  });

  it('passes on ids alone, so that no input grows with the data of agents', () => {
    for (const { States } of machines) {
      for (const [name, { Parameters, ItemSelector }] of statesIn(States)) {
        const selected = Object.keys({ ...(ItemSelector as object), ...(Parameters as { Payload?: object })?.Payload });
        const allowed = ['task', 'sagaId.$', 'item.$', 'items.$', 'token.$', 'timeoutSeconds.$', 'error.$'];
        expect(
          selected.filter((member) => !allowed.includes(member)),
          name,
        ).toEqual([]);
      }
    }
  });
});

describe('the stack of sagas', () => {
  it('has a state machine for each saga: traced, with every transition logged and none of its data', () => {
    const found = resources('AWS::StepFunctions::StateMachine');
    expect(found.map(({ StateMachineName }) => StateMachineName)).toEqual([
      'annals-dev-saga-multi-agent-task',
      'annals-dev-saga-workflow',
    ]);
    for (const machine of found) {
      expect(machine).toMatchObject({
        StateMachineType: 'STANDARD',
        TracingConfiguration: { Enabled: true },
        LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
      });
    }
  });

  it('alarms when one of its executions fails', () => {
    stack.resourcePropertiesCountIs(
      'AWS::CloudWatch::Alarm',
      { MetricName: 'ExecutionsFailed', Namespace: 'AWS/States', Threshold: 1, TreatMissingData: 'notBreaching' },
      2,
    );
  });

  it('keeps tokens under a key of its own choosing, and lets go of what nobody fetched', () => {
    stack.hasResourceProperties('AWS::DynamoDB::Table', {
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: Match.anyValue() },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  it('listens to what starts sagas, answers them, or turns them round, and to nothing else', () => {
    stack.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        'detail-type': [
          ...['task.requested', 'task.completed', 'task.failed', 'agent.state-changed', 'budget.spent'],
          ...['workflow.started', 'workflow.step-completed', 'workflow.step-failed'],
          ...['saga.compensating', 'saga.resumed', 'saga.signalled', 'approval.decided', 'approval.expired'],
        ],
      },
      Targets: [Match.objectLike({ DeadLetterConfig: Match.anyValue() })],
    });
  });

  it('lets its functions answer machines, and only the one that hears of events start them', () => {
    const allowed = (action: string) =>
      resources('AWS::IAM::Policy').flatMap(({ PolicyName, PolicyDocument }) =>
        (PolicyDocument.Statement as { Action: string | string[] }[]).some(({ Action }) =>
          [Action].flat().includes(action),
        )
          ? [PolicyName.replace(/RoleDefaultPolicy\w+$/, '')]
          : [],
      );
    expect(allowed('states:SendTaskSuccess').toSorted()).toEqual(['Events', 'Task']);
    expect(allowed('states:StartExecution')).toEqual(['Events']);
    expect(allowed('dynamodb:DeleteItem').toSorted()).toEqual(['Events', 'Task']);
    const tables = resources('AWS::IAM::Policy').flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    for (const { Action, Resource } of tables.filter((each) => [each.Action].flat().includes('dynamodb:DeleteItem'))) {
      expect(Action).toEqual(['dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Query']);
      expect(JSON.stringify(Resource)).toMatch(/"Tasks[0-9A-F]{8}"/); // never the events
    }
  });
});
