import {
  CommandRejectedError,
  NotAdmittedError,
  NotFoundError,
  ReservedTypeError,
  UnavailableError,
} from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { Projector } from '../../core/projections/projector.ts';
import { sagaIdOf } from '../../core/sagas/saga.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { appendRaw } from '../../core/state/raw-append.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import { parsedCommand } from '../command.ts';
import { MemorySharedViews } from '../memory/shared-views.ts';
import { MemoryViewStore } from '../memory/views.ts';
import { endOfSaga, type SagaEnd } from './check-sagas.ts';
import { checkViews } from './check-views.ts';
import { Deliveries } from './deliveries.ts';
import { watchedDecider } from './pure.ts';
import { Random } from './random.ts';
import { describeStep, type Step } from './story.ts';
import { ONCE, type Simulated, World } from './world.ts';

/** The numbers of a seed. */
export interface RunReport {
  /** Stored events, by type. */
  readonly events: ReadonlyMap<string, number>;
  /** Commands and appends that the rules refused. */
  readonly refused: number;
  readonly deliveries: number;
  readonly faults: number;
  readonly restarts: number;
  readonly jumps: number;
  /** The ends of the sagas, by the names of their declarations. */
  readonly ends: readonly { readonly saga: string; readonly end: SagaEnd }[];
}

/** Most attempts at a step while calls fail. */
const MAX_ATTEMPTS = 20;
/** Most turns of the host of the sagas in a row, and most times that the clock moves on to the next deadline. */
const MAX_TURNS = 2_000;
const MAX_WAKES = 500;

/**
 * One run: the steps, the sagas that they begin up to their ends, and all deliveries to the views.
 * @param seed decides the faults, the deliveries and the times
 * @param faulty calls fail, processes crash and clocks jump; otherwise commits only come twice and in another order
 * @throws Error that names the fault of the application
 */
export async function run(app: Simulated, steps: readonly Step[], seed: number, faulty: boolean): Promise<RunReport> {
  const world = new World(app, new Random(seed));
  world.faults.healthy = !faulty;
  world.clock.jumping = faulty;
  const refused = await tell(world, steps);
  await endSagas(world);
  const { deliveries, restarts } = await deliver(world, faulty);
  const history = await historyOf(world);
  const ends = checkSagas(world, history);
  const events = new Map<string, number>();
  for (const { type } of [...history.values()].flat()) events.set(type, (events.get(type) ?? 0) + 1);
  const { faults, clock } = world;
  return {
    events,
    refused,
    deliveries,
    faults: faults.count,
    restarts: restarts + world.restarts,
    jumps: clock.jumps,
    ends,
  };
}

/** The steps, with the sagas at work in between. @returns how many the rules refused */
async function tell(world: World, steps: readonly Step[]): Promise<number> {
  let refused = 0;
  for (const [n, step] of steps.entries()) {
    if (!(await attempt(world, step, `step-${n}`))) refused++;
    for (let turns = world.random.from(0, 3); turns > 0; turns--) await world.turn();
  }
  return refused;
}

/** Takes a step until it is known that it is done, as a caller with an idempotency key. @returns whether it was allowed */
async function attempt(world: World, step: Step, commitId: string): Promise<boolean> {
  if ('seconds' in step) {
    world.clock.pass(step.seconds);
    return true;
  }
  for (let tries = 0; ; tries++) {
    world.faults.dead = false;
    const store = tries < MAX_ATTEMPTS ? world.unreliableStore : world.store;
    try {
      if ('stream' in step) {
        const parts = { store, states: new StateReader({ store }), aggregates: world.app.aggregates };
        await appendRaw(parts, step.stream, step.events, { expectedVersion: 'any', commitId });
      } else {
        const { decider, id } = step;
        const command = parsedCommand(decider, step.command);
        await handleCommand(store, watchedDecider(decider), id, command, { commitId, now: world.clock.now });
      }
      return true;
    } catch (error) {
      if (isRefusal(error)) return false;
      if (!(error instanceof UnavailableError))
        throw new Error(`${describeStep(step)} fails: ${error}`, { cause: error });
    }
  }
}

