import type { JsonObject } from '../../core/events/json.ts';
import { callId } from '../claude-calls.ts';
import { digest, fitId } from '../names.ts';
import { eventId } from '../source-event.ts';
import { chatAction, toolAction } from '../steps.ts';
import { usageOfClaudeCode } from '../usage.ts';
import type { AgentEvent } from './agent-stream.ts';
import { type Attributes, textIn } from './attributes.ts';
import { stepWith } from './conventions.ts';
import { type LoggedEvent, stepEvent } from './logged-event.ts';
import { asText, toldText } from './texts.ts';
import type { ToldLog } from './told-log.ts';
import type { Step } from './told-span.ts';

const PREFIX = 'claude_code.';

/**
 * What a log record of Claude Code tells of its session. Versions that do not tell the id of a sub-agent tell its name, so
 * there all sub-agents of one name in a session are one agent. No record says that a session ended.
 * (code.claude.com/docs/en/monitoring-usage; records of version 2.1.332.)
 */
export function claudeCodeEvent({ event: name, at, attributes, resource }: ToldLog): LoggedEvent | undefined {
  const session = textIn(attributes, 'session.id');
  if (!(name.startsWith(PREFIX) || isClaudeCode(resource)) || session === undefined) return undefined;
  const kind = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  const helper = textIn(attributes, kind === 'subagent_completed' ? 'agent_type' : 'agent.name');
  const teller = tellerOf(session, textIn(attributes, 'agent_id') ?? helper, helper);
  const events =
    kind === 'subagent_completed' ? ended(teller, at, attributes) : recorded(kind, teller, session, at, attributes);
  return events.length === 0 ? undefined : { ...creationOf(teller, resource), events };
}

/** Whether a resource is Claude Code. */
export const isClaudeCode = (resource: Attributes): boolean =>
  /^claude-code/.test(textIn(resource, 'service.name') ?? '');

/** The agent that a record is of. */
interface Teller {
  readonly agentId: string;
  readonly parentId?: string;
  /** Unknown for a sub-agent whose records do not name its type. */
  readonly agentType?: string | undefined;
}

/** @param helper the id of the sub-agent in the session, or its name where it has no id */
export function tellerOf(session: string, helper: string | undefined, type: string | undefined): Teller {
  const main = fitId(session);
  if (helper === undefined) return { agentId: main, agentType: 'claude-code' };
  return { agentId: fitId(`${session}:${helper}`), parentId: main, agentType: type?.toWellFormed().slice(0, 128) };
}

/** What is known of the agent of a record when it is the first. */
export function creationOf(
  { agentId, agentType, parentId }: Teller,
  resource: Attributes,
): Pick<LoggedEvent, 'agentId' | 'creation'> {
  const version = textIn(resource, 'service.version');
  const configuration = {
    service: 'claude-code',
    ...(version !== undefined && { serviceVersion: version.toWellFormed() }),
  };
  return {
    agentId,
    creation: { configuration, ...(agentType && { agentType }), ...(parentId !== undefined && { parentId }) },
  };
}

function recorded(
  kind: string,
  { agentId }: Teller,
  session: string,
  at: number,
  attributes: Attributes,
): AgentEvent[] {
  const step = stepOf(kind, attributes);
  if (!step) return [];
  const request = kind === 'api_request' ? textIn(attributes, 'request_id') : undefined;
  if (request !== undefined) return [callEvent(agentId, request, at, step)];
  const id = sharedId(kind, agentId, attributes) ?? idOf(kind, session, at, attributes);
  return [stepEvent(id, at, step)];
}

/** The event of a call of the model. Spans and the file of the session name the call alike. */
export const callEvent = (agentId: string, request: string, at: number, step: Step, metadata: JsonObject = {}) =>
  stepEvent(callId(agentId, request), at, step, { ...metadata, requestId: request.toWellFormed() });

/** The id of a step that hooks and the file of the session tell, too: of a tool or a prompt. */
function sharedId(kind: string, agentId: string, attributes: Attributes): string | undefined {
  const isTool = kind === 'tool_result' || kind === 'tool_decision';
  const call = isTool ? textIn(attributes, 'tool_use_id') : undefined;
  const prompt = kind === 'user_prompt' ? textIn(attributes, 'prompt.id') : undefined;
  const key = call ?? (prompt && `prompt:${prompt}`);
  return key === undefined ? undefined : eventId(agentId, key);
}

/** A call of the API and of a tool have ids; other records of a session have a number. */
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
      return stepWith({ action: 'prompt', observation: toldText(attributes, 'prompt') });
    case 'assistant_response': {
      // Without its text, the step of the call says the same.
      const thought = toldText(attributes, 'response');
      return thought === undefined ? undefined : stepWith({ action: 'answer', thought });
    }
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

/** The end of a sub-agent. It is the first record that tells the type for certain. */
function ended({ agentId, agentType, parentId }: Teller, at: number, attributes: Attributes): AgentEvent[] {
  const number = textIn(attributes, 'event.sequence') ?? at;
  const id = `claude-code-${digest(JSON.stringify([agentId, 'subagent_completed', number]))}`;
  const data = { previousState: 'running', newState: 'stopped', reason: 'the sub-agent completed' };
  const known = { ...(agentType && { agentType }), ...(parentId !== undefined && { parentId }) };
  return [
    { id: `${id}~type`, type: 'agent.described', at, data: known },
    { id, type: 'agent.state-changed', at, data },
  ];
}

/** A number that may be a text; undefined when it is no amount. */
export function amountIn(attributes: Attributes, name: string): number | undefined {
  const value = Number(textIn(attributes, name));
  return value >= 0 && value <= 1e15 ? value : undefined;
}
