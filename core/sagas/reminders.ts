import { createHash } from 'node:crypto';
import { CommandRejectedError, NotFoundError } from '../base/errors.ts';
import type { JsonObject } from '../events/json.ts';
import { scheduleDecider } from '../schedules/decider.ts';
import { type CommandOptions, handleCommand } from '../state/decider.ts';
import type { EventStore } from '../store/event-store.ts';
import type { ItemContext, Reminder } from './saga.ts';
import type { SagaRun } from './state.ts';

/** The place of an attempt. */
type Attempt = Pick<SagaRun, 'step' | 'item' | 'attempt'>;

/** Schedules the reminders of an attempt. A repeat changes nothing, and revives no cancelled reminder. */
export async function setReminders(
  store: EventStore,
  sagaId: string,
  reminders: readonly Reminder<unknown>[],
  context: ItemContext<unknown> & Attempt,
  options: CommandOptions,
): Promise<void> {
  for (const [index, { afterSeconds, command: remind }] of reminders.entries()) {
    const { decider, id, command } = remind(context);
    const { kind, ...data } = command as JsonObject & { readonly kind: string };
    const target = { aggregateType: decider.aggregateType, id, command: kind, data };
    const create = { kind: 'create', timing: { afterSeconds }, action: { kind: 'command', ...target } } as const;
    await handleCommand(store, scheduleDecider, reminderIdOf(sagaId, context, index), create, options);
  }
}

/** Cancels the reminders of an attempt, as far as they are still to come. */
export async function endReminders(
  store: EventStore,
  sagaId: string,
  reminders: readonly Reminder<unknown>[],
  attempt: Attempt,
  options: CommandOptions,
): Promise<void> {
  for (const index of reminders.keys()) {
    const cancel = { kind: 'cancel', reason: `${attempt.item} of saga ${sagaId} waits no longer` } as const;
    try {
      await handleCommand(store, scheduleDecider, reminderIdOf(sagaId, attempt, index), cancel, options);
    } catch (error) {
      const isOver = error instanceof NotFoundError || error instanceof CommandRejectedError;
      if (!isOver) throw error;
    }
  }
}

/** The schedule of a reminder. It follows from its place, so that every host finds it. */
export function reminderIdOf(sagaId: string, { step, item, attempt }: Attempt, index: number): string {
  const place = JSON.stringify([sagaId, step, item, attempt, index]);
  return `reminder-${createHash('sha256').update(place).digest('hex').slice(0, 40)}`;
}
