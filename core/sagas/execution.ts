import { createHash } from 'node:crypto';
import { AnnalsError, NotFoundError } from '../base/errors.ts';
import { streamId } from '../base/stream-id.ts';
import type { Catalogue, DomainEvent, EventType } from '../events/catalogue.ts';
import { type CommandResult, handleCommand } from '../state/decider.ts';
import { stateFold } from '../state/fold.ts';
import { StateReader } from '../state/state-reader.ts';
import type { Commit } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import { linkedSaga } from './causes.ts';
import { stepOf } from './consequences.ts';
import { overdueOf, SAGA_STATE_VERSION, type SagaInput } from './decider.ts';
import { type Directed, inputsOf, losersOf, lossesOf, namingTypes, refOf } from './inputs.ts';
import { endReminders, setReminders } from './reminders.ts';
import { type AnySaga, commandIdOf, contextOf, declarationOf, partiesOf } from './saga.ts';
import {
  type AnswerRef,
  compensable,
  evolveSaga,
  initialSaga,
  outstanding,
  runOf,
  type SagaRun,
  type SagaState,
} from './state.ts';

export interface SagaExecutionOptions {
  readonly sagas: readonly AnySaga[];
  readonly store: EventStore;
  readonly now?: () => Date;
}

/** Most states and commit ids in memory, together: about those of a hundred sagas of a hundred items. */
const CACHE_BYTES = 16 * 1024 * 1024;

/** The fold of every saga's history, for any declaration. */
const SAGA_FOLD = stateFold({
  aggregateType: 'saga',
  stateVersion: SAGA_STATE_VERSION,
  initialState: initialSaga,
  evolve: evolveSaga,
});

/**
 * Carries out sagas against the store, one input or command at a time; the host calls it. Every call may be repeated:
 * the id of an answer follows from its place, the id of a command from its item.
 */
export class SagaExecution {
  readonly #sagas: readonly AnySaga[];
  readonly #store: EventStore;
  readonly #now: () => Date;
  /** The states of sagas and of the streams that they command: an answer then reads only new events. */
  readonly #states: StateReader;

  constructor({ sagas, store, now = () => new Date() }: SagaExecutionOptions) {
    this.#sagas = sagas;
    this.#store = store;
    this.#states = new StateReader({ store, cacheBytes: CACHE_BYTES });
    this.#now = now;
  }

  /** The event types of the store. */
  get catalogue(): Catalogue {
    return this.#store.catalogue;
  }

