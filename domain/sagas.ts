import type { AnySaga } from '../core/sagas/saga.ts';
import { multiAgentTask } from './task/multi-agent-task-saga.ts';
import { workflowSaga } from './workflow/workflow-saga.ts';

/** Every saga. A new saga is a file with its declaration, and a line here. */
export const sagas: readonly AnySaga[] = [multiAgentTask, workflowSaga];
