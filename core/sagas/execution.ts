import { createHash } from 'node:crypto';
import { AnnalsError, NotFoundError } from '../base/errors.ts';
import { streamId } from '../base/stream-id.ts';
import type { DomainEvent, EventType } from '../events/catalogue.ts';
import { type CommandResult, handleCommand } from '../state/decider.ts';
import { stateFold } from '../state/fold.ts';
import { StateReader } from '../state/state-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import { linkedSaga } from './causes.ts';
import { stepOf } from './consequences.ts';
import { SAGA_STATE_VERSION, type SagaInput } from './decider.ts';
import { type Directed, inputsOf, type Loss, lossesOf, refOf } from './inputs.ts';
import { type AnySaga, commandIdOf, declarationOf, type ItemContext } from './saga.ts';
import {
  type AnswerRef,
  compensable,
  evolveSaga,
  initialSaga,
  outstanding,
  type SagaRun,
  type SagaState,
} from './state.ts';

export interface SagaExecutionOptions {
  readonly sagas: readonly AnySaga[];
  readonly store: EventStore;
  readonly now?: () => Date;
}

/** States and commit ids that are kept in memory, together: those of some hundred sagas of a hundred agents. */
const CACHE_BYTES = 16 * 1024 * 1024;

/** Every saga's history folds alike, whatever its declaration. */
const SAGA_FOLD = stateFold({
  aggregateType: 'saga',
  stateVersion: SAGA_STATE_VERSION,
  initialState: initialSaga,
  evolve: evolveSaga,
});

/**
 * Carries out sagas against the store, one thing at a time; what runs it, and when, is the host's. Everything here may be
 * repeated: an answer is taken under an id that follows from its place, a command under one that follows from the item.
 */
export class SagaExecution {
  readonly #sagas: readonly AnySaga[];
  readonly #store: EventStore;
  readonly #now: () => Date;
  /** What sagas, and the streams that they command, have come to: an answer then costs the reading of what is new. */
  readonly #states: StateReader;

  constructor({ sagas, store, now = () => new Date() }: SagaExecutionOptions) {
    this.#sagas = sagas;
    this.#store = store;
    this.#states = new StateReader({ store, cacheBytes: CACHE_BYTES });
    this.#now = now;
  }

