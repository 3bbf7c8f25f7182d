import { type AnnalsConfig, configureEventSystem, type EventSystem } from '../core/base/configuration.ts';
import { type Catalogue, catalogueOf } from '../core/events/catalogue.ts';
import type { EventDefinition, RetiredEvent } from '../core/events/define.ts';
import type { UnknownEvents } from '../core/events/open-types.ts';
import { type AnyProjection, assertFed, isShared } from '../core/projections/projection.ts';
import { viewFold } from '../core/projections/view-fold.ts';
import type { AnySaga } from '../core/sagas/saga.ts';
import type { AnyDecider } from '../core/state/decider.ts';
import { type AnyFold, stateFold } from '../core/state/fold.ts';
import type { AnyAggregate } from './aggregate.ts';
import { eventTypeList } from './event-type-list.ts';
import type { Examples } from './examples.ts';
import { sagaStatus } from './saga-status.ts';

/** A protocol of others whose messages become events: `otlp` is OpenTelemetry over HTTP, `claude-code` its HTTP hooks. */
export type ForeignProtocol = 'otlp' | 'claude-code';

/** A part of an application that stands on its own feet: its event types, and what is made of them. */
export interface Module {
  /** The event types. Their module registers them in `Register` under its name, so that the compiler knows them. */
  readonly events?: readonly EventDefinition[];
  /** The event types that were renamed or split. */
  readonly retired?: readonly RetiredEvent[];
  /** The aggregates that take commands. A stream of another type takes every open event that belongs in it. */
  readonly aggregates?: readonly AnyAggregate[];
  readonly projections?: readonly AnyProjection[];
  readonly sagas?: readonly AnySaga[];
  /** The protocols of others that the module takes in. Their routes are added to those of the aggregates. */
  readonly receives?: readonly ForeignProtocol[];
  /** Loads examples of the operations, for the OpenAPI document. */
  readonly examples?: () => Promise<Examples>;
}

/** What an application consists of: the modules that it uses, and its own parts. */
export interface AnnalsDeclaration extends Module {
  readonly modules?: readonly Module[];
  /** Whether streams of undeclared aggregate types take any well-formed event; `refuse` by default. */
  readonly unknownEvents?: UnknownEvents;
  /** The settings that differ from the defaults; docs/configuration.md lists all. */
  readonly eventSystem?: AnnalsConfig['event_system'];
}

/** A checked declaration, and what follows from it: the options that hosts give to the parts of core. */
export interface Annals {
  readonly catalogue: Catalogue;
  readonly aggregates: readonly AnyAggregate[];
  readonly projections: readonly AnyProjection[];
  readonly sagas: readonly AnySaga[];
  /** Every fold with snapshots: the states of aggregates, and the views of their streams. */
  readonly folds: readonly AnyFold[];
  readonly receives: readonly ForeignProtocol[];
  readonly eventSystem: AnnalsConfig['event_system'];
  /** Examples of all modules. */
  readonly examples: () => Promise<Examples>;
}

/** Declares a module, for {@link defineAnnals} of an application that uses it. */
export function defineModule<const M extends Module>(module: M): M {
  return module;
}

/**
 * Declares an application in one place. Routes, OpenAPI, lists, gateway, state machines and snapshots follow from it.
 * @throws Error when a name is taken twice, or a part needs an event type that no module declares
 */
export function defineAnnals({ modules = [], unknownEvents, eventSystem, ...own }: AnnalsDeclaration): Annals {
  const parts = [...modules, own];
  const all = <Part>(of: (module: Module) => readonly Part[] | undefined) => parts.flatMap((part) => of(part) ?? []);
  const catalogue = catalogueOf(
    all(({ events }) => events),
    {
      retired: all(({ retired }) => retired),
      ...(unknownEvents && { unknownEvents }),
    },
  );
  const aggregates = all((module) => module.aggregates);
  const projections = [...all((module) => module.projections), sagaStatus, eventTypeList];
  const sagas = all((module) => module.sagas);
  const receives = all((module) => module.receives);
  assertOnce('aggregate', aggregates, ({ aggregateType }) => aggregateType);
  assertOnce('path of an aggregate', aggregates, ({ plural }) => plural);
  assertOnce('projection', projections, ({ name }) => name);
  assertOnce('saga', sagas, ({ name }) => name);
  for (const aggregate of aggregates) assertHome(aggregate, catalogue);
  for (const projection of projections) assertFed(projection, catalogue);
  for (const saga of sagas) assertKnown(saga, catalogue);
  const examples = async () => Object.assign({}, ...(await Promise.all(parts.map((part) => part.examples?.()))));
  const folds = foldsOf(aggregates, projections);
  return { catalogue, aggregates, projections, sagas, folds, receives, eventSystem, examples };
}

/**
 * The settings of an application, with the defaults. Functions of Lambda read them from their environment instead: the
 * check takes some 10 ms.
 * @throws ValidationError for a setting that does not exist or is out of its range
 */
export const settingsOf = ({ eventSystem }: Annals): EventSystem =>
  configureEventSystem(eventSystem ? { event_system: eventSystem } : {});

/** The folds with snapshots. */
export function foldsOf(aggregates: readonly AnyDecider[], projections: readonly AnyProjection[]): readonly AnyFold[] {
  const views = projections.flatMap((projection) => (isShared(projection) ? [] : [viewFold(projection)]));
  return [...aggregates.map(stateFold), ...views];
}

function assertOnce<Part>(kind: string, parts: readonly Part[], nameOf: (part: Part) => string): void {
  const names = parts.map(nameOf);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${kind} ${twice} is declared twice`);
}

function assertHome({ aggregateType, plural, commands, view }: AnyAggregate, catalogue: Catalogue): void {
  if (!catalogue.aggregateTypes.includes(aggregateType)) {
    throw new Error(`aggregate ${aggregateType}: no event type belongs in its streams`);
  }
  if (TAKEN.has(plural) || !PART.test(plural)) {
    throw new Error(`aggregate ${aggregateType}: ${plural} cannot be a path; give it another plural`);
  }
  const paths = Object.entries(commands).map(([name, { creates, path = name }]) => (creates ? '' : path));
  assertOnce(`path of a command of ${aggregateType}`, ['forks', 'diff', ...paths], (path) => path);
  const wrong = paths.find((path) => path !== '' && !PART.test(path));
  if (wrong !== undefined) {
    throw new Error(
      `aggregate ${aggregateType}: ${wrong} cannot be a path; name the command in lower-case letters, digits and -`,
    );
  }
  if (view && view.projection.aggregateType !== aggregateType) {
    throw new Error(
      `aggregate ${aggregateType}: its view ${view.projection.name} is of ${view.projection.aggregateType} streams`,
    );
  }
}

/** A part of a path. */
const PART = /^[a-z][a-z0-9-]{0,63}$/;
/** The first parts of the paths that every application has. */
const TAKEN: ReadonlySet<string> = new Set([
  ...['streams', 'events', 'projections', 'rankings', 'replays', 'sagas', 'dead-letters', 'failed-batches'],
  ...['verifications', 'traces', 'health', 'metrics', 'event-types', 'v1', 'mcp', 'hooks'],
]);

/** The history of a saga consists of events, too. */
function assertKnown({ name, startedBy, answers, steps }: AnySaga, catalogue: Catalogue): void {
  const ends = steps.flatMap(({ party }) => party?.endedBy ?? []);
  const unknown = [startedBy, ...Object.keys(answers), ...ends].find((type) => !catalogue.definitionOf(type));
  if (unknown !== undefined) throw new Error(`saga ${name}: ${unknown} is not a known event type`);
}
