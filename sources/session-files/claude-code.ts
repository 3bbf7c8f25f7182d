import { basename, dirname } from 'node:path';
import { AgentRecorder } from '../agent-recorder.ts';
import { utcOf } from '../instant.ts';
import { digest, fitId } from '../names.ts';
import type { Notices, SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { blocksOf, type ClaudeLine, claudeLine, textOf } from './claude-line.ts';
import { ClaudeThread, type ToolCall } from './claude-thread.ts';
import { jsonLines } from './lines.ts';
import { bareName, type Naming, sessionId } from './session-names.ts';

// A session of Claude Code has no public format. Its lines were read in ccusage, Harbor and sessions of version 2.1.

const SUBAGENT_FILE = /^agent-(.+)$/;
const SUBAGENT_FOLDER = 'subagents';

/**
 * Sessions of Claude Code: `<session>.jsonl`, and `<session>/subagents/agent-<id>.jsonl` for its sub-agents. A session is
 * an agent, a sub-agent an agent with this parent. The files of a project are read in order, parents first.
 */
export function claudeCodeParts(files: readonly SourceFile[], naming: Naming): SourcePart[] {
  const projects = Map.groupBy(files, ({ path }) => projectOf(path));
  return [...projects.values()].map((project) => {
    const ordered = project.toSorted((a, b) => rank(a.path) - rank(b.path) || (a.path < b.path ? -1 : 1));
    return {
      name: ordered.length === 1 ? (ordered[0]?.path ?? '') : dirname(ordered[0]?.path ?? ''),
      checkFirst: false,
      events: (notices) => new ClaudeProject(ordered, naming, notices).events(),
    };
  });
}

const isSubagentFile = (path: string): boolean => SUBAGENT_FILE.test(bareName(basename(path)));

const isMessage = ({ type }: ClaudeLine): boolean => type === 'user' || type === 'assistant';

const rank = (path: string): number => (isSubagentFile(path) ? 1 : 0);

function projectOf(path: string): string {
  const folder = dirname(path);
  return basename(folder) === SUBAGENT_FOLDER ? dirname(dirname(folder)) : folder;
}

/** Where a line belongs. */
interface Home {
  readonly agentId: string;
  readonly parentId?: string;
}

class ClaudeProject {
  readonly #files: readonly SourceFile[];
  readonly #naming: Naming;
  readonly #notices: Notices;
  readonly #threads = new Map<string, ClaudeThread>();
  /** The root of each line of a sub-agent that has no id. */
  readonly #roots = new Map<string, string>();
  /** The calls that started a sub-agent, by their prompt. */
  readonly #starts = new Map<string, ToolCall>();
  /** Sub-agents whose call has its result, by their id, and when. */
  readonly #ended = new Map<string, string | undefined>();
  readonly #startedBy = new Map<string, string>();
  /** Messages, each with the agent whose file had it first. */
  readonly #owners = new Map<string, string>();

  constructor(files: readonly SourceFile[], naming: Naming, notices: Notices) {
    this.#files = files;
    this.#naming = naming;
    this.#notices = notices;
  }

  async *events(): AsyncGenerator<SourceEvent> {
    const own = new Set(this.#files.flatMap(({ path }) => SUBAGENT_FILE.exec(bareName(basename(path)))?.[1] ?? []));
    for (const file of this.#files) yield* this.#file(file, own);
    for (const thread of this.#threads.values()) yield* this.#end(thread);
    const waiting = [...this.#threads.values()].reduce((sum, thread) => sum + thread.waiting, 0);
    this.#notices.count('calls and thoughts that wait for the next lines', waiting);
  }

  async *#file(file: SourceFile, own: ReadonlySet<string>): AsyncGenerator<SourceEvent> {
    const [, agent] = SUBAGENT_FILE.exec(bareName(basename(file.path))) ?? [];
    if (agent?.startsWith('acompact-')) return this.#notices.count('files of compaction helpers');
    const several = this.#files.length > 1;
    const placeOf = (place: string) => (several ? `${file.path}: ${place}` : place);
    const problem = (place: string, fault: string) => this.#notices.problem(placeOf(place), fault);
    // Some lines name no session: they belong to the session before, or at the beginning to the session after.
    let session: string | undefined;
    const early: { readonly line: ClaudeLine; readonly number: number }[] = [];
    for await (const { number, value } of jsonLines(file.read(), { problem })) {
      const line = claudeLine.parse(value);
      session = line.sessionId ?? session;
      early.push({ line, number });
      if (session === undefined && !isMessage(line)) continue;
      const from = { session: session ?? bareName(basename(file.path)), agent, own };
      for (const each of early.splice(0)) yield* this.#line(each.line, placeOf(`line ${each.number}`), from);
    }
  }

  *#line(
    line: ClaudeLine,
    place: string,
    from: { readonly session: string; readonly agent: string | undefined; readonly own: ReadonlySet<string> },
  ): Generator<SourceEvent> {
    // A forked session begins with a copy of the other session.
    if (line.forkedFrom !== undefined) return this.#notices.count('lines copied from another session');
    const home = this.#homeOf(line, from.session, from.agent);
    const inner = line.data?.message;
    if (line.type === 'progress' && inner && line.data?.agentId) {
      // Older versions tell the messages of a sub-agent inside of the session.
      if (from.own.has(line.data.agentId)) return;
      const told = claudeLine.parse({ ...inner, agentId: line.data.agentId, isSidechain: true });
      return yield* this.#line({ ...told, sessionId: line.sessionId }, place, from);
    }
    const thread = this.#threads.get(home.agentId) ?? this.#thread(home);
    if (!isMessage(line)) {
      if (line.type === 'system' && line.subtype?.endsWith('compact_boundary') && thread.recorder.isCreated) {
        return yield* thread.note(line, place, 'compact', line.subtype);
      }
      if (!KNOWN_TYPES.has(line.type ?? '')) this.#notices.count(`lines of type ${line.type ?? 'unknown'}, kept`);
      return thread.recorder.keep(line);
    }
    const owner = this.#ownerOf(line, home.agentId);
    if (owner !== home.agentId) return this.#notices.count('messages copied from another session');
    if (!thread.recorder.isCreated) yield* this.#begin(thread.recorder, line, place, home);
    if (line.type === 'assistant') yield* this.#assistant(thread, line, place);
    else yield* this.#user(thread, line, place);
  }

  *#assistant(thread: ClaudeThread, line: ClaudeLine, place: string): Generator<SourceEvent> {
    yield* thread.assistant(line, place);
    for (const { id, name } of blocksOf(line)) {
      const call = name === 'Task' || name === 'Agent' ? thread.calls.get(id ?? '') : undefined;
      const prompt = (call?.input as { prompt?: unknown } | undefined)?.prompt;
      if (call && typeof prompt === 'string') this.#starts.set(digest(prompt), call);
    }
  }

  *#user(thread: ClaudeThread, line: ClaudeLine, place: string): Generator<SourceEvent> {
    const blocks = blocksOf(line);
    if (blocks.some(({ tool_use_id }) => tool_use_id !== undefined)) {
      yield* thread.results(line, place);
      for (const { tool_use_id: id } of blocks) this.#noteEnd(id, line, thread.recorder.agentId);
    } else if (line.isMeta || line.isCompactSummary) thread.recorder.keep(line);
    else yield* thread.prompt(line, place);
  }

  #noteEnd(call: string | undefined, line: ClaudeLine, parent: string): void {
    const { agentId, status } = (line.toolUseResult ?? {}) as { agentId?: unknown; status?: unknown };
    const child = this.#startedBy.get(call ?? '') ?? (typeof agentId === 'string' ? `${parent}:${agentId}` : undefined);
    if (child !== undefined && status !== 'async_launched') this.#ended.set(fitId(child), utcOf(line.timestamp));
  }

  *#end({ recorder }: ClaudeThread): Generator<SourceEvent> {
    if (!this.#ended.has(recorder.agentId)) return;
    const told = { key: 'end', at: this.#ended.get(recorder.agentId), place: 'the end' };
    yield* recorder.state(told, 'stopped', 'its call has a result');
  }

  #thread({ agentId }: Home): ClaudeThread {
    const thread = new ClaudeThread(new AgentRecorder(agentId, this.#files[0]?.modifiedAt));
    this.#threads.set(agentId, thread);
    return thread;
  }

  *#begin(recorder: AgentRecorder, line: ClaudeLine, place: string, { parentId }: Home): Generator<SourceEvent> {
    const told = { at: utcOf(line.timestamp), place };
    const { cwd, gitBranch, version, slug } = line;
    const start = parentId === undefined ? undefined : this.#starts.get(digest(textOf(line.message?.content)));
    if (start) this.#startedBy.set(start.id, recorder.agentId);
    const { subagent_type: type, description } = (start?.input ?? {}) as Record<string, unknown>;
    yield recorder.create(
      { ...told, key: 'created' },
      {
        agentType: typeof type === 'string' && type !== '' ? type : 'claude-code',
        configuration: { tool: 'claude-code', cwd, gitBranch, version, slug, description } as never,
        ...(parentId === undefined ? {} : { parentId }),
      },
    );
    yield* recorder.state({ ...told, key: 'running' }, 'running', 'the session begins');
  }

  #homeOf(line: ClaudeLine, session: string, agent: string | undefined): Home {
    const main = sessionId(session, this.#naming);
    const child = agent ?? (line.isSidechain ? (line.agentId ?? this.#rootOf(line)) : undefined);
    return child === undefined ? { agentId: main } : { agentId: fitId(`${main}:${child}`), parentId: main };
  }

  /** The first line of the chain that a line of a sub-agent is part of. */
  #rootOf({ uuid, parentUuid }: ClaudeLine): string {
    const root = this.#roots.get(parentUuid ?? '') ?? uuid ?? 'sidechain';
    if (uuid !== undefined) this.#roots.set(uuid, root);
    return root;
  }

  #ownerOf(line: ClaudeLine, agentId: string): string {
    const result = blocksOf(line).find(({ tool_use_id: id }) => id !== undefined)?.tool_use_id;
    const id = (line.type === 'assistant' ? line.message?.id : result) ?? line.uuid;
    if (id === undefined || this.#files.length === 1) return agentId;
    const owner = this.#owners.get(id) ?? agentId;
    this.#owners.set(id, owner);
    return owner;
  }
}

/** Lines that tell nothing that an agent did. They are kept with the next step. */
const KNOWN_TYPES: ReadonlySet<string> = new Set([
  'system',
  'summary',
  'custom-title',
  'ai-title',
  'agent-name',
  'progress',
  'file-history-snapshot',
  'queue-operation',
  'attachment',
  'mode',
  'last-prompt',
]);
