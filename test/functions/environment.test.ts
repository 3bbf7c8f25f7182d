import { afterEach, expect, it, vi } from 'vitest';
import { configureEventSystem } from '../../core/base/configuration.ts';
import { refusals } from '../../lib/shared/lost-answers.ts';

afterEach(() => vi.unstubAllEnvs());

it('a function with an incomplete environment names the missing variable, and its error is not a refusal', async () => {
  vi.stubEnv('ANNALS_CONFIG', JSON.stringify(configureEventSystem({})));
  vi.stubEnv('EVENTS_TABLE', 'events');
  const failed = await import('../../functions/saga-task.ts').catch((error: Error) => error);
  expect(failed).toMatchObject({ name: expect.any(String), message: expect.stringContaining('SAGA_TOKENS_TABLE') });
  expect(refusals).not.toContain((failed as Error).name);
});
