/** Turns of the event loop that code under virtual time may take between two waits: see `core/base/turns.ts`. */
const TURNS = 3;

interface Wait {
  readonly at: number;
  readonly end: () => void;
}

/**
 * A clock that jumps from wait to wait, so that minutes of a simulated system take seconds. Code under it must wait with
 * {@link sleep} only. Its computations take no time.
 */
export class VirtualClock {
  #now = 0;
  /** A binary heap: the earliest wait first. */
  readonly #waits: Wait[] = [];

  /** Milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** Waits for a number of milliseconds. */
  sleep(ms: number): Promise<void> {
    return this.sleepUntil(this.#now + ms);
  }

  /** Waits until a time, milliseconds since the start. */
  sleepUntil(at: number): Promise<void> {
    return new Promise((end) => this.#push({ at: Math.max(at, this.#now), end }));
  }

  /** Runs all waits up to a time. */
  async runUntil(end: number): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
      const [next] = this.#waits;
      if (!next || next.at > end) return;
      this.#now = next.at;
      while (this.#waits[0]?.at === this.#now) this.#pop()?.end();
    }
  }

  #push(wait: Wait): void {
    const heap = this.#waits;
    let index = heap.push(wait) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((heap[parent]?.at ?? 0) <= wait.at) break;
      [heap[index], heap[parent]] = [heap[parent] as Wait, wait];
      index = parent;
    }
  }

  #pop(): Wait | undefined {
    const heap = this.#waits;
    const [first] = heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0; ; ) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let least = index;
      if ((heap[left]?.at ?? Infinity) < (heap[least]?.at ?? Infinity)) least = left;
      if ((heap[right]?.at ?? Infinity) < (heap[least]?.at ?? Infinity)) least = right;
      if (least === index) return first;
      [heap[index], heap[least]] = [heap[least] as Wait, heap[index] as Wait];
      index = least;
    }
  }
}
