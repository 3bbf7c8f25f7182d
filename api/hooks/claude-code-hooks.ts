import * as z from 'zod';
import { StateReader } from '../../core/state/state-reader.ts';
import { claudeHook } from '../../sources/hooks/claude-hook.ts';
import { receiveHook } from '../../sources/hooks/receive-hook.ts';
import type { CommandDeps } from '../http/command.ts';
import { isFault, problemOf } from '../http/problem.ts';
import { route } from '../http/route.ts';

/**
 * The receiver of the hooks of Claude Code. Its answer never steers the agent: it has no members, and is 200 even when the
 * hook could not be recorded, which the log of the server tells.
 */
export const claudeCodeHooks = [
  route({
    name: 'takeClaudeCodeHook',
    method: 'POST',
    path: '/hooks/claude-code',
    summary: 'Take a hook of Claude Code in',
    protocol: 'Claude Code hooks',
    body: claudeHook,
    mendsTexts: true,
    answer: z.strictObject({}),
    statuses: { 200: 'Taken' },
    async handle({ body }, { store, states = new StateReader({ store }), logger }: CommandDeps) {
      try {
        await receiveHook({ store, states }, body);
      } catch (error) {
        const { title, code } = problemOf(error);
        logger?.error(isFault({ code }) ? title : 'a hook could not be recorded', { error, code });
      }
      return { status: 200, body: {} };
    },
  }),
];
