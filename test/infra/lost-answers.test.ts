import { describe, expect, it } from 'vitest';
import * as errors from '../../core/base/errors.ts';
import { SagaCompensating } from '../../core/sagas/step-functions/callbacks.ts';
import { multiAgentTask } from '../../domain/task/multi-agent-task-saga.ts';
import { workflowSaga } from '../../domain/workflow/workflow-saga.ts';
import { replayMachine } from '../../lib/replay/replay-machine.ts';
import { compileSaga } from '../../lib/sagas/saga-machine.ts';
import { refusals } from '../../lib/shared/lost-answers.ts';

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts: number;
}
interface Task {
  readonly machine: string;
  readonly name: string;
  readonly retriers: readonly Retrier[];
}

/** Every task of a machine, also those inside of maps. */
function tasksIn(machine: string, definition: object): Task[] {
  const { States = {} } = definition as { States?: Record<string, { Type: string; [member: string]: unknown }> };
  return Object.entries(States).flatMap(([name, { Type, Retry, ItemProcessor }]) => [
    ...(Type === 'Task' ? [{ machine, name, retriers: (Retry ?? []) as Retrier[] }] : []),
    ...tasksIn(machine, (ItemProcessor as object | undefined) ?? {}),
  ]);
}

const options = { taskFunction: 'arn:aws:lambda:eu-central-1:1:function:task' };
const tasks = [
  ...tasksIn('multi-agent-task', compileSaga(multiAgentTask, options)),
  ...tasksIn('workflow', compileSaga(workflowSaga, options)),
  ...tasksIn('replay', replayMachine('arn:function', 7)),
];

/** How often a task is tried again after an error, as Step Functions decides: the first retrier that knows it. */
const repeats = ({ retriers }: Task, error: string): number =>
  retriers.find(({ ErrorEquals }) => ErrorEquals.includes(error) || ErrorEquals.includes('States.ALL'))?.MaxAttempts ??
  0;

/** More than half an hour: an operator has time to repair something. */
const PATIENT = 20;

/** What executions were told when an answer was lost: by time, crash, memory, network, Lambda's own state, a bundle that cannot start. */
const fromAws = [
  ['Lambda.Unknown', 'Runtime.ExitError', 'Sandbox.Timedout', 'Lambda.ClientExecutionTimeoutException'],
  ['Lambda.ServiceException', 'Lambda.AWSLambdaException', 'Lambda.SdkClientException', 'Runtime.OutOfMemory'],
  ['Lambda.TooManyRequestsException', 'Lambda.KMSAccessDeniedException', 'Lambda.ResourceNotReadyException'],
  ['Lambda.AccessDeniedException', 'Lambda.EC2ThrottledException', 'Lambda.InvalidZipFileException'],
  ['Runtime.ImportModuleError', 'Runtime.HandlerNotFound', 'Runtime.UserCodeSyntaxError', 'Runtime.NodeJsExit'],
  ['Runtime.UnhandledPromiseRejection', 'Runtime.InvalidEntrypoint', 'States.Permissions', 'States.TaskFailed'],
  ['Lambda.NameOfNextYearException'],
].flat();
/** What our functions end with on an outage: the class, each kind of it, and what breaks before a function has begun. */
const outages = [
  [
    'UnavailableError',
    'ConcurrencyError',
    'ContentionError',
    'ConflictError',
    'TransactionConflictError',
    'LeftOverError',
    'PartitionStrategyError',
  ],
  ['ViewBehindError', 'EventVersionError', 'Error', 'SyntaxError', 'TypeError'],
].flat();

describe.each(tasks)('the task $name of $machine', (task) => {
  it.each([...fromAws, ...outages])('is tried again after %s, which says nothing of the work', (error) => {
    expect(repeats(task, error)).toBeGreaterThanOrEqual(PATIENT);
  });

  it.each(refusals)('is not tried for long after %s, by which its function refuses', (error) => {
    if (task.name === 'Note the failure') return; // has to be noted, whatever it takes
    expect(repeats(task, error)).toBeLessThanOrEqual(5);
  });
});

describe('answers of agents', () => {
  it.each(tasks.filter(({ name }) => name === 'Ask, and wait for the answer'))(
    'that are late, or ask for another try, count against the retries of their step ($machine)',
    (task) => {
      for (const error of ['States.Timeout', 'SagaRetry']) expect(repeats(task, error)).toBeLessThan(PATIENT);
    },
  );
});

describe('what a function refuses with', () => {
  it('are all errors that Annals throws on purpose, but those that pass by themselves', () => {
    const passing = new Set([
      ...['UnavailableError', 'ConcurrencyError', 'TransactionConflictError', 'ViewBehindError', 'EventVersionError'],
    ]);
    const classes = Object.keys(errors).filter((name) => name !== 'AnnalsError' && !passing.has(name));
    expect(refusals.toSorted()).toEqual([...classes, new SagaCompensating('multi-agent-task:t-1').name].toSorted());
  });
});
