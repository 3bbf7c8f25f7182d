import * as z from 'zod';
import { NotFoundError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { JsonObject } from '../events/json.ts';
import type { ControlItem, ControlStore } from '../replays/control-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { VerificationReport } from './verification.ts';
import { NOTHING_SEEN, type VerificationRun } from './verifications.ts';

/** A verification as {@link ResumedVerifications} needs it. */
export interface ResumableVerification {
  run(
    cursor?: string,
  ): AsyncGenerator<
    Pick<VerificationRun, 'phase' | 'extent'> & { readonly differences: number; cursor(): string },
    VerificationReport
  >;
}

export interface ResumedVerificationsOptions {
  readonly control: ControlStore;
  /** Keeps how far a run is: more than a control item holds. */
  readonly objects: ObjectStore;
  readonly newId: () => string;
  readonly now?: () => Date;
}

export interface VerificationSlice {
  readonly verification: ResumableVerification;
  /** When the slice ends, as `Date.now()` gives it. */
  readonly until: number;
  /** Time from one start by itself to the next, milliseconds; 0 for runs that are asked for only. */
  readonly everyMs: number;
  /** How often the place is noted within a slice, milliseconds: a crash repeats so much. */
  readonly saveMs?: number;
}

/** A verification that knows when it began. */
export interface StartedRun extends VerificationRun {
  readonly startedAt: string;
}

/** What is kept of a run. */
const kept = z.looseObject({
  verificationId: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  startedAt: z.iso.datetime(),
  /** Until when somebody is at work on it, milliseconds. */
  heldUntil: z.number(),
  slices: z.int(),
  cursorKey: z.string().optional(),
});
type Kept = VerificationRun & z.output<typeof kept>;

const KIND = 'verification';
const CURRENT = 'current';
const SAVE_MS = 30_000;
/** A slice may end a little later than it should. */
const SPARE_MS = 30_000;

/**
 * A verification that takes as many invocations as it needs, one at a time: each goes on where the one before stopped or
 * crashed. Somebody calls {@link work} by the clock.
 */
export class ResumedVerifications {
  readonly #options: ResumedVerificationsOptions;
  readonly #now: () => Date;

  constructor(options: ResumedVerificationsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /** Has the next {@link work} begin a run. @returns its id, or that of the run under way */
  start(): Promise<string> {
    return untilSettled(async () => {
      const item = await this.#current();
      const run = runOf(item);
      if (run?.state === 'running') return run.verificationId;
      const next = this.#newRun();
      return (await this.#put(next, item?.revision ?? 0)) && next.verificationId;
    });
  }

  /** The run under way, or the last. @throws NotFoundError for any other */
  async get(verificationId: string): Promise<VerificationRun> {
    const run = runOf(await this.#current());
    if (run?.verificationId === verificationId) {
      const { startedAt: _, ...known } = shown(run);
      return known;
    }
    throw new NotFoundError(`there is no verification ${verificationId} here: the last run alone is kept`);
  }

  /**
   * Does a part of the run under way, or begins one when it is time.
   * @returns how far it is; nothing when there is nothing to do, or somebody else is at work
   * @throws UnavailableError; the next call goes on from the last place that was noted
   */
  async work(options: VerificationSlice): Promise<StartedRun | undefined> {
    const held = await this.#take(options);
    if (!held) return undefined;
    let { run, revision } = held;
    const save = async (change: Partial<Kept>): Promise<boolean> => {
      const next = { ...run, ...change };
      if (!(await this.#put(next, revision))) return false; // somebody else went on with it
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

  /** The run to work on, held so that nobody else does. */
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

  /** Undefined begins anew: also when the place was lost, which costs time alone. */
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
