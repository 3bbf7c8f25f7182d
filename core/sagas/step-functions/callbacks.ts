import type { DomainEvent } from '../../events/catalogue.ts';
import type { SagaInput } from '../decider.ts';
import type { SagaExecution } from '../execution.ts';
import type { Directed } from '../inputs.ts';
import { outstanding, runOf, type SagaRun, type SagaState } from '../state.ts';
import type { SagaMachines, SagaRound, SagaToken, SagaTokens } from '../tokens.ts';

export interface SagaCallbacksOptions {
  readonly execution: SagaExecution;
  readonly tokens: SagaTokens;
  readonly machines: SagaMachines;
  readonly now?: () => Date;
}

/** Most branches that a Map state runs at once. */
const MAX_GROUP = 40;

/**
 * Answers the calls of the state machines of sagas, and brings them the answers of their parties. The state machine owns
 * order, time and retries; the facts are in the saga's history, as on one machine. Each call may be repeated, also
 * concurrently.
 */
export class SagaCallbacks {
  readonly #execution: SagaExecution;
  readonly #tokens: SagaTokens;
  readonly #machines: SagaMachines;
  readonly #now: () => Date;

  constructor({ execution, tokens, machines, now = () => new Date() }: SagaCallbacksOptions) {
    this.#execution = execution;
    this.#tokens = tokens;
    this.#machines = machines;
    this.#now = now;
  }

  /** Processes an event from the bus, in any order. */
  async event(event: DomainEvent): Promise<void> {
    if (event.type === 'saga.compensating' || event.type === 'saga.signalled') return this.#turned(event.aggregateId);
    if (event.type === 'saga.resumed') return this.#resume(event);
    for (const directed of this.#execution.inputsOf(event)) await this.#direct(directed, event);
    const losers = this.#execution.losersOf(event);
    if (losers.length === 0) return;
    const waiting = await this.#tokens.waitingFor(`${event.aggregateType}-${event.aggregateId}`);
    for (const sagaId of waiting.filter((id) => losers.some((prefix) => id.startsWith(prefix)))) {
      await this.#execution.lose(sagaId, event);
      await this.#settle(sagaId);
    }
  }

  /** The answers to wait for next. @throws SagaCompensating when the saga has turned round */
  async round(sagaId: string): Promise<SagaRound> {
    const saga = await this.#execution.load(sagaId);
    if (saga.status === 'COMPENSATING' || saga.status === 'FAILED') throw new SagaCompensating(sagaId);
    return this.#roundOf(saga);
  }

  /**
   * Asks for an item: keeps the token, carries out the command. The token is kept first and the history read after it,
   * and an answer writes the history first and looks for tokens after it: one of the two sees the other.
   */
  async ask(sagaId: string, item: string, token: string): Promise<void> {
    const before = await this.#execution.load(sagaId);
    const found = runOf(before, item);
    if (!found) throw new Error(`saga ${sagaId} has no item ${item}`);
    const parties = this.#execution.partiesOfItem(sagaId, before, found);
    await this.#tokens.put({ sagaId, step: found.step, item, token, parties, deadline: found.deadline });
    const saga = await this.#wake(sagaId, item);
    const run = outstanding(saga).find((each) => each.item === item);
    const issued = run !== undefined && (await this.#execution.issue(sagaId, saga, run));
    if (!issued) await this.#settle(sagaId);
  }

  /**
   * Turns a saga round that cannot go on. A saga goes on when the item that got no answer in time is completed in its history.
   * @returns whether anything is to be undone
   */
  async turn(sagaId: string, error: string, item?: string): Promise<{ more: boolean }> {
    const ticked = await this.#execution.tick(sagaId);
    const isDone = item !== undefined && ticked && runOf(ticked.state, item)?.state === 'completed';
    if (!isDone) await this.#execution.cancelIfRunning(sagaId, error);
    await this.#settle(sagaId);
    return this.#left(await this.#execution.load(sagaId));
  }

  /** Undoes the item whose turn it is. @returns whether there are more @throws what the compensation's command throws */
  async undo(sagaId: string): Promise<{ more: boolean }> {
    const saga = await this.#execution.load(sagaId);
    const due = this.#execution.nextCompensation(saga);
    return this.#left(due ? await this.#execution.compensate(sagaId, saga, due) : saga);
  }

  /** Notes that the item whose turn it is cannot be undone. */
  async park(sagaId: string, reason: string): Promise<{ item: string | undefined }> {
    const due = this.#execution.nextCompensation(await this.#execution.load(sagaId));
    if (due) await this.#execution.take(sagaId, { kind: 'park', step: due.step, item: due.item, reason });
    return { item: due?.item };
  }

  async #direct({ declaration, sagaId, input, subject }: Directed, event: DomainEvent): Promise<void> {
    const taken = await this.#execution.take(sagaId, input);
    if (taken && taken.state.status !== 'NONE') {
      if (input.kind === 'start') await this.#start(sagaId, taken.state, 0);
      // The result of a repeat is that of the first time, and may be long past.
      else await this.#answered(sagaId, itemOf(input), taken.repeated ? undefined : taken.state);
      if (input.kind !== 'start') await this.#execution.endReminders(sagaId, taken.state, itemOf(input));
      return;
    }
    if (subject === undefined) return;
    // An answer that came before what it answers: the bus has no order, the subject's stream has.
    const beginning = await this.#execution.startOf(declaration, subject, event);
    const started = beginning && (await this.#execution.take(sagaId, { kind: 'start', event: beginning }));
    if (!started || started.state.status === 'NONE') return;
    await this.#start(sagaId, started.state, 0);
    await this.#execution.take(sagaId, input);
    await this.#settle(sagaId);
  }

  async #turned(sagaId: string): Promise<void> {
    await this.#settle(sagaId);
    await this.#execution.endReminders(sagaId, await this.#execution.load(sagaId));
  }

  async #resume({ aggregateId: sagaId, sequenceNumber }: DomainEvent): Promise<void> {
    const saga = await this.#execution.load(sagaId);
    if (saga.status === 'COMPENSATING') await this.#start(sagaId, saga, sequenceNumber);
  }

