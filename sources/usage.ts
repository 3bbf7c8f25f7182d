import type * as z from 'zod';
import { MAX_AMOUNT } from '../core/events/amount.ts';
import type { usage } from '../events/usage.ts';

/** Usage of a step. A member that the source does not tell is absent, not 0. */
export type Usage = z.input<typeof usage>;

/** Attributes or members of a source, by name. Numbers may be numbers, bigints or decimal strings. */
type Told = Readonly<Record<string, unknown>>;

/** What a convention tells of one call of a model, before cached tokens are taken out of the input. */
interface Counts {
  readonly input?: number | undefined;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite?: number | undefined;
  readonly output?: number | undefined;
  readonly reasoning?: number | undefined;
  readonly costUsd?: number | undefined;
}

/**
 * Attributes of the GenAI conventions, old and new names, and of Traceloop, which uses them with some of its own. Input
 * includes cached tokens. (open-telemetry/semantic-conventions-genai v0.1.0; semantic-conventions v1.36.0;
 * traceloop/openllmetry v0.62.1.)
 */
export const usageOfGenAi = (told: Told): Usage | undefined =>
  withoutCached({
    input: first(told, 'gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens', 'llm.usage.prompt_tokens'),
    cacheRead: first(
      told,
      'gen_ai.usage.cache_read.input_tokens',
      'gen_ai.usage.cache_read_input_tokens',
      'gen_ai.usage.input_tokens.cached',
    ),
    cacheWrite: first(
      told,
      'gen_ai.usage.cache_write.input_tokens',
      'gen_ai.usage.cache_creation.input_tokens',
      'gen_ai.usage.cache_creation_input_tokens',
    ),
    output: first(told, 'gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens', 'llm.usage.completion_tokens'),
    reasoning: first(
      told,
      'gen_ai.usage.reasoning.output_tokens',
      'gen_ai.usage.reasoning_tokens',
      'codex.usage.reasoning_output_tokens',
    ),
    costUsd: first(told, 'gen_ai.usage.cost'),
  });

/** Attributes of OpenInference. The prompt includes cached tokens. (Arize-ai/openinference, semantic_conventions.md.) */
export const usageOfOpenInference = (told: Told): Usage | undefined =>
  withoutCached({
    input: first(told, 'llm.token_count.prompt'),
    cacheRead: first(told, 'llm.token_count.prompt_details.cache_read'),
    cacheWrite: first(told, 'llm.token_count.prompt_details.cache_write'),
    output: first(told, 'llm.token_count.completion'),
    reasoning: first(told, 'llm.token_count.completion_details.reasoning'),
    costUsd: first(told, 'llm.cost.total'),
  });

/**
 * Attributes of Claude Code's logs and spans. Input excludes cached tokens.
 * (code.claude.com/docs/en/monitoring-usage.)
 */
export function usageOfClaudeCode(told: Told): Usage | undefined {
  // Microdollars are cut off, so they are read only where nothing else tells the cost.
  const micros = first(told, 'cost_usd_micros');
  return usageOf({
    input: first(told, 'input_tokens'),
    cacheRead: first(told, 'cache_read_tokens'),
    cacheWrite: first(told, 'cache_creation_tokens'),
    output: first(told, 'output_tokens'),
    costUsd: first(told, 'cost_usd') ?? (micros === undefined ? undefined : micros / 1e6),
  });
}

/** `message.usage` of a session file of Claude Code, and of the API behind it. Input excludes cached tokens. */
export const usageOfClaudeMessage = (told: Told): Usage | undefined =>
  usageOf({
    input: first(told, 'input_tokens'),
    cacheRead: first(told, 'cache_read_input_tokens'),
    cacheWrite: first(told, 'cache_creation_input_tokens'),
    output: first(told, 'output_tokens'),
  });

/** Attributes of Codex's log `codex.sse_event`. Input includes cached tokens. (openai/codex, codex-rs/otel.) */
export const usageOfCodexLog = (told: Told): Usage | undefined =>
  withoutCached({
    input: first(told, 'input_token_count'),
    cacheRead: first(told, 'cached_token_count'),
    cacheWrite: first(told, 'cache_write_token_count'),
    output: first(told, 'output_token_count'),
    reasoning: first(told, 'reasoning_token_count'),
  });

/** `last_token_usage` of a rollout of Codex. Input includes cached tokens. */
export const usageOfCodexRollout = (told: Told): Usage | undefined =>
  withoutCached({
    input: first(told, 'input_tokens'),
    cacheRead: first(told, 'cached_input_tokens'),
    cacheWrite: first(told, 'cache_write_input_tokens'),
    output: first(told, 'output_tokens'),
    reasoning: first(told, 'reasoning_output_tokens'),
  });

/** `metrics` of a step of an ATIF trajectory. The prompt includes cached tokens. */
export const usageOfAtif = (told: Told): Usage | undefined =>
  withoutCached({
    input: first(told, 'prompt_tokens'),
    cacheRead: first(told, 'cached_tokens'),
    output: first(told, 'completion_tokens'),
    costUsd: first(told, 'cost_usd'),
  });

/**
 * An entry of `token_usages` of OpenHands. The prompt includes cached tokens where the caches fit into it; otherwise the
 * provider reported them apart.
 */
export function usageOfOpenHands(told: Told): Usage | undefined {
  const counts = {
    input: first(told, 'prompt_tokens'),
    cacheRead: first(told, 'cache_read_tokens'),
    cacheWrite: first(told, 'cache_write_tokens'),
    output: first(told, 'completion_tokens'),
    reasoning: first(told, 'reasoning_tokens'),
    costUsd: first(told, 'cost'),
  };
  const cached = (counts.cacheRead ?? 0) + (counts.cacheWrite ?? 0);
  return cached <= (counts.input ?? 0) ? withoutCached(counts) : usageOf(counts);
}

/** The first of these names with an amount. */
function first(told: Told, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = Object.hasOwn(told, name) ? told[name] : undefined;
    if (!['number', 'bigint', 'string'].includes(typeof value) || value === '') continue;
    const number = Number(value);
    if (number >= 0 && number <= MAX_AMOUNT) return number;
  }
  return undefined;
}

/**
 * Input tokens without cached ones. Where a source reports more cached than read tokens, the input is 0, and the reported
 * number is kept as `reportedInputTokens`.
 */
function withoutCached(counts: Counts): Usage | undefined {
  const { input, cacheRead = 0, cacheWrite = 0 } = counts;
  if (input === undefined) return usageOf(counts);
  const uncached = input - cacheRead - cacheWrite;
  const used = usageOf({ ...counts, input: Math.max(uncached, 0) });
  return uncached < 0 && used ? Object.assign(used, { reportedInputTokens: input }) : used;
}

function usageOf({ input, cacheRead, cacheWrite, output, reasoning, costUsd }: Counts): Usage | undefined {
  const used = {
    ...(input !== undefined && { inputTokens: input }),
    ...(cacheRead !== undefined && { cacheReadTokens: cacheRead }),
    ...(cacheWrite !== undefined && { cacheWriteTokens: cacheWrite }),
    ...(output !== undefined && { outputTokens: output }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
    ...(costUsd !== undefined && { costUsd }),
  };
  return Object.keys(used).length > 0 ? used : undefined;
}
