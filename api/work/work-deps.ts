import type { Work } from '../../application/work.ts';
import type { CommandDeps } from '../http/command.ts';
import type { ListDeps } from '../views/lists.ts';

/** The parts that the routes of work need. */
export interface AgentWorkDeps extends CommandDeps, ListDeps {
  /** What agents claim; absent in an application without work. */
  readonly work?: Work | undefined;
  /** Ends waits when the server closes. */
  readonly closing?: AbortSignal;
}
