import { coreAggregateTypes } from '../../core/events/catalogue.ts';
import { type AnyProjection, isShared } from '../../core/projections/projection.ts';
import { watchedProjection, watchedSaga } from './pure.ts';
import { Random } from './random.ts';
import { type RunReport, run } from './run.ts';
import { describeStep, planOf, type Step, type Story } from './story.ts';
import type { Simulated } from './world.ts';

/** The settings of {@link simulate}. */
export interface SimulationOptions {
  /** What users and agents do. Each seed tells some of the stories, several times and mixed. At least one. */
  readonly stories: readonly Story[];
  /** The number of seeds; by default that of the environment variable `ANNALS_SEEDS`, or 1,000. */
  readonly seeds?: number;
  /** The first seed; 1 by default. */
  readonly firstSeed?: number;
}

/** What happened in all seeds. */
export interface SimulationReport {
  readonly seeds: number;
  /** Stored events, by type. */
  readonly events: Readonly<Record<string, number>>;
  /** Commands and appends of the stories that the rules refused. */
  readonly refused: number;
  readonly deliveries: number;
  readonly faults: number;
  readonly restarts: number;
  readonly jumps: number;
  /** The ends of the sagas, by the names of their declarations. */
  readonly sagas: Readonly<Record<string, { readonly COMPLETED: number; readonly FAILED: number }>>;
  /** The projections that got no event, and the sagas that never started: the stories say nothing about them. */
  readonly untouched: readonly string[];
}

/** The seed to repeat, and the number of seeds, from the environment. */
const SEED_VARIABLE = 'ANNALS_SEED';
const SEEDS_VARIABLE = 'ANNALS_SEEDS';
/** Most milliseconds to look for a shorter failure. */
const SHRINK_MS = 5_000;

/**
 * Runs the aggregates, projections and sagas of an application through many seeds, in memory and in virtual time. A seed
 * decides which stories are told, and the faults: commits come twice, late and in another order, calls fail before or
 * after their effect, processes crash and lose their memory, clocks jump.
 *
 * In each seed every view has to be the fold of the history, every sum of a shared view the sum over all streams, every
 * saga has to start once and to end, and no event may be refused by a projection or a saga. Functions that have to be pure
 * are called twice, with frozen values. 1,000 seeds of a small application take some seconds.
 * @throws Error with the seed, the fault, the shortest steps found that lead to it, and how to repeat it; or when the
 *   stories write nothing
 */
export async function simulate(app: Simulated, options: SimulationOptions): Promise<SimulationReport> {
  const { stories, seeds = Number(process.env[SEEDS_VARIABLE] ?? 1_000), firstSeed = 1 } = options;
  const watched = { ...app, projections: app.projections.map(watchedProjection), sagas: app.sagas.map(watchedSaga) };
  if (stories.length === 0) throw new Error('a simulation needs a story: stories: [...]');
  const only = process.env[SEED_VARIABLE];
  const [first, count] = only === undefined ? [firstSeed, seeds] : [Number(only), 1];
  if (!Number.isSafeInteger(first)) throw new Error(`${SEED_VARIABLE} is a whole number, not ${only}`);
  if (!(Number.isSafeInteger(count) && count > 0))
    throw new Error(`the number of seeds is a whole number from 1, not ${count}`);
  const reports: RunReport[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const steps = planOf(stories, new Random(seed));
    reports.push(await run(watched, steps, seed, true).catch((error) => explain(watched, steps, seed, error)));
  }
  const report = total(app, reports);
  if (Object.keys(report.events).length > 0) return report;
  throw new Error('the stories wrote no event: they have no steps, or the rules refused every step');
}

/** @throws Error that says what fails in a seed, and how to repeat it */
async function explain(app: Simulated, steps: readonly Step[], seed: number, cause: unknown): Promise<never> {
  const failure = await shrunk(app, steps, seed, { steps, faulty: true, cause });
  const message = failure.cause instanceof Error ? failure.cause.message : String(failure.cause);
  const lines = [
    `seed ${seed} fails: ${message}`,
    `These steps lead to it, ${failure.faulty ? 'with faults of calls and processes' : 'also without faults of calls and processes'}:`,
    ...failure.steps.map((step, index) => `  ${index + 1}. ${describeStep(step)}`),
    `To repeat this seed, set ${SEED_VARIABLE}=${seed}, or give simulate { firstSeed: ${seed}, seeds: 1 }.`,
  ];
  throw new Error(lines.join('\n'), { cause: failure.cause });
}

interface Failure {
  readonly steps: readonly Step[];
  readonly faulty: boolean;
  readonly cause: unknown;
}

/** Leaves out the faults, and parts of the steps, as long as a failure remains: first halves, at last single steps. */
async function shrunk(app: Simulated, steps: readonly Step[], seed: number, first: Failure): Promise<Failure> {
  const deadline = performance.now() + SHRINK_MS;
  let least = first;
  const failsWith = async (fewer: readonly Step[], faulty: boolean): Promise<boolean> => {
    if (performance.now() > deadline) return false;
    try {
      await run(app, fewer, seed, faulty);
      return false;
    } catch (cause) {
      least = { steps: fewer, faulty, cause };
      return true;
    }
  };
  await failsWith(steps, false);
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < least.steps.length; ) {
      if (!(await failsWith(least.steps.toSpliced(at, size), least.faulty))) at += size;
    }
  }
  return least;
}

/** Whether a projection is that of the sagas or of the registered event types, which every application has. */
const isOfCore = (projection: AnyProjection): boolean =>
  !isShared(projection) && coreAggregateTypes.has(projection.aggregateType);

function total(app: Simulated, reports: readonly RunReport[]): SimulationReport {
  const sum = (figure: 'refused' | 'deliveries' | 'faults' | 'restarts' | 'jumps') =>
    reports.reduce((all, report) => all + report[figure], 0);
  const events: Record<string, number> = {};
  for (const [type, count] of reports.flatMap((report) => [...report.events]))
    events[type] = (events[type] ?? 0) + count;
  const ends = Map.groupBy(
    reports.flatMap((report) => report.ends),
    ({ saga }) => saga,
  );
  const sagas = [...ends].map(([name, own]) => {
    const COMPLETED = own.filter(({ end }) => end === 'COMPLETED').length;
    return [name, { COMPLETED, FAILED: own.length - COMPLETED }] as const;
  });
  const unfed = app.projections.filter((each) => !isOfCore(each) && !each.types.some((type: string) => events[type]));
  const idle = app.sagas.filter(({ name }) => !ends.has(name));
  return {
    seeds: reports.length,
    events,
    ...{ refused: sum('refused'), deliveries: sum('deliveries'), faults: sum('faults') },
    ...{ restarts: sum('restarts'), jumps: sum('jumps') },
    sagas: Object.fromEntries(sagas),
    untouched: [...unfed, ...idle].map(({ name }) => name),
  };
}
