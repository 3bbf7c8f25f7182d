import { describe, expect, it } from 'vitest';
import { usage } from '../../../events/usage.ts';
import {
  type Usage,
  usageOfAtif,
  usageOfClaudeCode,
  usageOfClaudeMessage,
  usageOfCodexLog,
  usageOfCodexRollout,
  usageOfGenAi,
  usageOfOpenHands,
  usageOfOpenInference,
} from '../../../sources/usage.ts';

type Convention = (told: Readonly<Record<string, unknown>>) => Usage | undefined;

/** The same call in every convention: 1,000 tokens read, 700 of them from a cache. */
const conventions: readonly (readonly [string, Convention, object, object])[] = [
  [
    'GenAI',
    usageOfGenAi,
    {
      'gen_ai.usage.input_tokens': 1000n,
      'gen_ai.usage.cache_read.input_tokens': 700,
      'gen_ai.usage.cache_write.input_tokens': 50,
      'gen_ai.usage.output_tokens': 20,
      'gen_ai.usage.reasoning.output_tokens': 5,
    },
    { inputTokens: 250, cacheReadTokens: 700, cacheWriteTokens: 50, outputTokens: 20, reasoningTokens: 5 },
  ],
  [
    'GenAI of older versions',
    usageOfGenAi,
    { 'gen_ai.usage.prompt_tokens': 1000, 'gen_ai.usage.completion_tokens': 20 },
    { inputTokens: 1000, outputTokens: 20 },
  ],
  [
    'GenAI with both names of a renamed attribute',
    usageOfGenAi,
    {
      'gen_ai.usage.input_tokens': 1000,
      'gen_ai.usage.cache_write.input_tokens': 50,
      'gen_ai.usage.cache_creation.input_tokens': 50,
    },
    { inputTokens: 950, cacheWriteTokens: 50 },
  ],
  [
    'Traceloop',
    usageOfGenAi,
    {
      'gen_ai.usage.input_tokens': 1000,
      'gen_ai.usage.cache_read_input_tokens': 700,
      'gen_ai.usage.cache_creation_input_tokens': 50,
      'gen_ai.usage.total_tokens': 1020,
      'gen_ai.usage.reasoning_tokens': 5,
    },
    { inputTokens: 250, cacheReadTokens: 700, cacheWriteTokens: 50, reasoningTokens: 5 },
  ],
  [
    'OpenInference',
    usageOfOpenInference,
    {
      'llm.token_count.prompt': 1000,
      'llm.token_count.prompt_details.cache_read': 700,
      'llm.token_count.completion': 20,
      'llm.token_count.completion_details.reasoning': 5,
      'llm.token_count.total': 1020,
      'llm.cost.total': 0.25,
    },
    { inputTokens: 300, cacheReadTokens: 700, outputTokens: 20, reasoningTokens: 5, costUsd: 0.25 },
  ],
  [
    'Claude Code',
    usageOfClaudeCode,
    {
      input_tokens: '300',
      cache_read_tokens: 700,
      cache_creation_tokens: 0,
      output_tokens: 20,
      cost_usd_micros: 2100,
      cost_usd: 0.0021,
    },
    { inputTokens: 300, cacheReadTokens: 700, cacheWriteTokens: 0, outputTokens: 20, costUsd: 0.0021 },
  ],
  ['Claude Code without micros', usageOfClaudeCode, { cost_usd: '0.5' }, { costUsd: 0.5 }],
  [
    'Claude message',
    usageOfClaudeMessage,
    { input_tokens: 300, cache_read_input_tokens: 700, cache_creation_input_tokens: null, output_tokens: 20 },
    { inputTokens: 300, cacheReadTokens: 700, outputTokens: 20 },
  ],
  [
    'Codex log',
    usageOfCodexLog,
    { input_token_count: '1000', cached_token_count: 700, output_token_count: '20', reasoning_token_count: 5 },
    { inputTokens: 300, cacheReadTokens: 700, outputTokens: 20, reasoningTokens: 5 },
  ],
  [
    'Codex rollout',
    usageOfCodexRollout,
    {
      input_tokens: 1000,
      cached_input_tokens: 700,
      cache_write_input_tokens: 50,
      output_tokens: 20,
      reasoning_output_tokens: 5,
      total_tokens: 1020,
    },
    { inputTokens: 250, cacheReadTokens: 700, cacheWriteTokens: 50, outputTokens: 20, reasoningTokens: 5 },
  ],
  [
    'ATIF',
    usageOfAtif,
    { prompt_tokens: 1000, cached_tokens: 700, completion_tokens: 20, cost_usd: 0.25 },
    { inputTokens: 300, cacheReadTokens: 700, outputTokens: 20, costUsd: 0.25 },
  ],
  [
    'OpenHands',
    usageOfOpenHands,
    { prompt_tokens: 1000, cache_read_tokens: 700, cache_write_tokens: 50, completion_tokens: 20 },
    { inputTokens: 250, cacheReadTokens: 700, cacheWriteTokens: 50, outputTokens: 20 },
  ],
  [
    'OpenHands with caches apart',
    usageOfOpenHands,
    { prompt_tokens: 300, cache_read_tokens: 700, completion_tokens: 20 },
    { inputTokens: 300, cacheReadTokens: 700, outputTokens: 20 },
  ],
];

describe('usage of a source', () => {
  it.each(conventions)('%s', (_, convention, told, expected) => {
    const used = convention(told as Record<string, unknown>);
    expect(used).toEqual(expected);
    expect(usage.parse(used)).toEqual(used);
  });

  it('is undefined where a source tells none', () => {
    for (const [, convention] of conventions) expect(convention({ 'service.name': 'bot' })).toBeUndefined();
  });

  it('never falls below 0, and keeps the reported number then', () => {
    expect(usageOfCodexLog({ input_token_count: 100, cached_token_count: 900 })).toEqual({
      inputTokens: 0,
      cacheReadTokens: 900,
      reportedInputTokens: 100,
    });
  });

  it('ignores what is no amount', () => {
    expect(
      usageOfGenAi({
        'gen_ai.usage.input_tokens': -1,
        'gen_ai.usage.output_tokens': 'many',
        'gen_ai.usage.reasoning_tokens': 1e300,
      }),
    ).toBeUndefined();
  });
});
