import { UnavailableError } from '../../../core/base/errors.ts';
import type { Random } from './random.ts';

/** Methods of ports that give a stream of results and not a promise. */
const STREAMS: ReadonlySet<string> = new Set(['read', 'keys', 'onAppended']);

/** What goes wrong with calls to anything outside, as a seed has it. */
export class Faults {
  readonly #random: Random;
  /** Nothing fails any more: faults end, as they do. */
  healthy = false;
  /** The function that is running has died: nothing it does from here on has an effect. */
  dead = false;
  count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A call: it may fail before or after its effect, and the function may die of it. */
  readonly call = async <T>(effect: () => Promise<T>): Promise<T> => {
    await Promise.resolve(); // others have their turn
    if (this.dead) throw new UnavailableError('the function has died');
    const fault = this.healthy ? 1 : this.#random.next();
    if (fault >= 0.12) return effect();
    this.count++;
    if (fault >= 0.06) await effect(); // done, but the reply is lost
    if (fault % 0.02 < 0.006) this.dead = true;
    throw new UnavailableError('throttled, or the reply was lost');
  };

  /** The same port, every call of which may fail. */
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
