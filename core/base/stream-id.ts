import { InvalidIdError } from './errors.ts';

/** The parts of a stream id, `<aggregateType>-<aggregateId>`. */
export interface StreamName {
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/** The form of every id: safe in a URL, a key and a log line. */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}$/;

const AGGREGATE_TYPE = /^[a-z][a-z0-9]{0,31}$/;

/** Whether a text can be an aggregate type: 1 to 32 lower-case letters and digits, a letter first. */
export const isAggregateType = (text: string): boolean => AGGREGATE_TYPE.test(text);

/** The id of the stream that holds the history of one aggregate. */
export function streamId(aggregateType: string, aggregateId: string): string {
  return `${aggregateType}-${assertId(aggregateId)}`;
}

/**
 * Splits a stream id at its first hyphen.
 * @throws InvalidIdError when it is not `<aggregateType>-<aggregateId>` in the characters that ids allow
 */
export function parseStreamId(stream: string): StreamName {
  const hyphen = stream.indexOf('-');
  const aggregateType = stream.slice(0, Math.max(hyphen, 0));
  const aggregateId = stream.slice(hyphen + 1);
  if (!AGGREGATE_TYPE.test(aggregateType) || !ID_PATTERN.test(aggregateId)) {
    throw new InvalidIdError(
      'a stream id is <aggregateType>-<aggregateId>, the type in lower-case letters and digits and the id 1 to 128 characters out of A-Z a-z 0-9 . _ ~ : -',
    );
  }
  return { aggregateType, aggregateId };
}

/** @throws InvalidIdError unless `value` matches {@link ID_PATTERN} */
export function assertId(value: string): string {
  if (ID_PATTERN.test(value)) return value;
  throw new InvalidIdError(
    'an id is 1 to 128 characters out of A-Z a-z 0-9 . _ ~ : - and starts with a letter or a digit',
  );
}

/** Whether a text is the name of a stream. */
export function isStreamId(stream: string): boolean {
  try {
    parseStreamId(stream);
    return true;
  } catch {
    return false;
  }
}
