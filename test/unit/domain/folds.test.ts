import { readdirSync, readFileSync } from 'node:fs';
import * as devalue from 'devalue';
import { expect, it } from 'vitest';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { SnapshotStore } from '../../../core/state/snapshot-store.ts';
import agents from '../../../domain/application.ts';
import { catalogue } from '../../support/application.ts';
import { MemoryObjectStore } from '../../support/memory-objects.ts';

const { folds } = agents;

const folder = new URL('../../../events/samples/', import.meta.url);
const samples: DomainEvent[] = readdirSync(folder)
  .sort()
  .map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')))
  .toSorted((a: DomainEvent, b: DomainEvent) => a.sequenceNumber - b.sequenceNumber);

it.each(folds)('a snapshot restores the state of $name unchanged', async (fold) => {
  const snapshots = new SnapshotStore(new MemoryObjectStore(), { catalogue, interval: 1 });
  const events = samples.filter(({ aggregateType }) => aggregateType === fold.aggregateType);
  let state = fold.initialState;
  for (const [index, event] of events.entries()) {
    state = fold.evolve(state, event);
    const kept = {
      stream: `${fold.aggregateType}-42`,
      version: index + 1,
      recordedAt: event.metadata.recordedAt,
      state,
    };
    await snapshots.put(fold, kept);
    const read = await snapshots.candidate(fold, kept.stream, { version: kept.version });
    expect(devalue.stringify(read?.state)).toEqual(devalue.stringify(state)); // a map may be of any class
  }
  expect(events).not.toEqual([]);
});
