import { createHash } from 'node:crypto';
import type { DomainEvent, EventType } from '../../events/catalogue.ts';
import { AnnalsError, NotFoundError } from '../base/errors.ts';
import { streamId } from '../base/stream-id.ts';
import { type CommandResult, handleCommand } from '../state/decider.ts';
import type { EventStore } from '../store/event-store.ts';
import { stepOf } from './consequences.ts';
import { type SagaInput, sagaDecider } from './decider.ts';
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

/**
 * Carries out sagas against the store, one thing at a time; what runs it, and when, is the host's. Everything here may be
 * repeated: an answer is taken under an id that follows from its place, a command under one that follows from the item.
 */
export class SagaExecution {
  readonly #sagas: readonly AnySaga[];
  readonly #store: EventStore;
  readonly #now: () => Date;

  constructor({ sagas, store, now = () => new Date() }: SagaExecutionOptions) {
    this.#sagas = sagas;
    this.#store = store;
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
  async take(sagaId: string, input: SagaInput, cause?: DomainEvent): Promise<CommandResult<SagaState> | undefined> {
    const declaration = declarationOf(this.#sagas, sagaId);
    if (!declaration) return undefined;
    const answer = 'answer' in input ? input.answer : undefined;
    try {
      return await handleCommand(this.#store, sagaDecider(declaration), sagaId, input, {
        ...this.#options(cause),
        ...(answer ? { commitId: answerIdOf(answer) } : {}),
      });
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /** The saga as its history has it now. */
  async load(sagaId: string): Promise<SagaState> {
    let saga = initialSaga;
    for await (const event of this.#store.read(streamId('saga', sagaId))) saga = evolveSaga(saga, event as never);
    return saga;
  }

  /**
   * Carries out the command of an outstanding item; when the domain refuses it, the saga hears of that.
   * @returns whether it was carried out
   */
  async issue(sagaId: string, saga: SagaState, run: SagaRun, cause?: DomainEvent): Promise<boolean> {
    const declaration = this.#declaration(sagaId);
    const { step, item } = run;
    const lost = await this.#lost(declaration, run);
    if (lost) {
      await this.take(sagaId, { kind: 'lose', item, ...lost }, cause);
      return false;
    }
    try {
      const { decider, id, command } = stepOf(declaration, step).command(contextOf(saga, run));
      const commitId = commandIdOf(sagaId, run, 'do');
      await handleCommand(this.#store, decider, id, command, { ...this.#options(cause), commitId });
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.take(sagaId, { kind: 'refuse', step, item, reason: error.message }, cause);
      return false;
    }
  }

  /** Undoes the item whose turn it is. @throws whatever the compensation's command throws */
  async compensate(sagaId: string, saga: SagaState, run: SagaRun, cause?: DomainEvent): Promise<SagaState> {
    const { step, item } = run;
    const declaration = this.#declaration(sagaId);
    const context = { ...contextOf(saga, run), reason: saga.reason ?? 'unknown' };
    const { decider, id, command } = stepOf(declaration, step).compensation(context);
    const commitId = commandIdOf(sagaId, run, 'undo');
    await handleCommand(this.#store, decider, id, command, { ...this.#options(cause), commitId });
    return (await this.take(sagaId, { kind: 'undone', step, item }, cause))?.state ?? saga;
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
    if ((await this.load(sagaId)).status === 'STARTED') await this.take(sagaId, { kind: 'cancel', reason });
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

  #options(cause: DomainEvent | undefined) {
    return {
      now: this.#now,
      defaults: { source: 'saga', correlationId: cause?.correlationId, causationId: cause?.id },
    };
  }
}

/** The id under which a saga takes an answer: the same each time that the event comes. */
function answerIdOf({ streamId, sequenceNumber }: AnswerRef): string {
  return `answer-${createHash('sha256').update(`${streamId} ${sequenceNumber}`).digest('hex').slice(0, 40)}`;
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
