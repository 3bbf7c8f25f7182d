import { describe, expect, it, vi } from 'vitest';
import { EventBus } from '../../../../core/bus/event-bus.ts';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { recorded } from '../../../support/specification.ts';

const [created, stepped] = recorded('agent', '42', [
  { type: 'agent.created', data: { agentId: '42', agentType: 'coder', configuration: {}, createdBy: 'ops' } },
  { type: 'agent.step-recorded', data: { agentId: '42', action: 'ls' } },
]) as [DomainEvent, DomainEvent];

function newBus() {
  const onHandlerError = vi.fn();
  return { bus: new EventBus({ onHandlerError }), onHandlerError };
}

describe('EventBus', () => {
  it('delivers by type and to *, until unsubscribed', async () => {
    const { bus } = newBus();
    const seen: string[] = [];
    bus.subscribe('agent.created', (event) => void seen.push(`type ${event.data.agentType}`));
    const all = bus.subscribe('*', (event) => void seen.push(`* ${event.type}`));
    expect(await bus.publish([created, stepped])).toEqual([]);
    all.unsubscribe();
    all.unsubscribe();
    await bus.publish([stepped]);
    expect(seen).toEqual(['type coder', '* agent.created', '* agent.step-recorded']);
  });

  it('calls a handler once for each of its subscriptions', async () => {
    const { bus } = newBus();
    const handler = vi.fn();
    const first = bus.subscribe('agent.created', handler);
    bus.subscribe('agent.created', handler);
    first.unsubscribe();
    await bus.publish([created]);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('keeps the order of events for each subscriber, also for a slow subscriber', async () => {
    const { bus } = newBus();
    const seen: string[] = [];
    bus.subscribe('*', async (event) => {
      if (event === created) await new Promise((resolve) => setTimeout(resolve, 20));
      seen.push(event.type);
    });
    await bus.publish([created, stepped]);
    expect(seen).toEqual(['agent.created', 'agent.step-recorded']);
  });

  it('lets no failing handler disturb another, whether it throws or rejects', async () => {
    const { bus, onHandlerError } = newBus();
    const good = vi.fn();
    bus.subscribe('*', () => {
      throw new Error('at once');
    });
    bus.subscribe('*', async () => Promise.reject(new Error('later')));
    bus.subscribe('*', good);
    expect(await bus.publish([created])).toEqual([]);
    expect(good).toHaveBeenCalledExactlyOnceWith(created);
    expect(onHandlerError.mock.calls.map(([error]) => error.message)).toEqual(['at once', 'later']);
  });

  it('runs middlewares in their order, then filters', async () => {
    const { bus } = newBus();
    const seen = vi.fn();
    const tag = (name: string) => (event: DomainEvent) =>
      ({ ...event, source: `${event.source}${name}` }) as DomainEvent;
    bus.addMiddleware(tag('-a'));
    bus.addMiddleware(async (event) => tag('-b')(event));
    bus.addFilter((event) => event.source === 'test-a-b');
    bus.addFilter((event) => event.type !== 'agent.created');
    bus.subscribe('*', (event) => void seen(event.type, event.source));
    await bus.publish([created, stepped]);
    expect(seen.mock.calls).toEqual([['agent.step-recorded', 'test-a-b']]);
  });

  it('returns the event that a middleware refuses, and publishes the others', async () => {
    const { bus } = newBus();
    const seen = vi.fn();
    const refusal = new Error('no');
    bus.addMiddleware((event) => {
      if (event.type === 'agent.created') throw refusal;
      return event;
    });
    bus.subscribe('*', seen);
    expect(await bus.publish([created, stepped])).toEqual([{ event: created, error: refusal }]);
    expect(seen).toHaveBeenCalledExactlyOnceWith(stepped);
  });

  it('returns the events that publishers refused, while other publishers and subscribers continue', async () => {
    const { bus } = newBus();
    const error = new Error('down');
    const sent = vi.fn(async () => []);
    const seen = vi.fn();
    bus.addPublisher('whole', { publish: () => Promise.reject(error) });
    bus.addPublisher('part', { publish: async ([, second]) => (second ? [{ event: second, error }] : []) });
    bus.addPublisher('good', { publish: sent });
    bus.subscribe('*', seen);
    const failures = await bus.publish([created, stepped]);
    expect(failures.map(({ event }) => event)).toEqual([created, stepped, stepped]);
    expect(sent).toHaveBeenCalledExactlyOnceWith([created, stepped]);
    expect(seen).toHaveBeenCalledTimes(2);
  });
});
