import type { Random } from './random.ts';

const START = Date.UTC(2026, 0, 5);
const HOUR_MS = 3_600_000;

/** The clock of a simulation. It moves a second with each look. Its writers' clocks disagree, and are set forward and back. */
export class VirtualClock {
  readonly #random: Random;
  #time = START;
  /** Jumps so far. */
  jumps = 0;
  /** The clock jumps now and then, up to two days in either direction. */
  jumping = true;

  constructor(random: Random) {
    this.#random = random;
  }

  readonly now = (): Date => {
    this.#time += 1_000;
    if (this.jumping && this.#random.chance(0.02)) {
      this.jumps++;
      this.#time += this.#random.from(-48, 48) * HOUR_MS;
    }
    return new Date(this.#time);
  };

  pass(seconds: number): void {
    this.#time += seconds * 1_000;
  }

  /** Moves forward to a time, if it is not past. */
  reach(time: Date): void {
    this.#time = Math.max(this.#time, time.getTime());
  }
}
