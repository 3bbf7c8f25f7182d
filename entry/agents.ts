/** `annals/agents`: agents, tasks and workflows, with the types of their events. */

import '../events/catalogue.ts'; // stays in the declarations of the package, where it registers the types

export * from '../domain/agent/agent.ts';
export { agents } from '../domain/agents.ts';
export * from '../domain/task/task.ts';
export * from '../domain/workflow/workflow.ts';
