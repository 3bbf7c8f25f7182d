import { styleText } from 'node:util';
import type { AnnalsClient } from '../../client/client.ts';

/** What came of a fork: its work alone, without the history that it shares. */
export interface ForkOutcome {
  readonly agentId: string;
  /** The state of its task: `requested` until it has ended. */
  readonly state: string;
  readonly steps: number;
  /** Sum of the steps' durations, milliseconds. */
  readonly durationMs: number;
  readonly usage: Readonly<Record<string, number>>;
  /** The first event that differs from the parent after the shared history; absent while there is none. */
  readonly firstDifference?: { readonly version: number | null; readonly action: string };
  readonly error?: unknown;
}

/** @throws AnnalsRequestError for an unknown fork or a run that is too long to compare */
export async function outcomeOf(client: AnnalsClient, parentId: string, agentId: string): Promise<ForkOutcome> {
  const [task, diff] = await Promise.all([
    client.tasks.get(agentId, { waitFor: 1 }),
    client.agents.diff(agentId, { with: parentId, limit: 1 }),
  ]);
  const { steps, durationMs, usage } = diff.totals.left;
  const [first] = diff.steps;
  return {
    agentId,
    state: task.state,
    ...{ steps, durationMs, usage },
    ...(first && { firstDifference: { version: first.left?.version ?? null, action: first.action } }),
    ...(task.error === undefined ? {} : { error: task.error }),
  };
}

const columns = ['fork', 'state', 'steps', 'tokens', 'usd', 'seconds', 'first difference'] as const;
/** The columns whose texts begin at the left. */
const TEXTS: ReadonlySet<number> = new Set([0, 1, 6]);

/** A head, a line for each fork, and a line of the states. */
export function tableOf(outcomes: readonly ForkOutcome[]): string[] {
  const rows = [columns, ...outcomes.map(cells)];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const [head = '', ...lines] = rows.map((row) =>
    row
      .map((cell, column) =>
        TEXTS.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const states = Object.entries(Object.groupBy(outcomes, ({ state }) => state));
  const sums = states.map(([state, all]) => `${all?.length ?? 0} ${state}`).join(', ');
  return [styleText('bold', head, { stream: process.stdout }), ...lines, sums];
}

function cells({ agentId, state, steps, durationMs, usage, firstDifference, error }: ForkOutcome): string[] {
  const tokens = (usage['inputTokens'] ?? 0) + (usage['outputTokens'] ?? 0);
  const usd = (usage['costUsd'] ?? 0).toFixed(4);
  const reason = error === undefined ? '' : `failed: ${typeof error === 'string' ? error : JSON.stringify(error)}; `;
  const place = firstDifference ? `${firstDifference.version ?? 'ended before'}: ${firstDifference.action}` : 'none';
  const last = `${reason}${place}`.replaceAll(/\s+/g, ' ').slice(0, 120).toWellFormed();
  return [agentId, state, String(steps), String(tokens), usd, (durationMs / 1_000).toFixed(1), last];
}
