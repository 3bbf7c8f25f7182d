import { expect, it } from 'vitest';
import { budgetDecider, spentOf } from '../../core/budgets/budget.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { agentDecider } from '../../domain/agent/agent.ts';
import { taskDecider } from '../../domain/task/task.ts';
import { Random } from '../../testing/simulation/random.ts';
import { BudgetWorld } from '../support/budget-world.ts';

/** Schedules tried; `npm run test:budgets` tries 10,000. */
const seeds = Number(process.env['BUDGET_SEEDS'] ?? 100);
const first = Number(process.env['BUDGET_SEED'] ?? 1);

const AGENTS = { a: 'coder', b: 'coder', c: 'writer' } as const;
const TASKS = ['t-1', 't-2', 't-3'] as const;
/** Budgets of work that is counted whether or not a budget is set. */
const STANDING = [
  { scope: 'agent-type', name: 'coder' },
  { scope: 'agent-type', name: 'writer' },
  { scope: 'tenant', name: 'main' },
  { scope: 'day', name: 'main' },
] as const;
const ids = [...TASKS.map((task) => `task:${task}`), ...STANDING.map(({ scope, name }) => `${scope}:${name}`)];

type Amounts = Record<'usd' | 'tokens' | 'steps' | 'minutes', number>;
interface Step {
  readonly id: string;
  readonly agent: keyof typeof AGENTS;
  readonly task: string | undefined;
  readonly day: string;
  readonly used: Amounts;
}

/** What users and agents do in a seed, and what is true of it. */
class Story {
  readonly random: Random;
  readonly world: BudgetWorld;
  readonly steps: Step[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    this.world = new BudgetWorld(this.random);
  }

  async play(): Promise<void> {
    for (const [id, agentType] of Object.entries(AGENTS)) {
      await this.world.command(agentDecider, id, { kind: 'create', agentType, configuration: {}, createdBy: 'me' });
    }
    const length = this.random.from(10, 40);
    for (let n = 0; n < length; n++) await this.#happen();
    await this.world.settle();
  }

  /** The truth, from what was done and not from what was counted. */
  truth({ scope, name }: { scope: string; name: string }): Amounts {
    const today = new Date(this.world.now).toISOString().slice(0, 10);
    const own = this.steps.filter(({ agent, task, day }) => {
      if (scope === 'task') return task === name;
      if (scope === 'agent-type') return AGENTS[agent] === name;
      return scope === 'tenant' || day === today;
    });
    const sum = (measure: keyof Amounts) => own.reduce((total, { used }) => total + used[measure], 0);
    return { usd: sum('usd'), tokens: sum('tokens'), steps: sum('steps'), minutes: sum('minutes') };
  }

  async #happen(): Promise<void> {
    const { random, world } = this;
    const kind = random.from(1, 24);
    if (kind <= 8) return this.#step();
    if (kind <= 13) return world.deliver();
    if (kind <= 16) return world.runSagas();
    if (kind === 17) return this.#withdraw();
    if (kind === 18) return world.pass(random.from(1, 20));
    if (kind === 19) return void (await world.claim(random.pick(TASKS), random.pick(['coder', 'writer'])));
    const id = random.pick(ids as [string, ...string[]]);
    if (kind <= 21) {
      const { usd = 0 } = (await world.budgetOf(id))?.limits ?? {};
      if (usd === 0) return;
      const limits = { usd: usd + random.from(1, 4) };
      await world.command(budgetDecider, id, { kind: 'raise', limits, by: 'ops', reason: 'more' });
    } else if (kind === 22) {
      const { scope, name } = STANDING[random.from(0, STANDING.length - 1)] ?? STANDING[0];
      const limits = { usd: random.from(0, 20), ...(random.chance(0.5) && { minutes: random.from(1, 30) }) };
      const set = { kind: 'set', scope, name, standing: true, limits, warnAt: 0.5 };
      await world.command(budgetDecider, `${scope}:${name}`, set);
    } else {
      const budget = { usd: random.from(1, 12), tokens: random.from(50, 500), warnAt: 0.5 };
      const order = { requiredAgents: random.pick([['a'], ['a', 'b'], ['c', 'b']]), payload: {}, deadlineSeconds: 2e6 };
      await world.command(taskDecider, random.pick(TASKS), { kind: 'request', ...order, budget });
    }
  }

  async #step(): Promise<void> {
    const { random, world } = this;
    const agent = random.pick(Object.keys(AGENTS) as ['a', 'b', 'c']);
    const task = random.chance(0.6) ? random.pick(TASKS) : undefined;
    const used = { usd: random.from(0, 5), tokens: random.from(0, 90), steps: 1, minutes: random.from(0, 4) };
    const id = `step-${this.steps.length}`;
    const timestamp = new Date(world.now).toISOString();
    const usage = { costUsd: used.usd, inputTokens: used.tokens };
    const data = {
      agentId: agent,
      action: 'think',
      durationMs: used.minutes * 60_000,
      usage,
      ...(task && { taskId: task }),
    };
    await world.append(`agent-${agent}`, { id, type: 'agent.step-recorded', timestamp, data });
    this.steps.push({ id, agent, task, day: timestamp.slice(0, 10), used });
  }

  async #withdraw(): Promise<void> {
    const index = this.random.from(0, this.steps.length - 1);
    const step = this.steps[index];
    if (!step || step.used.steps === 0) return;
    const { agent, task, day, used } = step;
    const usage = { costUsd: used.usd, inputTokens: used.tokens };
    const more = { durationMs: used.minutes * 60_000, usage, ...(task && { taskId: task }) };
    await this.world.append(`agent-${agent}`, {
      type: 'agent.step-withdrawn',
      timestamp: `${day}T12:00:00.000Z`,
      data: { agentId: agent, stepId: step.id, ...more, reason: 'of another agent' },
    });
    this.steps[index] = { ...step, used: { usd: 0, tokens: 0, steps: 0, minutes: 0 } };
  }
}

