import { ValidationError } from '../base/errors.ts';
import { assertId, parseStreamId } from '../base/stream-id.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { AppendOptions, StreamAppend } from './append-options.ts';
import type { AppendResult } from './append-result.ts';

/** An append of a transaction. */
export interface TransactedAppend extends StreamAppend, Pick<AppendOptions, 'checked' | 'headKnown'> {}

/** A stream that has to be at a version, without an append to it. */
export interface StreamCheck {
  readonly streamId: string;
  readonly version: StreamVersion;
  /** The caller has just read the stream to this version: skips the read, never the condition. */
  readonly headKnown?: boolean;
}

/** A tag without further events: none after the number `after`, so 0 means none at all. */
export interface TagCondition {
  readonly tag: string;
  readonly after: number;
  /** The caller has just read the tag to this number. */
  readonly headKnown?: boolean;
}

/** Appends to streams, and what has to hold for them: all or none. A stream occurs once, a tag too. At least one append. */
export interface Transaction {
  readonly appends: readonly TransactedAppend[];
  readonly checks?: readonly StreamCheck[];
  readonly conditions?: readonly TagCondition[];
}

export type TransactionOptions = Pick<AppendOptions, 'commitId' | 'digest' | 'defaults' | 'trace'>;

/** The result of a transaction. */
export interface TransactionResult {
  readonly transactionId: string;
  /** The result of each append, in their order. */
  readonly results: readonly AppendResult[];
  /** True for a repeat of an earlier transaction with the same key; nothing was written. */
  readonly repeated: boolean;
}

/** Adds the place of the append to the issues of its events. */
export async function atPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(error.issues.map((issue) => ({ ...issue, path: `${path}.${issue.path}` })));
  }
}

export function assertShape({ appends, checks, conditions }: Required<Transaction>): void {
  if (appends.length === 0) throw new ValidationError([{ path: 'appends', message: 'must hold an append' }]);
  const streams = [...appends, ...checks].map(({ streamId }) => streamId);
  for (const stream of streams) parseStreamId(stream);
  assertOnce(streams, 'names a stream twice');
  assertOnce(
    conditions.map(({ tag }) => assertId(tag)),
    'names a tag twice',
  );
  for (const [index, { version }] of checks.entries()) assertNumber(version, `checks.${index}.version`);
  for (const [index, { after }] of conditions.entries()) assertNumber(after, `conditions.${index}.after`);
}

function assertOnce(names: readonly string[], message: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ValidationError([{ path: '', message: `${message}: ${twice}` }]);
}

/** @throws ValidationError unless each is a whole number from 0 */
function assertNumber(value: number, path: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new ValidationError([{ path, message: 'must be a whole number from 0' }]);
}
