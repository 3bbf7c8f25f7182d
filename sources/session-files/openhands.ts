import { basename } from 'node:path';
import type { AgentState } from '../../events/agent.ts';
import { AgentRecorder } from '../agent-recorder.ts';
import { utcOf } from '../instant.ts';
import type { Notices, SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { chatAction, toolAction } from '../steps.ts';
import type { Usage } from '../usage.ts';
import { textOf } from './claude-line.ts';
import {
  type OpenHandsEvent,
  type OpenHandsState,
  openHandsEvent,
  openHandsState,
  usageByResponse,
} from './openhands-files.ts';
import { type Naming, sessionId } from './session-names.ts';

// Conversations of OpenHands: a folder with `base_state.json` and `events/event-00000-<id>.json`
// (OpenHands/software-agent-sdk v1.43.1).

const STATE_FILE = 'base_state.json';

/** The files of a conversation. */
export interface Conversation {
  /** The folder. */
  readonly path: string;
  readonly state: SourceFile | undefined;
  /** In the order of their names. */
  readonly events: AsyncIterable<SourceFile> | Iterable<SourceFile>;
}

/** A conversation of OpenHands. */
export function openHandsPart(conversation: Conversation, naming: Naming): SourcePart {
  return {
    name: conversation.path,
    checkFirst: false,
    events: (notices) => conversationEvents(conversation, naming, notices),
  };
}

async function* conversationEvents(
  { path, state: stateFile, events }: Conversation,
  naming: Naming,
  notices: Notices,
): AsyncGenerator<SourceEvent> {
  const state = openHandsState.parse((stateFile && (await readJson(stateFile))) ?? {});
  const thread = new OpenHandsThread(
    new AgentRecorder(sessionId(state.id ?? basename(path), naming), stateFile?.modifiedAt),
    state,
    notices,
  );
  for await (const file of events) {
    const place = file.path.split(/[\\/]/).at(-1) ?? file.path;
    const value = await readJson(file);
    const parsed = openHandsEvent.safeParse(value);
    if (parsed.success) yield* thread.event(parsed.data, place);
    else notices.problem(place, 'is no JSON object, so it was left out');
  }
  yield* thread.end(stateFile?.modifiedAt);
}

async function readJson(file: SourceFile): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of file.read()) pieces.push(chunk);
  try {
    return JSON.parse(new TextDecoder().decode(Buffer.concat(pieces)));
  } catch {
    return undefined;
  }
}

interface Call {
  readonly event: OpenHandsEvent;
  readonly at: string | undefined;
  readonly place: string;
}

class OpenHandsThread {
  readonly #recorder: AgentRecorder;
  readonly #state: OpenHandsState;
  readonly #notices: Notices;
  readonly #calls = new Map<string, Call>();
  readonly #usage: Map<string, Usage>;
  #events = 0;

  constructor(recorder: AgentRecorder, state: OpenHandsState, notices: Notices) {
    this.#recorder = recorder;
    this.#state = state;
    this.#notices = notices;
    this.#usage = usageByResponse(state);
  }

