import * as z from 'zod';

// The members of a line of a Claude Code session that the import reads. Any of them may be missing.

const text = z.string().optional().catch(undefined);
const flag = z.boolean().optional().catch(undefined);

const block = z.looseObject({
  type: text,
  text,
  thinking: text,
  id: text,
  name: text,
  input: z.unknown().optional(),
  tool_use_id: text,
  content: z.unknown().optional(),
  is_error: flag,
});
export type ClaudeBlock = z.output<typeof block>;

const message = z.looseObject({
  id: text,
  model: text,
  content: z.union([z.string(), z.array(block.catch({ input: undefined, content: undefined }))]).catch([]),
  stop_reason: text,
  usage: z.record(z.string(), z.unknown()).optional().catch(undefined),
});

/** A line of a session of Claude Code. */
export const claudeLine = z.looseObject({
  type: text,
  subtype: text,
  uuid: text,
  parentUuid: text,
  sessionId: text,
  agentId: text,
  promptId: text,
  requestId: text,
  timestamp: text,
  isSidechain: flag,
  isMeta: flag,
  isCompactSummary: flag,
  isApiErrorMessage: flag,
  forkedFrom: z.looseObject({ sessionId: text }).optional().catch(undefined),
  message: message.optional().catch(undefined),
  toolUseResult: z.unknown().optional(),
  data: z
    .looseObject({ type: text, agentId: text, message: z.looseObject({}).optional().catch(undefined) })
    .optional()
    .catch(undefined),
});
export type ClaudeLine = z.output<typeof claudeLine>;

/** The blocks of a message; a text is one block. */
export function blocksOf({ message }: ClaudeLine): readonly ClaudeBlock[] {
  const content = message?.content ?? [];
  return typeof content === 'string'
    ? [{ type: 'text', text: content, input: undefined, content: undefined }]
    : content;
}

/** The text of blocks, or of anything else that stands in the place of blocks. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return content === undefined || content === null ? '' : JSON.stringify(content);
  return content.map(partText).join('\n');
}

function partText(part: unknown): string {
  if (typeof part === 'string') return part;
  const { type, text: told } = (part ?? {}) as { type?: unknown; text?: unknown };
  return typeof told === 'string' ? told : `[${String(type ?? 'unknown')}]`;
}
