import type { AdmitsClaim } from '../core/budgets/claims.ts';
import type { Claiming } from '../core/leases/claiming.ts';
import { Inbox } from '../core/leases/inbox.ts';
import { Leases, type LeasesOptions } from '../core/leases/leases.ts';
import type { ViewStore } from '../core/projections/view-store.ts';
import type { LiveGenerations } from '../core/replays/generations.ts';
import type { AggregateView, AnyAggregate } from './aggregate.ts';
import type { Annals } from './define-annals.ts';

/** The parts of {@link workOf}. */
export interface WorkParts extends Pick<LeasesOptions, 'store' | 'states' | 'now'> {
  /** The items of leases. */
  readonly workItems: LeasesOptions['control'];
  readonly views: Pick<ViewStore, 'listed'>;
  readonly generations: LiveGenerations;
  /** The longest pause between two looks at an empty inbox, milliseconds. */
  readonly longestPauseMs: number;
  /** Admits claims, or refuses them, such as budgets do. */
  readonly admitsClaim: AdmitsClaim;
}

/** The work of an application that agents claim. A process has one of it: its claimants share reads and do not race. */
export interface Work {
  readonly leases: Leases;
  readonly inbox: Inbox;
}

/** The aggregate of an application whose work agents claim. */
export interface WorkAggregate extends Omit<AnyAggregate, 'work' | 'view'> {
  // biome-ignore lint/suspicious/noExplicitAny: as for AnyAggregate
  readonly work: Claiming<any, any>;
  // biome-ignore lint/suspicious/noExplicitAny: as for AnyAggregate
  readonly view: AggregateView<any>;
}

/** The aggregate whose work agents claim, if the application has one. */
export const workAggregateOf = ({ aggregates }: Pick<Annals, 'aggregates'>): WorkAggregate | undefined =>
  aggregates.find((aggregate): aggregate is AnyAggregate & WorkAggregate => {
    return aggregate.work !== undefined && aggregate.view !== undefined;
  });

/** Makes the work of an application; undefined when its agents have nothing to claim. */
export function workOf(annals: Pick<Annals, 'aggregates'>, parts: WorkParts): Work | undefined {
  const aggregate = workAggregateOf(annals);
  if (!aggregate) return undefined;
  const { workItems: control, views, generations, longestPauseMs, admitsClaim, ...options } = parts;
  const { name } = aggregate.view.projection;
  const leases = new Leases({ ...options, aggregate, work: aggregate.work, control, admits: admitsClaim });
  const read = async (list: string, after: string | undefined) =>
    views.listed(name, await generations.live(name), list, { limit: 100, after, withoutAside: true });
  return { leases, inbox: new Inbox({ leases, read, longestPauseMs }) };
}
