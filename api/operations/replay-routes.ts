import * as z from 'zod';
import { id } from '../../core/events/envelope.ts';
import { instant } from '../../core/events/instant.ts';
import { isWhole, type Replay, replayScope, replayState } from '../../core/replays/replay.ts';
import type { Replays } from '../../core/replays/replays.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { assertKnownTypes } from '../../core/store/registered-types.ts';
import type { AppDeps } from '../http/app.ts';
import { newIdOf } from '../http/new-id.ts';
import { cursor, encodeCursor, limit } from '../http/page.ts';
import { route } from '../http/route.ts';

/** The parts that the routes of rebuilds and replays need. */
export interface ReplayDeps extends AppDeps {
  readonly store: EventStore;
  readonly replays: Replays;
}

const count = z.int().nonnegative();

/** A replay or a rebuild. */
export const replayAnswer = z
  .strictObject({
    replayId: id,
    projection: z.string(),
    scope: replayScope.describe('The events to replay; all when empty'),
    whole: z.boolean().describe('Whether the replay takes all events, new ones included; false for a part'),
    state: replayState,
    generation: z.int().positive().nullable().describe('The generation that the replay makes'),
    progress: z.number().min(0).max(1).describe('Part of the events that were read'),
    events: count.describe('Events read, of any type'),
    total: count.describe('Events to read'),
    failed: count.describe('Streams that could not be applied'),
    failures: z.array(z.strictObject({ stream: z.string(), message: z.string() })).describe('The first of them'),
    reason: z.string().optional().describe('Why it failed'),
    requestedAt: instant,
    finishedAt: instant.optional(),
  })
  .meta({ id: 'Replay' });
export type ReplayAnswer = z.output<typeof replayAnswer>;

export const rebuildRequested = z.strictObject({ rebuildId: id });
export const replayRequested = z.strictObject({ replayId: id });
export const replayBody = replayScope.extend({ projection: id });
export const switchBody = z.strictObject({
  acceptPart: z.boolean().default(false).describe('Accept a generation with a part of the events'),
});
export const replayList = z.strictObject({ replays: z.array(replayAnswer), next: z.string().nullable() });

/** The body of an answer with a replay. */
function toAnswer(replay: Replay): ReplayAnswer {
  const { replayId, projection, scope, state, events, total, failed, failures, requestedAt } = replay;
  const over = state === 'ready' || state === 'switched';
  return {
    ...{ replayId, projection, scope, whole: isWhole(scope), state },
    generation: replay.generation ?? null,
    progress: over ? 1 : total === 0 ? 0 : Math.min(1, events / total),
    ...{ events, total, failed, failures, requestedAt },
    ...(replay.reason === undefined ? {} : { reason: replay.reason }),
    ...(replay.finishedAt === undefined ? {} : { finishedAt: replay.finishedAt }),
  };
}

const params = z.object({ replayId: id });
const replayReading = { params, answer: replayAnswer, statuses: { 200: 'The replay' } } as const;
const ONE_AT_A_TIME = 'A projection can build a single generation at a time. Another request is refused meanwhile.';

/** A command to a replay that needs no body. */
const change = (
  verb: 'pause' | 'resume' | 'discard',
  summary: string,
  work: (replays: Replays, replayId: string) => Promise<Replay>,
) =>
  route({
    name: `${verb}Replay`,
    method: 'POST',
    path: `/replays/{replayId}/${verb}`,
    summary,
    ...replayReading,
    errors: ['NOT_FOUND', 'COMMAND_REJECTED'],
    async handle({ params: { replayId } }, { replays }: ReplayDeps) {
      return { status: 200, body: toAnswer(await work(replays, replayId)) };
    },
  });

