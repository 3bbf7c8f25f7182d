import * as z from 'zod';
import { amount } from '../core/events/amount.ts';

const MAX_NAMES = 32;
const MAX_NAME_LENGTH = 64;

const tokens = (what: string) => amount.optional().describe(what);

/**
 * What a step used. The names here mean the same wherever they come from, and are summed over the fleet; any other name is
 * kept as it is given, and summed by name for the agent alone.
 */
export const usage = z
  .object({
    inputTokens: tokens('Tokens that the model read, without those from a cache'),
    outputTokens: tokens('Tokens that the model wrote, with those of its reasoning'),
    cacheReadTokens: tokens('Tokens that the model read from a cache'),
    cacheWriteTokens: tokens('Tokens that were written to a cache'),
    reasoningTokens: tokens('Those of the output tokens that nobody saw'),
    costUsd: amount.optional().describe('US dollars'),
  })
  .catchall(amount)
  .superRefine((used, context) => {
    const names = Object.keys(used);
    if (names.length > MAX_NAMES) context.addIssue(`may name at most ${MAX_NAMES} resources`);
    const wrong = names.find((name) => name.length === 0 || name.length > MAX_NAME_LENGTH);
    if (wrong !== undefined) context.addIssue(`may have names of 1 to ${MAX_NAME_LENGTH} characters only`);
  });

type Used = Readonly<Record<string, unknown>>;

/** Names by which the same was called before, or is called by some recorders. */
const SYNONYMS: Readonly<Record<string, string>> = {
  tokensSent: 'inputTokens',
  tokensReceived: 'outputTokens',
  cost: 'costUsd',
};

/**
 * Usage under today's names. `tokens` alone, which does not say which way they went, are input tokens; beside counts of
 * either way they are their total, and no count of their own. Nothing is renamed over a name that is there already.
 */
export function standardUsage(used: Used): Record<string, unknown> {
  const renamed = Object.entries(used).map(([name, value]) => {
    const standard = Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : undefined;
    return [standard !== undefined && !Object.hasOwn(used, standard) ? standard : name, value] as const;
  });
  const standard = Object.fromEntries(renamed);
  const { tokens, ...others } = standard;
  const saysWhichWay = Object.hasOwn(standard, 'inputTokens') || Object.hasOwn(standard, 'outputTokens');
  return tokens === undefined || saysWhichWay ? standard : { ...others, inputTokens: tokens };
}
