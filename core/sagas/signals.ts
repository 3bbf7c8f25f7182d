import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { CommandRejectedError, NotFoundError, ValidationError } from '../base/errors.ts';
import { parse } from '../base/validation.ts';
import type { NewEvent } from '../events/catalogue.ts';
import { findJsonFault, type Json, json } from '../events/json.ts';
import { type AnySaga, MAX_OUTPUT_DEPTH } from './saga.ts';
import { outstanding, type SagaState } from './state.ts';

/** Most bytes of a signal's payload as JSON: the state of the saga keeps it. */
export const MAX_SIGNAL_BYTES = 64 * 1_024;

/** A signal for a saga. */
export interface Signal {
  readonly name: string;
  readonly payload?: Json | undefined;
}

/**
 * The event of a signal; none for a repeat with the same payload.
 * @throws NotFoundError for a signal that no step waits for
 * @throws ValidationError for a payload that the step does not take
 * @throws CommandRejectedError for a second signal of the name, and for a saga that goes on no more
 */
export function signalled(declaration: AnySaga, saga: SagaState, signal: Signal, sagaId: string): readonly NewEvent[] {
  const { name } = signal;
  const awaited = declaration.steps.find((step) => step.signal?.name === name)?.signal;
  if (!awaited) throw new NotFoundError(`saga ${sagaId} takes no signal ${name}`);
  const payload = payloadOf(signal, awaited.schema);
  const before = saga.signals[name];
  if (before) {
    if (isDeepStrictEqual(before.payload, payload)) return [];
    throw new CommandRejectedError(`saga ${sagaId} has had its signal ${name}, with another payload`);
  }
  if (saga.status !== 'STARTED') throw new CommandRejectedError(`saga ${sagaId} is ${saga.status}`);
  const data = { sagaId, name, ...(payload === undefined ? {} : { payload }) };
  return [{ type: 'saga.signalled', id: signalIdOf(sagaId, name), data }];
}

/** The completions of the items that wait for signals which are there. */
export function heard(declaration: AnySaga, saga: SagaState, sagaId: string): readonly NewEvent[] {
  return outstanding(saga).flatMap(({ step, item }): readonly NewEvent[] => {
    const name = declaration.steps.find((each) => each.name === step)?.signal?.name;
    const signal = name === undefined ? undefined : saga.signals[name];
    if (!signal) return [];
    const { answer, payload } = signal;
    const output = payload === undefined ? {} : { output: payload };
    return [{ type: 'saga.step-completed', data: { sagaId, step, item, answer, ...output } }];
  });
}

/** The id is known before the append: the end of the wait, in the same commit, names it. */
function signalIdOf(sagaId: string, name: string): string {
  return `signal-${createHash('sha256')
    .update(JSON.stringify([sagaId, name]))
    .digest('hex')
    .slice(0, 40)}`;
}

function payloadOf({ payload }: Signal, schema: z.ZodType = json.optional()): Json | undefined {
  const taken = parse(z.object({ payload: schema }), { payload }).payload as Json | undefined;
  const fault = taken === undefined ? undefined : findJsonFault(taken, MAX_OUTPUT_DEPTH);
  if (fault) throw new ValidationError([{ path: ['payload', ...fault.path].join('.'), message: fault.message }]);
  const bytes = Buffer.byteLength(JSON.stringify(taken) ?? '');
  if (bytes <= MAX_SIGNAL_BYTES) return taken;
  throw new ValidationError([{ path: 'payload', message: `takes ${bytes} bytes; the limit is ${MAX_SIGNAL_BYTES}` }]);
}
