import { expect, it, onTestFinished, vi } from 'vitest';
import { checkHealth, type HealthCheck } from '../../../../core/telemetry/health.ts';

const part = (name: string, vital: boolean, check: () => Promise<unknown>): HealthCheck => ({ name, vital, check });
const well = async () => {};
const gone = () => Promise.reject(new Error('gone'));

it('is degraded before it is down', async () => {
  const status = async (store: () => Promise<unknown>, relay: () => Promise<unknown>) =>
    (await checkHealth([part('store', true, store), part('relay', false, relay)])).status;
  expect(await status(well, well)).toBe('ok');
  expect(await status(well, gone)).toBe('degraded');
  expect(await status(gone, well)).toBe('down');
  expect((await checkHealth([])).status).toBe('ok');
});

it('waits a second for all parts at once, and finds a slow part before it fails', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const never = () => new Promise(() => {});
  const reporting = checkHealth([
    part('slow', true, () => new Promise((done) => setTimeout(done, 600))),
    part('stuck', false, never),
    part('stuck too', false, never),
  ]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await reporting).toEqual({
    status: 'degraded',
    checks: { slow: 'slow', stuck: 'failing', 'stuck too': 'failing' },
  });
});
