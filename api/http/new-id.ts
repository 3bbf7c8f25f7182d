import { createHash } from 'node:crypto';
import { ulids } from '../../core/base/new-id.ts';
import type { RequestContext } from './route.ts';

const ulid = ulids();

/**
 * The id of a new aggregate or replay, when the caller gives none. It follows from the idempotency key, so a repeat gets
 * the same id.
 * @param kind the aggregate type, or `replay`: the same key makes another id for each
 */
export function newIdOf(kind: string, { idempotencyKey }: Pick<RequestContext, 'idempotencyKey'>): string {
  if (idempotencyKey === undefined) return ulid();
  return createHash('sha256').update(`${kind} ${idempotencyKey}`).digest('hex').slice(0, 32);
}
