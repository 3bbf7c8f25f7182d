import { expectTypeOf, it } from 'vitest';
import type * as z from 'zod';
import type { appendAnswer } from '../../../api/streams/stream-commands.ts';
import type { streamAnswer } from '../../../api/streams/stream-queries.ts';
import type { AgentView, agentsPage, TaskView, WorkflowView } from '../../../api/views/view-schemas.ts';
import type { AnnalsClient } from '../../../client/client.ts';
import type { agentAnswer, agentStateAnswer } from '../../../domain/agent/agent-commands.ts';
import type { taskAnswer, taskRequestedAnswer } from '../../../domain/task/task-commands.ts';
import type { workflowAnswer } from '../../../domain/workflow/workflow-commands.ts';

type Gives<Method extends keyof AnnalsClient> = Awaited<ReturnType<AnnalsClient[Method]>>;
/** With lists that nobody changes, as views have them. */
type Listed<View> = { [K in keyof View]: View[K] extends string[] ? readonly string[] : View[K] };
type Repeatable<Schema extends z.ZodType> = z.output<Schema> & { repeated: boolean };

// Checked by the compiler: what the API answers is what the client says it gives.
it('understands every answer of the API', () => {
  expectTypeOf<Repeatable<typeof appendAnswer>>().toExtend<Gives<'append'>>();
  expectTypeOf<Repeatable<typeof agentAnswer>>().toExtend<Gives<'createAgent'>>();
  expectTypeOf<Repeatable<typeof agentAnswer>>().toExtend<Gives<'recordStep'>>();
  expectTypeOf<Repeatable<typeof agentStateAnswer>>().toExtend<Gives<'changeAgentState'>>();
  expectTypeOf<Repeatable<typeof taskRequestedAnswer>>().toExtend<Gives<'requestTask'>>();
  expectTypeOf<Repeatable<typeof taskAnswer>>().toExtend<Gives<'completeTask'>>();
  expectTypeOf<Repeatable<typeof taskAnswer>>().toExtend<Gives<'failTask'>>();
  expectTypeOf<Repeatable<typeof workflowAnswer>>().toExtend<Gives<'startWorkflow'>>();
  expectTypeOf<Repeatable<typeof workflowAnswer>>().toExtend<Gives<'completeWorkflowStep'>>();
  expectTypeOf<Omit<z.output<typeof streamAnswer>, 'events'>>().toExtend<Omit<Gives<'readStream'>, 'events'>>();
  expectTypeOf<AgentView>().toExtend<Gives<'agent'>>();
  expectTypeOf<Omit<TaskView, 'assignedAgents'>>().toExtend<Listed<Omit<Gives<'task'>, 'assignedAgents'>>>();
  expectTypeOf<WorkflowView>().toExtend<Gives<'workflow'>>();
  expectTypeOf<z.output<typeof agentsPage>>().toExtend<Gives<'agents'>>();
});
