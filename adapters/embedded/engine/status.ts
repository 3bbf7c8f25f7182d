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
  /** What is wrong with the data, or waits for somebody, and what to do; absent when nothing is known. */
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
  consumers: Readonly<Record<'projector' | 'relay', MayFail>> & {
    readonly sagas: MayFail & { readonly parked: number };
  },
  damage: DamageRecord,
): EngineHealth {
  const { parked } = consumers.sagas;
  const reasons = [...damage.reasons(), ...(parked > 0 ? [waitingForSagas(parked)] : [])];
  const stateOf = ({ failing }: MayFail) => (failing ? 'failing' : 'ok');
  const checks = {
    store: isReadable(commits) ? 'ok' : 'failing',
    projector: stateOf(consumers.projector),
    relay: stateOf(consumers.relay),
    sagas: parked > 0 ? 'failing' : stateOf(consumers.sagas),
    data: damage.reasons().length > 0 ? 'failing' : 'ok',
  } as const;
  const found = reasons.length > 0 ? { checks, reasons } : { checks };
  if (checks.store === 'failing') return { status: 'down', ...found };
  return { status: Object.values(checks).includes('failing') ? 'degraded' : 'ok', ...found };
}

const waitingForSagas = (streams: number) =>
  `${streams} ${streams === 1 ? 'stream waits' : 'streams wait'} as dead letters of the sagas: GET /dead-letters?projection=sagas says why; mend the data or the code, then redrive`;

function isReadable(commits: EngineStores['commits']): boolean {
  try {
    commits.lastPosition();
    return true;
  } catch {
    return false;
  }
}
