import { randomBytes } from 'node:crypto';
import type { NewEvent } from '../../core/events/catalogue.ts';

/**
 * Steps of an agent, each of `bytes` as JSON with what the store stamps on it left out. Half of it is text that repeats
 * from event to event, as it does in real runs; the other half is noise.
 */
export function sampleEvents(count: number, bytes = 300): NewEvent<'agent.step-recorded'>[] {
  return Array.from({ length: count }, (_, index) => {
    const event = eventOf(`step ${index}`, '');
    const room = Math.max(0, bytes - Buffer.byteLength(JSON.stringify(event)));
    const noise = randomBytes(room)
      .toString('base64url')
      .slice(0, room / 2);
    return eventOf(`step ${index}`, noise.padEnd(room, 'the tests pass now, so the change is done; '));
  });
}

const eventOf = (action: string, observation: string): NewEvent<'agent.step-recorded'> => ({
  type: 'agent.step-recorded',
  data: { agentId: '42', action, observation },
});
