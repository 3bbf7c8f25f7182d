import { createHash } from 'node:crypto';
import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { ulids } from '../base/new-id.ts';
import type { JsonObject } from '../events/json.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { hasEntry, type ListEntry, listPlace } from './entries.ts';
import type { Parked } from './parked.ts';
import type { StoredView, ViewClaim } from './projection.ts';
import type { Addition, CheckpointWrite, SharedViewStore } from './shared-view-store.ts';
import {
  type EntryPage,
  type ListedEntry,
  MAX_VIEW_BYTES,
  type PageOptions,
  type ParkedPage,
  type ViewPage,
  type ViewStore,
} from './view-store.ts';

/** Large members of a view over this size, as JSON, become objects. Each write of an item costs a unit for each KB. */
const SMALL_VIEW_BYTES = 32 * 1024;
/** A member over this size, as JSON, is large. */
const SMALL_MEMBER_BYTES = 8 * 1024;
/** Most bytes of objects that one page of a list fetches. */
const MAX_LISTED_BYTES = 4 * 1024 * 1024;
/** Most reads of a view whose objects are replaced during the read. */
const LOOKS = 5;

const FOLDER = 'large-views/';
const ulid = ulids();
const HOUR_MS = 3_600_000;

/**
 * Keeps large members of views as objects, and claims for them in the stored views, as the claim check does for
 * commits. Each object has a unique key. So an object without a claim an hour after its write will never be claimed.
 */
export class ViewClaims {
  readonly #objects: ObjectStore;

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  /**
   * Writes the large members of a view to objects. Unchanged members keep their objects.
   * @param stored the whole view, with the claims from its read
   * @returns the view to store
   * @throws UnavailableError
   */
  async deposit(stored: StoredView): Promise<StoredView> {
    const { aside: before = [], ...rest } = stored;
    const { small, parts } = split(stored.view);
    if (parts.length === 0) return rest;
    const aside = parts.map(async (part) => {
      const sha256 = hashOf(part);
      const known = before.find((claim) => claim.sha256 === sha256);
      if (known) return known;
      const key = `${folderOf(stored)}${stored.key}/${ulid()}`;
      await this.#objects.put(key, part);
      return { key, bytes: part.length, sha256 };
    });
    return { ...rest, view: small, aside: await Promise.all(aside) };
  }

