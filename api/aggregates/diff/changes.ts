import { isDeepStrictEqual } from 'node:util';
import { type Change, diffLines, diffWords } from 'diff';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { type Deeds, plain } from './deed.ts';

/** A part of two texts. */
export interface TextPart {
  readonly in: 'both' | 'left' | 'right';
  /** The text, or its start and its end. */
  readonly text: string;
  /** Characters that were left out between the two. */
  readonly omitted?: number;
}

/** A member of the data that differs: the parts of its texts, or its values. */
export interface MemberChange {
  readonly member: string;
  readonly text?: readonly TextPart[];
  readonly left?: unknown;
  readonly right?: unknown;
}

/** Texts up to this length, together, are compared word by word, longer ones line by line. */
const WORDS_LENGTH = 8_000;
/** Longer texts, together, are not compared: both are shown. */
const MAX_LENGTH = 400_000;
/** Words or lines that may differ. Beyond, both texts are shown. The search takes a few milliseconds at most. */
const MAX_EDITS = 200;
/** Most characters of a part that both texts have, and of any other part. */
const SHOWN = { both: 200, left: 4_000, right: 4_000 } as const;

/** The members in which two events differ, apart from time, cost and white space. */
export function changesBetween(seen: Deeds, left: DomainEvent, right: DomainEvent): MemberChange[] {
  const [own, other] = [seen.of(left), seen.of(right)];
  const members = new Set([...Object.keys(own), ...Object.keys(other)]);
  return [...members].flatMap((member): MemberChange[] => {
    const [a, b] = [own[member], other[member]];
    if (isDeepStrictEqual(plain(a), plain(b))) return [];
    if (isTextOrNothing(a) && isTextOrNothing(b)) return [{ member, text: textParts(a ?? '', b ?? '') }];
    return [{ member, ...(a === undefined ? {} : { left: a }), ...(b === undefined ? {} : { right: b }) }];
  });
}

const isTextOrNothing = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';

function textParts(left: string, right: string): TextPart[] {
  return compared(left, right).map(({ value, added, removed }) => {
    const place = added ? 'right' : removed ? 'left' : 'both';
    return { in: place, ...shortened(value, SHOWN[place]) };
  });
}

function compared(left: string, right: string): Pick<Change, 'value' | 'added' | 'removed'>[] {
  const both = [
    { value: left, removed: true, added: false },
    { value: right, removed: false, added: true },
  ].filter(({ value }) => value !== '');
  const length = left.length + right.length;
  if (length > MAX_LENGTH) return both;
  const options = { maxEditLength: MAX_EDITS, ignoreWhitespace: true };
  const words = length <= WORDS_LENGTH ? diffWords(left, right, options) : undefined;
  return words ?? diffLines(left, right, options) ?? both;
}

function shortened(text: string, most: number): Pick<TextPart, 'text' | 'omitted'> {
  if (text.length <= most) return { text };
  const half = most / 2;
  const [start, end] = [text.slice(0, half), text.slice(-half)];
  return { text: `${start} … ${end}`.toWellFormed(), omitted: text.length - most };
}
