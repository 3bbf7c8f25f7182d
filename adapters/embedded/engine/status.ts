import type { DamageRecord } from '../../../core/telemetry/damage.ts';
import type { EngineStores } from './stores.ts';

/** The progress of a projection. */
export interface ProjectionProgress {
  readonly name: string;
  /** The live generation. */
  readonly generation: number;
  /** Number of commits that are stored and not yet applied. */
  readonly lag: number;
  /** Age of the oldest commit that is not yet applied, milliseconds; 0 when there is none. */
  readonly lagMs: number;
  /** Number of streams that wait as dead letters. */
  readonly deadLetters: number;
}

/** The health of an engine: `down` when the store cannot be read, `degraded` when another check fails. */
export interface EngineHealth {
  readonly status: 'ok' | 'degraded' | 'down';
  /** `data` fails from the first damage that the process meets until the process ends. */
  readonly checks: Readonly<Record<'store' | 'projector' | 'relay' | 'sagas' | 'data', 'ok' | 'failing'>>;
  /** Faults of the data and waiting dead letters, and what to do; absent when there are none. */
  readonly reasons?: readonly string[];
}

/** Reads the progress of each projection. The projector works on all of them together, so they have the same lag. */
export async function readProjectionStatus(
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

/** Checks the health of an engine, without waiting. */
export function checkHealth(
  { commits }: EngineStores,
  consumers: Readonly<Record<'projector' | 'relay', MayFail>> & {
    readonly sagas: MayFail & { readonly parked: number };
  },
  damage: DamageRecord,
): EngineHealth {
  const { parked } = consumers.sagas;
  const reasons = [...damage.reasons(), ...(parked > 0 ? [waitingForSagas(parked)] : [])];
  const toState = ({ failing }: MayFail) => (failing ? 'failing' : 'ok');
  const checks = {
    store: isReadable(commits) ? 'ok' : 'failing',
    projector: toState(consumers.projector),
    relay: toState(consumers.relay),
    sagas: parked > 0 ? 'failing' : toState(consumers.sagas),
    data: damage.reasons().length > 0 ? 'failing' : 'ok',
  } as const;
  const found = reasons.length > 0 ? { checks, reasons } : { checks };
  if (checks.store === 'failing') return { status: 'down', ...found };
  return { status: Object.values(checks).includes('failing') ? 'degraded' : 'ok', ...found };
}

const waitingForSagas = (streams: number) =>
  `${streams} ${streams === 1 ? 'stream waits' : 'streams wait'} as dead letters of the sagas: GET /dead-letters?projection=sagas says why; repair the data or the code, then redrive`;

function isReadable(commits: EngineStores['commits']): boolean {
  try {
    commits.lastPosition();
    return true;
  } catch {
    return false;
  }
}