  /** The whole view; undefined when an object is missing or changed. @throws UnavailableError */
  async redeem(stored: StoredView): Promise<StoredView | undefined> {
    if (!stored.aside) return stored;
    const parts = await Promise.all(stored.aside.map((claim) => this.#part(claim)));
    if (parts.some((part) => part === undefined)) return undefined;
    const members = [stored.view, ...parts].flatMap((part) => Object.entries(part ?? {}));
    return { ...stored, view: Object.fromEntries(members) };
  }

  /** Removes the objects that a view does not claim any longer. The sweep removes them after a failure. */
  async release(before: readonly ViewClaim[] = [], after: readonly ViewClaim[] = []): Promise<void> {
    const kept = new Set(after.map(({ key }) => key));
    const gone = before.filter(({ key }) => !kept.has(key));
    await Promise.allSettled(gone.map(({ key }) => this.#objects.delete(key)));
  }

  /**
   * Removes all objects of a generation whose views are removed.
   * @param until the time to stop, milliseconds since 1970
   * @returns whether all objects are removed
   * @throws UnavailableError
   */
  async remove(place: Pick<StoredView, 'projection' | 'generation'>, until: number): Promise<boolean> {
    for await (const { key } of this.#objects.list(folderOf(place))) {
      if (Date.now() >= until) return false;
      await this.#objects.delete(key);
    }
    return true;
  }

  /**
   * Removes objects without a claim: their view was never written, was changed, or was removed. Only objects older than
   * an hour are checked; a younger object may still be claimed.
   * @param views the stored views, with claims
   * @returns the keys of the removed objects
   * @throws UnavailableError
   */
  async sweep(views: Pick<ViewStore, 'get'>, now: Date, signal?: AbortSignal): Promise<string[]> {
    const removed: string[] = [];
    for await (const { key, modifiedAt } of this.#objects.list(FOLDER)) {
      if (signal?.aborted) break;
      if (now.getTime() - Date.parse(modifiedAt) < HOUR_MS || (await isClaimed(views, key))) continue;
      await this.#objects.delete(key);
      removed.push(key);
    }
    return removed;
  }

  async #part({ key, sha256 }: ViewClaim): Promise<JsonObject | undefined> {
    const bytes = await this.#objects.get(key);
    if (!bytes || hashOf(bytes) !== sha256) return undefined;
    return membersSchema.safeParse(JSON.parse(Buffer.from(bytes).toString())).data;
  }
}

/** Checks only that the value is an object. The hash proves its members. */
const membersSchema = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null);

async function isClaimed(views: Pick<ViewStore, 'get'>, key: string): Promise<boolean> {
  const [, projection = '', generation = '', view = ''] = key.split('/');
  const stored = await views.get(projection, Number(generation), view);
  return stored?.aside?.some((claim) => claim.key === key) ?? false;
}

const folderOf = ({ projection, generation }: Pick<StoredView, 'projection' | 'generation'>): string =>
  `${FOLDER}${projection}/${generation}/`;

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * A view divided: the small members, and the parts for objects. Each large member is a part; the others are one if they
 * are too large.
 */
function split(view: JsonObject | undefined): { small: JsonObject | undefined; parts: Uint8Array[] } {
  if (view === undefined) return { small: view, parts: [] };
  const members = Object.entries(view).map(([name, value]) => ({ name, value, bytes: bytesOf({ [name]: value }) }));
  const total = members.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (total <= SMALL_VIEW_BYTES) return { small: view, parts: [] };
  const large = members.filter(({ bytes }) => bytes.length > SMALL_MEMBER_BYTES);
  const others = members.filter((member) => !large.includes(member));
  const small = Object.fromEntries(others.map(({ name, value }) => [name, value]));
  const parts = large.map(({ bytes }) => bytes);
  const rest = others.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return rest <= MAX_VIEW_BYTES / 2 ? { small, parts } : { small: {}, parts: [...parts, bytesOf(small)] };
}

const bytesOf = (value: JsonObject | Record<string, JsonObject[string] | undefined>): Uint8Array =>
  Buffer.from(JSON.stringify(value));

/**
 * A store of views of any size, over a store of small views. Large members become objects, and readers get whole views.
 */
export class LargeViewStore implements ViewStore {
  readonly #views: ViewStore;
  readonly #claims: ViewClaims;

  constructor(views: ViewStore, claims: ViewClaims) {
    this.#views = views;
    this.#claims = claims;
  }

  async get(projection: string, generation: number, key: string): Promise<StoredView | undefined> {
    for (let look = 0; look < LOOKS; look++) {
      const stored = await this.#views.get(projection, generation, key);
      const whole = stored && (await this.#claims.redeem(stored));
      if (whole || !stored) return whole; // otherwise an object was replaced after the read: the next read has the new claim
    }
    throw new CorruptDataError(`a part of view ${key} of ${projection} is not there; rebuild the projection`);
  }

  /** The objects are written before the view, so that a view never refers to a missing object. */
  async put(
    view: StoredView,
    expectedVersion: number,
    expectedMark?: Parked,
    entries?: readonly ListEntry[],
  ): Promise<boolean> {
    const stored = await this.#claims.deposit(view);
    if (!(await this.#views.put(stored, expectedVersion, expectedMark, entries))) return false;
    await this.#claims.release(view.aside, stored.aside);
    return true;
  }

  async list(projection: string, generation: number, group: string, options: PageOptions): Promise<ViewPage> {
    const page = await this.#views.list(projection, generation, group, options);
    if (options.withoutAside) return page;
    const views: StoredView[] = [];
    let bytes = 0;
    for (const stored of page.views) {
      const last = views.at(-1);
      if (last && bytes > MAX_LISTED_BYTES) return { views, next: last.key };
      bytes += stored.aside?.reduce((sum, claim) => sum + claim.bytes, 0) ?? 0;
      const whole = (await this.#claims.redeem(stored)) ?? (await this.get(projection, generation, stored.key));
      if (whole?.group === group) views.push(whole);
    }
    return { ...page, views };
  }

  async listed(projection: string, generation: number, list: string, options: PageOptions): Promise<EntryPage> {
    const page = await this.#views.listed(projection, generation, list, options);
    if (options.withoutAside) return page;
    const listed: ListedEntry[] = [];
    let bytes = 0;
    for (const { order, view: stored } of page.listed) {
      const last = listed.at(-1);
      if (last && bytes > MAX_LISTED_BYTES) return { listed, next: listPlace(last.order, last.view.key) };
      bytes += stored.aside?.reduce((sum, claim) => sum + claim.bytes, 0) ?? 0;
      const view = (await this.#claims.redeem(stored)) ?? (await this.get(projection, generation, stored.key));
      if (view && hasEntry(view.entries, { list, order })) listed.push({ order, view });
    }
    return { ...page, listed };
  }

  listParked(projection: string, generation: number, options: PageOptions): Promise<ParkedPage> {
    return this.#views.listParked(projection, generation, options);
  }

  countParked(projection: string, generation: number): Promise<number> {
    return this.#views.countParked(projection, generation);
  }
}

/** Shared views whose checkpoints may have a memory of any size. */
export function withLargeCheckpoints(shared: SharedViewStore, claims: ViewClaims): SharedViewStore {
  return {
    async add(checkpoints: readonly CheckpointWrite[], addition: Addition): Promise<boolean> {
      const deposit = async (write: CheckpointWrite) => ({ ...write, next: await claims.deposit(write.next) });
      const stored = await Promise.all(checkpoints.map(deposit));
      if (!(await shared.add(stored, addition))) return false;
      await Promise.all(stored.map(({ next }, index) => claims.release(checkpoints[index]?.next.aside, next.aside)));
      return true;
    },
    read: (place, key, shards) => shared.read(place, key, shards),
    top: (place, rank, limit) => shared.top(place, rank, limit),
    keys: (place) => shared.keys(place),
    remove: (place) => shared.remove(place),
  };
}