  /** Every event type that means something to a saga, besides those of sagas' own histories. */
  get types(): readonly EventType[] {
    const types = this.#sagas.flatMap(({ startedBy, answers, steps }) => [
      startedBy,
      ...(Object.keys(answers) as EventType[]),
      ...steps.flatMap(({ party }) => party?.endedBy ?? []),
    ]);
    return [...new Set(types)];
  }

  /** See {@link inputsOf}. */
  inputsOf(event: DomainEvent): Directed[] {
    return inputsOf(this.#sagas, event);
  }

  /** See {@link lossesOf}. */
  lossesOf(event: DomainEvent): Loss[] {
    return lossesOf(this.#sagas, event);
  }

  /**
   * Gives an input to a saga, and writes down what follows.
   * @returns the saga after it; undefined when there is no such saga
   * @throws CommandRejectedError, and what {@link EventStore.append} throws
   */
  async take(sagaId: string, input: SagaInput): Promise<CommandResult<SagaState> | undefined> {
    const declaration = declarationOf(this.#sagas, sagaId);
    if (!declaration) return undefined;
    const commitId = 'answer' in input ? { commitId: answerIdOf(input) } : {};
    try {
      const options = { now: this.#now, states: this.#states, defaults: { source: 'saga' }, ...commitId };
      return await handleCommand(this.#store, linkedSaga(declaration), sagaId, input, options);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /** The saga as its history has it now. */
  async load(sagaId: string): Promise<SagaState> {
    return (await this.#states.load(SAGA_FOLD, streamId('saga', sagaId))).state;
  }

  /**
   * Carries out the command of an outstanding item. When the domain refuses it, the saga takes note.
   * @returns whether it was carried out
   */
  async issue(sagaId: string, saga: SagaState, run: SagaRun): Promise<boolean> {
    const declaration = this.#declaration(sagaId);
    const { step, item } = run;
    const lost = await this.#lost(declaration, run);
    if (lost) {
      await this.take(sagaId, { kind: 'lose', item, ...lost });
      return false;
    }
    try {
      const { decider, id, command } = stepOf(declaration, step).command(contextOf(saga, run));
      const commitId = commandIdOf(sagaId, run, 'do');
      await handleCommand(this.#store, decider, id, command, { ...this.#options(saga, run.begunBy), commitId });
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.take(sagaId, { kind: 'refuse', step, item, reason: error.message });
      return false;
    }
  }

  /** Undoes the item whose turn it is. @throws whatever the compensation's command throws */
  async compensate(sagaId: string, saga: SagaState, run: SagaRun): Promise<SagaState> {
    const { step, item } = run;
    const declaration = this.#declaration(sagaId);
    const context = { ...contextOf(saga, run), reason: saga.reason ?? 'unknown' };
    const { decider, id, command } = stepOf(declaration, step).compensation(context);
    const commitId = commandIdOf(sagaId, run, 'undo');
    await handleCommand(this.#store, decider, id, command, { ...this.#options(saga, saga.turnedBy), commitId });
    return (await this.take(sagaId, { kind: 'undone', step, item }))?.state ?? saga;
  }

  /** The streams of those who are at outstanding items, whose end the saga has to hear of. */
  partiesOf(sagaId: string, saga: SagaState): string[] {
    const declaration = this.#declaration(sagaId);
    return outstanding(saga).flatMap((run) => partyOf(declaration, run) ?? []);
  }

  /** The stream of who is to do an item. */
  partyOf(sagaId: string, run: SagaRun): string | undefined {
    return partyOf(this.#declaration(sagaId), run);
  }

  /** The event that starts the saga which an event of the same stream answers. */
  async startOf({ startedBy }: AnySaga, answer: DomainEvent): Promise<DomainEvent | undefined> {
    const stream = streamId(answer.aggregateType, answer.aggregateId);
    for await (const event of this.#store.read(stream, { to: answer.sequenceNumber })) {
      if (event.type === startedBy) return event;
    }
    return undefined;
  }

  /** Gives a saga up that has not come to its end. */
  async cancelIfRunning(sagaId: string, reason: string): Promise<void> {
    const { status, lastId } = await this.load(sagaId);
    if (status === 'STARTED') await this.take(sagaId, { kind: 'cancel', reason, cause: lastId });
  }

  /** The items of a saga that are lost with the aggregate of an event. */
  lostItems(sagaId: string, saga: SagaState, event: DomainEvent): string[] {
    const declaration = this.#declaration(sagaId);
    const stream = `${event.aggregateType}-${event.aggregateId}`;
    const concerned = saga.runs.filter((run) => partyOf(declaration, run) === stream);
    return concerned.map(({ item }) => item);
  }

  /** The item that is to be undone next. */
  nextCompensation(saga: SagaState): SagaRun | undefined {
    return saga.status === 'COMPENSATING' && !saga.parked ? compensable(saga)[0] : undefined;
  }

  #declaration(sagaId: string): AnySaga {
    const declaration = declarationOf(this.#sagas, sagaId);
    if (!declaration) throw new NotFoundError(`no saga is declared that ${sagaId} could be one of`);
    return declaration;
  }

  /** Whether who is to do an item has come to an end already: that would be the last event of its stream. */
  async #lost(declaration: AnySaga, run: SagaRun): Promise<{ reason: string; answer: AnswerRef } | undefined> {
    const stream = partyOf(declaration, run);
    if (stream === undefined) return undefined;
    for await (const last of this.#store.read(stream, { direction: 'backward', limit: 1 })) {
      const reason = stepOf(declaration, run.step).party?.fails(last);
      if (reason !== undefined) return { reason, answer: refOf(last) };
    }
    return undefined;
  }

  /** Whatever a saga has done belongs to the saga, and is caused by the event of its history that it follows from. */
  #options({ correlationId }: SagaState, causationId: string | undefined) {
    return { now: this.#now, states: this.#states, defaults: { source: 'saga', correlationId, causationId } };
  }
}

/** The id under which a saga takes an answer: the same each time that the event comes. One end may concern many items. */
function answerIdOf({ kind, item, answer }: Extract<SagaInput, { answer: AnswerRef }>): string {
  const place = `${answer.streamId} ${answer.sequenceNumber}${kind === 'lose' ? ` ${item}` : ''}`;
  return `answer-${createHash('sha256').update(place).digest('hex').slice(0, 40)}`;
}

const contextOf = (saga: SagaState, { item, attempt, deadline }: SagaRun): ItemContext<unknown> => ({
  input: saga.input,
  runs: saga.runs,
  item,
  attempt,
  deadline,
});

function partyOf(declaration: AnySaga, { step, item }: SagaRun): string | undefined {
  const party = declaration.steps.find(({ name }) => name === step)?.party;
  return party && streamId(party.aggregateType, party.id(item));
}

/** A rule that the command broke, and would break again; anything else may pass. */
const isRefusal = (error: unknown): error is AnnalsError =>
  error instanceof AnnalsError && !['UNAVAILABLE', 'CONCURRENCY_CONFLICT', 'CORRUPT_DATA'].includes(error.code);
