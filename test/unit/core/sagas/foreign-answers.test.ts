import { describe, expect, it } from 'vitest';
import { defineAnnals } from '../../../../application/define-annals.ts';
import { signal } from '../../../../core/sagas/gates.ts';
import { defineSaga } from '../../../../core/sagas/saga.ts';
import { agents } from '../../../../domain/agents.ts';
import { MachineWorld } from '../../../support/machine-world.ts';
import { RunnerWorld } from '../../../support/saga-world.ts';

/** A saga of workflows that another system answers, in a stream of its own. */
const served = defineSaga({
  name: 'served',
  description: 'A service answers.',
  startedBy: 'workflow.started',
  input: ({ data: { workflowId } }) => ({ workflowId }),
  answers: {
    'external-service.response': {
      subject: ({ requestId }) => requestId,
      item: () => 'answer',
      output: ({ response }) => response,
    },
  },
  steps: [
    {
      name: 'answer',
      title: 'wait for the service',
      kind: 'parallel',
      items: () => ['answer'],
      command: () => undefined,
      compensation: () => undefined,
      deadlineSeconds: () => 60,
      retries: { limit: 0, delaySeconds: 0, maxDelaySeconds: 0 },
    },
  ],
});

describe.each([
  ['one machine', RunnerWorld],
  ['AWS', MachineWorld],
] as const)('an answer in a stream that is not the subject’s, on %s', (_, World) => {
  const append = { expectedVersion: 'any' } as const;
  const answer = (requestId: string) => ({
    type: 'external-service.response' as const,
    data: { serviceId: 's', requestId, response: `for ${requestId}`, latency: 1, success: true },
  });

  it.each([true, false])(
    'reaches the saga of the subject that it names; everything delivered before it: %s',
    async (settled) => {
      const world = new World([served], { crashes: () => undefined, stubborn: new Map() });
      for (const workflowId of ['w-1', 'w-2']) {
        const data = { workflowId, workflowType: 'x', initiatedBy: 'me', parameters: {} };
        await world.store.append(`workflow-${workflowId}`, [{ type: 'workflow.started', data }], append);
      }
      if (settled) await world.settle();
      await world.store.append('service-s', [answer('w-2'), answer('nobody')], append);
      await world.settle();
      const { status, runs } = await world.execution.load('served:w-2');
      expect([status, runs[0]?.output]).toEqual(['COMPLETED', 'for w-2']);
      expect((await world.execution.load('served:w-1')).status).toBe('STARTED');
      expect((await world.execution.load('served:nobody')).status).toBe('NONE');
    },
  );
});

it('an answer of another stream has to name its subject', () => {
  const { 'external-service.response': answer } = served.answers;
  const nameless = { ...served, answers: { 'external-service.response': { item: answer?.item ?? String } } };
  const declare = (saga: typeof served) => defineAnnals({ modules: [{ events: agents.events }], sagas: [saga] });
  expect(() => declare(nameless)).toThrow(/is not in workflow streams/);
  expect(declare(served).sagas).toEqual([served]);
});

it('a saga waits once for a signal of a name', () => {
  const paid = signal<{ readonly workflowId: string }>('paid', { within: '1h' });
  const twice: typeof served = { ...served, steps: [paid, { ...paid, name: 'again' }] };
  const declare = () => defineAnnals({ modules: [{ events: agents.events }], sagas: [twice] });
  expect(declare).toThrow(/signal of saga served paid/);
});
