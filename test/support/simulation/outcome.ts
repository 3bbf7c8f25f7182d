import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { EventLog } from '../../../core/log/log.ts';
import type { LogStorage } from '../../../core/log/storage.ts';
import { LIVE_GENERATION } from '../../../core/projections/projector.ts';
import { checkViews, type DeliveredViews, same } from '../../../testing/simulation/check-views.ts';
import { catalogue } from '../application.ts';

/** The stores and results at the end of a simulation. */
export interface Outcome extends DeliveredViews {
  readonly pages: LogStorage;
  readonly published: readonly DomainEvent[];
  /** Deliveries began in the order in which the commits were appended. */
  readonly ordered: boolean;
  /** Agents of which the bus refused an event: the rest of the request went on without it. */
  readonly refused: ReadonlySet<string>;
}

/** @returns the number of events. @throws Error that names the difference */
export async function checkOutcome(outcome: Outcome): Promise<number> {
  const history: DomainEvent[] = [];
  for (const stream of outcome.streams) {
    const events = await Array.fromAsync(outcome.store.read(stream));
    history.push(...events);
    await checkActions(outcome, stream, events);
  }
  await checkViews(outcome);
  await checkLog(outcome, history);
  const published = new Set(outcome.published.map(keyOf));
  const missing = history.filter((event) => !published.has(keyOf(event)));
  if (missing.length > 0) throw new Error(`the bus never had ${missing.map(keyOf)}`);
  if (outcome.ordered) checkOrder(outcome);
  return history.length;
}

/** Without a fold of the code under test. */
async function checkActions({ views }: Outcome, stream: string, events: readonly DomainEvent[]): Promise<void> {
  const stored = await views.get('actions', LIVE_GENERATION, stream.slice('agent-'.length));
  const seen = events.map((event) => (event.type === 'agent.step-recorded' ? event.data.action : ''));
  same(`the actions of ${stream}`, stored?.view, { seen });
  same(`the version of ${stream}`, stored?.version, events.length);
}

async function checkLog({ pages, ordered }: Outcome, history: readonly DomainEvent[]): Promise<void> {
  const log = new EventLog({ catalogue, storage: pages, strategy: 'single' });
  const logged = Map.groupBy(await Array.fromAsync(log.events(undefined)), ({ aggregateId }) => aggregateId);
  for (const [id, events] of Map.groupBy(history, ({ aggregateId }) => aggregateId)) {
    const found = logged.get(id) ?? [];
    const sorted = ordered ? found : found.toSorted((a, b) => a.sequenceNumber - b.sequenceNumber);
    same(`the log of agent ${id}`, sorted.map(keyOf), events.map(keyOf));
  }
}

function checkOrder({ published, refused }: Outcome): void {
  const heard = new Map<string, number>();
  for (const { aggregateId, sequenceNumber } of published) {
    const last = heard.get(aggregateId) ?? 0;
    if (sequenceNumber > last + 1 && !refused.has(aggregateId)) {
      throw new Error(`the bus heard ${aggregateId}/${sequenceNumber} right after ${aggregateId}/${last}`);
    }
    heard.set(aggregateId, Math.max(last, sequenceNumber));
  }
}

const keyOf = ({ aggregateId, sequenceNumber }: DomainEvent) => `${aggregateId}/${sequenceNumber}`;
