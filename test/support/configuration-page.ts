import * as z from 'zod';
import { eventSystemSchema } from '../../core/base/configuration.ts';

/** What the page shows of a setting's JSON schema. */
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

\`annals.config.ts\` says what an installation wants otherwise than by default; \`npm start\` and the deployment read the same file,
and refuse a wrong value with its path and what is allowed there. The names are those of the original specification's
\`event_system\`. This page is made from the schema, \`core/base/configuration.ts\`, by \`npx vitest run test/unit/docs -u\`.

Not settings, because where Annals runs decides them: \`store.type\`, \`bus.type\`, \`snapshots.storage_type\` and the connection
strings. On AWS these are DynamoDB, EventBridge and S3, on one machine SQLite, the process and files, in the folder that
\`ANNALS_DATA\` names.
`;

/** docs/configuration.md as the schema has it. */
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
