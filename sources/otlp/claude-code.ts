import { digest, fitId } from '../names.ts';
import { eventId } from '../source-event.ts';
import { chatAction, toolAction } from '../steps.ts';
import { usageOfClaudeCode } from '../usage.ts';
import type { AgentEvent } from './agent-stream.ts';
import { type Attributes, textIn } from './attributes.ts';
import { stepWith } from './conventions.ts';
import { type LoggedEvent, stepEvent } from './logged-event.ts';
import { asText } from './texts.ts';
import type { ToldLog } from './told-log.ts';
import type { Step } from './told-span.ts';

const PREFIX = 'claude_code.';

/**
 * What a log record of Claude Code tells of its session. A sub-agent is known by its name only, so all sub-agents of one
 * name in a session are one agent. No record says that a session ended. (code.claude.com/docs/en/monitoring-usage.)
 */
export function claudeCodeEvent({ event: name, at, attributes, resource }: ToldLog): LoggedEvent | undefined {
  const isOurs = name.startsWith(PREFIX) || /^claude-code/.test(textIn(resource, 'service.name') ?? '');
  const session = textIn(attributes, 'session.id');
  if (!isOurs || session === undefined) return undefined;
  const kind = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  const main = fitId(session);
  const helper = textIn(attributes, kind === 'subagent_completed' ? 'agent_type' : 'agent.name');
  const agentId = helper === undefined ? main : fitId(`${session}:${helper}`);
  const event =
    kind === 'subagent_completed'
      ? ended(agentId, at, attributes)
      : recorded(kind, { session, agentId }, at, attributes);
  if (!event) return undefined;
  const version = textIn(resource, 'service.version');
  const configuration = {
    service: 'claude-code',
    ...(version !== undefined && { serviceVersion: version.toWellFormed() }),
  };
  const agentType = helper?.toWellFormed().slice(0, 128) ?? 'claude-code';
  return { agentId, creation: { agentType, configuration, ...(agentId !== main && { parentId: main }) }, event };
}

function recorded(
  kind: string,
  { session, agentId }: Teller,
  at: number,
  attributes: Attributes,
): AgentEvent | undefined {
  const step = stepOf(kind, attributes);
  const id = sharedId(kind, agentId, attributes) ?? idOf(kind, session, at, attributes);
  return step && stepEvent(id, at, step);
}

interface Teller {
  readonly session: string;
  readonly agentId: string;
}

/** The id of a step that hooks and the file of the session tell, too: of a tool or a prompt. */
function sharedId(kind: string, agentId: string, attributes: Attributes): string | undefined {
  const isTool = kind === 'tool_result' || kind === 'tool_decision';
  const call = isTool ? textIn(attributes, 'tool_use_id') : undefined;
  const prompt = kind === 'user_prompt' ? textIn(attributes, 'prompt.id') : undefined;
  const key = call ?? (prompt && `prompt:${prompt}`);
  return key === undefined ? undefined : eventId(agentId, key);
}

/** A call of the API, of a tool and a prompt have ids; other records of a session have a number. */
function idOf(kind: string, session: string, at: number, attributes: Attributes): string {
  const own =
    textIn(attributes, 'request_id', 'client_request_id', 'tool_use_id') ??
    `#${textIn(attributes, 'event.sequence') ?? at}`;
  const attempt = kind === 'api_error' ? textIn(attributes, 'attempt', 'event.sequence') : undefined;
  return `claude-code-${digest(JSON.stringify([session, kind, own, attempt]))}`;
}

function stepOf(kind: string, attributes: Attributes): Step | undefined {
  const durationMs = amountIn(attributes, 'duration_ms');
  const error = asText(textIn(attributes, 'error', 'error_type'));
  switch (kind) {
    case 'user_prompt':
      return stepWith({ action: 'prompt', observation: asText(textIn(attributes, 'prompt')) });
    case 'assistant_response':
      return stepWith({ action: 'answer', thought: asText(textIn(attributes, 'response')) });
    case 'api_request':
      return stepWith({
        action: chatAction(textIn(attributes, 'model')),
        durationMs,
        usage: usageOfClaudeCode(attributes),
      });
    case 'api_error':
    case 'api_refusal':
    case 'api_retries_exhausted':
      return stepWith({ action: chatAction(textIn(attributes, 'model')), observation: error ?? kind, durationMs });
    case 'tool_result': {
      const result = textIn(attributes, 'success') === 'false' ? (error ?? 'failed') : undefined;
      const given = textIn(attributes, 'tool_input', 'tool_parameters');
      return stepWith({
        action: asText(toolAction(textIn(attributes, 'tool_name'), given)),
        observation: result ?? asText(textIn(attributes, 'tool_output')),
        durationMs,
      });
    }
    case 'tool_decision':
      if (textIn(attributes, 'decision') !== 'reject') return undefined;
      return stepWith({
        action: asText(toolAction(textIn(attributes, 'tool_name'), textIn(attributes, 'tool_parameters'))),
        observation: `rejected by ${textIn(attributes, 'source') ?? 'the user'}`,
      });
    case 'compaction':
      return stepWith({ action: 'compact', durationMs });
    default:
      return undefined;
  }
}

function ended(agentId: string, at: number, attributes: Attributes): AgentEvent {
  const number = textIn(attributes, 'event.sequence') ?? at;
  return {
    id: `claude-code-${digest(JSON.stringify([agentId, 'subagent_completed', number]))}`,
    type: 'agent.state-changed',
    at,
    data: { previousState: 'running', newState: 'stopped', reason: 'the sub-agent completed' },
  };
}

/** A number that may be a text; undefined when it is no amount. */
export function amountIn(attributes: Attributes, name: string): number | undefined {
  const value = Number(textIn(attributes, name));
  return value >= 0 && value <= 1e15 ? value : undefined;
}
