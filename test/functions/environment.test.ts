import { afterEach, expect, it, vi } from 'vitest';
import { configureEventSystem } from '../../core/base/configuration.ts';
import { refusals } from '../../lib/shared/lost-answers.ts';

afterEach(() => vi.unstubAllEnvs());

it('a function whose deployment is incomplete says what is missing, and never that it refuses what it is asked for', async () => {
  vi.stubEnv('ANNALS_CONFIG', JSON.stringify(configureEventSystem({})));
  vi.stubEnv('EVENTS_TABLE', 'events');
  const failed = await import('../../functions/saga-task.ts').catch((error: Error) => error);
  expect(failed).toMatchObject({ name: expect.any(String), message: expect.stringContaining('SAGA_TASKS_TABLE') });
  expect(refusals).not.toContain((failed as Error).name);
});
