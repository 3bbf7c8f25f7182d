import { CommandRejectedError, NotFoundError, UnavailableError } from '../../core/base/errors.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import type { ScheduleAction, ScheduleTiming } from '../../core/events/schedule.ts';
import { effectIdOf } from '../../core/schedules/actions.ts';
import { nextRun } from '../../core/schedules/cron.ts';
import { MISSED_AFTER_MS, scheduleDecider } from '../../core/schedules/decider.ts';
import { ScheduleExecution } from '../../core/schedules/execution.ts';
import type { TimerCall, Timers } from '../../core/schedules/timers.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import agents from '../../domain/application.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { randomOf } from './random.ts';

const START = Date.parse('2026-03-28T20:00:00.000Z'); // clocks go forward in the night
const MINUTE = 60_000;
const IDS = ['once', 'soon', 'cron', 'refused'];
const create = { kind: 'command', aggregateType: 'agent', command: 'create' } as const;
const data = { agentType: 'coder', configuration: {}, createdBy: 'me' };

/** What a simulation did. */
export interface ScheduleReport {
  readonly runs: number;
  readonly missed: number;
  readonly failures: number;
  readonly crashes: number;
  readonly lostCalls: number;
  readonly cancelled: number;
}

/** Schedules, with timers that lose, repeat and delay calls, and hosts that crash at any call of the store or the timers. */
class World {
  now = START;
  crashes = 0;
  lostCalls = 0;
  readonly store: EventStore;
  readonly #random: ReturnType<typeof randomOf>;
  readonly #inner = new MemoryCommitStorage();
  readonly #calls: TimerCall[] = [];
  /** The instants at which a schedule was cancelled, by the answer to the caller. */
  readonly cancelledAt = new Map<string, number>();
  /** The versions of cancelled schedules at the answer. */
  readonly cancelledVersion = new Map<string, number>();
  #fragile = false;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    const storage: CommitStorage = {
      head: (stream) => this.#inner.head(stream),
      find: (stream, commitId) => this.#inner.find(stream, commitId),
      read: (stream, range) => this.#inner.read(stream, range),
      findMark: (...mark) => this.#inner.findMark(...mark),
      tagHead: (...tag) => this.#inner.tagHead(...tag),
      tagged: (...tag) => this.#inner.tagged(...tag),
      transact: (...transaction) => this.#inner.transact(...transaction),
      note: (unchanged) => this.#fate(() => this.#inner.note(unchanged)),
      put: (commit, given) => this.#fate(() => this.#inner.put(commit, given)),
    };
    this.store = new EventStore(storage, { catalogue: agents.catalogue, now: () => new Date(this.now) });
  }

  async run(): Promise<void> {
    const refused = { kind: 'command', aggregateType: 'agent', id: 'nobody', command: 'change-state' } as const;
    await this.#create('once', { at: new Date(START + 90 * MINUTE).toISOString() }, { ...create, id: 'once', data });
    await this.#create('soon', { afterSeconds: 30 }, { ...create, data });
    await this.#create('cron', { cron: '*/15 * * * *', zone: 'Europe/Berlin' }, { ...create, data });
    await this.#create(
      'refused',
      { cron: '30 2 * * *', zone: 'Europe/Berlin' },
      { ...refused, data: { newState: 'idle', reason: 'x' } },
    );
    const steps = this.#random.between(5, 25);
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#settle();
  }

  async #step(): Promise<void> {
    const { percent, between } = this.#random;
    if (percent(10))
      this.now += between(10, 600) * MINUTE; // the system is down
    else this.now += between(1, 20 * 60) * 1_000;
    if (percent(6)) await this.#cancel(IDS[between(0, IDS.length - 1)] ?? '');
    this.#fragile = true;
    await Promise.all(this.#due().map((call) => this.#deliver(call)));
    if (percent(30)) await Promise.all(IDS.map((scheduleId) => this.#deliver({ scheduleId, dueAt: '' }))); // a sweep
    this.#fragile = false;
  }

  /** A host without crashes does what is left. */
  async #settle(): Promise<void> {
    for (let round = 0; round < 3; round++)
      for (const scheduleId of IDS) await this.#deliver({ scheduleId, dueAt: '' });
  }

  async #deliver({ scheduleId }: TimerCall): Promise<void> {
    const { store } = this;
    const execution = new ScheduleExecution({
      ...{ store, states: new StateReader({ store }), aggregates: agents.aggregates, sagas: agents.sagas },
      ...{ timers: this.#timers(), logger: { error: () => {} }, now: () => new Date(this.now) },
    });
    await execution.wake(scheduleId).catch((error) => {
      if (!(error instanceof UnavailableError)) throw error;
    });
  }

  #timers(): Timers {
    return {
      set: (call) => this.#fate(async () => void this.#calls.push(call)),
      remove: ({ scheduleId, dueAt }) =>
        this.#fate(async () => {
          const at = this.#calls.findIndex((call) => call.scheduleId === scheduleId && call.dueAt === dueAt);
          if (at >= 0) this.#calls.splice(at, 1);
        }),
    };
  }

  /** Calls that are due; some come twice, some late, some never. */
  #due(): TimerCall[] {
    const { percent } = this.#random;
    const due = this.#calls.filter(({ dueAt }) => Date.parse(dueAt) <= this.now && !percent(20));
    for (const call of due) this.#calls.splice(this.#calls.indexOf(call), 1);
    return due.flatMap((call) => {
      if (!percent(10)) return percent(20) ? [call, call] : [call];
      this.lostCalls += 1;
      return [];
    });
  }

  async #fate<T>(work: () => Promise<T>): Promise<T> {
    const end = this.#fragile && this.#random.percent(12) ? (this.#random.percent(50) ? 'before' : 'after') : undefined;
    if (end) this.crashes += 1;
    if (end === 'before') throw new UnavailableError('died before a call');
    const result = await work();
    if (end === 'after') throw new UnavailableError('died after a call');
    return result;
  }

  async #create(id: string, timing: ScheduleTiming, action: ScheduleAction): Promise<void> {
    const options = { now: () => new Date(this.now) };
    await handleCommand(this.store, scheduleDecider, id, { kind: 'create', timing, action }, options);
    await this.#deliver({ scheduleId: id, dueAt: '' });
  }

  async #cancel(id: string): Promise<void> {
    try {
      const command = { kind: 'cancel', reason: 'enough' } as const;
      const { version } = await handleCommand(this.store, scheduleDecider, id, command, {
        now: () => new Date(this.now),
      });
      this.cancelledVersion.set(id, version);
    } catch (error) {
      if (!(error instanceof CommandRejectedError || error instanceof NotFoundError)) throw error;
    }
  }
}

