import * as z from 'zod';
import { amount } from '../core/events/amount.ts';

const MAX_NAMES = 32;
const MAX_NAME_LENGTH = 64;

const tokens = (what: string) => amount.optional().describe(what);

/**
 * The usage of a step. The names here mean the same for every source, and the fleet overview sums them. Other names are
 * kept unchanged and summed for each agent.
 */
export const usage = z
  .object({
    inputTokens: tokens('Tokens that the model read, without cached tokens'),
    outputTokens: tokens('Tokens that the model wrote, reasoning included'),
    cacheReadTokens: tokens('Tokens that the model read from a cache'),
    cacheWriteTokens: tokens('Tokens that were written to a cache'),
    reasoningTokens: tokens('The output tokens of hidden reasoning'),
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

/** Older names, and names of some recorders. */
const SYNONYMS: Readonly<Record<string, string>> = {
  tokensSent: 'inputTokens',
  tokensReceived: 'outputTokens',
  cost: 'costUsd',
};

/**
 * Usage under the current names. `tokens` without a direction are input tokens; beside counts with a direction they are
 * the total, and dropped. A name that exists already is never overwritten.
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
