import { ulid } from 'ulid';
import { expect, test } from 'vitest';
import { ConcurrencyError, InvalidIdError, PayloadTooLargeError, ValidationError } from '../../core/base/errors.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { catalogue } from '../support/application.ts';
import { newStream, noise, step, steps } from '../support/sample-events.ts';

/** Expected versions, atomic commits and limits. */
export function appendContract(storage: () => CommitStorage): void {
  test('expected version 0 starts a stream once', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const result = await store.append(stream, steps(2), { expectedVersion: 0 });
    expect(result).toMatchObject({ streamId: stream, fromVersion: 1, toVersion: 2, repeated: false });
    expect(new Set(result.eventIds).size).toBe(2);

    const again = store.append(stream, steps(1), { expectedVersion: 0 });
    await expect(again).rejects.toMatchObject({ code: 'CONCURRENCY_CONFLICT', expectedVersion: 0, actualVersion: 2 });
    expect(await store.head(stream)).toBe(2);
  });

  test('an expected version other than the head is refused: later, earlier, or inside a commit', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    await store.append(stream, steps(3), { expectedVersion: 0 });
    for (const expectedVersion of [1, 2, 4, 100]) {
      const append = store.append(stream, steps(1), { expectedVersion });
      await expect(append, `expected ${expectedVersion}`).rejects.toMatchObject({ expectedVersion, actualVersion: 3 });
    }
    expect(await store.append(stream, steps(1), { expectedVersion: 3 })).toMatchObject({
      fromVersion: 4,
      toVersion: 4,
    });
    expect(await store.head(stream)).toBe(4);
  });

  test('an expected version above 0 on an empty stream is refused', async () => {
    const store = new EventStore(storage(), { catalogue });
    const append = store.append(newStream(), steps(1), { expectedVersion: 1 });
    await expect(append).rejects.toMatchObject({ expectedVersion: 1, actualVersion: 0 });
  });

  test('a known head is still a condition of the write', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    await store.append(stream, steps(2), { expectedVersion: 0, headKnown: true });
    await store.append(stream, steps(1), { expectedVersion: 2, headKnown: true });
    const stale = store.append(stream, steps(1), { expectedVersion: 2, headKnown: true });
    await expect(stale).rejects.toMatchObject({ expectedVersion: 2, actualVersion: 3 });
  });

  test('"any" starts and continues a stream', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    expect(await store.append(stream, steps(2), { expectedVersion: 'any' })).toMatchObject({ toVersion: 2 });
    expect(await store.append(stream, steps(1), { expectedVersion: 'any' })).toMatchObject({ fromVersion: 3 });
  });

  test('values that JSON lacks are refused with their place, and nothing is written', async () => {
    const store = new EventStore(storage(), { catalogue });
    const workflowId = ulid();
    const stream = `workflow-${workflowId}`;
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const strangers = [() => 1, Number.NaN, Number.POSITIVE_INFINITY, 1n, new Date(0), new Map(), [undefined], cycle];
    const start = (parameters: unknown) => {
      const data = { workflowId, workflowType: 't', initiatedBy: 'x', parameters };
      return store.append(stream, [{ type: 'workflow.started', data } as NewEvent], { expectedVersion: 0 });
    };
    for (const stranger of strangers) {
      const path = expect.stringMatching(/^events\.0\.data\.parameters\.a\.b/);
      await expect(start({ a: { b: stranger } })).rejects.toMatchObject({ issues: [{ path }] });
    }
    const undefinedMember = start({ a: { b: undefined } });
    await expect(undefinedMember).rejects.toMatchObject({ issues: [{ path: 'events.0.data.parameters.a' }] });
    expect(await store.head(stream)).toBe(0);
  });

  test('"exists" needs an existing stream', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const early = store.append(stream, steps(1), { expectedVersion: 'exists' });
    await expect(early).rejects.toThrow(ConcurrencyError);
    expect(await store.head(stream)).toBe(0);
    await store.append(stream, steps(1), { expectedVersion: 0 });
    expect(await store.append(stream, steps(1), { expectedVersion: 'exists' })).toMatchObject({ fromVersion: 2 });
  });

  test('a commit of 100 events is accepted, a commit of 101 is refused', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    await expect(store.append(stream, steps(101), { expectedVersion: 0 })).rejects.toThrow(ValidationError);
    await expect(store.append(stream, [], { expectedVersion: 0 })).rejects.toThrow(ValidationError);
    expect(await store.head(stream)).toBe(0);
    expect(await store.append(stream, steps(100), { expectedVersion: 0 })).toMatchObject({ toVersion: 100 });
    const commits = await Array.fromAsync(store.commits(stream));
    expect(commits.map(({ version, count }) => [version, count])).toEqual([[1, 100]]);
  });

  test('a commit over the size limit is refused and not written; a commit under the limit is accepted', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const tooLarge = store.append(stream, [step('small'), step(noise(600_000))], { expectedVersion: 0 });
    await expect(tooLarge).rejects.toThrow(PayloadTooLargeError);
    expect(await store.head(stream)).toBe(0);

    const event = step(noise(512_000));
    await store.append(stream, [event], { expectedVersion: 0 });
    const [commit] = await Array.fromAsync(store.commits(stream));
    expect(commit?.body.length).toBeGreaterThan(375 * 1024);
    expect(await Array.fromAsync(store.read(stream))).toMatchObject([{ data: event.data }]);
  });

  test('an invalid event refuses its commit, and the error names the event', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const misplaced = { type: 'task.failed', data: { taskId: 't', agentId: 'a', error: 'e' } } as const;
    const append = store.append(stream, [step('good'), misplaced], { expectedVersion: 0 });
    await expect(append).rejects.toMatchObject({ issues: [{ path: 'events.1.type' }] });
    expect(await store.head(stream)).toBe(0);
  });

  test('invalid stream ids are refused', async () => {
    const store = new EventStore(storage(), { catalogue });
    for (const stream of ['', 'agent', 'agent-', '-42', 'Agent-42', 'agent-a/b', 'agent-é']) {
      await expect(store.append(stream, steps(1), { expectedVersion: 'any' }), stream).rejects.toThrow(InvalidIdError);
    }
  });
}