/** Runs a simulation, and checks its histories. @throws Error that names a violation */
export async function simulateSchedules(seed: number): Promise<ScheduleReport> {
  const world = new World(seed);
  await world.run();
  const report = { runs: 0, missed: 0, failures: 0, cancelled: world.cancelledVersion.size };
  for (const id of IDS) {
    const history = await Array.fromAsync(world.store.read(`schedule-${id}`));
    const fired = history.filter((event) => event.type === 'schedule.fired');
    await checkRuns(world, id, history, fired);
    report.runs += fired.length;
    report.missed += fired.filter(({ data }) => data.missed).length;
    report.failures += history.filter(({ type }) => type === 'schedule.failed').length;
  }
  return { ...report, crashes: world.crashes, lostCalls: world.lostCalls };
}

type Fired = DomainEvent<'schedule.fired'>;

async function checkRuns({ store, now, cancelledVersion }: World, id: string, history: DomainEvent[], fired: Fired[]) {
  const fail = (what: string, run?: Fired): never => {
    throw new Error(`${id}: ${what}${run ? ` (run ${run.data.run}, due ${run.data.dueAt})` : ''}`);
  };
  const planned = history.flatMap((event) =>
    event.type === 'schedule.created' || event.type === 'schedule.fired' ? [event.data.next] : [],
  );
  const [created] = history;
  const timing = created?.type === 'schedule.created' ? created.data.timing : fail('was not created');
  for (const [index, run] of fired.entries()) {
    const { dueAt, missed = false, skipped = 0, next } = run.data;
    if (dueAt !== planned[index]) fail('has another instant than planned', run);
    const begun = Date.parse(run.metadata.recordedAt);
    if (begun < Date.parse(dueAt)) fail('began early', run);
    if (missed !== begun - Date.parse(dueAt) > MISSED_AFTER_MS) fail('is marked wrongly', run);
    const outcomes = history.filter(
      ({ type, data }) => /ran|failed/.test(type) && (data as { dueAt?: string }).dueAt === dueAt,
    );
    if (outcomes.length !== 1) fail(`has ${outcomes.length} outcomes`, run);
    const [outcome] = outcomes;
    if (outcome?.type === 'schedule.ran') {
      const effects = await Array.fromAsync(store.commits(outcome.data.streamId));
      if (effects.filter(({ commitId }) => commitId === effectIdOf(id, dueAt)).length !== 1) fail('has no effect', run);
      if (id !== 'once' && effects.length !== 1) fail('has more than its effect', run);
    } else if (id !== 'refused') fail('failed', run);
    if (!('cron' in timing)) continue;
    let expected = nextRun(timing, dueAt);
    for (let left = skipped; left > 0 && expected; left--) expected = nextRun(timing, expected);
    if (missed && expected && Date.parse(expected) <= begun) fail('skipped more than it says', run);
    if (next !== expected) fail('has a wrong next run', run);
  }
  if (new Set(fired.map(({ data }) => data.dueAt)).size < fired.length) fail('has two runs for one instant');
  const version = cancelledVersion.get(id);
  if (version !== undefined) {
    if (fired.some(({ sequenceNumber }) => sequenceNumber > version)) fail('began a run after it was cancelled');
    return;
  }
  const [open] = planned.slice(fired.length);
  if (open !== undefined && Date.parse(open) <= now) fail('has a run that did not come');
  const ended = history.filter(({ type }) => type === 'schedule.completed').length;
  if (ended !== ('cron' in timing || fired.length === 0 ? 0 : 1)) fail('is not completed once');
}
