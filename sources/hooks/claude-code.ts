import type { NewEvent } from '../../core/events/catalogue.ts';
import type { AgentState } from '../../events/agent.ts';
import { fitId } from '../names.ts';
import { asText } from '../otlp/texts.ts';
import { textOf } from '../session-files/claude-line.ts';
import { eventId } from '../source-event.ts';
import { toolAction } from '../steps.ts';
import type { ClaudeHook } from './claude-hook.ts';

/** The name of this source in events. */
export const SOURCE = 'claude-code';

/** What is known of an agent when a hook arrives. */
export interface KnownAgent {
  /** `none` before the agent exists. */
  readonly state: AgentState | 'none';
  /** The version of its stream. */
  readonly version: number;
}

/** An event with the id that the source gives it. */
export type HookEvent = NewEvent & { readonly id: string };

/**
 * The agent of a hook: the session, or a sub-agent of the session with the id that its file has. The ids are those of an
 * import of the session's files.
 */
export function agentOf({ session_id, agent_id }: ClaudeHook): { agentId: string; parentId?: string } {
  const session = fitId(session_id);
  return agent_id === undefined
    ? { agentId: session }
    : { agentId: fitId(`${session}:${agent_id}`), parentId: session };
}

/**
 * The events that a hook tells of its agent; none for hooks that tell nothing new. The ids of the steps of tools and prompts
 * are those of telemetry and of session files, so whichever source comes first tells the step.
 * @param at when the hook arrived; hooks have no time
 */
export function eventsOf(hook: ClaudeHook, known: KnownAgent, at: Date): readonly HookEvent[] {
  const { agentId, parentId } = agentOf(hook);
  const common = { timestamp: at.toISOString(), source: SOURCE };
  const told = { ...toldBy(hook, known) };
  const events: HookEvent[] = [];
  if (known.state === 'none') {
    const { cwd, permission_mode: permissionMode, model } = hook;
    const facts = Object.entries({ tool: 'claude-code', cwd, permissionMode, model });
    const configuration = Object.fromEntries(
      facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value.toWellFormed()]])),
    );
    const agentType = hook.agent_type?.toWellFormed().slice(0, 128) || 'claude-code';
    const data = { agentId, agentType, configuration, createdBy: SOURCE, ...(parentId !== undefined && { parentId }) };
    events.push({ ...common, id: eventId(agentId, 'created'), type: 'agent.created', data });
  }
  if (told.step) {
    const { key, ...step } = told.step;
    const members = Object.entries(step).filter(([, value]) => value !== undefined);
    const data = { agentId, action: 'unknown', ...Object.fromEntries(members) };
    const metadata = hook.tool_use_id === undefined ? {} : { metadata: { toolUseId: hook.tool_use_id.toWellFormed() } };
    events.push({ ...common, ...metadata, id: eventId(agentId, key), type: 'agent.step-recorded', data });
  }
  const previousState = known.state === 'none' ? 'created' : known.state;
  if (told.state && told.state !== previousState) {
    const reason = (told.reason ?? hook.hook_event_name).toWellFormed().slice(0, 4096);
    const waitingFor = told.waitingFor?.toWellFormed().slice(0, 1_024);
    const data = { agentId, previousState, newState: told.state, reason, ...(waitingFor && { waitingFor }) };
    const id = eventId(agentId, `hook:${known.version}:${told.state}`);
    events.push({ ...common, id, type: 'agent.state-changed', data });
  }
  return events;
}

interface Told {
  readonly state?: AgentState | undefined;
  readonly reason?: string | undefined;
  readonly waitingFor?: string | undefined;
  readonly step?: {
    readonly key: string;
    readonly action?: string | undefined;
    readonly observation?: string | undefined;
    readonly durationMs?: number | undefined;
  };
}

function toldBy(hook: ClaudeHook, known: KnownAgent): Told {
  const { prompt_id: promptId, prompt, background_tasks: tasks = [] } = hook;
  switch (hook.hook_event_name) {
    case 'SessionStart':
      // A resumed session waits for a prompt. A compaction starts a session, too, in the middle of its work.
      return known.state === 'stopped' || known.state === 'failed' ? { state: 'idle', reason: hook.source } : {};
    case 'SubagentStart':
      return { state: 'running' };
    case 'UserPromptSubmit': {
      const key = `prompt:${promptId ?? `hook.${known.version}`}`;
      return { state: 'running', step: { key, action: 'prompt', observation: asText(prompt) } };
    }
    case 'PreToolUse':
    case 'ElicitationResult':
      return goesOn(known);
    case 'PostToolUse':
      return { ...goesOn(known), ...toolStep(hook, observed(hook.tool_response)) };
    case 'PostToolUseFailure':
      return { ...goesOn(known), ...toolStep(hook, hook.error ?? 'failed') };
    case 'PermissionDenied':
      return { ...goesOn(known), ...toolStep(hook, `rejected: ${hook.reason ?? 'no reason'}`) };
    case 'PermissionRequest':
      return waits(known, `permission for ${toolAction(hook.tool_name, hook.tool_input)}`);
    case 'Elicitation':
      return waits(known, hook.message);
    case 'Notification':
      return isQuestion(hook.notification_type) ? waits(known, hook.message) : {};
    case 'Stop':
      // Work in the background goes on.
      return tasks.length > 0 || known.state === 'stopped' ? {} : { state: 'idle', reason: 'its turn is over' };
    case 'StopFailure':
      return { state: 'failed', reason: hook.error };
    case 'SubagentStop':
      return tasks.length > 0 ? {} : { state: 'stopped', reason: 'the sub-agent completed' };
    case 'SessionEnd':
      return { state: 'stopped', reason: hook.reason };
    default:
      return {};
  }
}

/** A hook may overtake another: what comes after the end does not undo it. */
const goesOn = ({ state }: KnownAgent): Told => (state === 'stopped' ? {} : { state: 'running' });

const waits = ({ state }: KnownAgent, reason: string | undefined): Told =>
  state === 'stopped' ? {} : { state: 'waiting', reason, waitingFor: reason };

/** Other notifications say that the user is away, or that a login succeeded. Older versions name no type. */
const isQuestion = (type: string | undefined): boolean =>
  type === undefined || type === 'permission_prompt' || type === 'elicitation_dialog';

function toolStep(hook: ClaudeHook, observation: string): Pick<Told, 'step'> {
  const { tool_use_id: key, tool_name, tool_input, duration_ms: durationMs } = hook;
  if (key === undefined) return {};
  const action = asText(toolAction(tool_name, tool_input));
  return { step: { key, action, observation: asText(observation), durationMs } };
}

/** What a tool gave, as text: what a command printed, the texts of content blocks, else JSON. */
function observed(response: unknown): string {
  if (typeof response !== 'object' || response === null || Array.isArray(response)) return textOf(response);
  const { stdout, stderr, content } = response as Record<string, unknown>;
  if (typeof stdout === 'string') return [stdout, stderr].filter((text) => typeof text === 'string' && text).join('\n');
  return Array.isArray(content) || typeof content === 'string' ? textOf(content) : JSON.stringify(response);
}