/** The warnings and ends of a budget between two changes of its limits, of one day. */
function epochs(history: readonly DomainEvent[]): string[][] {
  const all: string[][] = [];
  let day: string | undefined;
  for (const event of history) {
    if (event.type === 'budget.set' || event.type === 'budget.raised') all.push([]);
    else if (event.type === 'budget.warned' || event.type === 'budget.spent') {
      if (event.data.day !== day) all.push([]);
      ({ day } = event.data);
      all.at(-1)?.push(event.type);
    }
  }
  return all;
}

async function check(seed: number, seen: Record<string, number>): Promise<void> {
  const story = new Story(seed);
  const { world } = story;
  const note = (what: string) => {
    seen[what] = (seen[what] ?? 0) + 1;
  };
  await story.play();
  for (const id of ids) {
    const at = id.indexOf(':');
    const subject = { scope: id.slice(0, at), name: id.slice(at + 1) };
    const truth = story.truth(subject);
    expect(await world.spent(subject), `seed ${seed}: what is counted of ${id}`).toEqual(truth);
    const history = await world.historyOf(id);
    for (const epoch of epochs(history)) {
      expect(
        [[], ['budget.warned'], ['budget.spent'], ['budget.warned', 'budget.spent']],
        `seed ${seed}: ${id}`,
      ).toContainEqual(epoch);
    }
    for (const { type, data } of history) {
      if (type === 'budget.raised') note('raised');
      if (type !== 'budget.spent') continue;
      note('spent');
      expect(data.measures.length, `seed ${seed}: ${id}`).toBeGreaterThan(0);
    }
    const budget = await world.budgetOf(id);
    if (!budget) continue;
    const isSpent = spentOf(budget, truth).length > 0;
    const today = new Date(world.now).toISOString().slice(0, 10);
    // A clock that moves into another day uses nothing up; the next step or claim looks at that day.
    const level = budget.scope === 'day' && budget.day !== undefined && budget.day !== today ? 'open' : budget.level;
    if (isSpent && budget.scope !== 'day') expect(level, `seed ${seed}: ${id} is used up`).toBe('spent');
    if (budget.scope === 'task') {
      const saga = await world.execution.load(`multi-agent-task:${budget.name}`);
      if (level === 'spent') expect(saga.status, `seed ${seed}: saga of ${id}`).toBe('FAILED');
      if (saga.reason?.startsWith('BUDGET_SPENT')) note('stopped');
      if (saga.status === 'STARTED') note('running');
    }
  }
  for (const task of TASKS) {
    for (const type of ['coder', 'writer']) {
      const concerned = [`task:${task}`, `agent-type:${type}`, 'tenant:main', 'day:main'];
      const admitted = await world.claim(task, type);
      const today = new Date(world.now).toISOString().slice(0, 10);
      const budgets = await Promise.all(concerned.map((id) => world.budgetOf(id)));
      const spent = budgets.some(
        (budget) => budget?.level === 'spent' && (budget.scope !== 'day' || budget.day === today),
      );
      expect(admitted, `seed ${seed}: claim of ${task}`).toBe(!spent);
      note(admitted ? 'admitted' : 'refused');
    }
  }
  for (const id of ids) {
    const { limits, scope = '', name = '' } = (await world.budgetOf(id)) ?? {};
    if (limits?.usd === undefined || scope === 'day') continue;
    const usd = limits.usd + 0.01;
    await world.command(budgetDecider, id, { kind: 'raise', limits: { usd }, by: 'ops', reason: 'a little' });
    await world.settle();
    const isSpent = spentOf({ limits: { ...limits, usd } }, story.truth({ scope, name })).length > 0;
    expect((await world.budgetOf(id))?.level === 'spent', `seed ${seed}: ${id} after a small raise`).toBe(isSpent);
  }
  for (const id of ids) {
    const budget = await world.budgetOf(id);
    if (!budget) continue;
    const limits = Object.fromEntries(Object.keys(budget.limits).map((measure) => [measure, 1e9]));
    await world.command(budgetDecider, id, { kind: 'raise', limits, by: 'ops', reason: 'all' });
  }
  await world.settle();
  for (const task of TASKS) expect(await world.claim(task, 'coder'), `seed ${seed}: after the raise`).toBe(true);
}

it(`budgets count the truth, are spent once, and stop sagas, whatever crashes (${seeds} seeds from ${first})`, {
  timeout: 3_600_000,
}, async () => {
  const seen: Record<string, number> = {};
  for (let seed = first; seed < first + seeds; seed++) await check(seed, seen);
  for (const what of ['spent', 'raised', 'stopped', 'running', 'admitted', 'refused']) {
    expect(seen[what], `${what} in no seed`).toBeGreaterThan(0);
  }
});
