import { TimeoutStrategy, timeout } from 'cockatiel';

/** The state of a part. `slow`: the part answers after more than half a second. */
export type CheckState = 'ok' | 'slow' | 'failing';

/** A part that the service depends on. */
export interface HealthCheck {
  readonly name: string;
  /** Whether the service is down without this part. */
  readonly vital: boolean;
  /** Uses the part in the cheapest way. Throws when the part fails. */
  readonly check: () => Promise<unknown>;
}

/** The health of a service. */
export interface HealthReport {
  /** `down` when a vital part fails; `degraded` when another part fails or any part is slow. */
  readonly status: 'ok' | 'degraded' | 'down';
  readonly checks: Readonly<Record<string, CheckState>>;
  /** The faults of the data and their remedies; absent without known faults. */
  readonly reasons?: readonly string[];
}

/** A report with the faults of the data. With any fault the status is at least degraded. */
export function withDamage<Report extends HealthReport>(
  report: Report,
  reasons: readonly string[],
): HealthReport & Report {
  if (reasons.length === 0) return report;
  const status = report.status === 'down' ? 'down' : 'degraded';
  return { ...report, status, checks: { ...report.checks, data: 'failing' }, reasons };
}

/** Time after which a part without an answer counts as failing, milliseconds. */
const LIMIT_MS = 1_000;
/** Time after which a part counts as slow, milliseconds. It shows an overload before the part fails. */
const SLOW_MS = 500;

/** Checks all parts side by side, each for at most 1 s. Never throws. */
export async function checkHealth(parts: readonly HealthCheck[]): Promise<HealthReport> {
  const states = await Promise.all(parts.map(async (part) => [part, await stateOf(part)] as const));
  const checks = Object.fromEntries(states.map(([{ name }, state]) => [name, state]));
  if (states.some(([{ vital }, state]) => vital && state === 'failing')) return { status: 'down', checks };
  return { status: states.every(([, state]) => state === 'ok') ? 'ok' : 'degraded', checks };
}

/** The values of the metric of a part's health. */
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
