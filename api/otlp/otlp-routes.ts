import * as z from 'zod';
import { StateReader } from '../../core/state/state-reader.ts';
import type { Encoding } from '../../sources/otlp/decode.ts';
import { MalformedRequestError } from '../../sources/otlp/malformed.ts';
import type { CommandDeps } from '../http/command.ts';
import { isFault, problemOf, RETRY_AFTER_SECONDS } from '../http/problem.ts';
import type { Answer, Route } from '../http/route.ts';
import { Upload } from '../http/uploads.ts';
import { encodingOf, readOtlpBody } from './otlp-body.ts';

const MEDIA_TYPE: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};

/** Codes of `google.rpc.Code`. */
const INVALID_ARGUMENT = 3;
const INTERNAL = 13;
const UNAVAILABLE = 14;

/**
 * The receiver of OpenTelemetry: OTLP over HTTP, in Protobuf and JSON. Its errors are those of the protocol. Most processes
 * get no telemetry, so the first request loads the receiver.
 */
export const otlpRoutes: readonly Route<CommandDeps>[] = [
  otlpRoute('traces', 'Take spans of agents in'),
  otlpRoute('logs', 'Take log records of agents in'),
  otlpRoute('metrics', 'Take metrics, and drop them'),
];

type Signal = 'traces' | 'logs' | 'metrics';

function otlpRoute(signal: Signal, summary: string): Route<CommandDeps> {
  return {
    name: `export${signal.charAt(0).toUpperCase()}${signal.slice(1)}`,
    method: 'POST',
    path: `/v1/${signal}`,
    summary,
    protocol: 'OTLP',
    answer: z.unknown(),
    statuses: { 200: 'Taken' },
    async respond({ raw }, deps) {
      let encoding: Encoding = 'json';
      try {
        encoding = encodingOf(raw);
        return { status: 200, body: await take(signal, encoding, raw, deps), headers: typed(encoding) };
      } catch (error) {
        return refusal(error, encoding, deps);
      }
    },
  };
}

const typed = (encoding: Encoding) => ({ 'Content-Type': MEDIA_TYPE[encoding] });

async function take(signal: Signal, encoding: Encoding, raw: Request, deps: CommandDeps): Promise<Uint8Array> {
  const upload = new Upload();
  try {
    const body = await readOtlpBody(raw, upload);
    const { exportAnswer } = await import('../../sources/otlp/answers.ts');
    if (signal === 'metrics') return exportAnswer('logs', encoding, { rejected: 0 });
    const { receiveLogs, receiveTraces } = await import('../../sources/otlp/receiver.ts');
    const { store, states = new StateReader({ store }) } = deps;
    const receive = signal === 'traces' ? receiveTraces : receiveLogs;
    return exportAnswer(signal, encoding, await receive({ store, states }, encoding, body));
  } finally {
    upload.release();
  }
}

/** A sender repeats a request after 503 and drops it after any other error, so every passing trouble is 503. */
async function refusal(error: unknown, encoding: Encoding, { logger }: CommandDeps): Promise<Answer> {
  const { statusAnswer } = await import('../../sources/otlp/answers.ts');
  if (error instanceof MalformedRequestError) {
    return { status: 400, body: statusAnswer(encoding, INVALID_ARGUMENT, error.message), headers: typed(encoding) };
  }
  const problem = problemOf(error);
  if (isFault(problem)) logger?.error(problem.title, { error, code: problem.code });
  const passes = problem.code === 'UNAVAILABLE' || problem.code === 'CONCURRENCY_CONFLICT';
  const status = passes ? 503 : (problem.status as 413 | 415 | 500);
  const code = passes ? UNAVAILABLE : status >= 500 ? INTERNAL : INVALID_ARGUMENT;
  const detail = error instanceof Error && passes ? error.message : problem.detail;
  const again: Record<string, string> = passes ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {};
  return { status, body: statusAnswer(encoding, code, detail), headers: { ...typed(encoding), ...again } };
}
