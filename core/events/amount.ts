import * as z from 'zod';
import { jsonObject } from './json.ts';
import { storedForms } from './stored-form.ts';

/** The greatest amount: the sum of nine is still an exact double. */
export const MAX_AMOUNT = 1e15;

/** The greatest sum of amounts, 2^53 - 1. It means "this much or more". */
export const MAX_SUM = Number.MAX_SAFE_INTEGER;

/** A sum keeps millionths: a ten-thousandth of a cent. */
export const MILLIONTHS = 1_000_000;

// Written out: `toLocaleString` takes 9 ms at the start of every function, to load its tables.
const DOMAIN = 'must be a number from 0 to 1,000,000,000,000,000';

/** A number that views sum: usage, durations, resources. The event keeps the given number; a sum keeps six decimals. */
export const amount = z.number(DOMAIN).min(0, DOMAIN).max(MAX_AMOUNT, DOMAIN);

amount.register(storedForms, { form: 'number' });

/**
 * A stored number as an amount. Older versions accepted any number: a number outside of the range counts as the nearest
 * amount, everything else as 0.
 */
export function amountOf(stored: unknown): number {
  if (typeof stored !== 'number' || Number.isNaN(stored)) return 0;
  return Math.min(Math.max(stored, 0), MAX_AMOUNT);
}

/** Adds whole numbers from 0 on, up to {@link MAX_SUM}. */
export const addWhole = (sum: number, count: number): number => Math.min(sum + count, MAX_SUM);

/** A stored amount in whole millionths, or as a whole number when `unit` is 1. Sums of whole numbers are the same in any order. */
export const wholeAmount = (stored: unknown, unit = 1): number =>
  Math.min(Math.round(amountOf(stored) * unit), MAX_SUM);

/**
 * Adds an amount to a sum, with six decimals and without binary rounding errors (0.1 + 0.2 is 0.3). The sum never
 * exceeds {@link MAX_SUM}, so that a view, a counter and JSON can hold it.
 */
export function addAmount(sum: number, amount: unknown): number {
  const known = typeof sum === 'number' && sum > 0 ? sum : 0; // older versions stored Infinity, null in JSON
  return Math.min(rounded(known + amountOf(amount)), MAX_SUM);
}

/** Takes an amount out of a sum that {@link addAmount} made, never below 0. */
export const subtractAmount = (sum: number, amount: unknown): number => rounded(Math.max(sum - amountOf(amount), 0));

/** Six decimals while millionths are exact integers; above that, the 15 digits of a double. */
function rounded(total: number): number {
  if (Number.isInteger(total)) return total;
  if (total < MAX_SUM / MILLIONTHS) return Math.round(total * MILLIONTHS) / MILLIONTHS;
  return total < MAX_AMOUNT ? Number(total.toPrecision(15)) : Math.round(total);
}

/** Any JSON object in which each number, at any depth, is an amount. */
export const amounts = jsonObject.superRefine((value, context) => {
  const pending: { value: unknown; path: PropertyKey[] }[] = [{ value, path: [] }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { value: current, path } = next;
    if (typeof current === 'number' && !amount.safeParse(current).success) {
      context.addIssue({ code: 'custom', path, message: DOMAIN });
    }
    if (typeof current !== 'object' || current === null) continue;
    for (const [key, child] of Object.entries(current)) pending.push({ value: child, path: [...path, key] });
  }
});

amounts.register(storedForms, { form: 'object' });
