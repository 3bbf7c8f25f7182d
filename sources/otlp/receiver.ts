import pLimit from 'p-limit';
import { turn } from '../../core/base/turns.ts';
import type { JsonObject } from '../../core/events/json.ts';
import { type AgentEvent, record } from './agent-stream.ts';
import type { Receipt } from './answers.ts';
import { claudeCodeEvent } from './claude-code.ts';
import { claudeCodeSpan, FROM_SPAN } from './claude-code-spans.ts';
import { codexEvent } from './codex.ts';
import { type Encoding, recordsOf } from './decode.ts';
import type { LoggedEvent } from './logged-event.ts';
import { replaceSteps } from './moved-steps.ts';
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
  await recordLogged(parts, told.map(claudeCodeSpan));
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
export async function receiveLogs(parts: ReceiverParts, encoding: Encoding, body: Uint8Array): Promise<Receipt> {
  const { told, receipt } = await readAll('logs', encoding, body, (log, resource) =>
    loggedEvent(toldLog(log, resource)),
  );
  await recordLogged(parts, told);
  return receipt;
}

/** Records what log records, and spans like them, tell of agents. */
async function recordLogged({ store }: ReceiverParts, told: readonly (LoggedEvent | undefined)[]): Promise<void> {
  const logged = told.filter((event) => event !== undefined);
  await pLimit(CONCURRENCY).map(
    Map.groupBy(logged, ({ agentId }) => agentId),
    async ([agentId, own]) => {
      const creation = (own.find(({ creation: { agentType } }) => agentType) ?? own[0])?.creation;
      const events = new Map(own.flatMap((each) => each.events).map((event) => [event.id, event]));
      const known = await record(store, agentId, { agentType: 'claude-code', configuration: {}, ...creation }, [
        ...events.values(),
      ]);
      // A call that a span told is told again by its log, which has the cost.
      const again = [...events.values()].filter((event) => known.has(event.id) && isCall(event) && !isFromSpan(event));
      if (again.length > 0) await replaceSteps(store, agentId, again, isFromSpan);
    },
  );
}

/** Whether an event is a call of the model by Claude Code, of which a log tells more than a span. */
const isCall = ({ type, metadata }: AgentEvent): boolean =>
  type === 'agent.step-recorded' && metadata?.['requestId'] !== undefined;

const isFromSpan = ({ metadata }: { readonly metadata?: object }): boolean =>
  (metadata as JsonObject | undefined)?.[FROM_SPAN] === true;

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
