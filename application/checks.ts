import { type Catalogue, coreAggregateTypes } from '../core/events/catalogue.ts';
import type { EventDefinition } from '../core/events/define.ts';
import { type AnyProjection, assertFed, isShared } from '../core/projections/projection.ts';
import { type AnySaga, partiesOf } from '../core/sagas/saga.ts';
import type { AnyAggregate } from './aggregate.ts';

/** A part of a path, of a key, and of a name in a cloud. */
const PART = /^[a-z][a-z0-9-]{0,62}$/;
const FORM = 'up to 63 lower-case letters, digits and -, a letter first';
/** The first parts of the paths that every application has. */
const TAKEN: ReadonlySet<string> = new Set([
  ...['streams', 'events', 'projections', 'rankings', 'replays', 'sagas', 'dead-letters', 'failed-batches'],
  ...['verifications', 'traces', 'health', 'metrics', 'event-types', 'v1', 'mcp', 'hooks', 'schedules'],
  ...['transactions', 'tags', 'budgets', 'approvals', 'subscriptions', 'inbox'],
]);

/** @throws Error when two parts have one name */
export function assertOnce<Part>(kind: string, parts: readonly Part[], nameOf: (part: Part) => string): void {
  const names = parts.map(nameOf);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${kind} ${twice} is declared twice`);
}

/** @throws Error for an event that callers could append to the streams of the machinery */
export function assertInternal({ type, aggregateType, access }: EventDefinition): void {
  if (!coreAggregateTypes.has(aggregateType) || access === 'internal') return;
  throw new Error(`${type}: only the machinery writes ${aggregateType} streams, so the access has to be internal`);
}

/** @throws Error for an aggregate whose streams, paths, commands or view do not fit the application */
export function assertAggregate(
  aggregate: AnyAggregate,
  catalogue: Catalogue,
  projections: readonly AnyProjection[],
): void {
  const { aggregateType, plural, view } = aggregate;
  if (coreAggregateTypes.has(aggregateType))
    throw new Error(`aggregate ${aggregateType}: these streams are of the machinery`);
  if (!catalogue.aggregateTypes.includes(aggregateType)) {
    throw new Error(`aggregate ${aggregateType}: no event type belongs in its streams`);
  }
  if (TAKEN.has(plural) || !PART.test(plural)) {
    throw new Error(`aggregate ${aggregateType}: ${plural} cannot be a path; give it another plural`);
  }
  assertCommands(aggregate);
  if (!view) return;
  const { projection } = view;
  if (projection.aggregateType !== aggregateType) {
    throw new Error(
      `aggregate ${aggregateType}: its view ${projection.name} is of ${projection.aggregateType} streams`,
    );
  }
  if (!projections.includes(projection)) {
    throw new Error(`aggregate ${aggregateType}: its view ${projection.name} is not among the projections`);
  }
}

function assertCommands({ aggregateType, commands, work }: AnyAggregate): void {
  const all = Object.entries(commands);
  const open = all.filter(([, { internal }]) => !internal);
  const creating = open.filter(([, { creates }]) => creates).map(([name]) => name);
  if (creating.length > 1) {
    throw new Error(
      `aggregate ${aggregateType}: ${creating.join(' and ')} create; one public command can begin a stream`,
    );
  }
  const paths = open.flatMap(([name, { creates, path = name }]) => (creates ? [] : [path]));
  const taken = ['forks', 'diff', ...(work ? ['claim', 'heartbeat', 'release'] : [])];
  assertOnce(`path of a command of ${aggregateType}`, [...taken, ...paths], (path) => path);
  const wrong = paths.find((path) => !PART.test(path));
  if (wrong !== undefined) {
    throw new Error(`aggregate ${aggregateType}: ${wrong} cannot be a path; give the command a \`path\` of ${FORM}`);
  }
  for (const [name, { body, internal }] of all) {
    const taken = internal ? ['kind'] : ['kind', `${aggregateType}Id`];
    const member = taken.find((each) => Object.hasOwn(body.shape, each));
    if (member === undefined) continue;
    const meaning = member === 'kind' ? 'the name of the command' : 'the id of the aggregate, which `decide` gets';
    throw new Error(`aggregate ${aggregateType}: the body of ${name} cannot have ${member}, ${meaning}`);
  }
}

/** @throws Error for a projection without a valid name, groups or events */
export function assertProjection(projection: AnyProjection, catalogue: Catalogue): void {
  const { name } = projection;
  if (!PART.test(name)) throw new Error(`projection ${name}: its name has to be ${FORM}`);
  if (!isShared(projection)) {
    const values = projection.group?.values ?? [];
    if (values.length === 0 || values.includes('')) {
      throw new Error(`projection ${name}: its group needs values, and none is empty`);
    }
  }
  assertFed(projection, catalogue);
}

/** @throws Error for a saga with names, steps or events that do not fit */
export function assertSaga({ name, startedBy, answers, steps }: AnySaga, catalogue: Catalogue): void {
  if (!PART.test(name)) throw new Error(`saga ${name}: its name has to be ${FORM}`);
  if (steps.length === 0) throw new Error(`saga ${name}: it needs a step`);
  assertOnce(`step of saga ${name}`, steps, (step) => step.name);
  const wrong = steps.find((step) => !PART.test(step.name));
  if (wrong) throw new Error(`saga ${name}: the name of its step ${wrong.name} has to be ${FORM}`);
  const signals = steps.flatMap(({ signal }) => signal?.name ?? []);
  assertOnce(`signal of saga ${name}`, signals, (signal) => signal);
  const ends = steps
    .flatMap(partiesOf)
    .flatMap(({ endedBy, aggregateType }) => endedBy.map((type) => [type, aggregateType] as const));
  const known = [startedBy, ...Object.keys(answers), ...ends.map(([type]) => type)];
  const unknown = known.find((type) => !catalogue.definitionOf(type));
  if (unknown !== undefined) throw new Error(`saga ${name}: ${unknown} is not a known event type`);
  const subject = catalogue.definitionOf(startedBy)?.aggregateType ?? '';
  const own = Object.entries(answers).flatMap(([type, answer]) => (answer?.subject ? [] : [type]));
  const expected = [...own.map((type) => [type, subject] as const), ...ends];
  const foreign = expected.find(([type, home]) => catalogue.definitionOf(type)?.aggregateType !== home);
  if (foreign)
    throw new Error(`saga ${name}: ${foreign[0]} is not in ${foreign[1]} streams, where the saga looks for it`);
}
