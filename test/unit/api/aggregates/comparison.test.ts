import { expect, it, vi } from 'vitest';
import { comparisonOf } from '../../../../api/aggregates/diff/comparison.ts';
import { deedsOf } from '../../../../api/aggregates/diff/deed.ts';
import { MAX_EVENTS } from '../../../../api/aggregates/diff/run.ts';
import { PayloadTooLargeError } from '../../../../core/base/errors.ts';
import { forCaller } from '../../../../core/base/turns.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';

const seen = deedsOf(agentDecider, catalogue);
const stretch = (agent: string, to: number) => [{ stream: `agent-${agent}`, from: 1, to }];

it('a comparison is made once for the pages of an answer, and refused for a run that is too long', async () => {
  const history = new History();
  const { store } = history;
  await history.commit('a', 5);
  await history.commit('b', 5);
  const read = vi.spyOn(store, 'read');
  const [first, second] = await Promise.all([
    comparisonOf(store, seen, stretch('a', 5), stretch('b', 5)),
    comparisonOf(store, seen, stretch('a', 5), stretch('b', 5)),
  ]);
  expect(second).toBe(first);
  expect(read).toHaveBeenCalledTimes(2);
  await expect(comparisonOf(store, seen, stretch('a', MAX_EVENTS + 1), [])).rejects.toThrow(PayloadTooLargeError);
});

it('a comparison goes on for its other callers when the first has gone', async () => {
  const history = new History();
  const { store } = history;
  await history.commit('a', 5);
  await history.commit('b', 5);
  const gone = new AbortController();
  const first = forCaller(gone.signal, () => comparisonOf(store, seen, stretch('a', 5), stretch('b', 5)));
  gone.abort();
  await expect(first).resolves.toMatchObject({ aligned: true });
});
