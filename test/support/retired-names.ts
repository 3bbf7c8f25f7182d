import { defineAnnals } from '../../application/define-annals.ts';
import { type RetiredEvent, retireEvent } from '../../core/events/define.ts';
import { agents } from '../../domain/agents.ts';

const renamed = (from: string, to: string, version: number): RetiredEvent =>
  retireEvent({ type: from, version: 1, successors: [to], succeed: (data) => ({ type: to, version, data }) });

/** Current types with their former names, the newest first; each name refers to the previous name. */
export const formerNames = {
  'agent.created': ['agent.registered', 'agent.born'],
  'agent.step-recorded': ['agent.step-noted', 'agent.noted'],
  'task.requested': ['task.asked', 'task.wanted'],
} as const;

/** A split type: its events are read as steps or as changes of state. */
const split = retireEvent({
  type: 'agent.heard',
  version: 1,
  successors: ['agent.noted', 'agent.state-changed'],
  succeed: (data) => ({ type: 'action' in data ? 'agent.noted' : 'agent.state-changed', version: 1, data }),
});

/** The application with the former names and the split type. */
export const withFormerNames = defineAnnals({
  modules: [agents],
  retired: [
    split,
    ...Object.entries(formerNames).flatMap(([current, [newer, older]]) => [
      renamed(older, newer, 1),
      renamed(newer, current, 1),
    ]),
  ],
});
export const catalogueWithFormerNames = withFormerNames.catalogue;
