import { expectTypeOf, it } from 'vitest';
import type { AgentAnswer, AgentStateAnswer } from '../../../api/agent-commands.ts';
import type { AppendAnswer } from '../../../api/stream-commands.ts';
import type { StreamAnswer } from '../../../api/stream-queries.ts';
import type { TaskAnswer, TaskRequestedAnswer } from '../../../api/task-commands.ts';
import type { AgentsPage, AgentView, TaskView, WorkflowView } from '../../../api/view-schemas.ts';
import type { WorkflowAnswer } from '../../../api/workflow-commands.ts';
import type { AnnalsClient } from '../../../client/client.ts';

type Gives<Method extends keyof AnnalsClient> = Awaited<ReturnType<AnnalsClient[Method]>>;
/** With lists that nobody changes, as views have them. */
type Listed<View> = { [K in keyof View]: View[K] extends string[] ? readonly string[] : View[K] };
type Repeatable<Answer> = Answer & { repeated: boolean };

// Checked by the compiler: what the API answers is what the client says it gives.
it('understands every answer of the API', () => {
  expectTypeOf<Repeatable<AppendAnswer>>().toExtend<Gives<'append'>>();
  expectTypeOf<Repeatable<AgentAnswer>>().toExtend<Gives<'createAgent'>>();
  expectTypeOf<Repeatable<AgentAnswer>>().toExtend<Gives<'recordStep'>>();
  expectTypeOf<Repeatable<AgentStateAnswer>>().toExtend<Gives<'changeAgentState'>>();
  expectTypeOf<Repeatable<TaskRequestedAnswer>>().toExtend<Gives<'requestTask'>>();
  expectTypeOf<Repeatable<TaskAnswer>>().toExtend<Gives<'completeTask'>>();
  expectTypeOf<Repeatable<TaskAnswer>>().toExtend<Gives<'failTask'>>();
  expectTypeOf<Repeatable<WorkflowAnswer>>().toExtend<Gives<'startWorkflow'>>();
  expectTypeOf<Repeatable<WorkflowAnswer>>().toExtend<Gives<'completeWorkflowStep'>>();
  expectTypeOf<Omit<StreamAnswer, 'events'>>().toExtend<Omit<Gives<'readStream'>, 'events'>>();
  expectTypeOf<AgentView>().toExtend<Gives<'agent'>>();
  expectTypeOf<Omit<TaskView, 'assignedAgents'>>().toExtend<Listed<Omit<Gives<'task'>, 'assignedAgents'>>>();
  expectTypeOf<WorkflowView>().toExtend<Gives<'workflow'>>();
  expectTypeOf<AgentsPage>().toExtend<Gives<'agents'>>();
});
