import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import * as z from 'zod';
import type { DomainEvent } from '../core/events/catalogue.ts';
import { agentStatus } from '../domain/agent/agent-status.ts';

// Compares codecs for snapshots on the states of recorded agent runs: `node bench/snapshot-codecs.ts <folder of .traj files>`.

const folder = process.argv.at(-1) ?? '.';
const RUNS = 21;

const recorded = z.object({
  trajectory: z.array(
    z.object({ thought: z.string().nullish(), action: z.string(), observation: z.string().nullish() }),
  ),
});

const files = readdirSync(folder).filter((file) => file.endsWith('.traj'));
if (files.length === 0) throw new Error(`there are no .traj files in ${folder}`);
const runs = files.map((file) => recorded.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))).trajectory);

/** The view of a run, folded as by the projector. */
function foldView(steps: (typeof runs)[number]): object {
  return steps.reduce<object>(
    (view, { action }, index) => {
      const at = new Date(index * 1_000).toISOString();
      const data = { agentId: '42', action, durationMs: index, usage: { tokens: index } };
      const event = {
        type: 'agent.step-recorded',
        aggregateId: '42',
        timestamp: at,
        metadata: { recordedAt: at },
        data,
      };
      return agentStatus.evolve(view as never, event as unknown as DomainEvent<'agent.step-recorded'>);
    },
    agentStatus.evolve(undefined, {
      type: 'agent.created',
      aggregateId: '42',
      timestamp: new Date(0).toISOString(),
      metadata: { recordedAt: new Date(0).toISOString() },
      data: { agentId: '42', agentType: 'coder', configuration: {}, createdBy: 'bench' },
    } as unknown as DomainEvent<'agent.created'>),
  );
}

const states: Record<string, unknown> = {
  'what a command decides on': { state: 'running' },
  'a view': foldView(runs[0] ?? []),
  'all steps of a run': runs.toSorted((a, b) => b.length - a.length)[0],
  'all steps of all runs': runs,
};

const { constants } = zlib;
const brotli = (quality: number) => ({ params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
const zstd = (level: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: level } });
const codecs: Record<string, [(bytes: Buffer) => Buffer, (bytes: Buffer) => Buffer]> = {
  'gzip 6': [(bytes) => zlib.gzipSync(bytes), zlib.gunzipSync],
  'zstd 3': [(bytes) => zlib.zstdCompressSync(bytes, zstd(3)), zlib.zstdDecompressSync],
  'zstd 6': [(bytes) => zlib.zstdCompressSync(bytes, zstd(6)), zlib.zstdDecompressSync],
  'brotli 4': [(bytes) => zlib.brotliCompressSync(bytes, brotli(4)), zlib.brotliDecompressSync],
  'brotli 11': [(bytes) => zlib.brotliCompressSync(bytes, brotli(11)), zlib.brotliDecompressSync],
};

function medianMs(work: () => void): number {
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return times.toSorted((a, b) => a - b)[RUNS >> 1] ?? 0;
}

const rows = Object.entries(states).flatMap(([state, content]) =>
  Object.entries(codecs).map(([codec, [compress, decompress]]) => {
    const json = Buffer.from(JSON.stringify(content));
    const packed = compress(json);
    const figures = {
      ratio: json.length / packed.length,
      'ms to write': medianMs(() => compress(json)),
      'ms to read': medianMs(() => decompress(packed)),
    };
    const rounded = Object.fromEntries(
      Object.entries(figures).map(([name, value]) => [name, Number(value.toFixed(2))]),
    );
    return { state, codec, bytes: json.length, compressed: packed.length, ...rounded };
  }),
);
console.table(rows);
