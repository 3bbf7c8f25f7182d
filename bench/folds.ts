import type { DomainEvent } from '../core/events/catalogue.ts';
import { workflowDecider } from '../domain/workflow/workflow.ts';

type WorkflowEvent = Parameters<typeof workflowDecider.evolve>[1];

/** The history of a workflow: its start, and each step assigned and completed. */
function workflowHistory(steps: number): WorkflowEvent[] {
  const stepEvents = Array.from({ length: steps }, (_, n) => [
    { type: 'workflow.step-assigned', data: { workflowId: 'w', stepId: `s${n}`, attempt: 1 } },
    { type: 'workflow.step-completed', data: { workflowId: 'w', stepId: `s${n}` } },
  ]);
  return [{ type: 'workflow.started', data: { workflowId: 'w' } }, ...stepEvents.flat()] as DomainEvent[] as never;
}

/** Runs `work`, and counts the entries that it puts into maps and sets. */
function counted(work: () => void): { puts: number; ms: number } {
  const { set } = Map.prototype;
  const { add } = Set.prototype;
  let puts = 0;
  Map.prototype.set = function (...entry) {
    puts += 1;
    return set.apply(this, entry);
  };
  Set.prototype.add = function (value) {
    puts += 1;
    return add.call(this, value);
  };
  work();
  Map.prototype.set = set;
  Set.prototype.add = add;
  const began = performance.now();
  work();
  return { puts, ms: Math.round(performance.now() - began) };
}

const rows = [1_000, 2_000, 4_000, 8_000].map((steps) => {
  const events = workflowHistory(steps);
  const { puts, ms } = counted(() => events.reduce(workflowDecider.evolve, workflowDecider.initialState));
  return { steps, events: events.length, 'entries put': puts, ms };
});
console.table(rows);
