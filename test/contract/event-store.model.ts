import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConcurrencyError, UnavailableError } from '../../core/base/errors.ts';
import type { ExpectedVersion } from '../../core/base/versions.ts';
import type { AppendResult } from '../../core/store/append-result.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { catalogue } from '../support/application.ts';
import { losingReplies } from '../support/losing-replies.ts';
import { newStream, steps } from '../support/sample-events.ts';

/** The seed of the runs; another number gives other runs. fast-check prints seed and path when a run fails. */
const SEED = Number(process.env['FAST_CHECK_SEED'] ?? 20260105);

interface Append {
  readonly kind: 'append';
  /** Absolute, or relative to the current head, so that all cases occur. */
  readonly expected: { readonly fromHead: number } | 0 | 'any' | 'exists';
  readonly count: number;
  readonly commitId: string | undefined;
  readonly headKnown: boolean;
  readonly replyLost: boolean;
}

interface Read {
  readonly kind: 'read';
  readonly low: number;
  readonly length: number;
  readonly direction: 'forward' | 'backward';
  readonly limit: number | undefined;
}

const appends: fc.Arbitrary<Append> = fc.record({
  kind: fc.constant('append'),
  expected: fc.oneof(
    { weight: 3, arbitrary: fc.constant({ fromHead: 0 }) },
    { weight: 2, arbitrary: fc.integer({ min: -4, max: 2 }).map((fromHead) => ({ fromHead })) },
    { weight: 4, arbitrary: fc.constantFrom(0 as const, 'any' as const, 'exists' as const) },
  ),
  count: fc.integer({ min: 1, max: 4 }),
  commitId: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
  headKnown: fc.boolean(),
  replyLost: fc.boolean(),
});

const reads: fc.Arbitrary<Read> = fc.record({
  kind: fc.constant('read'),
  low: fc.integer({ min: 1, max: 20 }),
  length: fc.integer({ min: 0, max: 20 }),
  direction: fc.constantFrom('forward', 'backward'),
  limit: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
});

const operations = fc.array(fc.oneof({ weight: 2, arbitrary: appends }, { weight: 1, arbitrary: reads }), {
  minLength: 1,
  maxLength: 16,
});

/** The event store as an array of texts, with the result of each commit id. */
class Model {
  readonly texts: string[] = [];
  readonly answers = new Map<string, Pick<AppendResult, 'fromVersion' | 'toVersion'>>();

  append(expected: ExpectedVersion, texts: readonly string[], commitId: string | undefined) {
    const repeated = commitId === undefined ? undefined : this.answers.get(commitId);
    if (repeated) return { ...repeated, repeated: true };
    const head = this.texts.length;
    const allowed = expected === 'any' || (expected === 'exists' ? head > 0 : expected === head);
    if (!allowed) return { actualVersion: head };
    this.texts.push(...texts);
    const answer = { fromVersion: head + 1, toVersion: this.texts.length };
    if (commitId !== undefined) this.answers.set(commitId, answer);
    return { ...answer, repeated: false };
  }
}

/** Random histories give the same answers and events on the store and on a simple model. */
export function modelContract(storage: () => CommitStorage): void {
  test(`appends, repeats, lost replies and reads give the same results as an array (seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(operations, (history) => replay(storage(), history)),
      {
        seed: SEED,
        numRuns: 40,
        endOnFailure: false,
      },
    );
  });
}

async function replay(storage: CommitStorage, history: readonly (Append | Read)[]): Promise<void> {
  const store = new EventStore(storage, { catalogue });
  const lossy = new EventStore(losingReplies(storage), { catalogue });
  const stream = newStream();
  const model = new Model();
  for (const [index, operation] of history.entries()) {
    if (operation.kind === 'read') await compareRead(store, stream, model, operation);
    else
      await compareAppend(operation.replyLost ? lossy : store, stream, model, operation, `operation ${index}, event`);
  }
  expect(await store.head(stream)).toBe(model.texts.length);
  expect(await textsOf(store, stream, {})).toEqual(model.texts);
}

async function compareAppend(store: EventStore, stream: string, model: Model, operation: Append, text: string) {
  const { expected, count, commitId, replyLost } = operation;
  const head = model.texts.length;
  const expectedVersion = typeof expected === 'object' ? Math.max(0, head + expected.fromHead) : expected;
  // The head is known only after a read of the stream that found no commit with this id.
  const met = commitId !== undefined && model.answers.has(commitId);
  const headKnown = operation.headKnown && expectedVersion === head && !met;
  const events = steps(count, text);
  const append = store.append(stream, events, { expectedVersion, commitId, headKnown });
  const wanted = model.append(expectedVersion, events.map((event) => event.data.action), commitId); // biome-ignore format: one call
  if ('actualVersion' in wanted) {
    await expect(append).rejects.toThrow(ConcurrencyError);
    await expect(append).rejects.toMatchObject({ ...wanted, expectedVersion });
  } else if (replyLost && !wanted.repeated) {
    await expect(append).rejects.toThrow(UnavailableError);
  } else {
    expect(await append).toMatchObject(wanted);
  }
}

async function compareRead(store: EventStore, stream: string, model: Model, operation: Read): Promise<void> {
  const { low, length, direction, limit } = operation;
  const high = low + length - 1;
  const range = model.texts.slice(low - 1, high);
  const wanted = direction === 'forward' ? range : range.reverse();
  const ends = direction === 'forward' ? { from: low, to: high } : { from: high, to: low };
  const options = { ...ends, direction, ...(limit === undefined ? {} : { limit }) };
  expect(await textsOf(store, stream, options)).toEqual(wanted.slice(0, limit));
}

async function textsOf(store: EventStore, stream: string, options: Parameters<EventStore['read']>[1]) {
  const events = await Array.fromAsync(store.read(stream, options));
  return events.map((event) => (event.type === 'agent.step-recorded' ? event.data.action : event.type));
}