/** The routes of rebuilds and replays. */
export const replayRoutes = [
  route({
    name: 'rebuildProjection',
    method: 'POST',
    path: '/projections/{name}/rebuilds',
    summary: 'Rebuild the views of a projection, without downtime',
    description: `A new generation is built from all events beside the live generation. Readers get the new generation when it has caught up with the live one. ${ONE_AT_A_TIME}`,
    params: z.object({ name: id }),
    answer: rebuildRequested,
    statuses: { 202: 'Begun, now or by an earlier request under the same Idempotency-Key' },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED'],
    async handle({ params: { name }, context }, deps: ReplayDeps) {
      const replayId = newIdOf('replay', context);
      await deps.replays.request({ replayId, projection: name, scope: {}, switchWhenReady: true });
      return { status: 202, body: { rebuildId: replayId } };
    },
  }),
  route({
    name: 'getRebuild',
    method: 'GET',
    path: '/projections/{name}/rebuilds/{rebuildId}',
    summary: 'The progress of a rebuild',
    description:
      'A rebuild is a replay of all events that switches when it is ready. /replays shows it under the same id.',
    params: z.object({ name: id, rebuildId: id }),
    answer: replayAnswer,
    statuses: { 200: 'The rebuild' },
    errors: ['NOT_FOUND'],
    async handle({ params: { name, rebuildId } }, { replays }: ReplayDeps) {
      return { status: 200, body: toAnswer(await replays.get(rebuildId, name)) };
    },
  }),
  route({
    name: 'requestReplay',
    method: 'POST',
    path: '/replays',
    summary: 'Replay events into a new generation of a projection: all, or those of a time range or of some types',
    description: `Read its views with ?generation= and switch to it when you like. A generation made of a part of the events holds these and no others. ${ONE_AT_A_TIME}`,
    body: replayBody,
    answer: replayRequested,
    statuses: { 202: 'Begun, now or by an earlier request under the same Idempotency-Key' },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED'],
    async handle({ body: { projection, ...scope }, context }, deps: ReplayDeps) {
      await assertKnownTypes(deps.store, scope.types ?? [], 'types');
      const replayId = newIdOf('replay', context);
      await deps.replays.request({ replayId, projection, scope, switchWhenReady: false });
      return { status: 202, body: { replayId } };
    },
  }),
  route({
    name: 'listReplays',
    method: 'GET',
    path: '/replays',
    summary: 'Replays and rebuilds, in the order of their ids',
    query: z.object({ limit, cursor: cursor(z.object({ after: id })) }),
    answer: replayList,
    statuses: { 200: 'A page of replays' },
    async handle({ query: { limit, cursor } }, deps: ReplayDeps) {
      const { replays, next } = await deps.replays.list({ limit, after: cursor?.after });
      const more = next === undefined ? null : encodeCursor({ after: next });
      return { status: 200, body: { replays: replays.map(toAnswer), next: more } };
    },
  }),
  route({
    name: 'getReplay',
    method: 'GET',
    path: '/replays/{replayId}',
    summary: 'The progress of a replay',
    ...replayReading,
    errors: ['NOT_FOUND'],
    async handle({ params: { replayId } }, { replays }: ReplayDeps) {
      return { status: 200, body: toAnswer(await replays.get(replayId)) };
    },
  }),
  change('pause', 'Pause a replay after its current batch', (replays, replayId) => replays.pause(replayId)),
  change('resume', 'Continue a paused or failed replay', (replays, replayId) => replays.resume(replayId)),
  route({
    name: 'switchToReplay',
    method: 'POST',
    path: '/replays/{replayId}/switch',
    summary: 'Switch to the generation of a replay that is ready',
    ...replayReading,
    body: switchBody,
    errors: ['NOT_FOUND', 'COMMAND_REJECTED'],
    async handle({ params: { replayId }, body }, { replays }: ReplayDeps) {
      return { status: 200, body: toAnswer(await replays.switchTo(replayId, body)) };
    },
  }),
  change('discard', 'Discard a replay and its generation; the live generation stays', (replays, replayId) =>
    replays.discard(replayId),
  ),
];
