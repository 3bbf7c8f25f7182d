import * as z from 'zod';
import { utcOfSeconds } from '../instant.ts';
import { chatAction } from '../steps.ts';
import { type Usage, usageOfOpenHands } from '../usage.ts';
import { textOf } from './claude-line.ts';
import type { RunStep } from './run-recorder.ts';

const text = z.string().nullish().catch(undefined);
const seconds = z.number().nullish().catch(undefined);
const record = z.record(z.string(), z.unknown()).nullish().catch(undefined);

/** A message of mini-swe-agent. */
export const miniMessage = z.looseObject({
  role: text,
  content: z.unknown().optional(),
  output: z.unknown().optional(),
  tool_call_id: text,
  timestamp: seconds,
  extra: z
    .looseObject({
      actions: z
        .array(z.looseObject({ command: text, tool_call_id: text }))
        .nullish()
        .catch(undefined),
      cost: seconds,
      timestamp: seconds,
      response: z.looseObject({ model: text, usage: record }).nullish().catch(undefined),
      exit_status: text,
      submission: text,
    })
    .nullish()
    .catch(undefined),
});
export type MiniMessage = z.output<typeof miniMessage>;

/** An answer of the model, and what came of it so far. */
interface Answer {
  readonly message: MiniMessage;
  readonly place: string;
  readonly observations: MiniMessage[];
}

type MiniStep = RunStep & { readonly began: string | undefined };

/** The steps of a run: each action of an answer with its observation. An answer without an action is a step, too. */
export class MiniSteps {
  /** Messages that are part of no step yet. */
  rest: MiniMessage[] = [];
  /** How the run ended, where a message says so. */
  exit:
    | { readonly exit_status?: string | null | undefined; readonly submission?: string | null | undefined }
    | undefined;
  /** The time of the last message. */
  at: string | undefined;
  #answer: Answer | undefined;

  *message(message: MiniMessage, place: string): Generator<MiniStep> {
    this.at = timeOf(message) ?? this.at;
    if (message.extra?.exit_status !== undefined && message.extra.exit_status !== null) this.exit = message.extra;
    if (message.role === 'assistant' || message['object'] === 'response') {
      yield* this.end();
      this.#answer = { message, place, observations: [] };
    } else if (this.#answer && message.role !== 'exit') this.#answer.observations.push(message);
    else this.rest.push(message);
  }

  /** Whether what came of the last answer is known. */
  get isComplete(): boolean {
    const { message, observations } = this.#answer ?? {};
    return (observations?.length ?? 0) >= Math.max(message?.extra?.actions?.length ?? 0, 1);
  }

  /** The last answer, with what came of it. */
  *end(): Generator<MiniStep> {
    const answer = this.#answer;
    this.#answer = undefined;
    if (!answer) return;
    const { message, place, observations } = answer;
    const { content, output, extra } = message;
    const thought = textOf(content ?? output);
    const told = extra?.actions ?? [];
    const commands = told.length > 0 ? told.map(({ command }) => command ?? '') : blocksIn(thought);
    const usage = usageOf(message);
    const began = timeOf(message);
    const actions = commands.length > 0 ? commands : [chatAction(extra?.response?.model ?? undefined)];
    for (const [index, action] of actions.entries()) {
      const seen = this.#seen(observations, told[index]?.tool_call_id ?? undefined, index, actions.length);
      const at = seen.map(timeOf).find(Boolean) ?? began;
      const durationMs = began && at ? Math.max(Date.parse(at) - Date.parse(began), 0) : undefined;
      const records = this.rest.splice(0);
      yield {
        began,
        place,
        content: [index === 0 ? thought : '', action],
        at,
        step: {
          action,
          ...(index === 0 && thought !== '' ? { thought } : {}),
          ...(seen.length > 0 ? { observation: seen.map((each) => textOf(each.content)).join('\n') } : {}),
          ...(durationMs === undefined ? {} : { durationMs }),
          ...(index === 0 && usage ? { usage } : {}),
        },
        kept: { message: index === 0 ? withoutText(message) : undefined, observations: seen.map(withoutText), records },
      };
    }
  }

  /** The observations of an action: those with the id of its call, else in order; the last action has what is left. */
  #seen(observations: readonly MiniMessage[], id: string | undefined, index: number, count: number): MiniMessage[] {
    const named = id === undefined ? [] : observations.filter(({ tool_call_id: call }) => call === id);
    if (named.length > 0) return named;
    const unnamed = observations.filter(({ tool_call_id: call }) => typeof call !== 'string');
    return index === count - 1 ? unnamed.slice(index) : unnamed.slice(index, index + 1);
  }
}

const timeOf = ({ timestamp, extra }: MiniMessage): string | undefined => utcOfSeconds(extra?.timestamp ?? timestamp);

/** A message without the text that its step has. */
function withoutText({ content, ...more }: MiniMessage): object {
  return typeof content === 'string' ? more : { content, ...more };
}

/** The commands of an answer of version 1. */
const blocksIn = (message: string): string[] =>
  [
    ...message.matchAll(
      /```(?:bash|sh|mswea_bash_command)\s*\n([\s\S]*?)\n?```|<mswea_bash_command>([\s\S]*?)<\/mswea_bash_command>/g,
    ),
  ].map(([, block, tagged]) => block ?? tagged ?? '');

/** The usage in the answer of the provider, by the names of chat completions or of responses. */
function usageOf({ extra }: MiniMessage): Usage | undefined {
  const told = extra?.response?.usage ?? {};
  const inside = (name: string) => (told[name] ?? {}) as Readonly<Record<string, unknown>>;
  const cached = inside('prompt_tokens_details')['cached_tokens'] ?? inside('input_tokens_details')['cached_tokens'];
  return usageOfOpenHands({
    prompt_tokens: told['prompt_tokens'] ?? told['input_tokens'],
    completion_tokens: told['completion_tokens'] ?? told['output_tokens'],
    cache_read_tokens: told['cache_read_input_tokens'] ?? cached,
    cache_write_tokens: told['cache_creation_input_tokens'],
    reasoning_tokens:
      inside('completion_tokens_details')['reasoning_tokens'] ?? inside('output_tokens_details')['reasoning_tokens'],
    cost: extra?.cost,
  });
}
