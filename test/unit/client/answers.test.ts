import { expectTypeOf, it } from 'vitest';
import type * as z from 'zod';
import type { appendAnswer } from '../../../api/streams/stream-commands.ts';
import type { streamAnswer } from '../../../api/streams/stream-queries.ts';
import type { AgentView, agentsPage, TaskView, WorkflowView } from '../../../api/views/view-schemas.ts';
import type { AnnalsClient } from '../../../client/client.ts';
import type { agentAnswer, agentStateAnswer } from '../../../domain/agent/agent-commands.ts';
import type { taskAnswer, taskRequestedAnswer } from '../../../domain/task/task-commands.ts';
import type { workflowAnswer } from '../../../domain/workflow/workflow-commands.ts';

type Gives<Method extends (...args: never[]) => unknown> = Awaited<ReturnType<Method>>;
/** The same with read-only lists, as in views. */
type Listed<View> = { [K in keyof View]: View[K] extends string[] ? readonly string[] : View[K] };
type Repeatable<Schema extends z.ZodType> = z.output<Schema> & { repeated: boolean };

// The compiler checks that each answer of the API has the type that the client declares.
it('the client has the type of every answer of the API', () => {
  expectTypeOf<Repeatable<typeof appendAnswer>>().toExtend<Gives<AnnalsClient['append']>>();
  expectTypeOf<Repeatable<typeof agentAnswer>>().toExtend<Gives<AnnalsClient['agents']['create']>>();
  expectTypeOf<Repeatable<typeof agentAnswer>>().toExtend<Gives<AnnalsClient['agents']['recordStep']>>();
  expectTypeOf<Repeatable<typeof agentStateAnswer>>().toExtend<Gives<AnnalsClient['agents']['changeState']>>();
  expectTypeOf<Repeatable<typeof taskRequestedAnswer>>().toExtend<Gives<AnnalsClient['tasks']['request']>>();
  expectTypeOf<Repeatable<typeof taskAnswer>>().toExtend<Gives<AnnalsClient['tasks']['complete']>>();
  expectTypeOf<Repeatable<typeof taskAnswer>>().toExtend<Gives<AnnalsClient['tasks']['fail']>>();
  expectTypeOf<Repeatable<typeof workflowAnswer>>().toExtend<Gives<AnnalsClient['workflows']['start']>>();
  expectTypeOf<Repeatable<typeof workflowAnswer>>().toExtend<Gives<AnnalsClient['workflows']['completeStep']>>();
  expectTypeOf<Omit<z.output<typeof streamAnswer>, 'events'>>().toExtend<
    Omit<Gives<AnnalsClient['readStream']>, 'events'>
  >();
  expectTypeOf<AgentView>().toExtend<Gives<AnnalsClient['agents']['get']>>();
  expectTypeOf<Omit<TaskView, 'assignedAgents'>>().toExtend<
    Listed<Omit<Gives<AnnalsClient['tasks']['get']>, 'assignedAgents'>>
  >();
  expectTypeOf<WorkflowView>().toExtend<Gives<AnnalsClient['workflows']['get']>>();
  expectTypeOf<z.output<typeof agentsPage>>().toExtend<Gives<AnnalsClient['agents']['list']>>();
});
