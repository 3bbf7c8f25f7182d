import { expect, it } from 'vitest';
import * as z from 'zod';
import { aggregateCommands } from '../../../api/aggregates/command-routes.ts';
import { type CommandDeclaration, defineAggregate } from '../../../application/aggregate.ts';
import { NotAdmittedError } from '../../../core/base/errors.ts';

const amounts = z
  .strictObject({ net: z.int(), gross: z.int(), note: z.string().optional() })
  .refine(({ net, gross }) => gross >= net, 'gross is below net');

/** An aggregate whose events no registration knows. */
function orders(command: CommandDeclaration, written: (command: Readonly<Record<string, unknown>>) => object) {
  const aggregate = defineAggregate({
    aggregateType: 'order',
    initialState: {},
    commands: { place: command },
    decide: (_, command) => [{ type: 'order.placed', data: written(command as never) }] as never,
    evolve: () => ({}),
  });
  const admits = (data: object) => () =>
    aggregate.admits?.({}, { type: 'order.placed', data } as never, { now: '2026-01-01T00:00:00.000Z', id: '1' });
  const [route] = aggregateCommands([aggregate as never]);
  return { admits, takes: (body: object) => route?.body?.safeParse(body).success };
}

it.each([true, false])('the body of a command keeps its refinements, whether it creates (%s) or not', (creates) => {
  const { admits, takes } = orders({ creates, body: amounts }, ({ kind: _, ...data }) => data);
  expect(takes({ net: 1, gross: 2 })).toBe(true);
  expect(takes({ net: 2, gross: 1 })).toBe(false);
  expect(takes({ net: 1, gross: 2, nett: 1 })).toBe(false);
  expect(admits({ net: 1, gross: 2 })).not.toThrow();
  expect(admits({ net: 2, gross: 1 })).toThrow(NotAdmittedError);
});

it('refuses an unknown member of a body, unless the body takes more members', () => {
  expect(orders({ body: z.object({ net: z.int() }) }, () => ({})).takes({ net: 1, nett: 1 })).toBe(false);
  expect(orders({ body: z.looseObject({ net: z.int() }) }, () => ({})).takes({ net: 1, nett: 1 })).toBe(true);
});

it('admits no member that the command would not write, and no other value than it would write', () => {
  const optional = orders({ body: amounts }, ({ net, gross }) => ({ net, gross, note: undefined }));
  expect(optional.admits({ net: 1, gross: 2 })).not.toThrow();
  expect(optional.admits({ net: 1, gross: 2, note: 'nobody wrote this' })).toThrow('data.note has to be absent');
  const fixed = orders({ body: z.strictObject({ net: z.int().default(7) }) }, ({ net }) => ({ net }));
  expect(fixed.admits({ net: 1 })).not.toThrow();
  expect(fixed.admits({ net: 1, discount: 1 })).toThrow('data.discount has to be absent');
  expect(fixed.admits({})).toThrow('data.net has to be 7');
  const coerced = orders({ body: z.strictObject({ net: z.coerce.number() }) }, ({ net }) => ({ net }));
  expect(coerced.admits({ net: '5' })).toThrow('data.net has to be 5');
  const trimmed = orders({ body: z.strictObject({ note: z.string().trim() }) }, ({ note }) => ({ note }));
  expect(trimmed.admits({ note: ' a ' })).toThrow('data.note has to be "a"');
});
