import { expect, it } from 'vitest';
import { runAnnals } from '../../support/served-process.ts';

it.each([
  ['replay', 'agent-status', '--from', '2026-11-28T00:50'],
  ['replay', 'agent-status', '--to', '2026-11-28'],
  ['replay', 'agent-status', '--from', '9999-12-31T23:59:59-05:00'],
  ['travel', 'agent-42', '--at', '2026-11-28 00:50:00'],
])('%s %s %s %s is refused: the time is ambiguous', async (...args) => {
  const { code, stderr } = await runAnnals([...args, '--url', 'http://127.0.0.1:9'], { TZ: 'America/New_York' })
    .finished;
  expect(code).toBe(2);
  expect(stderr).toMatch(/Give a time with Z or an offset/);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
