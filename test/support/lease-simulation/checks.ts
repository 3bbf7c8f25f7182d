import type { DomainEvent } from '../../../core/events/catalogue.ts';
import type { MemoryControlStore } from '../memory-control.ts';

interface Part {
  holder?: string;
  fencing: number;
  isOver: boolean;
  isWithdrawn: boolean;
}

/**
 * Holds the histories of tasks against the rules of claims: numbers grow, a part has one holder, one answer under the
 * present number, and at the end every part that was not withdrawn is done.
 * @throws Error that names the broken rule
 */
export function checkHistory(history: readonly DomainEvent[], limit: number) {
  const counts = { claims: 0, losses: 0, answers: 0 };
  const parts = new Map<string, Part>();
  const held = new Map<string, number>();
  const hold = (agentId: string | undefined, by: 1 | -1) => {
    if (agentId === undefined) return;
    held.set(agentId, (held.get(agentId) ?? 0) + by);
  };
  for (const event of history) {
    const slot = slotOf(event);
    if (slot === undefined) continue;
    const place = `${event.aggregateId}/${slot}`;
    const part = parts.get(place) ?? { fencing: 0, isOver: false, isWithdrawn: false };
    parts.set(place, part);
    const broken = (rule: string) => new Error(`${event.type} ${event.sequenceNumber} of ${place}: ${rule}`);
    switch (event.type) {
      case 'task.claimed':
        counts.claims += 1;
        if (part.holder !== undefined) throw broken(`${part.holder} holds the part`);
        if (event.data.fencing !== part.fencing + 1) throw broken(`the number before is ${part.fencing}`);
        part.holder = event.data.agentId;
        part.fencing = event.data.fencing;
        hold(part.holder, 1);
        break;
      case 'task.claim-lost':
        counts.losses += 1;
        if (event.data.fencing < part.fencing) throw broken(`the number before is ${part.fencing}`);
        hold(part.holder, -1);
        delete part.holder;
        part.fencing = event.data.fencing;
        break;
      case 'task.completed':
        counts.answers += 1;
        if (part.isOver) throw broken('the part has its answer');
        if (part.holder !== event.data.agentId) throw broken(`${part.holder} holds the part`);
        if (event.data.fencing !== part.fencing) throw broken(`the number is ${part.fencing}`);
        part.isOver = true;
        if (!part.isWithdrawn) hold(part.holder, -1);
        break;
      case 'task.withdrawn':
        part.isWithdrawn = true;
        hold(part.holder, -1);
        break;
    }
    if (Math.max(0, ...held.values()) > limit) throw broken(`an agent holds more than ${limit} parts`);
  }
  for (const [place, part] of parts) {
    if (!part.isOver && !part.isWithdrawn) throw new Error(`${place} was never done`);
  }
  return counts;
}

function slotOf(event: DomainEvent): string | undefined {
  switch (event.type) {
    case 'task.assigned':
      return event.data.agentId;
    case 'task.offered':
    case 'task.claimed':
    case 'task.claim-lost':
    case 'task.withdrawn':
      return event.data.slot;
    case 'task.completed':
      return event.data.slot ?? event.data.agentId;
    default:
      return undefined;
  }
}

/** @throws Error when an item of a lease is left; the counts of limits may be, until their workers come to the limit */
export function checkItems(control: MemoryControlStore): void {
  const left = control.all().filter(({ kind }) => kind.startsWith('lease') && !kind.startsWith('lease-held'));
  if (left.length > 0) throw new Error(`items are left: ${JSON.stringify(left)}`);
}
