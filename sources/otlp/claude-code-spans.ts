import { eventId } from '../source-event.ts';
import { chatAction, toolAction } from '../steps.ts';
import { usageOfClaudeCode } from '../usage.ts';
import type { AgentEvent } from './agent-stream.ts';
import { type Attributes, textIn } from './attributes.ts';
import { amountIn, callEvent, creationOf, isClaudeCode, tellerOf } from './claude-code.ts';
import { stepWith } from './conventions.ts';
import { type LoggedEvent, stepEvent } from './logged-event.ts';
import { asText } from './texts.ts';
import type { ToldSpan } from './told-span.ts';

/** The member of the metadata of a step that a span told, where a log tells more. */
export const FROM_SPAN = 'fromSpan';

/**
 * What a span of Claude Code tells of its session: what its logs tell, too, with the same ids, but without the cost. So a
 * session whose logs are not sent shows by its spans. (Spans of version 2.1.332, with `CLAUDE_CODE_ENHANCED_TELEMETRY_BETA`.)
 */
export function claudeCodeSpan(span: ToldSpan): LoggedEvent | undefined {
  const { attributes, resource } = span;
  const session = textIn(attributes, 'session.id');
  if (!isClaudeCode(resource) || session === undefined) return undefined;
  const teller = tellerOf(session, textIn(attributes, 'agent_id'), helperType(attributes));
  const event = eventOf(teller.agentId, span);
  return event && { ...creationOf(teller, resource), events: [event] };
}

/** `agent.builtin.Explore` is a sub-agent of the type Explore. */
const helperType = (attributes: Attributes): string | undefined =>
  /^agent\.[^.]+\.(.+)$/.exec(textIn(attributes, 'query_source_safe') ?? '')?.[1];

function eventOf(agentId: string, span: ToldSpan): AgentEvent | undefined {
  const { attributes, end: at, error } = span;
  const durationMs = amountIn(attributes, 'duration_ms') ?? span.durationMs;
  const [request, call] = [textIn(attributes, 'request_id'), textIn(attributes, 'tool_use_id')];
  switch (textIn(attributes, 'span.type')) {
    case 'llm_request': {
      if (request === undefined) return undefined;
      const usage = usageOfClaudeCode(attributes);
      const action = chatAction(textIn(attributes, 'model'));
      const step = stepWith({ action, observation: asText(error), durationMs, usage });
      return callEvent(agentId, request, at, step, { [FROM_SPAN]: true });
    }
    case 'tool': {
      if (call === undefined) return undefined;
      const given = textIn(attributes, 'full_command', 'file_path', 'skill_name', 'subagent_type');
      const action = asText(toolAction(textIn(attributes, 'tool_name'), given));
      const observation = asText(error ?? textIn(span.events['tool.output'] ?? {}, 'output', 'content'));
      return stepEvent(eventId(agentId, call), at, stepWith({ action, observation, durationMs }));
    }
    default:
      return undefined;
  }
}
