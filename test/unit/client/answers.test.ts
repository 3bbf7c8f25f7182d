import { expectTypeOf, it } from 'vitest';
import type * as z from 'zod';
import type { appendAnswer } from '../../../api/streams/stream-commands.ts';
import type { AnnalsClient } from '../../../client/client.ts';
import type { agentCommands } from '../../../domain/agent/agent-commands.ts';
import type { AgentStatus } from '../../../domain/agent/agent-status.ts';
import type { taskCommands } from '../../../domain/task/task-commands.ts';
import type { TaskStatus } from '../../../domain/task/task-status.ts';
import type { WorkflowStatus } from '../../../domain/workflow/workflow-status.ts';

/** The answer of a command that declares no other. */
type Answer<Id extends string> = { [Name in Id]: string } & { version: number; repeated: boolean };
type Viewed<Status> = Status & { version: number };
type Gives<Method extends (...args: never[]) => unknown> = Awaited<ReturnType<Method>>;
/** The same with read-only lists, as in views. */
type Listed<View> = {
  [K in keyof View]: NonNullable<View[K]> extends (infer Item)[]
    ? readonly Item[] | Extract<View[K], undefined>
    : View[K];
};
type Repeatable<Schema extends z.ZodType> = z.output<Schema> & { repeated: boolean };

// The compiler checks that each answer of the API has the type that the client declares.
it('the client has the type of every answer of the API', () => {
  expectTypeOf<Repeatable<typeof appendAnswer>>().toExtend<Gives<AnnalsClient['append']>>();
  expectTypeOf<Answer<'agentId'>>().toExtend<Gives<AnnalsClient['agents']['create']>>();
  expectTypeOf<Answer<'agentId'>>().toExtend<Gives<AnnalsClient['agents']['recordStep']>>();
  expectTypeOf<Repeatable<(typeof agentCommands)['change-state']['answer']>>().toExtend<
    Gives<AnnalsClient['agents']['changeState']>
  >();
  expectTypeOf<Repeatable<typeof taskCommands.request.answer>>().toExtend<Gives<AnnalsClient['tasks']['request']>>();
  expectTypeOf<Answer<'taskId'>>().toExtend<Gives<AnnalsClient['tasks']['complete']>>();
  expectTypeOf<Answer<'taskId'>>().toExtend<Gives<AnnalsClient['tasks']['fail']>>();
  expectTypeOf<Answer<'workflowId'>>().toExtend<Gives<AnnalsClient['workflows']['start']>>();
  expectTypeOf<Answer<'workflowId'>>().toExtend<Gives<AnnalsClient['workflows']['completeStep']>>();
  expectTypeOf<{ streamId: string; version: number; next: string | null }>().toExtend<
    Omit<Gives<AnnalsClient['readStream']>, 'events'>
  >();
  expectTypeOf<Viewed<AgentStatus>>().toExtend<Gives<AnnalsClient['agents']['get']>>();
  expectTypeOf<Omit<Viewed<TaskStatus>, 'assignedAgents'>>().toExtend<
    Listed<Omit<Gives<AnnalsClient['tasks']['get']>, 'assignedAgents'>>
  >();
  expectTypeOf<Viewed<WorkflowStatus>>().toExtend<Gives<AnnalsClient['workflows']['get']>>();
  expectTypeOf<{ agents: Viewed<AgentStatus>[]; next: string | null }>().toExtend<
    Gives<AnnalsClient['agents']['list']>
  >();
});
