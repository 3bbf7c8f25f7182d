import { EventIdTakenError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import type { Fold } from '../../core/state/fold.ts';
import type { StateReader } from '../../core/state/state-reader.ts';
import { atAnyVersion, type EventStore } from '../../core/store/event-store.ts';
import { agentOf, eventsOf, type KnownAgent } from './claude-code.ts';
import type { ClaudeHook } from './claude-hook.ts';

interface HookParts {
  readonly store: EventStore;
  readonly states: StateReader;
}

/** The state of an agent, as far as hooks need it. */
const agentFold: Fold<Pick<KnownAgent, 'state'>> = {
  name: 'hooks.agent',
  aggregateType: 'agent',
  initialState: { state: 'none' },
  evolve: ({ state }, event: DomainEvent) => {
    if (event.type === 'agent.state-changed') return { state: event.data.newState };
    return { state: state === 'none' ? 'created' : state };
  },
};

/**
 * Records what a hook tells. A step that the agent has already is left out, whichever source told it.
 * @throws UnavailableError when the store cannot be reached
 */
export async function receiveHook({ store, states }: HookParts, hook: ClaudeHook, at = new Date()): Promise<void> {
  const stream = streamId('agent', agentOf(hook).agentId);
  // Tools run side by side, and so do their hooks.
  await store.writers.inTurn(stream, () =>
    atAnyVersion.execute(async () => {
      const { state, version } = await states.load(agentFold, stream);
      const events = eventsOf(hook, { ...state, version }, at);
      for (let left = events; left.length > 0; ) {
        try {
          await store.append(stream, left, { expectedVersion: version });
          return;
        } catch (error) {
          if (!(error instanceof EventIdTakenError)) throw error;
          const { taken } = error;
          left = left.filter(({ id }) => !taken.has(id));
        }
      }
    }),
  );
}
