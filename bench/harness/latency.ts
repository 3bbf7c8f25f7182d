import { setTimeout as delay } from 'node:timers/promises';

/** Percentiles of a duration over many tries, milliseconds. */
export interface Latency {
  readonly tries: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Times `work` in sequence. */
export async function latencyOf(tries: number, work: (index: number) => Promise<unknown>): Promise<Latency> {
  const times: number[] = [];
  for (let index = 0; index < tries; index++) {
    const began = performance.now();
    await work(index);
    times.push(performance.now() - began);
  }
  return summarize(times);
}

/** Times `work` for a number of seconds. A try starts `everyMs` after the start of the last try, or after its end if later. */
export async function latencyFor(seconds: number, work: () => Promise<unknown>, everyMs = 20): Promise<Latency> {
  const times: number[] = [];
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
    await delay(Math.max(0, began + everyMs - performance.now()));
  }
  return summarize(times);
}

function summarize(times: number[]): Latency {
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round((times[Math.ceil(share * times.length) - 1] ?? 0) * 10) / 10;
  return { tries: times.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
