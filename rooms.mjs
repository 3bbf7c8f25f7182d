/**
 * The rooms of the house: what belongs in each, and which other rooms it may import. The import checker
 * (`.dependency-cruiser.mjs`) and the layout table in CONTRIBUTING.md are both made from this list.
 *
 * `may` names rooms; a room always includes the rooms inside it. A file that stands directly in a folder belongs to the
 * nearest room above it.
 */
export const rooms = {
  // core: the mechanism, without the event types of any application. A room imports only rooms on lower floors.
  'core/base': { holds: 'errors, ids, configuration, retries: what every room needs', may: [] },
  'core/events': {
    holds: 'what an event type is: its declaration, envelope and JSON; the events of sagas',
    may: ['core/base'],
  },
  'core/store': {
    holds: 'streams of events: append, read, commits and their bodies; items beside the history; ports to storage',
    may: ['core/base', 'core/events'],
  },
  'core/schemas': {
    holds: 'JSON Schemas of registered event types: rules, compiler, compatibility, registration',
    may: ['core/base', 'core/events', 'core/store'],
  },
  'core/bus': { holds: 'the event bus: publishers, filters, subscribers', may: ['core/base', 'core/events'] },
  'core/log': {
    holds: 'all events in one order: pages, writer, readers, archive',
    may: ['core/base', 'core/events', 'core/store'],
  },
  'core/telemetry': {
    holds: 'metrics, traces and health',
    may: ['core/base', 'core/events', 'core/store', 'core/bus'],
  },
  'core/state': {
    holds: 'deciders, and the state of a stream: folding, snapshots, cache',
    may: ['core/base', 'core/events', 'core/store', 'core/telemetry'],
  },
  'core/projections': {
    holds: 'projections: declaration, live work, checkpoints, dead letters of a view',
    may: ['core/base', 'core/events', 'core/store', 'core/state', 'core/log'],
  },
  'core/verification': {
    holds: 'store, log and views held against each other',
    may: ['core/base', 'core/events', 'core/store', 'core/log', 'core/projections', 'core/replays'],
  },
  'core/schedules': {
    holds: 'schedules: their decider, cron, what a run does; the port to timers',
    may: ['core/base', 'core/events', 'core/store', 'core/state'],
  },
  'core/sagas': {
    holds: 'sagas: declaration, decisions, execution; `embedded-runner/` and `step-functions/` are their two hosts',
    may: ['core/base', 'core/events', 'core/store', 'core/state', 'core/schedules'],
  },
  'core/budgets': {
    holds: 'budgets: limits, what is spent of them, the admission of claims',
    may: ['core/base', 'core/events', 'core/store', 'core/state', 'core/projections'],
  },
  'core/leases': {
    holds: 'leases on parts of work: claims, heartbeats, losses, the inbox of a worker',
    may: ['core/base', 'core/events', 'core/store', 'core/state', 'core/projections', 'core/budgets'],
  },
  'core/replays': {
    holds: 'replays and rebuilds: generations of views',
    may: ['core/base', 'core/events', 'core/store', 'core/log', 'core/projections'],
  },
  'core/publishing': {
    holds: 'the relay, publication to the bus, dead letters of all consumers',
    may: ['core/base', 'core/events', 'core/store', 'core/bus', 'core/log', 'core/projections'],
  },
  'core/subscriptions': {
    holds: 'subscriptions: definition, deliveries to competing consumers, parked events, push',
    may: ['core/base', 'core/events', 'core/store', 'core/state', 'core/log'],
  },
  // the application
  events: {
    holds: 'the event types of agents, tasks and workflows, their samples, the catalogue',
    may: ['core/base', 'core/events'],
  },
  application: {
    holds: 'the declaration of an application: aggregates with their commands, modules, `defineAnnals`',
    may: ['core'],
  },
  'api/http': {
    holds: 'what every route is made of: declaration, parsing, problems, OpenAPI',
    may: ['application', 'core'],
  },
  sources: {
    holds: 'what other systems send, mapped to events',
    may: ['core', 'events'],
  },
  domain: {
    holds: 'agents, tasks, workflows: deciders, commands, projections, sagas',
    may: ['application', 'core', 'events', 'annals.config.ts'],
  },
  'api/streams': { holds: 'routes of streams', may: ['api/http', 'core'] },
  'api/event-types': { holds: 'routes of event types', may: ['api/http', 'api/views', 'application', 'core'] },
  'api/log': { holds: 'routes of the log', may: ['api/http', 'core'] },
  'api/views': { holds: 'routes of views', may: ['api/http', 'application', 'core'] },
  'api/aggregates': {
    holds: 'routes that follow from the declaration of an aggregate: commands, forks, comparisons',
    may: ['api/http', 'application', 'core'],
  },
  'api/sagas': { holds: 'routes of sagas', may: ['api/http', 'api/views', 'application', 'core'] },
  'api/schedules': { holds: 'routes of schedules', may: ['api/http', 'api/views', 'application', 'core'] },
  'api/budgets': { holds: 'routes of budgets', may: ['api/http', 'api/views', 'application', 'core'] },
  'api/subscriptions': {
    holds: 'routes of subscriptions',
    may: ['api/http', 'api/views', 'api/log', 'api/operations', 'application', 'core'],
  },
  'api/otlp': { holds: 'the receiver of OpenTelemetry', may: ['api/http', 'sources', 'core'] },
  'api/mcp': {
    holds: 'routes as tools and resources of MCP; the only home of `@modelcontextprotocol/server`',
    may: ['api/http', 'core'],
  },
  'api/hooks': { holds: 'the receiver of hooks', may: ['api/http', 'sources', 'core'] },
  'api/operations': { holds: 'routes of operators', may: ['api/http', 'core'] },
  'api/work': {
    holds: 'routes of work: inboxes, claims, heartbeats',
    may: ['api/http', 'api/views', 'application', 'core'],
  },
  api: { holds: 'the applications put together: commands, queries, operations', may: ['application', 'core'] },
  'adapters/aws': { holds: 'the ports on AWS; the only home of `@aws-sdk/*`', may: ['core'] },
  'adapters/web': { holds: 'pushes to URLs, and the addresses that they may go to', may: ['core'] },
  'adapters/embedded': {
    holds: 'the ports on one machine, and the engine that runs them',
    may: ['adapters/web', 'core'],
  },
  functions: {
    holds: 'one file is one Lambda; `runtime/` holds what several need',
    may: ['adapters/aws', 'api', 'application', 'core', 'domain/application.ts'],
  },
  lib: {
    holds: 'CDK: stacks and constructs; the only home of `aws-cdk-lib`',
    may: ['functions/environment.ts', 'core/base/configuration.ts'],
  },
  client: { holds: 'the typed client', may: ['api', 'events', 'core/events'] },
  testing: {
    holds: 'what users test their parts with: given / when / then, the simulation of delivery',
    may: ['core'],
  },
  bin: {
    holds: 'the command line and the CDK entry',
    may: [
      'sources',
      'functions/environment.ts',
      'lib',
      'adapters',
      'api',
      'application',
      'client',
      'domain',
      'core',
      'events',
    ],
  },
  entry: {
    holds: 'the published entries of the package, one file each',
    may: ['adapters', 'api', 'application', 'bin', 'client', 'core', 'domain', 'events', 'functions', 'lib', 'testing'],
  },
};
