import { createHash } from 'node:crypto';
import * as z from 'zod';
import { IdempotencyKeyReusedError, PayloadTooLargeError } from '../../core/base/errors.ts';
import { type JsonObject, json } from '../../core/events/json.ts';
import type { ControlStore } from '../../core/store/control-store.ts';
import { NOTE_DAYS } from '../../core/store/event-store.ts';
import { type Answer, REPEATED, type RequestContext, type Route } from '../http/route.ts';

/** The parts that keyed operations need. */
export interface KeyedDeps {
  /** Keeps a note of each request with an idempotency key. */
  readonly control: ControlStore;
}

/** The note of a request with an idempotency key. */
const note = z.looseObject({
  digest: z.string(),
  at: z.iso.datetime(),
  /** Absent until the first request has its answer, and for answers over the limit of a control item. */
  answer: z.object({ status: z.int(), body: json }).exactOptional(),
});

const KIND = 'request';
const KEPT_MS = NOTE_DAYS * 24 * 3_600_000;
/** Notes that each new note looks at, to remove old ones: notes cannot pile up. */
const SWEPT = 5;

/**
 * The same route; an idempotency key stands for one request of all operations. A repeat gets the first answer. A request
 * that has no answer yet, because it failed or its process died, is carried out again: operations bear that.
 */
export function keyedOperation<Deps extends KeyedDeps>(route: Route<Deps>): Route<Deps> {
  return {
    ...route,
    respond: (request, deps) =>
      route.respond(request, deps, (context, work) => answerOnce(deps.control, context, work)),
  };
}

/** @throws IdempotencyKeyReusedError when the key belongs to another request */
async function answerOnce(
  control: ControlStore,
  { idempotencyKey, digest }: RequestContext,
  work: () => Promise<Answer>,
): Promise<Answer> {
  if (idempotencyKey === undefined || digest === undefined) return work();
  // A hash spreads the notes, so that each old note has its turn to be removed.
  const id = createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 32);
  const at = new Date().toISOString();
  if (await control.put(KIND, id, { digest, at }, 0)) await sweep(control, id);
  const item = await control.get(KIND, id);
  const known = note.parse(item?.content);
  if (known.digest !== digest) throw new IdempotencyKeyReusedError();
  if (known.answer) return { ...(known.answer as Answer), headers: { [REPEATED]: 'true' } };
  const { status, body, ...rest } = await work();
  const content = { ...known, answer: { status, body } } as unknown as JsonObject;
  // False when a request beside this one was faster.
  await control.put(KIND, id, content, item?.revision ?? 1).catch((error: unknown) => {
    if (!(error instanceof PayloadTooLargeError)) throw error;
  });
  return { status, body, ...rest };
}

async function sweep(control: ControlStore, after: string): Promise<void> {
  const { items } = await control.list(KIND, { limit: SWEPT, after });
  const limit = Date.now() - KEPT_MS;
  const old = items.filter(({ content }) => Date.parse(note.parse(content).at) < limit);
  await Promise.all(old.map(({ id, revision }) => control.remove(KIND, id, revision)));
}
