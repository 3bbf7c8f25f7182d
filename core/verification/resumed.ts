import * as z from 'zod';
import { NotFoundError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { JsonObject } from '../events/json.ts';
import type { ControlItem, ControlStore } from '../store/control-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { VerificationReport } from './verification.ts';
import { NOTHING_SEEN, type VerificationRun } from './verifications.ts';

/** The part of a verification that {@link ResumedVerifications} needs. */
export interface ResumableVerification {
  run(
    cursor?: string,
  ): AsyncGenerator<
    Pick<VerificationRun, 'phase' | 'extent'> & { readonly differences: number; cursor(): string },
    VerificationReport
  >;
}

/** The parts of {@link ResumedVerifications}. */
export interface ResumedVerificationsOptions {
  readonly control: ControlStore;
  /** Keeps the cursor of a run, which is too large for a control item. */
  readonly objects: ObjectStore;
  readonly newId: () => string;
  readonly now?: () => Date;
}

/** One part of a run, done by one invocation. */
export interface VerificationSlice {
  readonly verification: ResumableVerification;
  /** The end of the slice, as `Date.now()` gives it. */
  readonly until: number;
  /** Time from one automatic start to the next, milliseconds; 0 for no automatic start. */
  readonly everyMs: number;
  /** Time from one stored cursor to the next, milliseconds. A crash repeats at most this much work. */
  readonly saveMs?: number;
}

/** A verification with its start. */
export interface StartedRun extends VerificationRun {
  readonly startedAt: string;
}

/** The stored form of a run. */
const kept = z.looseObject({
  verificationId: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  startedAt: z.iso.datetime(),
  /** The end of the present worker's hold, milliseconds; 0 when no worker holds the run. */
  heldUntil: z.number(),
  slices: z.int(),
  cursorKey: z.string().optional(),
});
type Kept = VerificationRun & z.output<typeof kept>;

const KIND = 'verification';
const CURRENT = 'current';
const SAVE_MS = 30_000;
/** Time by which a slice may end late, milliseconds. */
const SPARE_MS = 30_000;

/**
 * A verification that takes as many invocations as it needs, one at a time. Each invocation continues where the
 * previous stopped or crashed. The host calls {@link work} by the clock.
 */
export class ResumedVerifications {
  readonly #options: ResumedVerificationsOptions;
  readonly #now: () => Date;

  constructor(options: ResumedVerificationsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /** Lets the next {@link work} begin a run. @returns its id, or the id of the running run. @throws UnavailableError */
  start(): Promise<string> {
    return untilSettled(async () => {
      const item = await this.#current();
      const run = runOf(item);
      if (run?.state === 'running') return run.verificationId;
      const next = this.#newRun();
      return (await this.#put(next, item?.revision ?? 0)) && next.verificationId;
    });
  }

  /** The running or the last run. @throws NotFoundError for any other run */
  async get(verificationId: string): Promise<VerificationRun> {
    const run = runOf(await this.#current());
    if (run?.verificationId === verificationId) {
      const { startedAt: _, ...known } = shown(run);
      return known;
    }
    throw new NotFoundError(`there is no verification ${verificationId} here: only the last run is kept`);
  }

  /**
   * Does a part of the running run, or begins a run when it is due.
   * @returns the progress; undefined when no work is due, or another worker holds the run
   * @throws UnavailableError; the next call continues from the last stored cursor
   */
  async work(options: VerificationSlice): Promise<StartedRun | undefined> {
    const held = await this.#take(options);
    if (!held) return undefined;
    let { run, revision } = held;
    const save = async (change: Partial<Kept>): Promise<boolean> => {
      const next = { ...run, ...change };
      if (!(await this.#put(next, revision))) return false; // another worker continued the run
      [run, revision] = [next, revision + 1];
      return true;
    };
    try {
      return await this.#slice(options, () => run, save);
    } catch (error) {
      await save({ heldUntil: 0 });
      throw error;
    }
  }

  async #slice(
    { verification, until, saveMs = SAVE_MS }: VerificationSlice,
    current: () => Kept,
    save: (change: Partial<Kept>) => Promise<boolean>,
  ): Promise<StartedRun | undefined> {
    const steps = verification.run(await this.#cursor(current()));
    let saved = this.#now().getTime();
    for (let step = await steps.next(); ; step = await steps.next()) {
      const before = current().cursorKey;
      if (step.done) {
        const done = await save({ ...step.value, state: 'done', phase: 'done', heldUntil: 0, cursorKey: undefined });
        if (done && before) await this.#options.objects.delete(before);
        return done ? shown(current()) : undefined;
      }
      const now = this.#now().getTime();
      if (now < until && now - saved < saveMs) continue;
      const { phase, extent, differences: total, cursor } = step.value;
      const cursorKey = `verifications/${current().verificationId}-${this.#options.newId()}`;
      await this.#options.objects.put(cursorKey, Buffer.from(cursor()));
      const over = now >= until;
      const noted = await save({ phase, extent: { ...extent }, total, cursorKey, ...(over ? { heldUntil: 0 } : {}) });
      const useless = noted ? before : cursorKey;
      if (useless) await this.#options.objects.delete(useless);
      if (!noted) return undefined;
      if (over) return shown(current());
      saved = now;
    }
  }

  /** The run to work on, held so that no other worker takes it. */
  async #take({ until, everyMs }: VerificationSlice): Promise<{ run: Kept; revision: number } | undefined> {
    const item = await this.#current();
    const found = runOf(item);
    const now = this.#now().getTime();
    const isDue = everyMs > 0 && (!found || now - Date.parse(found.startedAt) >= everyMs);
    const run = found?.state === 'running' ? found : isDue ? this.#newRun() : undefined;
    if (!run || run.heldUntil > now) return undefined;
    const held = { ...run, heldUntil: until + SPARE_MS, slices: run.slices + 1 };
    const revision = item?.revision ?? 0;
    return (await this.#put(held, revision)) ? { run: held, revision: revision + 1 } : undefined;
  }

  /**
   * The stored cursor. Undefined when there is none or it was lost; the run then begins again, which costs only time.
   */
  async #cursor({ cursorKey }: Kept): Promise<string | undefined> {
    const bytes = cursorKey && (await this.#options.objects.get(cursorKey));
    return bytes ? Buffer.from(bytes).toString('utf8') : undefined;
  }

  #newRun(): Kept {
    return {
      ...{ verificationId: this.#options.newId(), state: 'running', phase: 'log', extent: NOTHING_SEEN },
      ...{ total: 0, differences: [], startedAt: this.#now().toISOString(), heldUntil: 0, slices: 0 },
    };
  }

  #current = () => this.#options.control.get(KIND, CURRENT);
  #put = (run: Kept, revision: number) =>
    this.#options.control.put(KIND, CURRENT, run as unknown as JsonObject, revision);
}

const runOf = (item: ControlItem | undefined): Kept | undefined => item && (kept.parse(item.content) as Kept);

function shown({ verificationId, state, phase, extent, total, differences, verdict, startedAt }: Kept): StartedRun {
  const known = { verificationId, state, phase, extent, total, differences, startedAt };
  return verdict === undefined ? known : { ...known, verdict };
}
