import type { DomainEvent } from '../../../core/events/catalogue.ts';

/** Members of data that name the agent, the time and the cost of an event. They differ between any two runs. */
const CIRCUMSTANCES: ReadonlySet<string> = new Set(['agentId', 'durationMs', 'usage', 'timestamp']);

/** The part of an event's data that two runs have in common when they did the same. */
export const deedOf = ({ data }: DomainEvent): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(data).filter(([name]) => !CIRCUMSTANCES.has(name)));

/** The action of an event: of a step its action, of a change of state the new state, else nothing. */
export function actionOf({ data }: DomainEvent): string {
  const { action, newState } = data as { readonly action?: unknown; readonly newState?: unknown };
  return [action, newState].find((text) => typeof text === 'string') ?? '';
}

/** A value with each run of white space in its texts as one blank, none at either end. */
export function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.trim().replaceAll(/\s+/g, ' ');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}
