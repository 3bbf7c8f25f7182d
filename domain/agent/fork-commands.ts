import * as z from 'zod';
import { appendOptions, type CommandDeps, REPEAT, repeatHeader } from '../../api/http/command.ts';
import { newIdOf } from '../../api/http/new-id.ts';
import { route } from '../../api/http/route.ts';
import { CommandRejectedError, NotFoundError, ValidationError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import { id } from '../../core/events/envelope.ts';
import { viewFold } from '../../core/projections/view-fold.ts';
import { MAX_PARENTS, parentsOf } from '../../core/state/lineage.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import { agentForked } from '../../events/agent.ts';
import { agentStatus } from './agent-status.ts';

export const forkBody = agentForked.data
  .pick({ atVersion: true })
  .extend({ agentId: id.optional().describe('Made when absent') });

export const forkAnswer = agentForked.data
  .omit({ agentType: true, state: true })
  .extend({ version: z.int().positive() });

export const forkCommands = [
  route({
    name: 'forkAgent',
    method: 'POST',
    path: '/agents/{agentId}/forks',
    summary: 'Start another agent from a moment of this one',
    description:
      'The new agent shares the history up to that moment by reference: nothing is copied. Later events of the two agents are separate.',
    params: z.object({ agentId: id }),
    body: forkBody,
    answer: forkAnswer,
    statuses: { 201: 'Forked', 200: REPEAT },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT', 'CORRUPT_DATA'],
    async handle({ params: { agentId: parentId }, body: { atVersion, agentId: given }, context }, deps: CommandDeps) {
      const parent = streamId('agent', parentId);
      const [head, parents] = await Promise.all([deps.store.head(parent), parentsOf(deps.store, parent)]);
      if (head === 0) throw new NotFoundError(`agent ${parentId} does not exist`);
      if (atVersion > head) {
        throw new ValidationError([{ path: 'atVersion', message: `is past the agent’s version, which is ${head}` }]);
      }
      if (parents >= MAX_PARENTS) {
        throw new CommandRejectedError(`agent ${parentId} has ${parents} parents, and an agent cannot have more`);
      }
      const agentId = given ?? newIdOf('agent', context);
      const states = deps.states ?? new StateReader({ store: deps.store });
      const { state: then } = await states.past(viewFold(agentStatus), parent, { version: atVersion });
      const data = { agentId, parentId, atVersion };
      const { toVersion, repeated } = await deps.store.append(
        streamId('agent', agentId),
        [{ type: 'agent.forked', data: { ...data, ...(then && { agentType: then.agentType, state: then.state }) } }],
        { ...appendOptions(context, deps), expectedVersion: 0 },
      );
      const status = repeated ? 200 : 201;
      return { status, body: { ...data, version: toVersion }, headers: repeatHeader(repeated) };
    },
  }),
];
