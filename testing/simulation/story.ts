import type { NewEvent } from '../../core/events/catalogue.ts';
import type { Json } from '../../core/events/json.ts';
import { approvalDecider, approvalIdOf } from '../../core/sagas/approvals.ts';
import { linkedSaga } from '../../core/sagas/causes.ts';
import { type AnySaga, commandOf, type SagaCommand, sagaIdOf } from '../../core/sagas/saga.ts';
import { Random } from './random.ts';

/** Events that a caller appends without a command. */
export interface RawStep {
  readonly stream: string;
  readonly events: readonly NewEvent[];
}

/** A pause, in seconds of the simulated clock. */
export interface PauseStep {
  readonly seconds: number;
}

/** A step of a story: a command, which `commandOf` makes; an append; or a pause. */
export type Step = SagaCommand | RawStep | PauseStep;

/** The step of events that a caller appends without a command. The rules may refuse it. */
export const appends = (stream: string, ...events: readonly NewEvent[]): RawStep => ({ stream, events });

/** The step in which a person decides about the approval that an item of a saga waits for. */
export const decides = (saga: AnySaga, subject: string, item: string, decision: 'approve' | 'refuse'): SagaCommand =>
  commandOf(approvalDecider, approvalIdOf(sagaIdOf(saga, subject), item), {
    ...{ kind: 'decide', decision, who: 'somebody', why: 'as the story goes' },
  });

/** The step in which somebody sends a signal to the saga of a subject. */
export const signals = (saga: AnySaga, subject: string, name: string, payload?: Json): SagaCommand =>
  commandOf(linkedSaga(saga), sagaIdOf(saga, subject), { kind: 'signal', name, payload });

/** The step in which time passes. */
export const passes = (seconds: number): PauseStep => ({ seconds });

/** A story: the steps of a user or an agent, in order. It takes all chance from the teller, so that a seed repeats it. */
export type Story = (teller: Teller) => Iterable<Step>;

/** Tells a story once: the chance of its seed, and an id that no other story of the seed has. */
export class Teller extends Random {
  readonly id: string;

  constructor(seed: number, id: string) {
    super(seed);
    this.id = id;
  }
}

/** Most tellings of a seed. */
const MAX_TELLINGS = 6;

/**
 * The steps of a seed. Some stories are told, several times or never, and their steps come in between each other. A story
 * may break off, and a step may come twice.
 */
export function planOf(stories: readonly Story[], random: Random): Step[] {
  const tellings = Array.from({ length: random.from(1, MAX_TELLINGS) }, (_, n) => {
    const story = stories[random.from(0, stories.length - 1)];
    const teller = new Teller(random.from(0, 0xffffffff), `s${n + 1}`);
    const steps = story ? [...story(teller)] : [];
    return random.chance(0.2) ? steps.slice(0, random.from(0, steps.length)) : steps;
  });
  const plan: Step[] = [];
  for (let left = tellings.filter(hasSteps); left.length > 0; left = left.filter(hasSteps)) {
    const [step] = left[random.from(0, left.length - 1)]?.splice(0, 1) ?? [];
    if (step) plan.push(...(random.chance(0.1) ? [step, step] : [step]));
  }
  return plan;
}

const hasSteps = (steps: readonly Step[]): boolean => steps.length > 0;

/** A step in words, for the message of a failure. */
export function describeStep(step: Step): string {
  if ('seconds' in step) return `${step.seconds} s pass`;
  if ('stream' in step) return `append to ${step.stream}: ${JSON.stringify(step.events)}`;
  return `command of ${step.decider.aggregateType}-${step.id}: ${JSON.stringify(step.command)}`;
}
