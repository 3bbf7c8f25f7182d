import { createHash } from 'node:crypto';
import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { ulids } from '../base/new-id.ts';
import type { JsonObject } from '../events/json.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Parked } from './parked.ts';
import type { StoredView, ViewClaim } from './projection.ts';
import type { Addition, CheckpointWrite, SharedViewStore } from './shared-view-store.ts';
import { MAX_VIEW_BYTES, type PageOptions, type ParkedPage, type ViewPage, type ViewStore } from './view-store.ts';

/** A view over this size, as JSON, has its large members aside: each write of an item costs a unit for each KB of it. */
const SMALL_VIEW_BYTES = 32 * 1024;
/** A member over this size is a large one. */
const SMALL_MEMBER_BYTES = 8 * 1024;
/** Most bytes that lie aside which one page of a list fetches. */
const MAX_LISTED_BYTES = 4 * 1024 * 1024;
/** Looks at a view whose parts are replaced while it is read. */
const LOOKS = 5;

const FOLDER = 'large-views/';
const ulid = ulids();
const HOUR_MS = 3_600_000;

/**
 * Keeps what is large in views as objects, and claims for it in the stored views, as the claim check does for commits.
 * Each object has a key of its own, so what no view claims an hour after it was written, no view will ever claim.
 */
export class ViewClaims {
  readonly #objects: ObjectStore;

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  /**
   * Brings what is large to objects. What is the same as before stays where it is.
   * @param stored the whole view; its claims are those that it was read with
   * @returns the view as it is to be stored. @throws UnavailableError
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

  /** The whole view; undefined when a part is not there, or is not what was deposited. @throws UnavailableError */
  async redeem(stored: StoredView): Promise<StoredView | undefined> {
    if (!stored.aside) return stored;
    const parts = await Promise.all(stored.aside.map((claim) => this.#part(claim)));
    if (parts.some((part) => part === undefined)) return undefined;
    const members = [stored.view, ...parts].flatMap((part) => Object.entries(part ?? {}));
    return { ...stored, view: Object.fromEntries(members) };
  }

  /** Removes what a view no longer claims. A failure is left to the sweep. */
  async release(before: readonly ViewClaim[] = [], after: readonly ViewClaim[] = []): Promise<void> {
    const kept = new Set(after.map(({ key }) => key));
    const gone = before.filter(({ key }) => !kept.has(key));
    await Promise.allSettled(gone.map(({ key }) => this.#objects.delete(key)));
  }

  /**
   * Removes all that lies aside of a generation whose views are removed.
   * @param until the time to stop, milliseconds since 1970
   * @returns whether all of it is gone. @throws UnavailableError
   */
  async remove(place: Pick<StoredView, 'projection' | 'generation'>, until: number): Promise<boolean> {
    for await (const { key } of this.#objects.list(folderOf(place))) {
      if (Date.now() >= until) return false;
      await this.#objects.delete(key);
    }
    return true;
  }

  /**
   * Removes objects that no view claims: their view was never written, was changed, or is gone. Looks at those that are
   * older than an hour; younger ones may yet be claimed.
   * @param views as they are stored
   * @returns the keys of what was removed. @throws UnavailableError
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

/** That it is an object at all is worth a check; the hash answers for its members. */
const membersSchema = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null);

async function isClaimed(views: Pick<ViewStore, 'get'>, key: string): Promise<boolean> {
  const [, projection = '', generation = '', view = ''] = key.split('/');
  const stored = await views.get(projection, Number(generation), view);
  return stored?.aside?.some((claim) => claim.key === key) ?? false;
}

const folderOf = ({ projection, generation }: Pick<StoredView, 'projection' | 'generation'>): string =>
  `${FOLDER}${projection}/${generation}/`;

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A view in what is small, and parts that go aside: each large member by itself, and all others if they are too much. */
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

/** A store of views of any size, over one that takes small ones: what is large lies aside, and readers get views whole. */
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
      if (whole || !stored) return whole; // else a part was replaced after the look: the next one sees the new claim
    }
    throw new CorruptDataError(`a part of view ${key} of ${projection} is not there; rebuild the projection`);
  }

  /** What is large is there before the view is: a view never points to nothing. */
  async put(view: StoredView, expectedVersion: number, expectedMark?: Parked): Promise<boolean> {
    const stored = await this.#claims.deposit(view);
    if (!(await this.#views.put(stored, expectedVersion, expectedMark))) return false;
    await this.#claims.release(view.aside, stored.aside);
    return true;
  }

  async list(projection: string, generation: number, group: string, options: PageOptions): Promise<ViewPage> {
    const page = await this.#views.list(projection, generation, group, options);
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

  listParked(projection: string, generation: number, options: PageOptions): Promise<ParkedPage> {
    return this.#views.listParked(projection, generation, options);
  }

  countParked(projection: string, generation: number): Promise<number> {
    return this.#views.countParked(projection, generation);
  }
}

/** Shared views whose checkpoints may remember as much of their streams as they like. */
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
