import * as z from 'zod';
import { DatabaseSync } from '../../core/base/sqlite.ts';
import type { Json, JsonObject } from '../../core/events/json.ts';
import { cleanJson } from '../clean-json.ts';
import type { Notices, SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';
import { caseEvents } from './case-events.ts';
import { CaseSorter } from './case-sorter.ts';
import { parseLogInstant } from './log-instant.ts';
import type { LogNames, LogRow } from './log-row.ts';
import { openOcel } from './open-ocel.ts';

// OCEL 2.0 (specification of 2023-10-16).

const attributes = z
  .array(z.looseObject({ name: z.string(), value: z.unknown().optional() }))
  .nullish()
  .catch(undefined);
const relationships = z
  .array(z.looseObject({ objectId: z.string(), qualifier: z.string().nullish().catch(undefined) }))
  .nullish()
  .catch(undefined);

const objectSchema = z.looseObject({ id: z.string(), type: z.string(), attributes, relationships });
const eventSchema = z.looseObject({ id: z.string(), type: z.string(), time: z.string(), attributes, relationships });

/** Settings of {@link ocelPart}. */
export interface OcelOptions {
  /** The type of object that is a case. May be absent when the log has one type. */
  readonly caseType?: string | undefined;
}

/**
 * An object-centric log: each object of a type is a case. An event is a step of every object of the type that it names. Events
 * without such an object are counted and left out.
 */
export function ocelPart(file: SourceFile, names: LogNames, options: OcelOptions): SourcePart {
  return { name: file.path, checkFirst: false, events: (notices) => ocelEvents(file, names, options, notices) };
}

async function* ocelEvents(
  file: SourceFile,
  names: LogNames,
  { caseType }: OcelOptions,
  notices: Notices,
): AsyncGenerator<SourceEvent> {
  using log = await openOcel(file);
  using objects = new Objects();
  for await (const { value, place } of log.objects()) {
    const parsed = objectSchema.safeParse(value);
    if (parsed.success) objects.add(parsed.data);
    else notices.problem(place, 'has no id or no type, so it was left out');
  }
  const type = objects.typeOf(caseType);
  using sorter = new CaseSorter();
  for await (const { value, place } of log.events()) {
    const row = rowOf(value, place, notices);
    const cases = new Set(row?.related.filter((id) => objects.isOf(id, type)));
    for (const name of cases) if (row) sorter.add(name, row);
    if (row && cases.size === 0) notices.count(`events without an object of type ${type}, left out`);
  }
  for (const { name, rows } of sorter.cases()) yield* caseEvents(names, name, rows, objects.attributesOf(name));
}

type OcelRow = LogRow & { readonly related: readonly string[] };

function rowOf(value: unknown, place: string, notices: Notices): OcelRow | undefined {
  const parsed = eventSchema.safeParse(value);
  if (!parsed.success) {
    notices.problem(place, 'has no id, type or time, so it was left out');
    return undefined;
  }
  const { id, type, time, attributes: told, relationships: related } = parsed.data;
  const at = parseLogInstant(time);
  if ('fault' in at) {
    notices.problem(place, `${at.fault}; the event was left out`);
    return undefined;
  }
  if (at.isAssumed) notices.count('times without an offset, taken as UTC');
  const objects = (related ?? []).map(({ objectId, qualifier }) => ({ objectId, qualifier: qualifier ?? '' }));
  const values: [string, Json][] = (told ?? []).map((each) => [each.name, cleanJson(each.value)]);
  return {
    place,
    at,
    activity: type,
    instance: id,
    attributes: new Map<string, Json>([...values, ['objects', objects]]),
    related: objects.map(({ objectId }) => objectId),
  };
}

/** The objects of a log, in a temporary database on disk. */
class Objects {
  readonly #database = new DatabaseSync('');
  readonly #types = new Set<string>();
  readonly #insert;
  readonly #find;

  constructor() {
    this.#database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN');
    this.#database.exec('CREATE TABLE objects (id TEXT PRIMARY KEY, type TEXT, content TEXT) WITHOUT ROWID');
    this.#insert = this.#database.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?)');
    this.#find = this.#database.prepare('SELECT type, content FROM objects WHERE id = ?');
  }

  add({ id, type, attributes: told, relationships: related }: z.output<typeof objectSchema>): void {
    this.#types.add(type);
    this.#insert.run(id, type, JSON.stringify({ told, related }));
  }

  /** @throws SourceFault when the type is not there, or has to be named */
  typeOf(wanted: string | undefined): string {
    const [only, ...more] = this.#types;
    if (wanted !== undefined && this.#types.has(wanted)) return wanted;
    if (wanted === undefined && only !== undefined && more.length === 0) return only;
    const types = [...this.#types].slice(0, 20).join(', ');
    const fault = wanted === undefined ? 'has objects of several types' : `has no object of type ${wanted}`;
    throw new SourceFault('', `${fault}: name the type that is a case with --case-type; it has ${types || 'none'}`);
  }

  isOf(id: string, type: string): boolean {
    return this.#find.get(id)?.['type'] === type;
  }

  /** The attributes of an object; one that changes has its values by time. */
  attributesOf(id: string): JsonObject {
    const { told, related } = JSON.parse(String(this.#find.get(id)?.['content'] ?? '{}'));
    const values: Record<string, Json> = {};
    for (const [name, changes] of Map.groupBy((told ?? []) as { name: string }[], (each) => each.name)) {
      const [first] = changes as unknown as { value?: unknown }[];
      values[name] = changes.length === 1 ? cleanJson(first?.value) : cleanJson(changes);
    }
    return { ...values, ...(related?.length > 0 ? { objects: cleanJson(related) } : {}) };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
