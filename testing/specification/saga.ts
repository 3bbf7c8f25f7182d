import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { stepOf } from '../../core/sagas/consequences.ts';
import { overdueOf, type SagaInput, sagaDecider } from '../../core/sagas/decider.ts';
import { inputsOf, lossesOf } from '../../core/sagas/inputs.ts';
import { type AnySaga, contextOf, type SagaCommand, sagaIdOf } from '../../core/sagas/saga.ts';
import {
  compensable,
  evolveSaga,
  initialSaga,
  nextWake,
  outstanding,
  type SagaRun,
  type SagaState,
} from '../../core/sagas/state.ts';
import { recorded } from './history.ts';

/** What a saga did and sent since the last `when`, and where it is now. */
export interface Play {
  readonly saga: SagaState;
  /** The commands, in order; compensations among them. */
  readonly sent: readonly SagaCommand[];
  /** The events of its history. */
  readonly events: readonly NewEvent[];
  /** The number of events of its history so far: it makes their ids. */
  readonly length: number;
  /** ISO 8601. */
  readonly now: string;
}

/** The time of a test may pass for as many deadlines and retries. A saga that has more does not end. */
const MAX_WAKES = 10_000;

/** Plays a saga without a store: its decisions are those of the real saga, and every command succeeds. */
export class SagaPlayer {
  readonly #declaration: AnySaga;
  readonly sagaId: string;

  constructor(declaration: AnySaga, subject: string) {
    this.#declaration = declaration;
    this.sagaId = sagaIdOf(declaration, subject);
  }

  begin(now: string): Play {
    return { saga: initialSaga, sent: [], events: [], length: 0, now };
  }

  /** The saga gets an event of its subject, or of a party. */
  hear(play: Play, event: DomainEvent): Play {
    const directed = inputsOf([this.#declaration], event).filter(({ sagaId }) => sagaId === this.sagaId);
    const losses = lossesOf(this.#declaration, play.saga, event);
    return [...directed.map(({ input }) => input), ...losses].reduce<Play>(
      (after, input) => this.take(after, input),
      play,
    );
  }

  take(play: Play, input: SagaInput): Play {
    if (input.kind !== 'start' && play.saga.status === 'NONE') return play;
    const { now, length } = play;
    const decided = sagaDecider(this.#declaration).decide(play.saga, input, { now, id: this.sagaId });
    const events = decided.map((event, index) => ({ ...event, id: `${this.sagaId}-${length + index + 1}` }));
    const saga = events.reduce<SagaState>(evolveSaga, play.saga);
    const after = { ...play, saga, events: [...play.events, ...events], length: length + events.length };
    return this.#undo({ ...after, sent: [...play.sent, ...this.#commands(saga, events)] });
  }

  /** The time passes, and every deadline and retry in it comes at its time. @throws Error when there is no end of them */
  pass(play: Play, seconds: number): Play {
    const until = new Date(Date.parse(play.now) + seconds * 1_000).toISOString();
    let after = play;
    for (let wakes = 0; wakes < MAX_WAKES; wakes++) {
      const due = nextWake(after.saga);
      if (due === undefined || due > until) return { ...after, now: until };
      after = this.take(this.#close({ ...after, now: due }), { kind: 'tick' });
    }
    throw new Error(`saga ${this.sagaId} was woken ${MAX_WAKES} times, and has not ended`);
  }

  /** The streams of answers that are overdue are closed, and answer. Nobody else wrote to them. */
  #close(play: Play): Play {
    const late = outstanding(play.saga).filter(({ deadline }) => deadline <= play.now);
    return late.reduce<Play>((after, run) => this.#closed(after, run), play);
  }

  #closed(play: Play, run: SagaRun): Play {
    const overdue = overdueOf(this.#declaration, play.saga, run, this.sagaId);
    if (!overdue) return play;
    const { decider, id } = overdue;
    const place = { aggregateType: decider.aggregateType, id, now: play.now };
    const context = { now: play.now, id };
    const decided = decider.decide(decider.initialState, overdue.command, context) as readonly NewEvent[];
    const sent = { ...play, sent: [...play.sent, overdue] };
    return recorded(decided, place).reduce<Play>((after, event) => this.hear(after, event), sent);
  }

  #commands(saga: SagaState, events: readonly NewEvent[]): SagaCommand[] {
    return events.flatMap((event) => {
      if (event.type !== 'saga.step-started' || saga.status !== 'STARTED') return [];
      const { step, items } = event.data;
      const begun = saga.runs.filter((run) => run.step === step && items.includes(run.item));
      return begun.flatMap((run) => stepOf(this.#declaration, step).command(contextOf(this.sagaId, saga, run)) ?? []);
    });
  }

  /** Undoes what has to be undone, one item after the other. */
  #undo(play: Play): Play {
    const [run] = play.saga.status === 'COMPENSATING' ? compensable(play.saga) : [];
    if (!run) return play;
    const { step, item } = run;
    const context = { ...contextOf(this.sagaId, play.saga, run), reason: play.saga.reason ?? 'unknown' };
    const command = stepOf(this.#declaration, step).compensation(context);
    const sent = command ? [...play.sent, command] : play.sent;
    return this.take({ ...play, sent }, { kind: 'undone', step, item });
  }
}
