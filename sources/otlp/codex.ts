import { digest, fitId } from '../names.ts';
import { eventId } from '../source-event.ts';
import { chatAction, toolAction } from '../steps.ts';
import { usageOfCodexLog } from '../usage.ts';
import { type Attributes, textIn } from './attributes.ts';
import { amountIn } from './claude-code.ts';
import { stepWith } from './conventions.ts';
import { type LoggedEvent, stepEvent } from './logged-event.ts';
import { asText, toldText } from './texts.ts';
import type { ToldLog } from './told-log.ts';
import type { Step } from './told-span.ts';

const PREFIX = 'codex.';

/**
 * What a log record of Codex tells of its conversation. No record says that a conversation ended. Codex tells the end of each
 * answer twice, the second time with its tokens. (openai/codex, codex-rs/otel/src/events/session_telemetry.rs; records of
 * codex 0.171.)
 */
export function codexEvent({ event: name, at, attributes, resource }: ToldLog): LoggedEvent | undefined {
  const conversation = textIn(attributes, 'conversation.id');
  if (!name.startsWith(PREFIX) || conversation === undefined) return undefined;
  const kind = name.slice(PREFIX.length);
  const step = stepOf(kind, attributes);
  if (!step) return undefined;
  const known = {
    service: textIn(resource, 'service.name') ?? 'codex',
    serviceVersion: textIn(attributes, 'app.version'),
    provider: textIn(attributes, 'provider_name'),
    model: textIn(attributes, 'model'),
  };
  const told = Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const configuration = Object.fromEntries(told.map(([member, value]) => [member, value.toWellFormed()]));
  // A call of a tool has an id, as in the file of the session. Other records have their time and their content.
  const agentId = fitId(conversation);
  const call = textIn(attributes, 'call_id');
  const id =
    call === undefined ? `codex-${digest(JSON.stringify([conversation, kind, [at, step]]))}` : eventId(agentId, call);
  return { agentId, creation: { agentType: 'codex', configuration }, events: [stepEvent(id, at, step)] };
}

function stepOf(kind: string, attributes: Attributes): Step | undefined {
  const durationMs = amountIn(attributes, 'duration_ms');
  const error = asText(textIn(attributes, 'error.message'));
  switch (kind) {
    case 'conversation_starts':
      return stepWith({ action: 'start' });
    case 'user_prompt':
      return stepWith({ action: 'prompt', observation: toldText(attributes, 'prompt') });
    case 'sse_event': {
      const usage = textIn(attributes, 'event.kind') === 'response.completed' ? usageOfCodexLog(attributes) : undefined;
      const action = chatAction(textIn(attributes, 'model'));
      if (usage) return stepWith({ action, durationMs, observation: error, usage });
      return error === undefined ? undefined : stepWith({ action, observation: error, durationMs });
    }
    case 'api_request':
      if (error === undefined) return undefined;
      return stepWith({ action: chatAction(textIn(attributes, 'model')), observation: error, durationMs });
    case 'tool_result':
      return stepWith({
        action: asText(toolAction(textIn(attributes, 'tool_name'), textIn(attributes, 'arguments'))),
        observation: asText(textIn(attributes, 'output')) ?? error,
        durationMs,
      });
    case 'tool_decision':
      if (!/^(denied|abort|reject)/.test(textIn(attributes, 'decision') ?? '')) return undefined;
      return stepWith({
        action: asText(toolAction(textIn(attributes, 'tool_name'), undefined)),
        observation: 'denied',
      });
    default:
      return undefined;
  }
}
