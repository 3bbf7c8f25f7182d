import { setImmediate as nextTurn } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { byReference, deliveredEvent, type ReferencedEvent } from '../../core/publishing/event-reference.ts';
import { SagaExecution } from '../../core/sagas/execution.ts';
import type { AnySaga } from '../../core/sagas/saga.ts';
import { SagaCallbacks } from '../../core/sagas/step-functions/callbacks.ts';
import { answerMachine, machineRequest } from '../../core/sagas/step-functions/requests.ts';
import type { SagaMachines, SagaRound, SagaTokens } from '../../core/sagas/tokens.ts';
import { decodeCommit } from '../../core/store/commit.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { compileSaga } from '../../lib/sagas/saga-machine.ts';
import { catalogue } from './application.ts';
import { MemorySagaTokens } from './memory-saga-tokens.ts';
import { Crash, mortal, type World, WorldOfSagas, withStubbornness } from './saga-world.ts';
import { runMachine } from './state-machine.ts';

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The detail of a bus event: an event, or the reference of a large event. */
type Detail = DomainEvent | ReferencedEvent;
const MAX_DETAIL = 1_000_000;
const detailOf = (event: DomainEvent): Detail =>
  Buffer.byteLength(JSON.stringify(event)) > MAX_DETAIL ? byReference(event) : event;

/**
 * Sagas as on AWS: compiled state machines, a bus that delivers in any order, functions that crash at any write or call.
 * One function runs at a time; the schedule decides their order.
 */
export class MachineWorld extends WorldOfSagas {
  readonly store: EventStore;
  readonly execution: SagaExecution;
  /** The state in which each execution ended, by its name. */
  readonly ends = new Map<string, string>();
  readonly #callbacks: SagaCallbacks;
  readonly #sagas: readonly AnySaga[];
  readonly #bus: Detail[] = [];
  readonly #delivered: Detail[] = [];
  readonly #tokens = new Map<string, Waiting>();
  readonly #oneAtATime = pLimit(1);
  #timers: { readonly at: number; readonly fire: () => void }[] = [];
  #broken: (() => void)[] = [];
  #running = 0;
  #tokenCount = 0;
  #shuffle = 1;

  constructor(sagas: readonly AnySaga[], world: World) {
    super();
    const clock = () => new Date(this.now);
    const { storage, fate } = mortal(
      world,
      () => this.#running > 0,
      (commit) => this.#bus.push(...decodeCommit(commit, catalogue).map(detailOf)),
    );
    this.store = new EventStore(storage, { catalogue, now: clock });
    this.#sagas = sagas.map((saga) => withStubbornness(saga, new Map(world.stubborn)));
    this.execution = new SagaExecution({ sagas: this.#sagas, store: this.store, now: clock });
    const tokens: SagaTokens = new MemorySagaTokens();
    const machines: SagaMachines = {
      start: (sagaType, sagaId, { round, turn }) => fate(async () => this.#start(sagaType, sagaId, round, turn)),
      succeed: (token) => fate(async () => this.#answer(token, ({ resolve }) => resolve({}))),
      fail: (token, error) => fate(async () => this.#answer(token, ({ reject }) => reject(named(error)))),
    };
    this.#callbacks = new SagaCallbacks({
      execution: this.execution,
      tokens: {
        put: (token) => fate(() => tokens.put(token)),
        remove: (token) => fate(() => tokens.remove(token)),
        find: (sagaId, step, item) => tokens.find(sagaId, step, item),
        ofSaga: (sagaId) => tokens.ofSaga(sagaId),
        waitingFor: (party) => tokens.waitingFor(party),
      },
      machines,
      now: clock,
    });
  }

  override get parked(): number {
    return [...this.ends.values()].filter((end) => end === 'Parked').length;
  }

  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 10_000; rounds++) {
      await nextTurn();
      const detail = this.#bus.splice(this.#next(this.#bus.length), 1)[0];
      if (detail) await this.#deliver(detail);
      else if (!this.#fireDue() && !this.#redrive()) return;
    }
    throw new Error('the machines do not settle');
  }

  rewind(events: number): void {
    this.#bus.push(...this.#delivered.slice(-events));
  }

  /** The bus delivers all events again. */
  forget(): void {
    this.rewind(this.#delivered.length);
  }

  /** A pseudo-random index, so that events arrive in another order. */
  #next(length: number): number {
    this.#shuffle = (this.#shuffle * 48_271) % 0x7fffffff;
    return length === 0 ? 0 : this.#shuffle % length;
  }

  async #deliver(detail: Detail): Promise<void> {
    try {
      await this.#call(async () => this.#callbacks.event(await deliveredEvent(detail, this.store)));
      this.#delivered.push(detail);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#bus.push(detail);
    }
  }

  #fireDue(): boolean {
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { fire } of due.toSorted((a, b) => a.at - b.at)) fire();
    return due.length > 0;
  }

  /** An operator redrives the failed executions. */
  #redrive(): boolean {
    const broken = this.#broken;
    this.#broken = [];
    for (const again of broken) again();
    return broken.length > 0;
  }

  #start(sagaType: string, sagaId: string, round: SagaRound, turn: number): void {
    const name = `${sagaId}/${turn}`;
    if (this.ends.has(name)) return;
    this.ends.set(name, 'running');
    const saga = this.#sagas.find((declared) => declared.name === sagaType);
    if (!saga) throw new Error(`no machine ${sagaType}`);
    const machine = compileSaga(saga, { taskFunction: 'saga-task' });
    const run = (): void => {
      runMachine(machine, { sagaId, next: { round } }, this.#environment).then(
        (end) => this.ends.set(name, end),
        () => this.#broken.push(run),
      );
    };
    run();
  }

  readonly #environment = {
    call: (payload: object) => this.#call(() => answerMachine(this.#callbacks, machineRequest.parse(payload))),
    token: (timeoutSeconds: number) => {
      const token = `token-${++this.#tokenCount}`;
      const { promise: answer, ...waiting } = Promise.withResolvers<unknown>();
      this.#tokens.set(token, waiting);
      const expire = () => this.#answer(token, ({ reject }) => reject(named('States.Timeout')));
      this.#timers.push({ at: this.now + timeoutSeconds * 1_000, fire: expire });
      return { token, answer };
    },
    sleep: (seconds: number) =>
      new Promise<void>((resolve) => void this.#timers.push({ at: this.now + seconds * 1_000, fire: resolve })),
  };

  #answer(token: string, tell: (waiting: Waiting) => void): void {
    const waiting = this.#tokens.get(token);
    this.#tokens.delete(token);
    if (waiting) tell(waiting);
  }

  #call<T>(work: () => Promise<T>): Promise<T> {
    return this.#oneAtATime(async () => {
      this.#running++;
      try {
        return await work();
      } finally {
        this.#running--;
      }
    });
  }
}

function named(name: string): Error {
  return Object.assign(new Error(name), { name });
}
