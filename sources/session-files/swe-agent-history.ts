import * as z from 'zod';
import { toolAction } from '../steps.ts';
import { textOf } from './claude-line.ts';
import type { RunStep } from './run-recorder.ts';

const text = z.string().nullish().catch(undefined);

/** A message of the history of SWE-agent. */
export const historyItem = z.looseObject({
  role: text,
  content: z.unknown().optional(),
  message_type: text,
  is_demo: z.boolean().nullish().catch(undefined),
  thought: text,
  action: text,
  tool_calls: z
    .array(
      z.looseObject({
        function: z.looseObject({ name: text, arguments: z.unknown().optional() }).nullish().catch(undefined),
      }),
    )
    .nullish()
    .catch(undefined),
});
export type HistoryItem = z.output<typeof historyItem>;

/** The steps of a history: an answer of the model, and the message after it as its observation. */
export class HistorySteps {
  /** Messages that are part of no step yet. */
  rest: HistoryItem[] = [];
  #answer: { readonly item: HistoryItem; readonly place: string } | undefined;

  *item(item: HistoryItem, place: string): Generator<RunStep> {
    const isAnswer = item.role === 'assistant' && !item.is_demo;
    if (isAnswer) {
      yield* this.end();
      this.#answer = { item, place };
    } else if (this.#answer && !item.is_demo) yield* this.#step(item);
    else this.rest.push(item);
  }

  /** The last answer, without an observation. */
  *end(): Generator<RunStep> {
    if (this.#answer) yield* this.#step(undefined);
  }

  *#step(observed: HistoryItem | undefined): Generator<RunStep> {
    if (!this.#answer) return;
    const { item, place } = this.#answer;
    const thought = item.thought ?? textOf(item.content);
    const call = item.tool_calls?.[0]?.function;
    const action = item.action ?? (call ? toolAction(call.name ?? undefined, call.arguments) : lastBlock(thought));
    const history = [...this.rest, item, ...(observed ? [observed] : [])];
    this.rest = [];
    this.#answer = undefined;
    yield {
      step: { thought, action, ...(observed ? { observation: textOf(observed.content) } : {}) },
      content: [thought, action],
      place,
      kept: { history },
    };
  }
}

/** The command that a message ends with, in a block of code; else the first line. */
function lastBlock(message: string): string {
  const block = [...message.matchAll(/```\w*\n([\s\S]*?)\n?```/g)].at(-1)?.[1];
  return block ?? message.trim().split('\n')[0] ?? '';
}
