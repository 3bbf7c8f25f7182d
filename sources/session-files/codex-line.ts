import * as z from 'zod';

// The members of a line of a Codex rollout that the import reads (openai/codex, codex-rs/history). Any may be missing.

const text = z.string().optional().catch(undefined);
const number = z.number().optional().catch(undefined);
const usage = z.record(z.string(), z.unknown()).optional().catch(undefined);

const payload = z.looseObject({
  type: text,
  id: text,
  timestamp: text,
  role: text,
  content: z.unknown().optional(),
  summary: z.unknown().optional(),
  name: text,
  arguments: z.unknown().optional(),
  input: z.unknown().optional(),
  action: z.unknown().optional(),
  call_id: text,
  output: z.unknown().optional(),
  message: z.unknown().optional(),
  model: text,
  turn_id: text,
  reason: text,
  agent_role: text,
  agent_nickname: text,
  parent_thread_id: text,
  forked_from_id: text,
  source: z.unknown().optional(),
  subagent_history_start_ordinal: number,
  history_base: z.looseObject({ end_ordinal_exclusive: number }).optional().catch(undefined),
  info: z.looseObject({ total_token_usage: usage, last_token_usage: usage }).nullish().catch(undefined),
});
export type CodexPayload = z.output<typeof payload>;

/** A line of a rollout of Codex. */
export const codexLine = z.looseObject({
  timestamp: text,
  ordinal: number,
  type: text,
  payload: payload.catch({} as CodexPayload),
});
export type CodexLine = z.output<typeof codexLine>;

/** The text of a message, of a summary or of an output. */
export function codexText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return content === undefined || content === null ? '' : JSON.stringify(content);
  return content
    .map((part) => (part as { text?: unknown })?.text ?? `[${(part as { type?: unknown })?.type}]`)
    .join('\n');
}

/** An output of a tool. Codex wraps some in JSON, with the exit code and the seconds that the tool took. */
export function codexOutput(output: unknown): {
  readonly text: string;
  readonly seconds?: number;
  readonly details?: object;
} {
  const value = typeof output === 'string' ? parsed(output) : output;
  const wrapped = wrappedOutput.safeParse(value);
  if (!wrapped.success) return { text: codexText(output) };
  const { output: inner, content, metadata } = wrapped.data;
  const seconds = metadata?.duration_seconds;
  return {
    text: codexText(inner ?? content ?? output),
    ...(seconds === undefined ? {} : { seconds }),
    ...(metadata ? { details: metadata } : {}),
  };
}

const wrappedOutput = z
  .looseObject({
    output: z.string().optional(),
    content: z.unknown().optional(),
    metadata: z.looseObject({ duration_seconds: number }).optional().catch(undefined),
  })
  .refine(({ output, content }) => output !== undefined || content !== undefined);

function parsed(text: string): unknown {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
