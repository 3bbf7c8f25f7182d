import { isDeepStrictEqual } from 'node:util';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { type AnyProjection, isShared } from '../../core/projections/projection.ts';
import type { AnySaga, SagaCommand } from '../../core/sagas/saga.ts';
import type { AnyDecider } from '../../core/state/decider.ts';

/*
 * A delivery that comes twice calls a function of a part twice, and a rebuild calls it again years later. So each call
 * happens twice here, with values that cannot be changed, and has to give the same result.
 */

/** The same projection. It throws an error where it is not pure, or its view is not JSON. */
export function watchedProjection(projection: AnyProjection): AnyProjection {
  const evolve = (view: object | undefined, event: DomainEvent) => {
    const next = twice(`evolve of projection ${projection.name}`, () => projection.evolve(frozen(view), frozen(event)));
    return json(projection.name, next);
  };
  if (!isShared(projection)) return { ...projection, evolve };
  const count = (...[event, own, next]: Parameters<typeof projection.count>) =>
    twice(`count of projection ${projection.name}`, () => projection.count(frozen(event), frozen(own), frozen(next)));
  return { ...projection, evolve, count };
}

const watched = new WeakMap<AnyDecider, AnyDecider>();

/** The same decider. It throws an error where it is not pure. */
export function watchedDecider(decider: AnyDecider): AnyDecider {
  const known = watched.get(decider);
  if (known) return known;
  const name = `aggregate ${decider.aggregateType}`;
  const pure: AnyDecider = {
    ...decider,
    decide: (state, command, context) =>
      twice(`decide of ${name}`, () => decider.decide(frozen(state), frozen(command), context)),
    evolve: (state, event) => twice(`evolve of ${name}`, () => decider.evolve(frozen(state), frozen(event))),
  };
  watched.set(decider, pure);
  return pure;
}

/** The same saga, with the aggregates of its commands watched. */
export function watchedSaga(saga: AnySaga): AnySaga {
  const pure = (command: SagaCommand | undefined) =>
    command && { ...command, decider: watchedDecider(command.decider) };
  return {
    ...saga,
    steps: saga.steps.map((step) => ({
      ...step,
      command: (context) => pure(step.command(context)),
      compensation: (context) => pure(step.compensation(context)),
    })),
  };
}

function twice<Result>(name: string, call: () => Result): Result {
  const result = call();
  const again = call();
  if (isDeepStrictEqual(result, again)) return result;
  throw new Error(`${name} is not pure: the same input gives ${shown(result)}, and then ${shown(again)}`);
}

function json<View>(name: string, view: View): View {
  const text = JSON.stringify(view);
  if (text !== undefined && isDeepStrictEqual(JSON.parse(text), view)) return view;
  throw new Error(`the view of projection ${name} is not JSON: it is stored as ${text}`);
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'undefined';

/** The same value; a change of any part of it is a TypeError. Maps and sets stay open. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}
