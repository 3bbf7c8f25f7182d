import type { NewEvent } from '../../core/events/catalogue.ts';
import type { Json } from '../../core/events/json.ts';
import { approvalIdOf } from '../../core/sagas/approvals.ts';
import type { AnySaga, SagaCommand } from '../../core/sagas/saga.ts';
import { outstanding, type SagaState } from '../../core/sagas/state.ts';
import { type Assertion, assertSame, fail } from './assertions.ts';
import { type Place, recorded } from './history.ts';
import { type Play, SagaPlayer } from './saga.ts';

/**
 * A saga whose subject has a history. Its commands succeed; only the events of the test answer them. Every `when` gives
 * the saga after it. What the saga sent and added is that since the last `when`, or since the start.
 */
export class GivenSaga {
  readonly #player: SagaPlayer;
  readonly #subject: Place;
  readonly #heard: number;
  readonly #play: Play;

  private constructor(player: SagaPlayer, subject: Place, heard: number, play: Play) {
    this.#player = player;
    this.#subject = subject;
    this.#heard = heard;
    this.#play = play;
  }

  static of(declaration: AnySaga, history: readonly NewEvent[], subject: Place): GivenSaga {
    const player = new SagaPlayer(declaration, subject.id);
    const events = recorded(history, subject);
    const play = events.reduce<Play>((before, event) => player.hear(before, event), player.begin(subject.now));
    return new GivenSaga(player, subject, history.length, play);
  }

  /** The subject has another event. */
  when(event: NewEvent): GivenSaga {
    const place = { ...this.#subject, now: this.#play.now };
    const play = recorded([event], place, this.#heard + 1).reduce<Play>(
      (before, heard) => this.#player.hear(before, heard),
      this.#fresh(),
    );
    return this.#next(play, this.#heard + 1);
  }

  /** The aggregate of a party has its first event. */
  whenPartyHas(event: NewEvent, party: Pick<Place, 'aggregateType' | 'id'>): GivenSaga {
    const place = { ...party, now: this.#play.now };
    const play = recorded([event], place).reduce<Play>(
      (before, heard) => this.#player.hear(before, heard),
      this.#fresh(),
    );
    return this.#next(play);
  }

  /** The time passes, and no answer comes. @throws Error when the saga has no end of deadlines and retries */
  whenTimePasses(seconds: number): GivenSaga {
    return this.#next(this.#player.pass(this.#fresh(), seconds));
  }

  /** The domain refuses the command of an item. @throws AssertionError when the saga does not wait for the item */
  whenRefused(item: string, reason = 'refused'): GivenSaga {
    const run = outstanding(this.#play.saga).find((each) => each.item === item);
    if (!run) fail(`the saga does not wait for ${item}; ${describe(this.#play.saga)}`, this.whenRefused);
    return this.#next(this.#player.take(this.#fresh(), { kind: 'refuse', step: run.step, item, reason }));
  }

  /** A person decides about the approval that an item waits for. */
  whenDecided(
    item: string,
    decision: 'approve' | 'refuse',
    said: { readonly who?: string; readonly why?: string } = {},
  ): GivenSaga {
    const sagaId = this.#player.sagaId;
    const approvalId = approvalIdOf(sagaId, item);
    const { who = 'somebody', why = 'no reason' } = said;
    const data = { approvalId, sagaId, item, by: who, decision, who, why };
    return this.whenPartyHas({ type: 'approval.decided', data }, { aggregateType: 'approval', id: approvalId });
  }

  /** Somebody sends the saga a signal. @throws CommandRejectedError, NotFoundError, ValidationError */
  whenSignalled(name: string, payload?: Json): GivenSaga {
    return this.#next(this.#player.take(this.#fresh(), { kind: 'signal', name, payload }));
  }

  /** A user cancels the saga. @throws CommandRejectedError when the saga has completed */
  whenCancelled(reason = 'cancelled'): GivenSaga {
    return this.#next(this.#player.take(this.#fresh(), { kind: 'cancel', reason }));
  }

  /** The saga sends these commands in this order, compensations among them; `commandOf` makes a command. @throws AssertionError */
  thenSends(expected: readonly SagaCommand[]): void {
    assertSame(
      `the saga sends other commands; ${describe(this.#play.saga)}`,
      this.#play.sent.map(shown),
      expected.map(shown),
      this.thenSends,
    );
  }

  /** The saga waits for the answers of these items, in the order of their beginning. @throws AssertionError */
  thenWaitsFor(expected: readonly string[]): void {
    const { saga } = this.#play;
    const waiting = saga.runs.filter(({ state }) => state === 'outstanding' || state === 'waiting');
    const items = saga.status === 'STARTED' ? waiting.map(({ item }) => item) : [];
    assertSame(`the saga waits for other items; ${describe(saga)}`, items, expected, this.thenWaitsFor);
  }

  /** No event of the history started the saga. @throws AssertionError */
  thenNotStarted(): void {
    this.#assertStatus('NONE', this.thenNotStarted);
  }

  /** The saga has completed. @throws AssertionError */
  thenCompleted(): void {
    this.#assertStatus('COMPLETED', this.thenCompleted);
  }

  /** The saga has failed, and every item is undone. @throws AssertionError */
  thenFailed(reason?: RegExp): void {
    this.#assertStatus('FAILED', this.thenFailed);
    const { reason: actual = 'unknown' } = this.#play.saga;
    if (reason && !reason.test(actual)) fail(`the saga failed for another reason: ${actual}`, this.thenFailed);
  }

  /** The saga adds these events at its end: those of `completed` or `failed` of its declaration. @throws AssertionError */
  thenAdds(expected: readonly NewEvent[]): void {
    const added = this.#play.events.filter(({ type }) => !type.startsWith('saga.'));
    const plain = added.map(({ id: _, ...event }) => event);
    assertSame('the saga adds other events', plain, expected, this.thenAdds);
  }

  #assertStatus(expected: SagaState['status'], stackStartFn: Assertion): void {
    const { saga } = this.#play;
    if (saga.status !== expected) assertSame(describe(saga), saga.status, expected, stackStartFn);
  }

  #fresh(): Play {
    return { ...this.#play, sent: [], events: [] };
  }

  #next(play: Play, heard = this.#heard): GivenSaga {
    return new GivenSaga(this.#player, this.#subject, heard, play);
  }
}

const shown = ({ decider, id, command }: SagaCommand) => ({ aggregateType: decider.aggregateType, id, command });

/** The place of a saga, for messages. */
function describe({ status, runs, reason }: SagaState): string {
  const items = runs.map(({ step, item, state }) => `${step}/${item} is ${state}`).join(', ');
  const why = reason === undefined ? '' : ` (${reason})`;
  return `the saga is ${status}${why}${items && `: ${items}`}`;
}
