import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { viewFold } from '../../../core/projections/view-fold.ts';
import { StateReader } from '../../../core/state/state-reader.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { agentStatus } from '../../../domain/agent/agent-status.ts';
import { receiveTraces } from '../../../sources/otlp/receiver.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../support/application.ts';

const recorded = join(import.meta.dirname, '../../support/recorded-spans');

interface RecordedSpan {
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Spans that real programs sent, received. @returns the views and the steps of agents */
async function receive(name: string) {
  const spans: RecordedSpan[] = JSON.parse(await readFile(join(recorded, `${name}.json`), 'utf8'));
  const told = spans.map(({ attributes, ...span }) => ({
    ...span,
    attributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === 'number' ? { intValue: value } : { stringValue: value },
    })),
  }));
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  const body = Buffer.from(JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: told }] }] }));
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const states = new StateReader({ store });
  expect(await receiveTraces({ store, states }, 'json', body)).toEqual({ rejected: 0 });
  return {
    view: async (agentId: string) => (await states.load(viewFold(agentStatus), `agent-${agentId}`)).state,
    steps: async (agentId: string) => {
      const events = await Array.fromAsync(store.read(`agent-${agentId}`));
      return events.flatMap(({ type, data }) => (type === 'agent.step-recorded' ? [data] : []));
    },
  };
}

describe('spans as their programs write them', () => {
  it('of OpenAI Agents by OpenInference: each agent with its calls, and a hand-off', async () => {
    const { view, steps } = await receive('openai-agents');
    expect(await view('agents-2')).toMatchObject({ agentType: 'Agent workflow', state: 'stopped', steps: 0 });
    expect(await view('agents-2:planner')).toMatchObject({
      agentType: 'planner',
      parentId: 'agents-2',
      state: 'stopped',
      steps: 3,
      usage: { inputTokens: 240, outputTokens: 14 },
    });
    const [first, tool, second] = await steps('agents-2:planner');
    expect(first).toMatchObject({ action: 'chat gpt-4o-mini' });
    expect(first).not.toHaveProperty('thought'); // it called a tool and said nothing
    expect(tool).toMatchObject({ action: 'ls {"path":"."}', observation: 'a.txt' });
    expect(second).toMatchObject({ action: 'chat gpt-4o-mini', thought: 'it is fixed' });
    const one = { usage: { inputTokens: 120, outputTokens: 7 } };
    expect(await view('agents-2:boss')).toMatchObject({ ...one, steps: 2, lastAction: 'handoff to critic boss' });
    expect(await view('agents-2:critic')).toMatchObject({ ...one, steps: 1, parentId: 'agents-2' });
  });

  it('of LangGraph by OpenInference: the graph is the agent, and its nodes are steps without a duration', async () => {
    const { view, steps } = await receive('langgraph');
    expect(await view('graph-1')).toMatchObject({
      agentType: 'triage',
      state: 'stopped',
      usage: { inputTokens: 40, cacheReadTokens: 200, outputTokens: 14, reasoningTokens: 6 },
    });
    const all = await steps('graph-1');
    expect(all.map(({ action }) => action)).toEqual([
      'chat unknown model',
      'tools_condition',
      'model',
      'ls .',
      'tools',
      'chat unknown model',
      'tools_condition',
      'model',
    ]);
    expect(all.filter(({ durationMs }) => durationMs !== undefined).map(({ action }) => action)).toEqual([
      'chat unknown model',
      'ls .',
      'chat unknown model',
    ]);
  });

  it('of the SDK of Traceloop: a workflow with an agent in it', async () => {
    const { view, steps } = await receive('traceloop');
    expect(await view('loop-1')).toMatchObject({ agentType: 'triage', state: 'stopped', steps: 0 });
    expect(await view('loop-1:planner')).toMatchObject({
      agentType: 'planner',
      parentId: 'loop-1',
      state: 'stopped',
      usage: { inputTokens: 120, outputTokens: 7 },
    });
    expect(await steps('loop-1:planner')).toMatchObject([
      { action: 'chat gpt-4o-mini', thought: 'I look first' },
      { action: 'ls {"args":["."],"kwargs":{}}', observation: '"a.txt"' },
    ]);
  });
});
