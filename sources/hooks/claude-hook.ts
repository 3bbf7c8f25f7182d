import * as z from 'zod';

// The members that hooks of Claude Code have (code.claude.com/docs/en/hooks). Any but the first two may be missing.

const text = z.string().optional().catch(undefined);

/** A hook of Claude Code, as it is posted. Other members are left out. */
export const claudeHook = z.object({
  session_id: z.string().min(1).max(1024),
  hook_event_name: z.string().min(1).max(128),
  cwd: text,
  permission_mode: text,
  prompt_id: text,
  agent_id: text,
  agent_type: text,
  source: text,
  model: text,
  prompt: text,
  tool_name: text,
  tool_use_id: text,
  tool_input: z.unknown().optional(),
  tool_response: z.unknown().optional(),
  duration_ms: z.number().nonnegative().max(1e15).optional().catch(undefined),
  error: text,
  reason: text,
  message: text,
  notification_type: text,
  last_assistant_message: text,
  background_tasks: z.array(z.unknown()).optional().catch(undefined),
});
export type ClaudeHook = z.output<typeof claudeHook>;
