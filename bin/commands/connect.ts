import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { regionOfApi } from '../../adapters/aws/clients/signed-fetch.ts';
import { parseUrl } from './target.ts';

/** The settings that another system needs. */
interface Settings {
  /** `settings` by default. */
  readonly kind?: 'settings' | 'commands';
  /** Where they belong. */
  readonly place: string;
  /** As they stand in a file. */
  readonly lines: (url: string) => readonly string[];
  /** Whatever else a reader has to know. */
  readonly notes?: readonly string[];
}

/** Settings of every SDK of OpenTelemetry; exporters add the path of the signal. */
const sdk = (url: string): string[] => [
  `OTEL_EXPORTER_OTLP_ENDPOINT=${url}`,
  'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
  'OTEL_EXPORTER_OTLP_COMPRESSION=gzip',
];

/** Clients of MCP do not sign requests, so they reach API Gateway through `annals mcp`, which does. */
const mcp = (url: string): string[] =>
  regionOfApi(url) === undefined
    ? [`claude mcp add --transport http annals ${url}/mcp`, `codex mcp add annals --url ${url}/mcp`]
    : ['claude', 'codex'].map((program) => `${program} mcp add annals -- npx annals mcp --url ${url}`);

/** docs/sources/ has a page for each source of telemetry, and docs/mcp.md is about MCP. */
const SOURCES: Readonly<Record<string, Settings>> = {
  otel: { place: 'the environment of your program', lines: sdk },
  'claude-code': {
    place: '~/.claude/settings.json; in the settings of a project they have no effect',
    lines: (url) => {
      const env = {
        CLAUDE_CODE_ENABLE_TELEMETRY: '1',
        OTEL_LOGS_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
      };
      return JSON.stringify({ env }, undefined, 2).split('\n');
    },
    notes: ['OTEL_LOG_USER_PROMPTS=1 and OTEL_LOG_TOOL_DETAILS=1 add the texts of prompts and of calls of tools.'],
  },
  codex: {
    place: '~/.codex/config.toml',
    lines: (url) => ['[otel.exporter.otlp-http]', `endpoint = "${url}/v1/logs"`, 'protocol = "binary"'],
    notes: ['log_user_prompt = true under [otel] adds the texts of prompts.'],
  },
  'openai-agents': {
    place: 'the environment of your program',
    lines: sdk,
    notes: ['The program needs openinference-instrumentation-openai-agents: docs/sources/openai-agents.md.'],
  },
  langgraph: {
    place: 'the environment of your program',
    lines: sdk,
    notes: ['The program needs openinference-instrumentation-langchain: docs/sources/langgraph.md.'],
  },
  openhands: {
    place: 'the environment of OpenHands',
    lines: (url) => [
      `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${url}/v1/traces`,
      'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf',
    ],
  },
  mcp: {
    kind: 'commands',
    place: 'a shell: they give Claude Code and Codex the tools of the server',
    lines: mcp,
    notes: ['Run the line of your program.'],
  },
};

/** Adds `connect`: it prints the settings with which another system sends what its agents do to a server, or uses its tools. */
export function addConnectCommand(program: Command): void {
  const group = program
    .command('connect')
    .description('print the settings with which another system tells a server what its agents do, or uses its tools')
    .addHelpText('after', EXAMPLES);
  for (const [source, settings] of Object.entries(SOURCES)) {
    group
      .command(source)
      .description(`${settings.kind ?? 'settings'} for ${settings.place}`)
      .option('--url <url>', 'URL of the server', parseUrl, `http://127.0.0.1:${process.env['PORT'] || 4700}`)
      .option('--write <file>', 'write them to a new file instead of printing them')
      .action((options: { readonly url: string; readonly write?: string }) => connect(settings, options));
  }
}

const EXAMPLES = `
Examples:
  annals connect claude-code
  annals connect claude-code --write ~/.claude/settings.json
  annals connect codex --url http://annals.internal:4700
  annals connect mcp`;

/** @throws Error when the file exists: its content stays */
async function connect(
  { kind = 'settings', place, lines, notes = [] }: Settings,
  { url, write }: { readonly url: string; readonly write?: string },
): Promise<void> {
  const text = `${lines(url.replace(/\/+$/, '')).join('\n')}\n`;
  if (write === undefined) process.stdout.write(text);
  else await writeNew(write, text);
  // Besides the settings, so that standard output has nothing else.
  for (const line of [`These ${kind} belong in ${place}.`, ...notes]) console.error(line);
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new Error(`${file} exists and stays as it is; run the command without --write, and add the lines`, { cause });
  }
}
