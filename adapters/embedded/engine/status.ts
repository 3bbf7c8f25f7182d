import type { DamageRecord } from '../../../core/telemetry/damage.ts';
import type { EngineStores } from './stores.ts';

export interface ProjectionProgress {
  readonly name: string;
  readonly generation: number;
  /** Commits stored and not yet applied. */
  readonly lag: number;
  /** Age of the oldest of them, milliseconds; 0 when there is none. */
  readonly lagMs: number;
  readonly deadLetters: number;
}

export interface EngineHealth {
  readonly status: 'ok' | 'degraded' | 'down';
  /** `data` fails from the first damage that the process meets until it ends. */
  readonly checks: Readonly<Record<'store' | 'projector' | 'relay' | 'sagas' | 'data', 'ok' | 'failing'>>;
  /** What is wrong with the data, and what to do; absent when nothing is known. */
  readonly reasons?: readonly string[];
}

/** How far each projection is. The projector works on all of them together, so they share one lag. */
export async function projectionStatusOf(
  { commits, generations, views }: EngineStores,
  projector: { readonly position: number },
  names: readonly string[],
): Promise<readonly ProjectionProgress[]> {
  const lag = commits.lastPosition() - projector.position;
  const [oldest] = commits.commitsAfter(projector.position, 1);
  const lagMs = oldest ? Math.max(0, Date.now() - Date.parse(oldest.commit.recordedAt)) : 0;
  const status = async (name: string) => {
    const generation = await generations.live(name);
    return { name, generation, lag, lagMs, deadLetters: await views.countParked(name, generation) };
  };
  return Promise.all(names.map(status));
}

interface MayFail {
  readonly failing: boolean;
}

export function healthOf(
  { commits }: EngineStores,
  consumers: Readonly<Record<'projector' | 'relay' | 'sagas', MayFail>>,
  damage: DamageRecord,
): EngineHealth {
  const reasons = damage.reasons();
  const stateOf = ({ failing }: MayFail) => (failing ? 'failing' : 'ok');
  const checks = {
    store: isReadable(commits) ? 'ok' : 'failing',
    projector: stateOf(consumers.projector),
    relay: stateOf(consumers.relay),
    sagas: stateOf(consumers.sagas),
    data: reasons.length > 0 ? 'failing' : 'ok',
  } as const;
  const found = reasons.length > 0 ? { checks, reasons } : { checks };
  if (checks.store === 'failing') return { status: 'down', ...found };
  return { status: Object.values(checks).includes('failing') ? 'degraded' : 'ok', ...found };
}

function isReadable(commits: EngineStores['commits']): boolean {
  try {
    commits.lastPosition();
    return true;
  } catch {
    return false;
  }
}
