import { AnnalsError } from '../../../core/base/errors.ts';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import type { HeldPart } from '../../../core/leases/leases.ts';
import { handleCommand } from '../../../core/state/decider.ts';
import { taskDecider } from '../../../domain/task/task.ts';
import { checkHistory, checkItems } from './checks.ts';
import { Crash, inWorld, LeaseWorld, type Process } from './world.ts';

const TASKS = 3;
const DEADLINE = '2026-02-01T00:00:00.000Z';
const LEASE_SECONDS = 30;
/** Most parts that a worker with a limit holds at once. */
const LIMIT = 2;

/** What a worker believes to hold, until when. */
interface Belief {
  readonly worker: string;
  until: string;
  isOver: boolean;
}

/** The numbers of a seed. */
export interface LeaseReport {
  readonly claims: number;
  readonly losses: number;
  readonly answers: number;
  readonly crashes: number;
  readonly faults: number;
  readonly calls: number;
}

/**
 * Workers claim the parts of a few tasks, work, send heartbeats, stall, give back, die and start again, while others end
 * leases that are over. Then everything is healthy, and the rest is done.
 * @throws Error that names what was broken
 */
export function simulateLeases(seed: number): Promise<LeaseReport> {
  const world = new LeaseWorld(seed);
  return inWorld(world, () => new Simulation(world).run());
}

class Simulation {
  readonly #world: LeaseWorld;
  readonly #beliefs = new Map<string, Belief[]>();

  constructor(world: LeaseWorld) {
    this.#world = world;
  }

