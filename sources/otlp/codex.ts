import { digest, fitId } from '../names.ts';
import { chatAction, toolAction } from '../steps.ts';
import { usageOfCodexLog } from '../usage.ts';
import { type Attributes, textIn } from './attributes.ts';
import { amountIn } from './claude-code.ts';
import { stepWith } from './conventions.ts';
import { type LoggedEvent, stepEvent } from './logged-event.ts';
import { asText } from './texts.ts';
import type { ToldLog } from './told-log.ts';
import type { Step } from './told-span.ts';

const PREFIX = 'codex.';

/**
 * What a log record of Codex tells of its conversation. No record says that a conversation ended.
 * (openai/codex, codex-rs/otel/src/events/session_telemetry.rs.)
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
  // A call of a tool has an id. Other records have their time, to the millisecond, and their content.
  const own = textIn(attributes, 'call_id') ?? [at, step];
  const id = `codex-${digest(JSON.stringify([conversation, kind, own]))}`;
  return {
    agentId: fitId(conversation),
    creation: { agentType: 'codex', configuration },
    event: stepEvent(id, at, step),
  };
}

function stepOf(kind: string, attributes: Attributes): Step | undefined {
  const durationMs = amountIn(attributes, 'duration_ms');
  const error = asText(textIn(attributes, 'error.message'));
  switch (kind) {
    case 'conversation_starts':
      return stepWith({ action: 'start' });
    case 'user_prompt':
      return stepWith({ action: 'prompt', observation: asText(textIn(attributes, 'prompt')) });
    case 'sse_event': {
      const completed = textIn(attributes, 'event.kind') === 'response.completed';
      const action = chatAction(textIn(attributes, 'model'));
      if (completed) return stepWith({ action, durationMs, observation: error, usage: usageOfCodexLog(attributes) });
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
