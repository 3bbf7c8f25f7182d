import type { Command } from 'commander';
import * as z from 'zod';
import { commandRoutes } from '../../api/commands.ts';
import { logStreamRoute } from '../../api/log/log-stream.ts';
import { metricsTextRoute } from '../../api/operations/metrics-text.ts';
import { operationRoutes } from '../../api/operations/operations.ts';
import { traceQueries } from '../../api/operations/trace-queries.ts';
import { queryRoutes } from '../../api/queries.ts';
import { workRoutes } from '../../api/work.ts';
import { commandLine } from '../../bin/commands/program.ts';
import agents from '../../domain/application.ts';

const made = 'A test makes this page: `npx vitest run test/unit/docs -u`.';

/** Groups in the order of their names, each under a heading. */
function grouped<Item>(items: readonly Item[], groupOf: (item: Item) => string, partOf: (items: Item[]) => string) {
  const groups = Object.entries(Object.groupBy(items, groupOf)).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return groups.map(([name, members = []]) => `## ${name}\n\n${partOf(members)}\n`).join('\n');
}

/** The text of docs/reference/cli.md: the help of every command. */
export function commandLinePage(): string {
  const introduction = `# Command line

In the folder of Annals, \`npm run <command> -- <options>\` runs \`import\`, \`replay\`, \`redrive\`, \`travel\`, \`diff\`, \`verify\`, \`backup\`, \`restore\` and \`drill\`, and
\`npm start\` runs \`serve\`. In a folder of yours with the package, it is \`npx annals <command> <options>\`. ${made}
`;
  const helps = commandsIn(commandLine()).map(
    ({ path, command }) => `## ${path}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`,
  );
  return [introduction, ...helps].join('\n');
}

function commandsIn(command: Command, parent = ''): { readonly path: string; readonly command: Command }[] {
  const path = `${parent} ${command.name()}`.trim();
  return [{ path, command }, ...command.commands.flatMap((child) => commandsIn(child, path))];
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 110,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trim();
}

/** The text of docs/reference/operations.md: the routes of the application of agents, as the OpenAPI document has them. */
export function operationsPage(): string {
  const introduction = `# HTTP operations

The routes of the application of agents, tasks and workflows. The routes of your aggregates follow the same pattern. \`GET /openapi.json\` of a running server describes
each with its body, its answers and examples. ${made}
`;
  const routes = [
    ...commandRoutes(agents),
    ...operationRoutes,
    ...workRoutes(agents),
    ...queryRoutes(agents),
    ...traceQueries,
    ...[logStreamRoute, metricsTextRoute].map((streamed) => ({ ...streamed, method: 'GET' })),
  ];
  const table = grouped(
    routes,
    ({ path }) => path.split(/[/:]/)[1] ?? '',
    (members) =>
      [
        '| request | operation | meaning |',
        '| --- | --- | --- |',
        ...members.map(({ method, path, name, summary }) => `| \`${method} ${path}\` | \`${name}\` | ${summary} |`),
      ].join('\n'),
  );
  return `${introduction}\n${table}`;
}

/** The text of docs/reference/events.md: the event types of agents, tasks and workflows, and those of every application. */
export function eventsPage(): string {
  const introduction = `# Event types of agents

The types that the module of agents declares, and those that every application has (\`saga\`, \`eventtype\`). Callers may append an \`open\` type
themselves, if its aggregate admits it; an \`internal\` type is written by commands and the machinery. A member with \`?\` is optional. ${made}
`;
  const table = grouped(
    agents.catalogue.definitions,
    ({ aggregateType }) => aggregateType,
    (members) =>
      [
        '| type | version | access | meaning | data |',
        '| --- | --- | --- | --- | --- |',
        ...members.map(
          ({ type, version, access, description, data }) =>
            `| \`${type}\` | ${version} | ${access} | ${description} | ${membersOf(data)} |`,
        ),
      ].join('\n'),
  );
  return `${introduction}\n${table}`;
}

function membersOf(data: z.ZodObject): string {
  const isOptional = (member: z.core.$ZodType) => z.safeParse(member, undefined).success;
  return Object.entries(data.shape)
    .map(([name, member]) => `\`${name}${isOptional(member) ? '?' : ''}\``)
    .join(', ');
}