  async run(): Promise<LeaseReport> {
    const world = this.#world;
    world.healthy = true;
    const saga = world.process('saga');
    await world.run(Array.from({ length: TASKS }, (_, n) => this.#request(saga, `t${n}`)));
    world.healthy = false;
    const workers = Array.from({ length: 4 }, (_, n) => this.#life(`w${n}`, 12));
    await world.run([...workers, this.#sweeps(8), this.#withdrawal(saga)]);
    world.healthy = true;
    // Nobody works any longer: every lease that is left ends, and the next workers do the rest.
    await world.run([this.#endAll()]);
    await world.run(Array.from({ length: 3 }, (_, n) => this.#finishRest(`z${n}`)));
    await world.run(['w0', 'w1', 'w2', 'w3'].map((worker) => this.#fillLimit(worker)));
    await world.run([this.#endAll()]);
    checkItems(world.control);
    const { claims, losses, answers } = checkHistory(await this.#history(world.process('reader')), LIMIT);
    const { crashes, faults, calls } = world;
    return { claims, losses, answers, crashes, faults, calls };
  }

  async #request({ store }: Process, taskId: string): Promise<void> {
    const isNamed = this.#world.random.chance(0.3);
    const whose = isNamed ? { requiredAgents: ['w0', 'w1'] } : { agentType: 'coder', count: 2 };
    const run = (command: object) =>
      handleCommand(store, taskDecider, taskId, command as never, { now: this.#world.now });
    await run({ kind: 'request', ...whose, payload: {}, deadlineSeconds: 600 });
    const deadline = DEADLINE;
    for (const slot of isNamed ? ['w0', 'w1'] : ['slot-1', 'slot-2']) {
      await run(isNamed ? { kind: 'assign', agentId: slot, deadline } : { kind: 'offer', slot, deadline });
    }
  }

  /** Several processes, one after the other: each ends with its rounds, or dies. */
  async #life(name: string, rounds: number): Promise<void> {
    for (let left = rounds, lives = 0; left > 0 && lives < 6; lives++) {
      const process = this.#world.process(name);
      try {
        for (; left > 0; left--) await this.#round(process);
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        left -= 1;
      }
    }
  }

  async #round(process: Process): Promise<void> {
    const { random } = this.#world;
    const id = `t${random.from(0, TASKS - 1)}`;
    const commitId = `claim-${process.name}-${random.from(0, 1e9)}`;
    const claim = { id, workerId: process.name, workerType: 'coder', seconds: LEASE_SECONDS, limit: LIMIT };
    const take = () => process.leases.take(claim, { commitId });
    // A caller without an answer repeats its request under the same key, or gives up.
    const held = (await tried(take)) ?? (random.chance(0.5) ? await tried(take) : undefined);
    if (!held) return this.#world.sleep(random.from(1, 10));
    const belief = this.#believe(process.name, held.value);
    await this.#work(process, held.value, belief);
  }

  async #work(process: Process, held: HeldPart, belief: Belief): Promise<void> {
    const { random } = this.#world;
    for (let beats = random.from(0, 3); beats > 0; beats--) {
      await this.#world.sleep(random.from(1, random.chance(0.2) ? 60 : 20));
      const beaten = await tried(() => process.leases.beat(held, LEASE_SECONDS));
      if (beaten) belief.until = beaten.value.until;
    }
    if (random.chance(0.15)) {
      belief.isOver = true; // it stops its work first
      await tried(() => process.leases.release(held));
    } else if (random.chance(0.85)) {
      await tried(() => this.#complete(process, held));
    } // else it forgets the part
  }

  #complete({ store }: Process, { id, workerId: agentId, fencing }: HeldPart) {
    const command = { kind: 'complete', agentId, fencing, result: fencing, duration: 1, resources: {} } as const;
    return handleCommand(store, taskDecider, id, command, { now: this.#world.now });
  }

  /** Two workers never believe to hold a part at once. */
  #believe(worker: string, { id, slot, until }: HeldPart): Belief {
    const place = `${id}/${slot}`;
    const beliefs = this.#beliefs.get(place) ?? [];
    const now = this.#world.now().toISOString();
    const other = beliefs.find((belief) => belief.worker !== worker && !belief.isOver && belief.until > now);
    if (other) throw new Error(`at ${now} ${worker} got ${place}, which ${other.worker} holds until ${other.until}`);
    const belief = { worker, until, isOver: false };
    this.#beliefs.set(place, [...beliefs, belief]);
    return belief;
  }

  async #sweeps(times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      await this.#world.sleep(this.#world.random.from(1, 30));
      await tried(() => this.#world.process('sweeper').leases.sweep()).catch((error) => {
        if (!(error instanceof Crash)) throw error;
      });
    }
  }

  async #withdrawal({ store }: Process): Promise<void> {
    if (this.#world.random.chance(0.6)) return;
    await this.#world.sleep(this.#world.random.from(1, 120));
    const command = { kind: 'withdraw', slot: 'slot-1', reason: 'enough' } as const;
    await tried(() => handleCommand(store, taskDecider, 't0', command, { now: this.#world.now })).catch(() => {});
  }

  async #endAll(): Promise<void> {
    await this.#world.sleep(600);
    await this.#world.process('sweeper').leases.sweep();
  }

  /** What crashes left of the counts takes no place of a worker. */
  async #fillLimit(worker: string): Promise<void> {
    const process = this.#world.process(worker);
    const ids = Array.from({ length: LIMIT }, (_, n) => `${worker}-${n}`);
    const held: HeldPart[] = [];
    for (const id of ids) {
      const order = { requiredAgents: [worker], payload: {}, deadlineSeconds: 600 };
      await handleCommand(process.store, taskDecider, id, { kind: 'request', ...order });
      await handleCommand(process.store, taskDecider, id, { kind: 'assign', agentId: worker, deadline: DEADLINE });
      held.push(await process.leases.take({ id, workerId: worker, seconds: LEASE_SECONDS, limit: LIMIT }));
    }
    for (const part of held) await this.#complete(process, part);
  }

  async #finishRest(name: string): Promise<void> {
    const process = this.#world.process(name);
    for (let n = 0; n < TASKS * 2; n++) {
      const id = `t${n % TASKS}`;
      for (const workerId of [name, 'w0', 'w1']) {
        const claim = { id, workerId, workerType: 'coder', seconds: LEASE_SECONDS };
        const held = await tried(() => process.leases.take(claim));
        if (held) await tried(() => this.#complete(process, held.value));
      }
    }
  }

  /** All events, in the order of their commits. */
  async #history({ store }: Process): Promise<readonly DomainEvent[]> {
    const events: DomainEvent[] = [];
    const reading = async () => {
      for (const { stream, version, count } of this.#world.committed) {
        events.push(...(await Array.fromAsync(store.read(stream, { from: version, to: version + count - 1 }))));
      }
    };
    await this.#world.run([reading()]);
    return events;
  }
}

/** The result of an attempt, which may be refused or get no answer. @throws Crash, and faults of the code */
async function tried<T>(work: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof AnnalsError) return undefined;
    throw error;
  }
}
