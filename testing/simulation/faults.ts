import { UnavailableError } from '../../core/base/errors.ts';
import type { Random } from './random.ts';

/** Methods of ports that return a stream of results, not a promise. */
const STREAMS: ReadonlySet<string> = new Set(['read', 'tagged', 'keys', 'onAppended']);

/** Faults of calls to other parts, made from a seed. */
export class Faults {
  readonly #random: Random;
  /** No call fails any more. */
  healthy = false;
  /** The running function has crashed: its later calls have no effect. */
  dead = false;
  count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A call that may fail before or after its effect, or crash the function. */
  readonly call = async <T>(effect: () => Promise<T>): Promise<T> => {
    await Promise.resolve(); // other tasks run
    if (this.dead) throw new UnavailableError('the function has died');
    const fault = this.healthy ? 1 : this.#random.next();
    if (fault >= 0.12) return effect();
    this.count++;
    if (fault >= 0.06) await effect(); // with its effect, but the reply is lost
    if (fault % 0.02 < 0.006) this.dead = true;
    throw new UnavailableError('throttled, or the reply was lost');
  };

  /** The same port with calls that may fail. */
  unreliable<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const call = () => value.apply(target, args);
          return STREAMS.has(String(name)) ? call() : this.call(async () => call());
        };
      },
    });
  }
}
