import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { MemorySagaIndex } from '../../testing/memory/sagas.ts';
import { MemorySharedViews } from '../../testing/memory/shared-views.ts';
import { MemoryViewStore } from '../../testing/memory/views.ts';
import { MemoryControlStore } from '../support/memory-control.ts';
import { MemoryLogStorage } from '../support/memory-log.ts';
import { MemoryObjectStore } from '../support/memory-objects.ts';
import { MemorySagaTokens } from '../support/memory-saga-tokens.ts';
import { commitScanContract } from './commit-scan.suite.ts';
import { controlStoreContract } from './control-store.suite.ts';
import { entryProjectingContract } from './entry-projecting.suite.ts';
import { eventStoreContract } from './event-store.suite.ts';
import { generationStoreContract } from './generation-store.suite.ts';
import { logContract } from './log.suite.ts';
import { objectStoreContract } from './object-store.suite.ts';
import { sagaIndexContract } from './saga-index.suite.ts';
import { sagaTokensContract } from './saga-tokens.suite.ts';
import { sharedViewStoreContract } from './shared-view-store.suite.ts';
import { viewEntriesContract } from './view-entries.suite.ts';
import { viewStoreContract } from './view-store.suite.ts';

// The suites over the simplest storage: a failure here is a fault of the core or of the suite.
eventStoreContract('memory', async () => new MemoryCommitStorage());
commitScanContract('memory', async () => new MemoryCommitStorage());
viewStoreContract('memory', async () => new MemoryViewStore());
objectStoreContract('memory', async () => new MemoryObjectStore());
generationStoreContract('memory', async () => {
  const views = new MemoryViewStore();
  return { views, generations: views };
});
viewEntriesContract('memory', async () => {
  const views = new MemoryViewStore();
  return { views, generations: views };
});
entryProjectingContract('memory', async () => {
  const views = new MemoryViewStore();
  return { views, generations: views };
});
controlStoreContract('memory', async () => new MemoryControlStore());
sagaIndexContract('memory', async () => new MemorySagaIndex());
logContract('memory', async () => new MemoryLogStorage());
sagaTokensContract('memory', async () => new MemorySagaTokens());
sharedViewStoreContract('memory', async () => {
  const views = new MemoryViewStore();
  return { views, shared: new MemorySharedViews(views) };
});