  #start(sagaId: string, saga: SagaState, turn: number): Promise<void> {
    return this.#machines.start(saga.sagaType, sagaId, { round: this.#roundOf(saga), turn });
  }

  #roundOf(saga: SagaState): SagaRound {
    const asked = saga.status === 'STARTED' ? saga.runs.filter(isAwaited) : [];
    const items = asked.map(({ item, deadline }) => ({ item, timeoutSeconds: this.#secondsTo(deadline) }));
    const groups = Array.from({ length: Math.ceil(items.length / MAX_GROUP) }, (_, n) =>
      items.slice(n * MAX_GROUP, (n + 1) * MAX_GROUP),
    );
    return { step: asked[0]?.step ?? '', groups };
  }

  #left(saga: SagaState): { more: boolean } {
    return { more: this.#execution.nextCompensation(saga) !== undefined };
  }

  /** The saga as it is, after it noticed that time went by, and began the next attempt at an item that waits for one. */
  async #wake(sagaId: string, item: string): Promise<SagaState> {
    const saga = await this.#execution.load(sagaId);
    const run = runOf(saga, item);
    const isLate = run?.state === 'outstanding' && Date.parse(run.deadline) <= this.#now().getTime();
    if (saga.status !== 'STARTED' || !(isLate || run?.state === 'waiting')) return saga;
    await this.#execution.tick(sagaId);
    await this.#execution.take(sagaId, { kind: 'retry', item });
    return this.#execution.load(sagaId);
  }

  /**
   * Lets the machine go on that waits for an item. While the saga goes on, an answer concerns no other item: so a saga of a
   * hundred items does not read a hundred tokens for each of its answers.
   */
  async #answered(sagaId: string, item: string | undefined, known: SagaState | undefined): Promise<void> {
    const saga = known ?? (await this.#execution.load(sagaId));
    const run = item === undefined ? undefined : runOf(saga, item);
    if (saga.status !== 'STARTED') return this.#settle(sagaId, saga);
    const token = run && (await this.#tokens.find(sagaId, run.step, run.item));
    if (token) await this.#tell(saga, token);
  }

  /** Tells machines what became of the answers that they wait for, as the history has it now, or just had it. */
  async #settle(sagaId: string, known?: SagaState): Promise<void> {
    const tokens = await this.#tokens.ofSaga(sagaId);
    if (tokens.length === 0) return;
    const saga = known ?? (await this.#execution.load(sagaId));
    for (const token of tokens) await this.#tell(saga, token);
  }

  async #tell(saga: SagaState, waiting: SagaToken): Promise<void> {
    const run = runOf(saga, waiting.item);
    if (run?.state === 'completed' && saga.status !== 'COMPENSATING') await this.#machines.succeed(waiting.token);
    else if (saga.status !== 'STARTED') await this.#machines.fail(waiting.token, 'SagaCompensating');
    else if (run?.state === 'waiting') await this.#machines.fail(waiting.token, 'SagaRetry');
    else return;
    await this.#tokens.remove(waiting);
  }

  #secondsTo(deadline: string): number {
    return Math.max(1, Math.ceil((Date.parse(deadline) - this.#now().getTime()) / 1_000) + 1);
  }
}

const itemOf = (input: SagaInput): string | undefined => ('item' in input ? input.item : undefined);

/** The machine is to go and undo what was done. */
export class SagaCompensating extends Error {
  override readonly name = 'SagaCompensating';
  constructor(sagaId: string) {
    super(`saga ${sagaId} compensates`);
  }
}

const isAwaited = ({ state }: SagaRun) => state === 'outstanding' || state === 'waiting';