  *event(event: OpenHandsEvent, place: string): Generator<SourceEvent> {
    const at = utcOf(event.timestamp ?? undefined);
    this.#events++;
    if (!this.#recorder.isCreated) yield* this.#begin(at, place);
    const told = { at, place, key: event.id ?? place };
    switch (event.kind) {
      case 'ActionEvent':
        return void this.#calls.set(event.tool_call_id ?? event.id ?? place, { event, at, place });
      case 'ObservationEvent':
      case 'UserRejectObservation':
      case 'AgentErrorEvent':
        return yield* this.#result(event, told);
      case 'MessageEvent':
        return yield this.#message(event, told);
      case 'ACPToolCallEvent':
        return yield this.#recorder.step(
          { ...told, kept: event },
          { action: toolAction(event.tool_name ?? 'tool', event.action) },
        );
      case 'ConversationErrorEvent':
        return yield this.#recorder.step(
          { ...told, kept: event },
          { action: 'error', observation: [event.code, event.detail].filter(Boolean).join(': ').toWellFormed() },
        );
      case 'Condensation':
        return yield this.#recorder.step({ ...told, kept: event }, { action: 'compact' });
      default:
        if (!KEPT_KINDS.has(event.kind ?? '')) this.#notices.count(`events of kind ${event.kind ?? 'unknown'}, kept`);
        this.#recorder.keep(event);
    }
  }

  /** The end, where the state of the conversation tells one. */
  *end(at: string | undefined): Generator<SourceEvent> {
    if (!this.#recorder.isCreated) yield* this.#begin(at, STATE_FILE);
    this.#notices.count('calls without a result so far', this.#calls.size);
    const status = this.#state.execution_status ?? 'running';
    const newState = STATES[status];
    const told = { key: `state:${status}:${this.#events}`, at, place: STATE_FILE };
    if (newState) yield this.#recorder.current(told, newState, status);
  }

  *#begin(at: string | undefined, place: string): Generator<SourceEvent> {
    const { agent, workspace } = this.#state;
    const configuration = { tool: 'openhands', model: agent?.llm?.model, workspace } as never;
    yield this.#recorder.create({ key: 'created', at, place }, { agentType: 'openhands', configuration });
    yield* this.#recorder.state({ key: 'running', at, place }, 'running', 'the conversation begins');
  }

  #message(event: OpenHandsEvent, told: { at: string | undefined; place: string; key: string }): SourceEvent {
    const said = textOf(event.llm_message?.content).toWellFormed();
    const { llm_message: _, ...kept } = event;
    if (event.source !== 'agent') {
      return this.#recorder.step({ ...told, kept }, { action: 'prompt', observation: said });
    }
    const usage = this.#take(event.llm_response_id);
    return this.#recorder.step(
      { ...told, kept },
      { action: chatAction(this.#state.agent?.llm?.model ?? undefined), thought: said, ...(usage ? { usage } : {}) },
    );
  }

  *#result(
    event: OpenHandsEvent,
    { at, place, key }: { at: string | undefined; place: string; key: string },
  ): Generator<SourceEvent> {
    const id = event.tool_call_id ?? '';
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    const { kind: _, ...given } = (call?.event.action ?? {}) as Record<string, unknown>;
    const thought = call && [call.event.reasoning_content, textOf(call.event.thought)].filter(Boolean).join('\n');
    const usage = this.#take(call?.event.llm_response_id);
    const observation = event.error ?? observed(event.observation);
    const durationMs = call?.at && at ? Math.max(Date.parse(at) - Date.parse(call.at), 0) : undefined;
    const { thought: __, action: ___, reasoning_content: ____, ...more } = call?.event ?? {};
    yield this.#recorder.step(
      { key, at, place, kept: { call: more, result: event } },
      {
        action: toolAction(call?.event.tool_name ?? event.tool_name ?? undefined, given).toWellFormed(),
        observation: observation.toWellFormed(),
        ...(thought ? { thought: thought.toWellFormed() } : {}),
        ...(durationMs === undefined ? {} : { durationMs }),
        ...(usage ? { usage } : {}),
      },
    );
  }

  /** The usage of a response, once: its parallel actions share it. */
  #take(response: string | null | undefined): Usage | undefined {
    const usage = this.#usage.get(response ?? '');
    this.#usage.delete(response ?? '');
    return usage;
  }
}

function observed(observation: unknown): string {
  const content = (observation as { content?: unknown } | null | undefined)?.content;
  return content === undefined ? textOf(observation) : textOf(content);
}

/** The states of the execution. */
const STATES: Readonly<Record<string, AgentState>> = {
  running: 'running',
  idle: 'idle',
  paused: 'waiting',
  waiting_for_confirmation: 'waiting',
  finished: 'stopped',
  error: 'failed',
  stuck: 'failed',
};

const KEPT_KINDS: ReadonlySet<string> = new Set([
  'SystemPromptEvent',
  'ConversationStateUpdateEvent',
  'PauseEvent',
  'InterruptEvent',
  'CondensationRequest',
]);
