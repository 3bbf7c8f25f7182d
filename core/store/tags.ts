import * as z from 'zod';
import { CorruptDataError, ValidationError } from '../base/errors.ts';
import { ID_PATTERN } from '../base/stream-id.ts';
import type { Catalogue, NewEvent } from '../events/catalogue.ts';
import type { CommitPlace } from './commit-scan.ts';

/**
 * A tag numbers the commits that have its events, over all streams, from 1 without gaps. So "no event with the tag since
 * number n" is the condition that number n + 1 is free, as it is for a version of a stream.
 */
export interface TagPlace {
  readonly tag: string;
  readonly number: number;
}

/** A commit with events of a tag. */
export interface Tagging extends TagPlace {
  readonly stream: string;
  /** The version of the commit. */
  readonly version: number;
  /** The sequence numbers of its events that have the tag. */
  readonly sequenceNumbers: readonly number[];
}

/** Most tags of an event. */
export const MAX_TAGS = 10;

const numbers = z.array(z.int().positive());
const places = z.array(z.object({ stream: z.string(), version: z.int().positive() })).min(1);

/** Reads stored sequence numbers. @throws CorruptDataError that names `what` */
export const readNumbers = (text: string, what: string): readonly number[] => readStored(numbers, text, what);

/** Reads stored places of commits. @throws CorruptDataError that names `what` */
export const readPlaces = (text: string, what: string): readonly CommitPlace[] => readStored(places, text, what);

function readStored<T>(schema: z.ZodType<T>, text: string, what: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CorruptDataError(`${what} cannot be read`, { cause });
  }
}

/**
 * The tags of new events, by their declarations: for each tag the indices of its events.
 * @throws ValidationError for a tag of a wrong form, and for more than {@link MAX_TAGS} at one event
 */
export function tagsOf(
  { definitionOf }: Pick<Catalogue, 'definitionOf'>,
  events: readonly NewEvent[],
): ReadonlyMap<string, readonly number[]> {
  const tags = new Map<string, number[]>();
  for (const [index, { type, data }] of events.entries()) {
    // The declaration and the data are of the same type, which the compiler cannot see.
    const given = new Set(definitionOf(type)?.tags?.(data as never) ?? []);
    const wrong = [...given].find((tag) => !ID_PATTERN.test(tag));
    const path = `events.${index}`;
    if (wrong !== undefined) {
      const message = `gives the tag ${JSON.stringify(wrong)}; a tag is 1 to 128 characters out of A-Z a-z 0-9 . _ ~ : -`;
      throw new ValidationError([{ path, message }]);
    }
    if (given.size > MAX_TAGS)
      throw new ValidationError([{ path, message: `has ${given.size} tags, ${MAX_TAGS} at most` }]);
    for (const tag of given) tags.set(tag, [...(tags.get(tag) ?? []), index]);
  }
  return tags;
}
