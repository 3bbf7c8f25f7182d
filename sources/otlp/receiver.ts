import pLimit from 'p-limit';
import { turn } from '../../core/base/turns.ts';
import { record } from './agent-stream.ts';
import type { Receipt } from './answers.ts';
import { claudeCodeEvent } from './claude-code.ts';
import { codexEvent } from './codex.ts';
import { type Encoding, recordsOf } from './decode.ts';
import type { LoggedEvent } from './logged-event.ts';
import { type ReceiverParts, receiveSpans } from './receive-spans.ts';
import { type ToldLog, toldLog } from './told-log.ts';
import { toldSpan } from './told-span.ts';

/** Traces and agents that are written side by side. */
const CONCURRENCY = 10;
/** Most spans of a trace that are taken in at once. */
const MAX_SPANS_AT_ONCE = 500;

/**
 * Takes the spans of an export request in.
 * @throws MalformedRequestError for a body that is no such request
 * @throws UnavailableError when the store cannot be reached; the request can be repeated
 */
export async function receiveTraces(parts: ReceiverParts, encoding: Encoding, body: Uint8Array): Promise<Receipt> {
  const { told, receipt } = await readAll('traces', encoding, body, toldSpan);
  const traces = Map.groupBy(told, ({ traceId }) => traceId);
  await pLimit(CONCURRENCY).map(traces, async ([traceId, own]) => {
    // Spans around others start before them, and so come first. A span that was sent twice counts once.
    const spans = [...new Map(own.map((span) => [span.spanId, span])).values()].sort((a, b) => a.start - b.start);
    for (let from = 0; from < spans.length; from += MAX_SPANS_AT_ONCE) {
      await receiveSpans(parts, traceId, spans.slice(from, from + MAX_SPANS_AT_ONCE));
      await turn();
    }
  });
  return receipt;
}

/** Takes the log records of an export request in, as {@link receiveTraces} does with spans. */
export async function receiveLogs({ store }: ReceiverParts, encoding: Encoding, body: Uint8Array): Promise<Receipt> {
  const { told, receipt } = await readAll('logs', encoding, body, (log, resource) =>
    loggedEvent(toldLog(log, resource)),
  );
  const logged = told.filter((event): event is LoggedEvent => event !== undefined);
  await pLimit(CONCURRENCY).map(
    Map.groupBy(logged, ({ agentId }) => agentId),
    async ([agentId, own]) => {
      const [first] = own;
      if (!first) return;
      const events = new Map(own.map(({ event }) => [event.id, event]));
      await record(store, agentId, first.creation, [...events.values()]);
    },
  );
  return receipt;
}

/** What a log record tells; undefined for a record that tells nothing of an agent, such as the log lines of a program. */
const loggedEvent = (log: ToldLog): LoggedEvent | undefined => claudeCodeEvent(log) ?? codexEvent(log);

type Told<Name extends 'traces' | 'logs'> = Extract<
  Awaited<ReturnType<ReturnType<typeof recordsOf<Name>>['next']>>['value'],
  { record: unknown }
>;

async function readAll<Name extends 'traces' | 'logs', Result>(
  name: Name,
  encoding: Encoding,
  body: Uint8Array,
  read: (record: Told<Name>['record'], resource: Told<Name>['resource']) => Result,
): Promise<{ told: Result[]; receipt: Receipt }> {
  const told: Result[] = [];
  let rejected = 0;
  let fault: string | undefined;
  for await (const received of recordsOf(name, encoding, body)) {
    try {
      if ('error' in received) throw received.error;
      told.push(read(received.record, received.resource));
    } catch (error) {
      rejected += 1;
      fault ??= error instanceof Error ? error.message : 'a record cannot be read';
    }
  }
  return { told, receipt: { rejected, ...(fault !== undefined && { fault }) } };
}
