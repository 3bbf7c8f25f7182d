import { isDeepStrictEqual } from 'node:util';
import { type AnnalsClient, AnnalsRequestError } from '../../client/client.ts';
import type { DomainEvent, EventData } from '../../core/events/catalogue.ts';
import { contentKey } from './identity.ts';
import { InputError } from './input.ts';
import type { ImportRequest } from './run-import.ts';

type Step = Omit<EventData<'agent.step-recorded'>, 'agentId'>;
type StateChange = Pick<EventData<'agent.state-changed'>, 'newState' | 'reason'>;

/** A recorded run as the history of an agent. */
export interface AgentPlan {
  /** The file of the run, its name in messages. */
  readonly file: string;
  readonly agentId: string;
  readonly agent: Omit<EventData<'agent.created'>, 'agentId'>;
  readonly begin: StateChange;
  readonly steps: readonly Step[];
  /** Usage of all steps together. The recording has totals only, so the last step gets them. */
  readonly usage: Readonly<Record<string, number>>;
  readonly end: StateChange;
}

/** Most events of a page of a stream. */
const PAGE = 1_000;

/**
 * The requests for the part of a plan that the server lacks: none when it has all, the further steps when the run has grown
 * since it was imported.
 * @throws InputError when the agent has another history; it names the first step that differs
 */
export async function requestsFor(plan: AgentPlan, client: AnnalsClient): Promise<readonly ImportRequest[]> {
  const history = await readHistory(plan.agentId, client);
  const known = history.filter((event) => event.type === 'agent.step-recorded').map(({ data }) => data);
  assertSameBeginning(plan, history, known);
  const lastState = history.findLast((event) => event.type === 'agent.state-changed')?.data;
  const ended = isDeepStrictEqual(toChange(lastState), plan.end) && known.length === plan.steps.length;
  const there: ImportRequest = { events: history.length, send: async () => ({ repeated: true }) };
  if (ended) return [there];
  if (lastState?.newState === 'stopped') {
    throw new InputError(plan.file, `agent ${plan.agentId}`, 'is stopped, and this recording goes on');
  }
  return [...(history.length > 0 ? [there] : []), ...furtherRequests(plan, history, known)];
}

const toChange = (change: StateChange | undefined) => change && { newState: change.newState, reason: change.reason };

function furtherRequests(plan: AgentPlan, history: readonly DomainEvent[], known: readonly Step[]): ImportRequest[] {
  const { agentId, agent, begin, end } = plan;
  const steps = withUsage(plan, known).slice(known.length);
  const key = (...content: readonly unknown[]) => ({ idempotencyKey: contentKey(agentId, history.length, ...content) });
  const sends: ImportRequest['send'][] = [];
  if (history.length === 0) sends.push((client) => client.agents.create({ agentId, ...agent }, key(agent)));
  if (history.findLast((event) => event.type === 'agent.state-changed')?.data.newState !== begin.newState) {
    sends.push((client) => client.agents.changeState(agentId, begin, key(begin)));
  }
  steps.forEach((step, index) => {
    sends.push((client) => client.agents.recordStep(agentId, step, key(known.length + index, step)));
  });
  sends.push((client) => client.agents.changeState(agentId, end, key(end)));
  return sends.map((send) => ({ events: 1, send }));
}

/** The steps. The last step gets the part of the run's usage that no known step has. */
function withUsage({ steps, usage }: AgentPlan, known: readonly Step[]): readonly Step[] {
  const left = Object.entries(usage).map(([name, total]): [string, number] => {
    const counted = known.reduce((sum, step) => sum + (step.usage?.[name] ?? 0), 0);
    return [name, Math.max(0, total - counted)];
  });
  if (left.length === 0) return steps;
  return steps.map((step, index) => (index === steps.length - 1 ? { ...step, usage: Object.fromEntries(left) } : step));
}

async function readHistory(agentId: string, client: AnnalsClient): Promise<DomainEvent[]> {
  const events: DomainEvent[] = [];
  try {
    for (let cursor: string | undefined; ; ) {
      const page = await client.readStream(`agent-${agentId}`, { limit: PAGE, ...(cursor ? { cursor } : {}) });
      events.push(...page.events);
      if (page.next === null) return events;
      cursor = page.next;
    }
  } catch (error) {
    if (error instanceof AnnalsRequestError && error.code === 'STREAM_NOT_FOUND') return [];
    throw error;
  }
}

function assertSameBeginning(plan: AgentPlan, history: readonly DomainEvent[], known: readonly Step[]): void {
  const { file, agentId, agent, steps } = plan;
  const [created] = history;
  if (!created) return;
  const refuse = (difference: string) => {
    const remedy = 'give this run another name with --id or --prefix';
    throw new InputError(file, `agent ${agentId}`, `exists with another history: ${difference}; ${remedy}`);
  };
  if (created.type !== 'agent.created' || created.data.agentType !== agent.agentType) refuse('its beginning differs');
  else if (!isDeepStrictEqual(created.data.configuration, agent.configuration)) refuse('its configuration differs');
  const differs = known.findIndex((step, index) => !isSameStep(step, steps[index]));
  if (differs >= 0) refuse(`step ${differs + 1} differs`);
}

const isSameStep = (a: Step, b: Step | undefined): boolean =>
  b !== undefined &&
  a.action === b.action &&
  a.thought === b.thought &&
  a.observation === b.observation &&
  a.durationMs === b.durationMs;
