import { TimeoutStrategy, timeout } from 'cockatiel';

/** `slow`: it answers, but not as it should. */
export type CheckState = 'ok' | 'slow' | 'failing';

/** Something that the service stands on. */
export interface HealthCheck {
  readonly name: string;
  /** Without it nothing works; without any other, something does. */
  readonly vital: boolean;
  /** Uses it in the cheapest way. Throws when it is not there. */
  readonly check: () => Promise<unknown>;
}

export interface HealthReport {
  /** `down` when a vital part fails, `degraded` when another does, or when any is slow. */
  readonly status: 'ok' | 'degraded' | 'down';
  readonly checks: Readonly<Record<string, CheckState>>;
  /** What is wrong with the data, and what to do; absent when nothing is known. */
  readonly reasons?: readonly string[];
}

/** A report that also says what the process has met of damaged data: it is degraded then. */
export function withDamage<Report extends HealthReport>(
  report: Report,
  reasons: readonly string[],
): HealthReport & Report {
  if (reasons.length === 0) return report;
  const status = report.status === 'down' ? 'down' : 'degraded';
  return { ...report, status, checks: { ...report.checks, data: 'failing' }, reasons };
}

/** A part that does not answer by then is as good as gone, milliseconds. */
const LIMIT_MS = 1_000;
/** A part that takes longer is in trouble, milliseconds: so a service that is about to fail is seen before it does. */
const SLOW_MS = 500;

/** Tries every part, side by side, each for at most 1 s. Never throws. */
export async function checkHealth(parts: readonly HealthCheck[]): Promise<HealthReport> {
  const states = await Promise.all(parts.map(async (part) => [part, await stateOf(part)] as const));
  const checks = Object.fromEntries(states.map(([{ name }, state]) => [name, state]));
  if (states.some(([{ vital }, state]) => vital && state === 'failing')) return { status: 'down', checks };
  return { status: states.every(([, state]) => state === 'ok') ? 'ok' : 'degraded', checks };
}

/** What the metric of a part's health shows. */
export const healthValue: Readonly<Record<CheckState, number>> = { ok: 1, slow: 0.5, failing: 0 };

async function stateOf({ check }: HealthCheck): Promise<CheckState> {
  const started = performance.now();
  try {
    await timeout(LIMIT_MS, TimeoutStrategy.Aggressive).execute(check);
    return performance.now() - started > SLOW_MS ? 'slow' : 'ok';
  } catch {
    return 'failing';
  }
}
