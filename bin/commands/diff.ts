import { styleText } from 'node:util';
import type { Command } from 'commander';
import type { AgentsDiff, AgentsDiffStep, AnnalsClient } from '../../client/client.ts';
import { printJson, withJson } from './json-output.ts';
import { createTargetClient, explained, type Target, withTarget } from './target.ts';

interface DiffOptions extends Target {
  readonly full: boolean;
  readonly json: boolean;
}

/** Adds `diff`: compares two agents, aligned by action. */
export function addDiffCommand(program: Command): void {
  withJson(withTarget(program.command('diff')))
    .description('compare two agents, aligned by action')
    .argument('<agent>', 'id of an agent, such as 42')
    .argument('<other>', 'id of the other agent')
    .option('--full', 'show equal steps, too', false)
    .addHelpText('after', '\nExample:\n  annals diff 42 43')
    .action((agent: string, other: string, options: DiffOptions) => explained(() => compare(agent, other, options)));
}

/** Prints the differences of two agents, page by page. @throws AnnalsRequestError, AnnalsUnreachableError, TypeError */
async function compare(agent: string, other: string, { full, json, ...target }: DiffOptions): Promise<void> {
  const pages = pagesOf(createTargetClient(target), agent, { with: other, full });
  if (json) {
    const all = await Array.fromAsync(pages);
    const { next: _, ...first } = all[0] as AgentsDiff;
    return printJson({ ...first, steps: all.flatMap(({ steps }) => steps) });
  }
  let isFirst = true;
  for await (const page of pages) {
    if (isFirst) for (const line of summary(page)) console.log(line);
    isFirst = false;
    for (const step of page.steps) for (const line of stepLines(step)) console.log(line);
  }
}

async function* pagesOf(client: AnnalsClient, agent: string, query: { readonly with: string; readonly full: boolean }) {
  for (let cursor: string | undefined, isDone = false; !isDone; ) {
    const page = await client.agents.diff(agent, { ...query, cursor });
    yield page;
    cursor = page.next ?? undefined;
    isDone = cursor === undefined;
  }
}

function summary({ agentId, with: other, common, equal, aligned, counts, totals, first }: AgentsDiff): string[] {
  const after = common ? `, after version ${common.version} of ${common.agentId}` : '';
  const { same, changed, added, removed } = counts;
  return [
    styleText(
      'bold',
      `${agentId} and ${other}${after}: ${equal ? 'equal' : `first difference at step ${first?.step}`}`,
    ),
    `${same} same, ${changed} changed, ${added} added, ${removed} removed`,
    ...(aligned ? [] : ['the runs differ too much to align them: they are compared in order']),
    ...totalLines(totals),
  ];
}

/** A line for each sum: the name, and the sums of both agents. */
function totalLines({ left, right }: AgentsDiff['totals']): string[] {
  const usage = [...new Set([...Object.keys(left.usage), ...Object.keys(right.usage)])];
  const rows: [string, number, number][] = [
    ['steps', left.steps, right.steps],
    ['durationMs', left.durationMs, right.durationMs],
    ...usage.map((name): [string, number, number] => [name, left.usage[name] ?? 0, right.usage[name] ?? 0]),
  ];
  return rows.map(
    ([name, own, other]) => `  ${name.padEnd(18)} ${String(own).padStart(14)} ${String(other).padStart(14)}`,
  );
}

const looks = {
  same: [' ', 'dim'],
  changed: ['~', 'yellow'],
  added: ['+', 'green'],
  removed: ['-', 'red'],
} as const;

function stepLines({ step, kind, action, left, right, changes = [] }: AgentsDiffStep): string[] {
  const [sign, colour] = looks[kind];
  const versions = [left?.version ?? '', right?.version ?? ''].map((version) => String(version).padStart(5));
  const head = `${sign} ${String(step).padStart(5)} ${versions.join(' ')}  ${oneLine(action)}`;
  return [coloured(colour, head), ...changes.flatMap(changeLines)];
}

type Change = NonNullable<AgentsDiffStep['changes']>[number];

function changeLines({ member, text, left, right }: Change): string[] {
  const parts = text ?? [
    { in: 'left' as const, text: JSON.stringify(left) ?? '' },
    { in: 'right' as const, text: JSON.stringify(right) ?? '' },
  ];
  const marked = parts.map(({ in: side, text: part }) => {
    if (side === 'both') return oneLine(part);
    return side === 'left' ? coloured('red', `[-${oneLine(part)}-]`) : coloured('green', `{+${oneLine(part)}+}`);
  });
  return [`        ${member}: ${marked.join('')}`];
}

const coloured = (colour: 'dim' | 'yellow' | 'green' | 'red', text: string): string =>
  styleText(colour, text, { stream: process.stdout });

const oneLine = (text: string): string => text.replaceAll('\r', '').replaceAll('\n', '⏎');
