/**
 * `annals`: what an application is declared with, and `openAnnals`, which opens it in the user's own process. The entry
 * loads no database and no AWS SDK, so bundles of applications stay small.
 */
export {
  type Aggregate,
  type AggregateView,
  type CommandDeclaration,
  type CommandDeclarations,
  type CommandOf,
  defineAggregate,
  type Effect,
  type EventTypesOf,
  type Fork,
  type ListFilter,
} from '../application/aggregate.ts';
export {
  type Annals,
  type AnnalsDeclaration,
  defineAnnals,
  defineModule,
  type Module,
} from '../application/define-annals.ts';
export type { Example, Examples } from '../application/examples.ts';
export * from '../core/base/errors.ts';
// The whole file: TypeScript merges a `Register` of `declare module 'annals'` only through `export *`.
export * from '../core/events/catalogue.ts';
export {
  defineEvent,
  type EventAccess,
  type EventDefinition,
  type EventKind,
  type Origin,
  type RetiredEvent,
  retireEvent,
  type Upcaster,
} from '../core/events/define.ts';
export type { Json, JsonObject } from '../core/events/json.ts';
export type { UnknownEvents } from '../core/events/open-types.ts';
export {
  defineOpenProjection,
  defineOpenSharedProjection,
  type OpenEvent,
  type OpenProjection,
  type OpenSharedProjection,
} from '../core/projections/open-projection.ts';
export { defineProjection, type Projection } from '../core/projections/projection.ts';
export { type Counts, defineSharedProjection, type SharedProjection } from '../core/projections/shared-projection.ts';
export { type ApprovalStep, approve, type SignalStep, signal } from '../core/sagas/gates.ts';
export {
  commandOf,
  defineSaga,
  type ItemContext,
  type Party,
  type Retries,
  remind,
  type SagaAnswer,
  type SagaCommand,
  type SagaContext,
  type SagaDeclaration,
  type SagaStep,
} from '../core/sagas/saga.ts';
export { admitsDecided } from '../core/state/admission.ts';
export { inStream, type StreamReading, type TagReading, withTag } from '../core/state/decide-over.ts';
export type { CommandResult, DecideContext, Decider } from '../core/state/decider.ts';
export * from './open-annals.ts';
export type { Streams, WriteOptions } from './streams.ts';
