import type { EventData, EventType, NewEvent } from '../core/events/catalogue.ts';
import type { JsonObject } from '../core/events/json.ts';
import type { AgentState } from '../events/agent.ts';
import { cleanJson, cleanObject, fitting, fittingEvent } from './clean-json.ts';
import { eventId, type SourceEvent } from './source-event.ts';

/** What an event of a source has besides its data. */
export interface Told {
  /** Names the event in the stream. */
  readonly key: string;
  /** The content, when the key is only a number: see {@link eventId}. */
  readonly content?: unknown;
  /** When it happened; ISO 8601, UTC. */
  readonly at?: string | undefined;
  readonly place: string;
  /** Whatever else the source tells. It is kept as metadata. */
  readonly kept?: object | undefined;
}

type Step = Omit<EventData<'agent.step-recorded'>, 'agentId'>;
type Creation = Omit<EventData<'agent.created'>, 'agentId' | 'createdBy' | 'metadata'>;

/** Most bytes of records that wait for an event to be kept with. */
const MAX_ASIDE_BYTES = 1024 * 1024;

/** Makes the events of an agent from what a source tells, in order. */
export class AgentRecorder {
  readonly agentId: string;
  #state: AgentState | undefined;
  /** The time of the last event; that of an event without a time, too. */
  #at: string | undefined;
  readonly #exact: boolean;
  #aside: unknown[] = [];
  #asideBytes = 0;

  /**
   * @param at the time of events before the first time of the source
   * @param exact data are told as they are. Data that no event may have are then refused, before anything of a file that
   * can be mended is sent. Otherwise half surrogates become U+FFFD and very long texts are cut, so that no step of a
   * session is lost.
   */
  constructor(agentId: string, at?: string, { exact = false } = {}) {
    this.agentId = agentId;
    this.#at = at;
    this.#exact = exact;
  }

  get isCreated(): boolean {
    return this.#state !== undefined;
  }

  /** The agent exists. */
  create(told: Told, { agentType, configuration, parentId }: Creation): SourceEvent {
    this.#state = 'created';
    return this.#event('agent.created', told, {
      agentId: this.agentId,
      agentType: agentType.toWellFormed().slice(0, 128) || 'unknown',
      configuration: cleanObject(configuration),
      createdBy: 'import',
      ...(parentId === undefined ? {} : { parentId }),
    });
  }

  /** The agent goes to a state; nothing when it is there already. */
  *state(told: Told, newState: AgentState, reason: string): Generator<SourceEvent> {
    if (newState !== this.#state && this.#state !== 'stopped') yield this.current(told, newState, reason);
  }

  /**
   * The state of the agent by a source that tells only the latest. An import before this may have met another state, so the
   * event is told even when nothing else changed the state; an agent that is there already gets no event.
   */
  current(told: Told, newState: AgentState, reason: string): SourceEvent {
    const previousState = this.#state ?? 'created';
    this.#state = newState;
    return this.#event('agent.state-changed', told, {
      agentId: this.agentId,
      previousState,
      newState,
      reason: reason.slice(0, 4096),
    });
  }

  /** A step. */
  step(told: Told, step: Step): SourceEvent {
    return this.#event('agent.step-recorded', told, { agentId: this.agentId, ...step });
  }

  /** Keeps a record that is no event. It becomes metadata of the next event. */
  keep(record: unknown): void {
    this.#asideBytes += Buffer.byteLength(JSON.stringify(record) ?? '');
    if (this.#asideBytes <= MAX_ASIDE_BYTES) this.#aside.push(record);
  }

  #event<T extends EventType>(type: T, told: Told, given: object): SourceEvent {
    const { key, content, at = this.#at, place, kept } = told;
    this.#at = at;
    const metadata: JsonObject = kept ? cleanObject(kept) : {};
    if (this.#aside.length > 0) metadata['records'] = cleanJson(this.#aside);
    this.#aside = [];
    this.#asideBytes = 0;
    const beside = fitting(metadata);
    const { data, metadata: fitted } = this.#exact
      ? { data: given, metadata: beside }
      : fittingEvent(cleanObject(given), beside);
    const event = {
      id: eventId(this.agentId, key, content),
      type,
      source: 'import',
      ...(at === undefined ? {} : { timestamp: at }),
      ...(Object.keys(fitted).length > 0 ? { metadata: fitted } : {}),
      data,
    };
    return { streamId: `agent-${this.agentId}`, event: event as unknown as NewEvent & { id: string }, place };
  }
}
