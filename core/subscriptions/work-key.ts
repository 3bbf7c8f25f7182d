import { hash } from 'node:crypto';
import type { Definition } from './decider.ts';

/** The key of an event's work: its stream, or with order `none` the event. No stream id has the mark. */
export const keyOf = (order: Definition['order'], stream: string, sequenceNumber: number): string =>
  order === 'stream' ? stream : `${stream}#${sequenceNumber}`;

/** The stream of a key. */
export const streamOfKey = (key: string): string => key.split('#')[0] ?? key;

/** The number of the event of a key; undefined for the key of a stream. */
export function numberOf(key: string): number | undefined {
  const [, number] = key.split('#');
  return number === undefined ? undefined : Number(number);
}

/** The shard of a stream. */
export const shardOf = (stream: string, shards: number): number =>
  hash('sha256', stream, 'buffer').readUInt32LE(4) % shards;

/**
 * A token as text: the subscription that it belongs to, the shard, the number of the delivery, and a check of the event. On one
 * machine a loss of power can take back the last deliveries, and their numbers are given again: the check tells them apart.
 */
export const formatToken = (created: number, shard: number, token: number, place: string): string =>
  `${created}.${shard}.${token}.${checkOf(place)}`;

/** The check of an event in a token. @param place the key of its work, and its number */
export const checkOf = (place: string): string => hash('sha256', place, 'hex').slice(0, 8);

const TOKEN = /^(\d{1,15})\.(\d{1,2})\.(\d{1,15})\.([0-9a-f]{8})$/;

/** The parts of a token. */
export interface TokenParts {
  readonly created: number;
  readonly shard: number;
  readonly token: number;
  readonly check: string;
}

/** The parts of a token; undefined for a text that is none. */
export function parseToken(text: string): TokenParts | undefined {
  const [, created, shard, token, check = ''] = TOKEN.exec(text) ?? [];
  if (created === undefined) return undefined;
  return { created: Number(created), shard: Number(shard), token: Number(token), check };
}