const isRefusal = (error: unknown): boolean =>
  [CommandRejectedError, NotFoundError, NotAdmittedError, ReservedTypeError].some((kind) => error instanceof kind);

/** Every deadline and every pause passes. At last everything is delivered once more. */
async function endSagas(world: World): Promise<void> {
  if (world.app.sagas.length === 0) return;
  await settle(world);
  world.faults.healthy = true;
  world.clock.jumping = false;
  for (let wakes = 0; wakes < MAX_WAKES; wakes++) {
    await settle(world);
    const next = await world.nextWake();
    if (next === undefined) break;
    world.clock.reach(new Date(next));
  }
  world.sagas.rewind(world.commits.length);
  await settle(world);
}

async function settle(world: World): Promise<void> {
  for (let turns = 0; turns < MAX_TURNS; turns++) {
    if (turns > 60) world.faults.healthy = true;
    if (await world.turn()) return;
  }
}

/** Delivers all commits to the views, and holds the views against the history. */
async function deliver(world: World, faulty: boolean) {
  const { random, faults, app, clock } = world;
  const views = new MemoryViewStore();
  const sharedViews = new MemorySharedViews(views);
  faults.healthy = !faulty;
  clock.jumping = faulty;
  const records = world.commits.map((commit) => ({ commit, shown: commit }));
  const deliveries = new Deliveries({ random, faults, records });
  if (random.chance(0.5)) deliveries.shuffle();
  const start = () => {
    const projector = new Projector({
      projections: app.projections,
      store: world.store,
      views: faults.unreliable(views),
      sharedViews: faults.unreliable(sharedViews),
      now: clock.now,
    });
    return (commits: Parameters<Projector['apply']>[0]) => projector.applyOrPark(commits, ONCE, () => {});
  };
  const projector = () => deliveries.deliver(start, random.chance(0.3) ? 2 : 1);
  if (random.chance(0.3)) await Promise.all([projector(), projector()]);
  else await projector();
  faults.healthy = true;
  const streams = [...new Set(world.commits.map(({ stream }) => stream))];
  await checkViews({ projections: app.projections, store: world.store, streams, views, sharedViews });
  return deliveries;
}

/** The events of each stream. */
async function historyOf({ commits, store }: World): Promise<ReadonlyMap<string, readonly DomainEvent[]>> {
  const history = new Map<string, readonly DomainEvent[]>();
  for (const { stream } of commits) {
    if (!history.has(stream)) history.set(stream, await Array.fromAsync(store.read(stream)));
  }
  return history;
}

/** Every event that starts a saga started it, every saga has ended, and no saga met an event that it cannot take. */
function checkSagas({ app, marks }: World, history: ReadonlyMap<string, readonly DomainEvent[]>): RunReport['ends'] {
  for (const [stream, { version, event, error }] of marks.failures) {
    throw new Error(`the sagas cannot take event ${version} of ${stream}, ${event?.type}: ${error}`, { cause: error });
  }
  for (const events of history.values()) {
    const last = events.at(-1);
    // Each saga has ended, so nobody waits for a decision.
    if (last?.type === 'approval.requested')
      throw new Error(`approval ${last.aggregateId} is open, and its saga has ended`);
  }
  const ends: RunReport['ends'][number][] = [];
  for (const saga of app.sagas) {
    for (const events of history.values()) {
      const start = events.find((event) => event.type === saga.startedBy && saga.input(event) !== undefined);
      if (!start) continue;
      const sagaId = sagaIdOf(saga, start.aggregateId);
      const end = endOfSaga(sagaId, history.get(streamId('saga', sagaId)) ?? []);
      if (end === 'PARKED') throw new Error(parkedIn(sagaId, history));
      ends.push({ saga: saga.name, end });
    }
  }
  return ends;
}

function parkedIn(sagaId: string, history: ReadonlyMap<string, readonly DomainEvent[]>): string {
  const parked = history.get(streamId('saga', sagaId))?.findLast((event) => event.type === 'saga.parked');
  if (parked?.type !== 'saga.parked') return `saga ${sagaId} is parked`;
  const { step, item, reason } = parked.data;
  return `saga ${sagaId} is parked, ${step}/${item} cannot be undone: ${reason}`;
}
