import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createEngine } from '../../../../../adapters/embedded/engine/engine.ts';
import { backUp } from '../../../../../adapters/embedded/offline/backup.ts';
import { restore } from '../../../../../adapters/embedded/offline/restore.ts';
import { openVerification } from '../../../../../adapters/embedded/offline/verification.ts';
import { defineAnnals } from '../../../../../application/define-annals.ts';
import { configureEventSystem } from '../../../../../core/base/configuration.ts';
import {
  defineOpenProjection,
  defineOpenSharedProjection,
  type OpenEvent,
} from '../../../../../core/projections/open-projection.ts';
import { definitions } from '../../../../../events/catalogue.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const declared = {
  name: 'order-status',
  types: ['order.placed', 'order.shipped'],
  group: { of: ({ state }: { readonly state: string }) => state, values: ['order.placed', 'order.shipped'] },
  evolve: (_: unknown, { type }: OpenEvent) => ({ state: type }),
};
const orderStatus = defineOpenProjection({ ...declared, aggregateType: 'order' });
const sales = defineOpenSharedProjection({
  name: 'sales',
  types: ['order.placed', 'agent.created'],
  shards: 1,
  evolve: () => ({}),
  count: ({ type }) => ({ all: { [type.replace('.', '-')]: 1 } }),
});
const types = definitions.filter(({ aggregateType }) => aggregateType === 'agent');
const app = defineAnnals({ events: types, unknownEvents: 'accept', projections: [orderStatus, sales] });

const order = (type: string, data = {}) => ({ type, data }) as never;
const agent = { type: 'agent.created', data: { agentId: '1', agentType: 'a', configuration: {}, createdBy: 'me' } };

describe.each(['single', 'by_aggregate_type', 'sharded'] as const)(
  'events of no module, in a log of strategy %s',
  (strategy) => {
    const settings = configureEventSystem({ event_system: { store: { partition_strategy: strategy } } });
    const dataDir = join(temporaryFolder(), 'data');
    const open = (folder = dataDir) => {
      const logger = { warn: vi.fn(), error: vi.fn() };
      const engine = createEngine({ ...app, dataDir: folder, settings, logger });
      engine.start();
      return { engine, logger };
    };
    const sums = async (engine: ReturnType<typeof open>['engine'], generation: number) =>
      Object.fromEntries((await engine.sharedViews.read({ projection: 'sales', generation }, 'all', 1)) ?? []);
    const counted = { '/order-placed': 2, '/agent-created': 1 };

    it('are in views, log, bus, rebuilds, verifications and backups', async () => {
      const { engine, logger } = open();
      const onBus: string[] = [];
      for (const type of ['order.placed', 'order.shipped', 'cart.left']) {
        engine.bus.subscribe(type as never, async () => void onBus.push(type));
      }
      const append = (stream: string, ...events: never[]) =>
        engine.store.append(stream, events, { expectedVersion: 'any' });
      await append('order-1', order('order.placed', { n: 1 }), order('order.shipped'));
      await append('order-2', order('order.placed'));
      await append('cart-1', order('cart.left'));
      await append('agent-1', agent as never);
      await vi.waitFor(() => expect(engine.backlog()).toBe(0));

      expect((await engine.views.get('order-status', 1, '1'))?.view).toEqual({ state: 'order.shipped' });
      expect(await sums(engine, 1)).toEqual(counted);
      const logged = await Array.fromAsync(engine.log.getEventsByType('order.placed' as never));
      expect(logged.map(({ aggregateId }) => aggregateId).toSorted()).toEqual(['1', '2']);
      const { events } = await engine.log.getEventsAfter(undefined, { aggregateType: 'order' });
      expect(events.map(({ type }) => type)).toEqual(['order.placed', 'order.shipped', 'order.placed']);
      const all = await engine.log.getEventsAfter(undefined, {});
      const rest = await engine.log.getEventsAfter(all.events[1]?.position, {});
      expect([all.events.length, rest.events.length]).toEqual([5, 3]);
      await vi.waitFor(() =>
        expect(onBus.toSorted()).toEqual(['cart.left', 'order.placed', 'order.placed', 'order.shipped']),
      );

      for (const projection of ['order-status', 'sales']) {
        const replayId = `again-${projection}`;
        await engine.replays.request({ replayId, projection, scope: {}, switchWhenReady: true });
        await vi.waitFor(async () => expect(await engine.replays.get(replayId)).toMatchObject({ state: 'switched' }));
      }
      expect((await engine.views.get('order-status', 2, '1'))?.view).toEqual({ state: 'order.shipped' });
      expect(await sums(engine, 2)).toEqual(counted);
      expect(logger.error.mock.calls).toEqual([]);
      await engine.close();

      const [copy, again] = [join(temporaryFolder(), 'backup'), join(temporaryFolder(), 'restored')];
      await backUp(dataDir, copy);
      await restore(copy, again);
      const restored = open(again).engine;
      await vi.waitFor(() => expect(restored.backlog()).toBe(0));
      expect(await sums(restored, 1)).toEqual(counted);
      await restored.close();
      for (const folder of [dataDir, again]) {
        const { verification, close } = openVerification(folder, { ...app, graceMs: 0 });
        const run = verification.run();
        let step = await run.next();
        while (!step.done) step = await run.next();
        expect(step.value.differences).toEqual([]);
        close();
      }
    });
  },
);

it('a projection of open types needs an application that accepts them', () => {
  expect(() => defineAnnals({ events: types, projections: [orderStatus] })).toThrow('order.placed is not in order');
  const foreign = defineOpenProjection({ ...declared, aggregateType: 'agent' });
  expect(() => defineAnnals({ events: types, unknownEvents: 'accept', projections: [foreign] })).toThrow(
    'order.placed is not in agent streams',
  );
});
