import { addAmount, subtractAmount } from '../events/amount.ts';

/** Most resources with a sum in a view. Further names are summed as `other`. */
const MAX_RESOURCES = 64;

/** Adds the usage of a step to the sums, by name. */
export function addUsage(
  sums: Readonly<Record<string, number>>,
  used: Readonly<Record<string, number>>,
): Record<string, number> {
  const total = new Map(Object.entries(sums));
  for (const [resource, amount] of Object.entries(used)) {
    const name = total.has(resource) || total.size < MAX_RESOURCES ? resource : 'other';
    total.set(name, addAmount(total.get(name) ?? 0, amount));
  }
  return Object.fromEntries(total);
}

/** Takes the usage of a withdrawn step out of the sums. A resource without usage left is removed. */
export function subtractUsage(
  sums: Readonly<Record<string, number>>,
  used: Readonly<Record<string, number>>,
): Record<string, number> {
  const total = new Map(Object.entries(sums));
  for (const [resource, amount] of Object.entries(used)) {
    const name = total.has(resource) ? resource : 'other';
    const left = subtractAmount(total.get(name) ?? 0, amount);
    if (left > 0) total.set(name, left);
    else total.delete(name);
  }
  return Object.fromEntries(total);
}
