import { createHash } from 'node:crypto';
import * as z from 'zod';
import { untilSettled } from '../base/races.ts';
import type { ControlItem, ControlStore } from '../store/control-store.ts';

/**
 * What a lease is of: one claim of a part. A lease of its own for each claim: a writer that is late never meets the lease of
 * a later claim.
 */
export interface LeasePlace {
  /** The id of the aggregate. */
  readonly id: string;
  readonly slot: string;
  /** The number of the claim. */
  readonly fencing: number;
}

const leaseContent = z.object({
  workerId: z.string(),
  /** The end without a heartbeat, ISO 8601. */
  until: z.string(),
  /** The instant under which the lease was listed as due first. */
  due: z.string(),
  /** The command of the claim: a repeat of the same request goes on where the first one stopped. */
  commitId: z.string(),
  /** The lease counts against the limit of its worker. */
  isCounted: z.boolean(),
  /** The lease is over, and its loss is being recorded. No heartbeat extends it. */
  lost: z.enum(['expired', 'released']).exactOptional(),
});
/** The content of a lease. */
export type LeaseContent = z.output<typeof leaseContent>;

/** A stored lease. */
export interface StoredLease {
  readonly revision: number;
  readonly content: LeaseContent;
}

const heldContent = z.object({ leases: z.array(z.string()) });

/**
 * Shards of the items: control items of a kind are one partition of an index on DynamoDB, and a partition takes 1,000 new
 * items a second.
 */
const SHARDS = [...'abcdefghijklmnop'];
/** Due leases of a shard that one look takes. */
const DUE_PAGE = 100;

/**
 * The items of leases beside the history; every write is conditional on a revision. `lease-<shard>` are the leases,
 * `lease-due-<shard>` list each lease under an instant that is not after its end, and `lease-held-<shard>` have the
 * leases that count against the limit of a worker.
 */
export class LeaseStore {
  readonly #control: ControlStore;

  constructor(control: ControlStore) {
    this.#control = control;
  }

  async get(place: LeasePlace): Promise<StoredLease | undefined> {
    const item = await this.#control.get(kindOf('lease', idOf(place)), idOf(place));
    return item && { revision: item.revision, content: leaseContent.parse(item.content) };
  }

  /** @returns whether it was written: the lease was still at `expectedRevision` */
  put(place: LeasePlace, content: LeaseContent, expectedRevision: number): Promise<boolean> {
    return this.#control.put(kindOf('lease', idOf(place)), idOf(place), content, expectedRevision);
  }

  remove(place: LeasePlace, expectedRevision: number): Promise<boolean> {
    return this.#control.remove(kindOf('lease', idOf(place)), idOf(place), expectedRevision);
  }

  /** Lists a lease as due at an instant; a second time does nothing. */
  async enter(place: LeasePlace, due: string): Promise<void> {
    await this.#control.put(kindOf('lease-due', idOf(place)), `${due}/${idOf(place)}`, {}, 0);
  }

  async leave(place: LeasePlace, due: string): Promise<void> {
    await this.#control.remove(kindOf('lease-due', idOf(place)), `${due}/${idOf(place)}`, 1);
  }

  /** The places that are listed as due by an instant, some of each shard or of one, and the first instant after it. */
  async due(
    now: string,
    share?: number,
  ): Promise<{ due: (LeasePlace & { readonly due: string })[]; next: string | undefined }> {
    const shards = share === undefined ? SHARDS : SHARDS.slice(share % SHARDS.length).slice(0, 1);
    const lists = shards.map((shard) => this.#control.list(`lease-due-${shard}`, { limit: DUE_PAGE }));
    const entries = (await Promise.all(lists)).flatMap(({ items }) => items.map(entryOf));
    const later = entries.filter(({ due }) => due > now).map(({ due }) => due);
    return { due: entries.filter(({ due }) => due <= now), next: later.toSorted()[0] };
  }

  /** The leases that count against the limit of a worker. */
  async held(workerId: string): Promise<readonly LeasePlace[]> {
    return leasesIn(await this.#control.get(kindOf('lease-held', workerId), workerId)).map(placeOf);
  }

  /** Counts a lease of a worker. @returns false when the worker has `limit` other leases */
  hold(workerId: string, place: LeasePlace, limit: number): Promise<boolean> {
    return this.#changeHeld(workerId, (leases) => {
      if (leases.includes(idOf(place))) return leases;
      return leases.length < limit ? [...leases, idOf(place)] : undefined;
    });
  }

  /** Counts a lease of a worker no longer. */
  async release(workerId: string, place: LeasePlace): Promise<void> {
    await this.#changeHeld(workerId, (leases) => leases.filter((lease) => lease !== idOf(place)));
  }

  /** @param change the leases after it; undefined refuses the change */
  async #changeHeld(
    workerId: string,
    change: (leases: readonly string[]) => readonly string[] | undefined,
  ): Promise<boolean> {
    const kind = kindOf('lease-held', workerId);
    const end = await untilSettled(async () => {
      const item = await this.#control.get(kind, workerId);
      const before = leasesIn(item);
      const after = change(before);
      if (after === undefined) return 'refused';
      if (after.length === before.length) return 'settled';
      const revision = item?.revision ?? 0;
      // An empty item stays: its revisions go on, so that a late writer is refused.
      return (await this.#control.put(kind, workerId, { leases: [...after] }, revision)) && 'settled';
    });
    return end === 'settled';
  }
}

const leasesIn = (item: ControlItem | undefined): readonly string[] =>
  item ? heldContent.parse(item.content).leases : [];

/** Neither ids nor slots have a slash. */
const idOf = ({ id, slot, fencing }: LeasePlace): string => `${id}/${slot}/${fencing}`;

function placeOf(text: string): LeasePlace {
  const [id = '', slot = '', fencing] = text.split('/');
  return { id, slot, fencing: Number(fencing) };
}

function entryOf({ id: entry }: ControlItem) {
  const slash = entry.indexOf('/');
  return { ...placeOf(entry.slice(slash + 1)), due: entry.slice(0, slash) };
}

function kindOf(kind: 'lease' | 'lease-due' | 'lease-held', id: string): string {
  const [byte = 0] = createHash('sha256').update(id).digest();
  return `${kind}-${SHARDS[byte % SHARDS.length]}`;
}
