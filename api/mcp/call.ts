import { type Problem, type ProblemCode, problemSchema } from '../http/problem.ts';
import type { Arguments, Tool } from './tool.ts';

/** Sends a request to the API. @param path with the query */
export type Fetch = (path: string, init: RequestInit) => Response | Promise<Response>;

/** What a tool answers: the JSON of the route, or words about the problem. */
interface ToolAnswer {
  readonly text: string;
  readonly isError: boolean;
  readonly status: number;
}

/** Most bytes of an answer, about 16,000 tokens of a model. Hosts of agents cut longer answers off, or refuse them. */
const MAX_BYTES = 64 * 1024;

/**
 * Calls a tool: sends the request of its route. A page that is too large is asked for again with fewer items; its `next`
 * continues after them.
 */
export async function callTool(
  tool: Tool,
  given: Arguments,
  fetch: Fetch,
  signal: AbortSignal | undefined,
): Promise<ToolAnswer> {
  let limit = given['limit'] ?? tool.pageSize;
  for (;;) {
    const { path, headers, body } = tool.request(limit === undefined ? given : { ...given, limit });
    const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const init = { method: tool.route.method, headers: { ...headers, ...type }, body: body ?? null };
    const response = await fetch(path, { ...init, signal: signal ?? null });
    const { status, ok } = response;
    const text = await response.text();
    if (!ok) return { text: problemText(text, status), isError: true, status };
    const bytes = Buffer.byteLength(text);
    if (bytes <= MAX_BYTES) return { text, isError: false, status };
    const items = Number(limit ?? 1);
    if (!(items > 1)) return { text: tooLarge(tool, bytes), isError: true, status: 413 };
    limit = Math.max(1, Math.min(items - 1, Math.floor((items * MAX_BYTES) / bytes)));
  }
}

function tooLarge({ route, pageSize }: Tool, bytes: number): string {
  const next =
    pageSize === undefined ? '' : ' Another page goes on behind it, where the tool takes a place to start from.';
  return `The answer has ${bytes} bytes, and a tool answers with ${MAX_BYTES} at most. ${route.method} ${route.path} has all of it.${next}`;
}

/** What an agent can do about a problem, where the detail does not say it. */
const advice: Partial<Record<ProblemCode, string>> = {
  CONCURRENCY_CONFLICT: 'Another writer was first: read the state again, then decide whether to repeat.',
  COMMAND_REJECTED: 'Read the state, and do what it allows.',
  NOT_FOUND: 'The list_ tools show the ids.',
  STREAM_NOT_FOUND: 'A stream is named <type>-<id>, such as agent-42.',
  VALIDATION_FAILED: 'Correct these arguments, and call the tool again.',
  INVALID_ID: 'Correct the id, and call the tool again.',
  IDEMPOTENCY_KEY_REUSED: 'Use a new idempotencyKey for another request.',
  VIEW_BEHIND: 'Repeat the call in a second, or leave waitFor out.',
  UNAVAILABLE: 'Repeat the call in a second.',
  INTERNAL: 'Do not repeat the call; tell a person.',
};

function problemText(text: string, status: number): string {
  const problem = parseProblem(text);
  if (!problem) return `The API answered ${status} without saying why.`;
  const { title, detail, code, errors = [], actualVersion } = problem;
  const version = actualVersion === undefined ? [] : [`The stream is at version ${actualVersion}.`];
  const places = errors.map(({ path, message }) => (path === '' ? `- ${message}` : `- ${path}: ${message}`));
  return [
    `${code}: ${title}`,
    ...(places.length > 0 ? places : [detail]),
    ...version,
    ...(advice[code] ? [advice[code]] : []),
  ].join('\n');
}

function parseProblem(text: string): Problem | undefined {
  try {
    return problemSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
