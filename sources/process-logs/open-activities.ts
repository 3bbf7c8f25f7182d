import type { LogRow } from './log-row.ts';

/** A step that is complete. */
interface Completion {
  /** When the activity began, where the log tells it. */
  readonly startedAt?: string | undefined;
  /** The transitions since the step before. */
  readonly before: readonly Transition[];
}

interface Transition {
  readonly transition: string;
  readonly activity: string;
  readonly at: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** The transitions of the XES lifecycle, standard and BPAF, that complete a step. */
const COMPLETING: ReadonlySet<string> = new Set(['complete', 'autoskip', 'manualskip', 'completed.success']);
/** Those that end an activity without completing it. */
const ENDING: ReadonlySet<string> = new Set(['withdraw', 'ate_abort', 'completed.failed']);
const ABORT = 'pi_abort';

/**
 * The lifecycles of the activities of a case. A completion belongs to the earliest open activity with its name, instance and
 * resource.
 */
export class OpenActivities {
  /** The starts of the activities that are open, by name, instance and resource. */
  readonly #open = new Map<string, LogRow[]>();
  #before: Transition[] = [];

  /** @returns the step that the row completes; undefined when it completes none */
  take(row: LogRow): Completion | undefined {
    const transition = row.transition ?? 'complete';
    const key = JSON.stringify([row.activity, row.instance, row.resource]);
    const opened = this.#open.get(key) ?? [];
    if (COMPLETING.has(transition) || transition.startsWith('completed.success')) {
      const began = this.#close(key, opened);
      const before = this.#before;
      this.#before = [];
      return { startedAt: began?.transition === 'start' ? began.at.iso : undefined, before };
    }
    if (transition === 'start') this.#open.set(key, [...opened.filter((each) => each.transition === 'start'), row]);
    else if (transition === 'schedule' || transition === 'assign') {
      if (opened.length === 0) this.#open.set(key, [row]);
    } else if (ENDING.has(transition)) this.#close(key, opened);
    else if (transition === ABORT) this.#open.clear();
    const { activity, at, attributes } = row;
    this.#before.push({ transition, activity, at: at.iso, attributes: Object.fromEntries(attributes) });
    return undefined;
  }

  /** The activities that are open, the earliest first. */
  names(): string[] {
    return [...this.#open.values()].flatMap((rows) => rows.map(({ activity }) => activity));
  }

  #close(key: string, opened: readonly LogRow[]): LogRow | undefined {
    const [began, ...others] = opened;
    if (others.length > 0) this.#open.set(key, others);
    else this.#open.delete(key);
    return began;
  }
}
