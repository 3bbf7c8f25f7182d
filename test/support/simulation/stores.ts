import { join } from 'node:path';
import { type ConsumerCheckpoint, sqliteCheckpoint } from '../../../adapters/embedded/sqlite/checkpoint.ts';
import { SqliteCommitStorage } from '../../../adapters/embedded/sqlite/commit-storage.ts';
import { type DataFolder, openDataFolder } from '../../../adapters/embedded/sqlite/database.ts';
import { SqliteLogStorage } from '../../../adapters/embedded/sqlite/log-storage.ts';
import { SqliteSharedViews } from '../../../adapters/embedded/sqlite/shared-views.ts';
import { SqliteViewStore } from '../../../adapters/embedded/sqlite/view-store.ts';
import type { LogStorage } from '../../../core/log/storage.ts';
import type { SharedViewStore } from '../../../core/projections/shared-view-store.ts';
import type { ViewStore } from '../../../core/projections/view-store.ts';
import type { CommitStorage } from '../../../core/store/commit-storage.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { MemorySharedViews } from '../../../testing/memory/shared-views.ts';
import { MemoryViewStore } from '../../../testing/memory/views.ts';
import { MemoryLogStorage } from '../memory-log.ts';

/** The stores that outlive a process. */
export interface Stores {
  readonly commits: CommitStorage;
  readonly views: ViewStore;
  readonly shared: SharedViewStore;
  /** The marks of the bus. */
  readonly marks: ViewStore;
  readonly pages: LogStorage;
}

export function memoryStores(): Stores {
  const views = new MemoryViewStore();
  const shared = new MemorySharedViews(views);
  return { commits: new MemoryCommitStorage(), views, shared, marks: views, pages: new MemoryLogStorage() };
}

/** A data folder that is sometimes closed and opened again, with the checkpoints of its consumers. */
export class FolderStores implements Stores {
  readonly #path: string;
  readonly #names: readonly string[];
  #folder: DataFolder;
  commits!: SqliteCommitStorage;
  views!: SqliteViewStore;
  shared!: SqliteSharedViews;
  marks!: SqliteViewStore;
  pages!: SqliteLogStorage;
  projected!: ConsumerCheckpoint;
  relayed!: ConsumerCheckpoint;

  constructor(parent: string, name: string, projections: readonly string[]) {
    this.#path = join(parent, name);
    this.#names = projections;
    this.#folder = this.#open();
  }

  reopen(): void {
    this.close();
    this.#folder = this.#open();
  }

  close(): void {
    this.commits.close();
    this.#folder.close();
  }

  #open(): DataFolder {
    const folder = openDataFolder(this.#path);
    this.commits = new SqliteCommitStorage(folder.events);
    this.views = new SqliteViewStore(folder.views);
    this.shared = new SqliteSharedViews(folder.views, this.views);
    this.marks = new SqliteViewStore(folder.bookkeeping);
    this.pages = new SqliteLogStorage(folder.events);
    this.projected = sqliteCheckpoint(folder.views, this.#names);
    this.relayed = sqliteCheckpoint(folder.bookkeeping, ['relay']);
    return folder;
  }
}
