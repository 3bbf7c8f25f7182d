import { type Issue, ValidationError } from '../base/errors.ts';
import { streamId } from '../base/stream-id.ts';
import { turnAfter } from '../base/turns.ts';
import type { SchemaVersion } from '../base/versions.ts';
import type { Catalogue, DomainEvent, NewEvent } from '../events/catalogue.ts';
import { EVENT_TYPE_STREAMS } from '../events/event-type.ts';
import { type CompileSchema, type DataCheck, typeName } from '../events/open-types.ts';
import type { ReadOptions } from './read-range.ts';

/** The newest registration of an event type. */
export type Registration = DomainEvent<'eventtype.registered'>;

/**
 * A registration of an event type that no module declares.
 * @param version the version of its schema; the newest when absent
 */
export async function registrationIn(
  store: { read(stream: string, options: ReadOptions & { limit?: number }): AsyncGenerator<DomainEvent> },
  type: string,
  version?: SchemaVersion,
): Promise<Registration | undefined> {
  const range = version === undefined ? {} : { from: version, to: version };
  const { value } = await store
    .read(streamId(EVENT_TYPE_STREAMS, type), { ...range, direction: 'backward', limit: 1 })
    .next();
  return value as Registration | undefined; // such streams have no other type
}

/** A process goes on with the schema that it knows for so long, milliseconds. */
export const MAX_AGE_MS = 5_000;
/** Most types that a process remembers; the one that was read first goes first. */
const MAX_TYPES = 500;
/** A small append waits for nobody: its checks are done after so many milliseconds. */
const FREE_MS = 1;

/** What a process knows of a type: its newest registration, if any. */
interface Known {
  readonly registration: Registration | undefined;
  /** Compiled when an event is checked. */
  check?: Promise<DataCheck>;
  readonly readAt: number;
}

export interface RegisteredTypesParts {
  readonly catalogue: Catalogue;
  /** Reads the newest registration of a type, as every earlier answer to a registration says. */
  readonly newest: (type: string) => Promise<Registration | undefined>;
  readonly compile: CompileSchema;
  /** Milliseconds of a clock that does not go back. */
  readonly now?: () => number;
}

/**
 * Checks the events of types that no module declares by the schemas that are registered for them. An event is refused only
 * by what was read after its append began; so an append right after a registration is accepted by every process. A process
 * accepts events by an older registration for {@link MAX_AGE_MS} at most.
 */
export class RegisteredTypes {
  readonly #parts: RegisteredTypesParts;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #reads = new Map<string, Promise<Known>>();

  constructor(parts: RegisteredTypesParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
  }

  /**
   * Checks events for a stream of an aggregate type.
   * @returns the version of the schema by which each event was checked; 1 for a type that is accepted unregistered
   * @throws ValidationError with all events that are refused
   */
  async check(aggregateType: string, events: readonly NewEvent[]): Promise<readonly SchemaVersion[]> {
    const pause = turnAfter(FREE_MS);
    const versions: SchemaVersion[] = [];
    const issues: Issue[] = [];
    const began = this.#now();
    for (const [index, event] of events.entries()) {
      const known = await this.#of(event.type, began - MAX_AGE_MS);
      let found = await this.#issues(known, aggregateType, event);
      let used = known;
      if (found.length > 0 && known.readAt < began) {
        used = await this.#of(event.type, began);
        found = await this.#issues(used, aggregateType, event);
      }
      versions.push(used.registration?.data.version ?? 1);
      issues.push(...found.map(({ path, message }) => ({ path: `events.${index}.${path}`, message })));
      await pause();
    }
    if (issues.length > 0) throw new ValidationError(issues);
    return versions;
  }

  async #issues(known: Known, aggregateType: string, { type, data }: NewEvent): Promise<readonly Issue[]> {
    const { registration } = known;
    if (!registration) {
      if (this.#parts.catalogue.unknownEvents === 'accept') return [];
      return [{ path: 'type', message: `is not a known event type; PUT /event-types/${type} registers it` }];
    }
    const home = registration.data.aggregateType;
    if (home !== aggregateType) {
      return [{ path: 'type', message: `belongs in ${home} streams, this is ${aggregateType}` }];
    }
    known.check ??= this.#parts.compile(registration.data.schema);
    const check = await known.check;
    return check(data).map(({ path, message }) => ({ path: path === '' ? 'data' : `data.${path}`, message }));
  }

  /** What was read of a type at a time or later. Appends that ask at once share a read. */
  #of(type: string, since: number): Known | Promise<Known> {
    const known = this.#known.get(type);
    if (known && known.readAt >= since) return known;
    const began = this.#now();
    const running = this.#reads.get(type);
    if (running && since < began) return running.then((read) => (read.readAt >= since ? read : this.#of(type, since)));
    const read = this.#read(type, began).finally(() => {
      if (this.#reads.get(type) === read) this.#reads.delete(type);
    });
    this.#reads.set(type, read);
    return read;
  }

  async #read(type: string, readAt: number): Promise<Known> {
    const registration = await this.#parts.newest(type);
    const before = this.#known.get(type);
    const isSame = before?.registration?.data.version === registration?.data.version;
    const known: Known = { registration, readAt, ...(isSame && before?.check ? { check: before.check } : {}) };
    this.#known.delete(type);
    this.#known.set(type, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_TYPES && oldest !== undefined) this.#known.delete(oldest);
    return known;
  }
}

/**
 * Refuses names under which no event can be found, for filters: a misspelt name would find nothing.
 * @param path the place of the names in the request
 * @throws ValidationError for a type that is neither declared nor registered, unless the application accepts any
 */
export async function assertKnownTypes(
  store: Parameters<typeof registrationIn>[0] & { readonly catalogue: Catalogue },
  types: readonly string[],
  path: string,
): Promise<void> {
  const { definitionOf, openFault, unknownEvents } = store.catalogue;
  const faults = types.map(async (type, index): Promise<Issue[]> => {
    if (definitionOf(type)) return [];
    const fault = typeName.safeParse(type).error?.issues[0]?.message ?? openFault(type);
    if (fault === undefined && (unknownEvents === 'accept' || (await registrationIn(store, type)))) return [];
    const message = fault ?? 'is not a known event type; GET /event-types lists them';
    return [{ path: `${path}.${index}`, message }];
  });
  const issues = (await Promise.all(faults)).flat();
  if (issues.length > 0) throw new ValidationError(issues);
}
