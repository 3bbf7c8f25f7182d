import { CommandRejectedError, defineAggregate, NotFoundError } from 'annals';
import * as z from 'zod';
import { accountOpened } from './events.ts';
import { accountStatus } from './views.ts';

interface Account {
  readonly state: 'none' | 'open' | 'closed';
}

/** An account is opened once, and closed for good. */
export const account = defineAggregate({
  aggregateType: 'account',
  initialState: { state: 'none' } as Account,
  commands: {
    open: { creates: true, body: accountOpened.data.omit({ accountId: true }), summary: 'Open an account' },
    close: { body: z.strictObject({ reason: z.string().min(1).max(1024) }), summary: 'Close an account' },
  },
  decide({ state }, command, { id: accountId }) {
    if (command.kind === 'open') {
      if (state !== 'none') throw new CommandRejectedError(`account ${accountId} exists already`);
      return [{ type: 'account.opened', data: { accountId, name: command.name } }];
    }
    if (state === 'none') throw new NotFoundError(`account ${accountId} does not exist`);
    return state === 'closed' ? [] : [{ type: 'account.closed', data: { accountId, reason: command.reason } }];
  },
  evolve: (_, { type }): Account => ({ state: type === 'account.opened' ? 'open' : 'closed' }),
  view: { projection: accountStatus },
});
