/** How long something took, milliseconds, over many tries. */
export interface Latency {
  readonly tries: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Times `work`, one try after the other. */
export async function latencyOf(tries: number, work: (index: number) => Promise<unknown>): Promise<Latency> {
  const times: number[] = [];
  for (let index = 0; index < tries; index++) {
    const began = performance.now();
    await work(index);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round((times[Math.ceil(share * tries) - 1] ?? 0) * 10) / 10;
  return { tries, p50: at(0.5), p99: at(0.99), max: at(1) };
}
