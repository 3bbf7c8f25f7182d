import type { NewEvent } from '../core/events/catalogue.ts';
import { digest, fitId } from './names.ts';
import type { Usage } from './usage.ts';

/** An event that a source tells, for one stream. */
export interface SourceEvent {
  readonly streamId: string;
  readonly event: NewEvent & { readonly id: string };
  /** The place in the source, such as `line 7`, for messages. */
  readonly place: string;
  /**
   * The usage of all steps up to this one, where a source tells sums, or tells usage late. The event gets the part that no
   * earlier event of the import in the stream has.
   */
  readonly totals?: Usage;
  /** The id of the event of the call of a model whose usage this event has a part of, where telemetry gives the call that id, too. */
  readonly call?: string | undefined;
}

/** What a source tells besides its events. */
export interface Notices {
  /** A part of the source that could not be read. The rest is read. */
  problem(place: string, fault: string): void;
  /** Something that was not made an event, such as a record of an unknown type. It is counted by its text; once by default. */
  count(what: string, times?: number): void;
}

/** A part of an import, read in order. Several parts may be read side by side. */
export interface SourcePart {
  /** The file, in messages. */
  readonly name: string;
  /** Whether the part is read once for faults before its first event is sent. Otherwise sending starts at once. */
  readonly checkFirst: boolean;
  events(notices: Notices): AsyncIterable<SourceEvent>;
}

/** A file with unpacked content. It may be read several times. */
export interface SourceFile {
  readonly path: string;
  /** The time of the last change; ISO 8601. The time of events that have none. */
  readonly modifiedAt: string;
  read(): AsyncIterable<Uint8Array>;
}

const CONTENT_MARK = '~';
const CONTENT_CHARACTERS = 12;

/**
 * The id of an event: the same whenever the source tells the event again.
 * @param key names the event in the stream
 * @param content for a key that is only a number: the content, so that another event under the number has another id
 */
export function eventId(aggregateId: string, key: string, content?: unknown): string {
  const id = `${aggregateId}:${key.replaceAll(CONTENT_MARK, '.')}`;
  const short = fitId(id) === id && id.length < 100 ? id : digest(id);
  return content === undefined
    ? short
    : `${short}${CONTENT_MARK}${digest(JSON.stringify(content)).slice(0, CONTENT_CHARACTERS)}`;
}

/** An id without the content that it stands for. Two ids with one key and different contents are a conflict. */
export function keyOf(id: string): string {
  const mark = id.lastIndexOf(CONTENT_MARK);
  return mark > 0 && mark === id.length - CONTENT_CHARACTERS - 1 ? id.slice(0, mark) : id;
}
