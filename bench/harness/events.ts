import { randomBytes } from 'node:crypto';
import type { NewEvent } from '../../core/events/catalogue.ts';

/**
 * Steps of an agent, each with `bytes` of JSON, without the members that the store adds. Half of the text repeats from event
 * to event, as in real runs; the other half is noise.
 */
export function sampleEvents(count: number, bytes = 300): NewEvent<'agent.step-recorded'>[] {
  return Array.from({ length: count }, (_, index) => {
    const event = makeStep(`step ${index}`, '');
    const room = Math.max(0, bytes - Buffer.byteLength(JSON.stringify(event)));
    const noise = randomBytes(room)
      .toString('base64url')
      .slice(0, room / 2);
    return makeStep(`step ${index}`, noise.padEnd(room, 'the tests pass now, so the change is done; '));
  });
}

const makeStep = (action: string, observation: string): NewEvent<'agent.step-recorded'> => ({
  type: 'agent.step-recorded',
  data: { agentId: '42', action, observation },
});
