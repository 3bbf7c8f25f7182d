import { CorruptDataError } from '../base/errors.ts';
import { Lines, untilSettled } from '../base/races.ts';
import type { JsonObject } from '../events/json.ts';
import type { ControlItem, ControlPage, ControlStore } from '../store/control-store.ts';
import { type Definition, noSubscription } from './decider.ts';
import { type ParkedContent, parkedContent, Shard, type ShardContent, shardContent } from './shard.ts';

/** The kind of the items that keep deliveries. */
const SHARDS = 'subscription';
/** The kind of the items that keep parked streams. */
const PARKED = 'subscription-parked';

/** The parts of a {@link ShardStore}. */
export interface ShardStoreParts {
  readonly control: ControlStore;
  /** The present definition, read after the call. @throws NotFoundError */
  readonly definitionOf: (name: string) => Promise<Definition>;
  readonly newId: () => string;
}

/** What a change of a shard works on. */
export interface Changing {
  readonly shard: Shard;
  readonly definition: Definition;
  /** A parked stream; known to be absent without a read when nothing is parked. */
  readonly parked: (key: string) => Promise<ParkedContent | undefined>;
}

/** The shards of all subscriptions, and their parked streams, in the store of control items. */
export class ShardStore {
  readonly #parts: ShardStoreParts;
  /** The changes of a shard come in turn within a process, so that only those of other processes lose. */
  readonly #lines = new Lines();

  constructor(parts: ShardStoreParts) {
    this.#parts = parts;
  }

  /** A shard as it is; undefined when the definition is older than that of the shard. */
  async read(definition: Definition, index: number): Promise<Shard | undefined> {
    return shardIn(await this.#parts.control.get(SHARDS, idOf(definition, index)), definition);
  }

  /**
   * Changes a shard in one conditional write, together with its parked streams. `work` runs again when another process was
   * faster, or when the definition is older than that of the shard.
   * @param known the definition, as read a moment ago
   * @throws NotFoundError when the subscription was removed
   */
  change<T>(known: Definition, index: number, work: (changing: Changing) => Promise<T>): Promise<T> {
    const { control, definitionOf } = this.#parts;
    let definition: Definition | undefined = known;
    const attempt = async (): Promise<{ readonly result: T } | undefined> => {
      const current: Definition = definition ?? (await definitionOf(known.name));
      definition = undefined;
      if (current.created !== known.created) throw noSubscription(known.name); // one of the same name came after it
      const id = idOf(current, index);
      const item = await control.get(SHARDS, id);
      const shard = shardIn(item, current);
      if (!shard) return undefined;
      const revisions = new Map<string, number>();
      const parked = async (key: string): Promise<ParkedContent | undefined> => {
        const known = shard.parkings.get(key);
        if (known || shard.content.parked === 0) return known;
        const found = await control.get(PARKED, parkedIdOf(current, key));
        revisions.set(key, found?.revision ?? 0);
        return found && readContent(found, parkedContent);
      };
      const result = await work({ shard, definition: current, parked });
      if (!shard.isChanged) return { result };
      return (await this.#write(shard, { kind: SHARDS, id, revision: item?.revision ?? 0 }, current, revisions))
        ? { result }
        : undefined;
    };
    return this.#lines.inTurn(idOf(known, index), async () => (await untilSettled(attempt)).result);
  }

  /** Parked streams in the order of their keys. */
  async listParked(definition: Definition, { limit, after }: { limit: number; after?: string | undefined }) {
    const prefix = parkedIdOf(definition, '');
    const from = after === undefined ? undefined : `${prefix}${after}`;
    const { items, next }: ControlPage = await this.#parts.control.list(PARKED, { limit, prefix, after: from });
    const parked = items.map((item) => readContent(item, parkedContent));
    return { parked, next: next?.slice(prefix.length) };
  }

  /** A parked stream. */
  async parked(definition: Definition, key: string): Promise<ParkedContent | undefined> {
    const item = await this.#parts.control.get(PARKED, parkedIdOf(definition, key));
    return item && readContent(item, parkedContent);
  }

  /** Removes the items of subscriptions of a name that were created up to an event of its stream. A repeat continues. */
  async clear(name: string, until: number): Promise<void> {
    const { control } = this.#parts;
    for (const kind of [SHARDS, PARKED]) {
      for (let after: string | undefined; ; ) {
        const page: ControlPage = await control.list(kind, { limit: 100, prefix: `${name}/`, after });
        for (const { id, revision } of page.items) {
          if (Number(id.split('/')[1]) <= until) await control.remove(kind, id, revision);
        }
        if (page.next === undefined) break;
        after = page.next;
      }
    }
  }

  async #write(
    shard: Shard,
    { kind, id, revision }: Omit<ControlItem, 'content'>,
    definition: Definition,
    revisions: ReadonlyMap<string, number>,
  ): Promise<boolean> {
    const { control, newId } = this.#parts;
    const write = newId();
    const content: JsonObject = { ...shard.content, write };
    const parkings = [...shard.parkings].map(([key, parked]) => ({
      ...{ kind: PARKED, id: parkedIdOf(definition, key), content: parked as JsonObject | undefined },
      expectedRevision: revisions.get(key) ?? 0,
    }));
    const isWritten =
      parkings.length === 0
        ? await control.put(kind, id, content, revision)
        : await control.writeTogether([{ kind, id, content, expectedRevision: revision }, ...parkings]);
    if (isWritten) return true;
    const stored = await control.get(kind, id); // an earlier attempt of the client may have written it and lost its answer
    return stored !== undefined && readContent(stored, shardContent).write === write;
  }
}

const idOf = ({ name, created }: Definition, index: number): string => `${name}/${created}/${index}`;
const parkedIdOf = ({ name, created }: Definition, key: string): string => `${name}/${created}/${key}`;

/**
 * A shard under a definition: a new shard, and one that was elsewhere before, starts at the place of the definition.
 * @returns undefined when the definition is older than that of the shard
 */
function shardIn(
  item: ControlItem | undefined,
  { revision, startedAt, start, maxRetries }: Definition,
): Shard | undefined {
  const stored: ShardContent = item
    ? readContent(item, shardContent)
    : { revision: 0, position: null, tokens: 0, parked: 0, work: [], settled: [], write: '' };
  if (stored.revision > revision) return undefined;
  const position = startedAt > stored.revision ? (start.after ?? null) : stored.position;
  return new Shard({ ...stored, position, revision }, maxRetries, stored.revision !== revision);
}

function readContent<T>({ kind, id, content }: ControlItem, schema: { parse: (content: unknown) => T }): T {
  try {
    return schema.parse(content);
  } catch (cause) {
    throw new CorruptDataError(`the item ${kind} ${id} cannot be read; restore it from a backup`, { cause });
  }
}
