import { type AnnalsConfig, configureEventSystem, type EventSystem } from '../core/base/configuration.ts';
import type { BudgetCounting } from '../core/budgets/counting.ts';
import { budgetList } from '../core/budgets/list.ts';
import { type Catalogue, catalogueOf } from '../core/events/catalogue.ts';
import type { EventDefinition, RetiredEvent } from '../core/events/define.ts';
import type { UnknownEvents } from '../core/events/open-types.ts';
import { type AnyProjection, isShared } from '../core/projections/projection.ts';
import { viewFold } from '../core/projections/view-fold.ts';
import type { AnySaga } from '../core/sagas/saga.ts';
import { scheduleFold } from '../core/schedules/state.ts';
import type { AnyDecider } from '../core/state/decider.ts';
import { type AnyFold, stateFold } from '../core/state/fold.ts';
import type { AnyAggregate } from './aggregate.ts';
import { approvalList } from './approval-list.ts';
import { assertAggregate, assertInternal, assertOnce, assertProjection, assertSaga } from './checks.ts';
import { eventTypeList } from './event-type-list.ts';
import type { Examples } from './examples.ts';
import { sagaStatus } from './saga-status.ts';
import { scheduleStatus } from './schedule-status.ts';
import { subscriptionList } from './subscription-list.ts';

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
  /** How budgets are counted. One module of an application says that; without it there are no budgets. */
  readonly budgets?: BudgetCounting;
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
  /** How budgets are counted; undefined in an application without budgets. */
  readonly budgets: BudgetCounting | undefined;
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
  const core = [sagaStatus, eventTypeList, scheduleStatus, budgetList, approvalList, subscriptionList];
  const projections = [...all((module) => module.projections), ...core];
  const sagas = all((module) => module.sagas);
  const receives = all((module) => module.receives);
  const [budgets, second] = all(({ budgets }) => (budgets ? [budgets] : []));
  if (second) throw new Error('two modules say how budgets are counted');
  if (budgets && !projections.includes(budgets.projection)) {
    throw new Error(`budgets are counted by ${budgets.projection.name}, which is not among the projections`);
  }
  assertOnce('aggregate', aggregates, ({ aggregateType }) => aggregateType);
  assertOnce('path of an aggregate', aggregates, ({ plural }) => plural);
  assertOnce('projection', projections, ({ name }) => name);
  assertOnce('saga', sagas, ({ name }) => name);
  for (const event of catalogue.definitions) assertInternal(event);
  for (const aggregate of aggregates) assertAggregate(aggregate, catalogue, projections);
  for (const projection of projections) assertProjection(projection, catalogue);
  for (const saga of sagas) assertSaga(saga, catalogue);
  const examples = async () => Object.assign({}, ...(await Promise.all(parts.map((part) => part.examples?.()))));
  const folds = foldsOf(aggregates, projections);
  return { catalogue, aggregates, projections, sagas, budgets, folds, receives, eventSystem, examples };
}

/** Whether a value is an application that {@link defineAnnals} made, for modules that are loaded by their names. */
export const isAnnals = (value: unknown): value is Annals =>
  typeof value === 'object' && value !== null && 'catalogue' in value && 'folds' in value;

/**
 * The settings of an application, with the defaults. Functions of Lambda read them from their environment instead: the
 * check takes some 10 ms.
 * @throws ValidationError for a setting that does not exist or is out of its range
 */
export const settingsOf = ({ eventSystem }: Annals): EventSystem =>
  configureEventSystem(eventSystem ? { event_system: eventSystem } : {});

/** The folds with snapshots. */
function foldsOf(aggregates: readonly AnyDecider[], projections: readonly AnyProjection[]): readonly AnyFold[] {
  const views = projections.flatMap((projection) => (isShared(projection) ? [] : [viewFold(projection)]));
  return [...aggregates.map(stateFold), scheduleFold, ...views];
}
