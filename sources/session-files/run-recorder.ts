import type { EventData } from '../../core/events/catalogue.ts';
import { AgentRecorder } from '../agent-recorder.ts';
import type { SourceEvent } from '../source-event.ts';
import type { Usage } from '../usage.ts';

type Step = Omit<EventData<'agent.step-recorded'>, 'agentId'>;

/** A step of a run and what else the file tells of it. */
export interface RunStep {
  readonly step: Step;
  readonly place: string;
  readonly at?: string | undefined;
  readonly kept?: object | undefined;
  /** The content that another recording of the same run has, too. The data of the step by default. */
  readonly content?: unknown;
}

/** How a run ended. */
export interface RunEnd {
  /** Absent while the run goes on. */
  readonly exitStatus?: string | undefined;
  /** The result, such as a patch. */
  readonly submission?: string | undefined;
  /** The usage of the whole run. */
  readonly totals?: Usage | undefined;
  readonly at?: string | undefined;
  readonly kept?: object | undefined;
}

/** Makes the events of an agent from a document with numbered steps. */
export class RunRecorder {
  readonly recorder: AgentRecorder;
  #steps = 0;
  /** The last step so far: if no other follows, it gets the usage of the run. */
  #last: SourceEvent | undefined;
  #hasResult = false;

  constructor(agentId: string) {
    this.recorder = new AgentRecorder(agentId, undefined, { exact: true });
  }

  *begin(
    at: string | undefined,
    creation: Parameters<AgentRecorder['create']>[1],
    kept?: object,
  ): Generator<SourceEvent> {
    const told = { at, place: 'the run' };
    yield this.recorder.create({ ...told, key: 'created', kept }, creation);
    yield* this.recorder.state({ ...told, key: 'running' }, 'running', 'the recorded run begins');
  }

  *step({ step, place, at, kept, content }: RunStep, submission?: string): Generator<SourceEvent> {
    if (this.#last) yield this.#last;
    const { usage: _, ...compared } = step;
    const told = { key: `step:${++this.#steps}`, content: content ?? compared, at, place, kept };
    this.#last = this.recorder.step(told, step);
    if (submission && step.observation?.includes(submission.trim())) this.#hasResult = true;
  }

  /** The end: a step with the result when no step has it, or with the usage of a run without steps, and the last state. */
  *end({ exitStatus, submission, totals, at, kept }: RunEnd): Generator<SourceEvent> {
    const isOver = exitStatus !== undefined;
    const isRecorded = !submission?.trim() || this.#hasResult;
    if (isOver && (!isRecorded || (!this.#last && totals))) {
      if (this.#last) yield this.#last;
      const told = { key: 'result', at, place: 'info' };
      const observation = isRecorded ? exitStatus : submission;
      this.#last = this.recorder.step(told, { action: 'result', ...(observation ? { observation } : {}) });
    }
    if (this.#last) yield totals ? { ...this.#last, totals } : this.#last;
    if (!isOver) return;
    const newState = /^submitted\b/i.test(exitStatus) ? 'stopped' : 'failed';
    const content = { newState, exitStatus, steps: this.#steps };
    yield* this.recorder.state({ key: 'end', content, at, place: 'info.exit_status', kept }, newState, exitStatus);
  }
}
