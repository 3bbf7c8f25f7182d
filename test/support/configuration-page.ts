import * as z from 'zod';
import { eventSystemSchema } from '../../core/base/configuration.ts';

/** The part of a setting's JSON schema that the page shows. */
interface Setting {
  readonly type: string;
  readonly properties?: Readonly<Record<string, Setting>>;
  readonly description?: string;
  readonly default?: unknown;
  readonly allowed?: string;
  readonly enum?: readonly string[];
  readonly const?: string | boolean;
  readonly maxItems?: number;
}

const introduction = `# Configuration

\`annals.config.ts\` has the settings that differ from the defaults. \`npm start\` and the deployment read the same file. They refuse a
wrong value; the message names its path and the allowed values. The names are the names of \`event_system\` in the original specification.
\`npx vitest run test/unit/docs -u\` makes this page from the schema, \`core/base/configuration.ts\`.

\`store.type\`, \`bus.type\`, \`snapshots.storage_type\` and the connection strings are no settings, because the host decides them. On AWS they are
DynamoDB, EventBridge and S3. On one machine they are SQLite, the process and files in the folder that \`ANNALS_DATA\` names.
`;

/** The text of docs/configuration.md, made from the schema. */
export function configurationPage(): string {
  const root = z.toJSONSchema(eventSystemSchema, { io: 'input' }) as unknown as Setting;
  const sections = Object.entries(root.properties ?? {}).map(([name, section]) => {
    const rows = rowsOf(section, `${name}.`).join('\n');
    return `## ${name}\n\n| \`event_system.\` | default | allowed | meaning |\n| --- | --- | --- | --- |\n${rows}\n`;
  });
  return [introduction, ...sections].join('\n');
}

function rowsOf(section: Setting, prefix: string): string[] {
  return Object.entries(section.properties ?? {}).flatMap(([name, setting]) => {
    if (setting.properties) return rowsOf(setting, `${prefix}${name}.`);
    const { default: fallback, description } = setting;
    return [`| \`${prefix}${name}\` | \`${JSON.stringify(fallback)}\` | ${allowed(setting)} | ${description} |`];
  });
}

function allowed(setting: Setting): string {
  if (setting.const !== undefined) return `\`${JSON.stringify(setting.const)}\` only`;
  if (setting.enum) return setting.enum.map((value) => `\`"${value}"\``).join(', ');
  if (setting.allowed) return setting.allowed;
  if (setting.type === 'array') return `up to ${setting.maxItems} names`;
  return '`true`, `false`';
}