  /** Every event type that sagas need, besides the saga events. */
  get types(): readonly EventType[] {
    const types = this.#sagas.flatMap(({ startedBy, answers, steps }) => [
      startedBy,
      ...(Object.keys(answers) as EventType[]),
      ...steps.flatMap(partiesOf).flatMap(({ endedBy }) => endedBy),
    ]);
    return [...new Set([...types, ...namingTypes])];
  }

  /** A commit as the store has it now. @returns undefined when its place is empty */
  async stored({ stream, version }: Commit): Promise<Commit | undefined> {
    const [found] = await Array.fromAsync(this.#store.commits(stream, { from: version, startsCommit: true, limit: 1 }));
    return found?.version === version ? found : undefined;
  }

  /** The commits of a stream from an event on, as the store has them now. */
  commits(stream: string, from: number): AsyncIterable<Commit> {
    return this.#store.commits(stream, { from });
  }

  /** See {@link inputsOf}. */
  inputsOf(event: DomainEvent): Directed[] {
    return inputsOf(this.#sagas, event);
  }

  /** The prefixes of the ids of sagas that may have a party which ends with this event. None for most events. */
  losersOf(event: DomainEvent): string[] {
    return losersOf(this.#sagas, event).map(({ name }) => `${name}:`);
  }

  /** Tells a saga that parties of its items ended with this event. */
  async lose(sagaId: string, event: DomainEvent): Promise<void> {
    const losses = lossesOf(this.#declaration(sagaId), await this.load(sagaId), event);
    for (const loss of losses) await this.take(sagaId, loss);
  }

  /**
   * Gives an input to a saga, and appends the events.
   * @returns the saga after it; undefined for an unknown saga
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

  /**
   * Tells a saga that time went by. Answers that may still come after their deadline are closed first: what their streams
   * then have is the answer.
   * @returns the saga after it; undefined for an unknown saga
   */
  async tick(sagaId: string): Promise<CommandResult<SagaState> | undefined> {
    const declaration = declarationOf(this.#sagas, sagaId);
    if (declaration?.steps.some(({ overdue }) => overdue)) {
      const saga = await this.load(sagaId);
      const now = this.#now().toISOString();
      const late = outstanding(saga).filter(({ deadline }) => deadline <= now);
      for (const run of late) await this.#close(declaration, sagaId, saga, run);
    }
    return this.take(sagaId, { kind: 'tick' });
  }

  /** The current state of the saga, from its history. */
  async load(sagaId: string): Promise<SagaState> {
    return (await this.#states.load(SAGA_FOLD, streamId('saga', sagaId))).state;
  }

  /**
   * Carries out the command of an outstanding item. A refusal by the domain becomes an input of the saga, unless the item
   * has its answer already: an answer may come before the saga begins the item.
   * @returns whether the command was carried out
   */
  async issue(sagaId: string, saga: SagaState, run: SagaRun): Promise<boolean> {
    const declaration = this.#declaration(sagaId);
    const { step, item } = run;
    const lost = await this.#lost(declaration, saga, run);
    if (lost) {
      await this.take(sagaId, { kind: 'lose', item, ...lost });
      return false;
    }
    const asked = stepOf(declaration, step).command(contextOf(sagaId, saga, run));
    if (!asked) {
      await this.#remind(sagaId, saga, run);
      return true;
    }
    try {
      const { decider, id, command } = asked;
      const commitId = commandIdOf(sagaId, run, 'do');
      await handleCommand(this.#store, decider, id, command, { ...this.#options(saga, run.begunBy), commitId });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.#hear(sagaId, item);
      await this.take(sagaId, { kind: 'refuse', step, item, reason: error.message }); // nothing, once it is answered
      return false;
    }
    await this.#remind(sagaId, saga, run);
    return true;
  }

  /**
   * Cancels the reminders of attempts that are over.
   * @param item only those of this item, by default those of all items
   */
  async endReminders(sagaId: string, saga: SagaState, item?: string): Promise<void> {
    const declaration = this.#declaration(sagaId);
    for (const run of saga.runs) {
      const { reminders = [] } = stepOf(declaration, run.step);
      const isOpen = saga.status === 'STARTED' && run.state === 'outstanding';
      if (reminders.length === 0 || isOpen || (item !== undefined && run.item !== item)) continue;
      await endReminders(this.#store, sagaId, reminders, run, this.#options(saga, run.endedBy));
    }
  }

  /** The history is read once more after it: whoever ends the attempt meanwhile may have seen no reminder yet. */
  async #remind(sagaId: string, saga: SagaState, run: SagaRun): Promise<void> {
    const { reminders = [] } = stepOf(this.#declaration(sagaId), run.step);
    if (reminders.length === 0) return;
    const options = this.#options(saga, run.begunBy);
    if (run.attempt > 1) {
      await endReminders(this.#store, sagaId, reminders, { ...run, attempt: run.attempt - 1 }, options);
    }
    await setReminders(this.#store, sagaId, reminders, { ...contextOf(sagaId, saga, run), step: run.step }, options);
    const after = await this.load(sagaId);
    const { attempt } = runOf(after, run.item) ?? run;
    if (attempt === run.attempt) await this.endReminders(sagaId, after, run.item);
    else await endReminders(this.#store, sagaId, reminders, run, options);
  }

  /** Undoes the next item. @throws the errors of the compensation's command */
  async compensate(sagaId: string, saga: SagaState, run: SagaRun): Promise<SagaState> {
    const { step, item } = run;
    const declaration = this.#declaration(sagaId);
    const context = { ...contextOf(sagaId, saga, run), reason: saga.reason ?? 'unknown' };
    const undoing = stepOf(declaration, step).compensation(context);
    if (undoing) {
      const commitId = commandIdOf(sagaId, run, 'undo');
      const options = { ...this.#options(saga, saga.turnedBy), commitId };
      await handleCommand(this.#store, undoing.decider, undoing.id, undoing.command, options);
    }
    return (await this.take(sagaId, { kind: 'undone', step, item }))?.state ?? saga;
  }

  /** The streams of the parties of outstanding items: their end concerns the saga. */
  partiesOf(sagaId: string, saga: SagaState): string[] {
    const declaration = this.#declaration(sagaId);
    return [...new Set(outstanding(saga).flatMap((run) => streamsOf(declaration, saga, run)))];
  }

  /** The streams of the parties of an item. */
  partiesOfItem(sagaId: string, saga: SagaState, run: SagaRun): string[] {
    return streamsOf(this.#declaration(sagaId), saga, run);
  }

  /** The event that starts the saga of a subject, before an answer when that is in the same stream. */
  async startOf({ startedBy }: AnySaga, subject: string, answer: DomainEvent): Promise<DomainEvent | undefined> {
    const aggregateType = this.catalogue.definitionOf(startedBy)?.aggregateType ?? answer.aggregateType;
    const isOwn = answer.aggregateType === aggregateType && answer.aggregateId === subject;
    const before = isOwn ? { to: answer.sequenceNumber } : {};
    for await (const event of this.#store.read(streamId(aggregateType, subject), before)) {
      if (event.type === startedBy) return event;
    }
    return undefined;
  }

  /** Cancels a running saga. */
  async cancelIfRunning(sagaId: string, reason: string): Promise<void> {
    const { status, lastId } = await this.load(sagaId);
    if (status === 'STARTED') await this.take(sagaId, { kind: 'cancel', reason, cause: lastId });
  }

  /** The next item to undo. */
  nextCompensation(saga: SagaState): SagaRun | undefined {
    return saga.status === 'COMPENSATING' && !saga.parked ? compensable(saga)[0] : undefined;
  }

  #declaration(sagaId: string): AnySaga {
    const declaration = declarationOf(this.#sagas, sagaId);
    if (!declaration) throw new NotFoundError(`there is no declaration for saga ${sagaId}`);
    return declaration;
  }

  /** Closes the stream of an item's answer after the deadline, and takes the answer that it has. */
  async #close(declaration: AnySaga, sagaId: string, saga: SagaState, run: SagaRun): Promise<void> {
    const overdue = overdueOf(declaration, saga, run, sagaId);
    if (!overdue) return;
    const { decider, id, command } = overdue;
    const commitId = commandIdOf(sagaId, run, 'close');
    await handleCommand(this.#store, decider, id, command, { ...this.#options(saga, run.begunBy), commitId });
    const answer = await this.#answerIn(streamId(decider.aggregateType, id), sagaId, run.item);
    if (answer) await this.take(sagaId, answer);
  }

  /** Takes the completion of an item from the stream of the subject, if it is there. */
  async #hear(sagaId: string, item: string): Promise<void> {
    const subject = await this.#subjectOf(sagaId);
    const answer = subject === undefined ? undefined : await this.#answerIn(subject, sagaId, item, 'complete');
    if (answer) await this.take(sagaId, answer);
  }

  /** The first answer to an item in a stream. */
  async #answerIn(stream: string, sagaId: string, item: string, kind?: 'complete'): Promise<SagaInput | undefined> {
    for await (const event of this.#store.read(stream)) {
      const answer = this.inputsOf(event).find((directed) => directed.sagaId === sagaId)?.input;
      if (answer?.kind !== 'complete' && answer?.kind !== 'fail') continue;
      if (answer.item === item && (kind ?? answer.kind) === answer.kind) return answer;
    }
    return undefined;
  }

  /** The stream of the event that started the saga. */
  async #subjectOf(sagaId: string): Promise<string | undefined> {
    for await (const first of this.#store.read(streamId('saga', sagaId), { limit: 1 })) {
      if (first.type === 'saga.started') return first.data.startedBy.streamId;
    }
    return undefined;
  }

  /** Whether a party of an item has ended already: its end is the last event of its stream. */
  async #lost(declaration: AnySaga, saga: SagaState, run: SagaRun) {
    for (const { fails, stream } of partiesOfRun(declaration, saga, run)) {
      for await (const last of this.#store.read(stream, { direction: 'backward', limit: 1 })) {
        const reason = fails(last);
        if (reason !== undefined) return { reason, answer: refOf(last) };
      }
    }
    return undefined;
  }

  /** Commands of a saga carry its correlation id, and the event of its history that caused them. */
  #options({ correlationId }: SagaState, causationId: string | undefined) {
    return { now: this.#now, states: this.#states, defaults: { source: 'saga', correlationId, causationId } };
  }
}

/** The commit id of an answer, the same for every delivery of the event. One end may concern many items. */
function answerIdOf({ kind, item, answer }: Extract<SagaInput, { answer: AnswerRef }>): string {
  const place = `${answer.streamId} ${answer.sequenceNumber}${kind === 'lose' ? ` ${item}` : ''}`;
  return `answer-${createHash('sha256').update(place).digest('hex').slice(0, 40)}`;
}

/** The parties of an item, each with its stream. */
function partiesOfRun({ steps }: AnySaga, { input, runs }: SagaState, { step, item }: SagaRun) {
  return steps
    .filter(({ name }) => name === step)
    .flatMap(partiesOf)
    .flatMap(({ id, aggregateType, fails }) => {
      const party = id(item, { input, runs });
      return party === undefined ? [] : [{ fails, stream: streamId(aggregateType, party) }];
    });
}

const streamsOf = (declaration: AnySaga, saga: SagaState, run: SagaRun): string[] =>
  partiesOfRun(declaration, saga, run).map(({ stream }) => stream);

/** Whether the command broke a rule, and would break it again; other errors may pass. */
const isRefusal = (error: unknown): error is AnnalsError =>
  error instanceof AnnalsError && !['UNAVAILABLE', 'CONCURRENCY_CONFLICT', 'CORRUPT_DATA'].includes(error.code);
