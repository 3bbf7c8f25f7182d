import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createEngine } from '../../../../../adapters/embedded/engine/engine.ts';
import { configureEventSystem } from '../../../../../core/base/configuration.ts';
import { SubscriptionOperations } from '../../../../../core/subscriptions/operations.ts';
import { Subscriptions } from '../../../../../core/subscriptions/subscriptions.ts';
import { catalogue } from '../../../../support/application.ts';
import { step } from '../../../../support/sample-events.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const received: string[] = [];
const server = createServer(async (request, response) => {
  const { subject, sequence } = JSON.parse((await request.toArray()).join(''));
  received.push(`${subject}#${sequence}`);
  response.writeHead(204).end();
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => server.close());

const dataDir = temporaryFolder();
const logger = { warn: vi.fn(), error: vi.fn() };

function open(allow_private: boolean) {
  const settings = configureEventSystem({ event_system: { push: { allow_private } } });
  const engine = createEngine({ catalogue, dataDir, projections: [], logger, settings });
  let ids = 0;
  const parts = {
    ...{ store: engine.store, log: engine.log, control: engine.workItems, states: engine.states },
    newId: () => `${Date.now()}-${++ids}`,
  };
  const operations = new SubscriptionOperations(new Subscriptions(parts), parts);
  const append = () => engine.store.append('agent-1', [step('a')], { expectedVersion: 'any' });
  engine.start();
  return { engine, operations, append };
}

it('pushes what is appended, goes on after a restart, and closes while it waits', async () => {
  const { port } = server.address() as { port: number };
  const push = { url: `http://127.0.0.1:${port}/` };
  const settings = { filter: {}, order: 'stream', maxRetries: 0, ackWithinSeconds: 30, from: 'start', push } as const;
  const first = open(true);
  await first.operations.put('all', settings);
  await first.append();
  await first.append();
  await vi.waitFor(() => expect(received).toEqual(['agent-1#1', 'agent-1#2']), { interval: 5 });
  await first.engine.close();

  const second = open(false);
  await second.append();
  await vi.waitFor(async () => expect((await second.operations.status('all')).parked).toBe(1), { interval: 5 });
  await second.engine.close();
  expect(received).toHaveLength(2);

  const third = open(true);
  await third.operations.redrive('all', ['agent-1']);
  await vi.waitFor(() => expect(received).toEqual(['agent-1#1', 'agent-1#2', 'agent-1#3']), { interval: 5 });
  await third.engine.close();
  expect(logger.error).not.toHaveBeenCalled();
});
