import { setImmediate as nextTurn } from 'node:timers/promises';
import { StalledStreams } from '../../../adapters/embedded/engine/stalled-streams.ts';
import type { PositionedCommit } from '../../../adapters/embedded/sqlite/commit-storage.ts';
import { UnavailableError } from '../../../core/base/errors.ts';
import type { Projector } from '../../../core/projections/projector.ts';
import { Random } from '../../../testing/simulation/random.ts';
import { ONCE } from '../../../testing/simulation/world.ts';
import { type SimulationReport, Stage } from './stage.ts';
import { FolderStores } from './stores.ts';

/** The memory of a process. */
interface Process {
  readonly stalled: StalledStreams;
  readonly relay: ReturnType<Stage['relay']>;
  projected: number;
  relayed: number;
}

/**
 * One run of the embedded engine over a data folder: views, log and bus follow the commits from their checkpoints, and
 * failed streams are retried separately. The process ends at any time, gracefully or not, and the next process opens the
 * folder. At the end the same rules hold as in the simulation of AWS.
 * @param parent folder for the data folder
 * @throws Error that names the difference
 */
export async function simulateOneMachine(seed: number, parent: string): Promise<SimulationReport> {
  const folder = new FolderStores(parent, `seed-${seed}`, ['actions', 'fleet']);
  try {
    const stage = new Stage(new Random(seed), folder);
    await stage.appendHistory();
    await new Machine(stage, folder).run();
    await stage.recover();
    return await stage.check();
  } finally {
    folder.close();
  }
}

class Machine {
  readonly #stage: Stage;
  readonly #folder: FolderStores;
  #process: Process;

  constructor(stage: Stage, folder: FolderStores) {
    this.#stage = stage;
    this.#folder = folder;
    this.#process = this.#start();
  }

  async run(): Promise<void> {
    const { random, faults } = this.#stage;
    const last = this.#folder.commits.lastPosition();
    for (let turn = 0; !this.#isDone(last); turn++) {
      if (turn > 5_000) throw new Error('the machine does not come to an end');
      faults.healthy = turn > 60; // faults end at last
      faults.dead = false;
      await this.#turn(() => this.#project());
      if (!faults.dead) await this.#turn(() => this.#relay());
      if (faults.dead || (turn <= 60 && random.chance(0.15))) await this.#restart();
      await nextTurn(); // the retried streams run
    }
    this.#process.stalled.close();
  }

  #isDone(last: number): boolean {
    const { projected, relayed, stalled } = this.#process;
    return projected === last && relayed === last && stalled.unfinished() === undefined;
  }

  async #turn(work: () => Promise<void>): Promise<void> {
    this.#stage.deliveries++;
    await work().catch((error: unknown) => {
      if (!(error instanceof UnavailableError)) throw error;
    });
  }

  async #project(): Promise<void> {
    const { stalled, projected } = this.#process;
    const batch = this.#batchAfter(projected);
    if (batch.length > 0) await stalled.apply(batch);
    this.#process.projected = batch.at(-1)?.position ?? projected;
    this.#save();
  }

  #save(): void {
    const { stalled, projected } = this.#process;
    this.#folder.projected.save(Math.min(projected, (stalled.unfinished() ?? Number.POSITIVE_INFINITY) - 1));
  }

  async #relay(): Promise<void> {
    const batch = this.#batchAfter(this.#process.relayed);
    if (batch.length === 0) return;
    const failed = await this.#process.relay(batch.map(({ commit }) => commit));
    if (failed.length > 0) return; // the same commits come again
    this.#process.relayed = batch.at(-1)?.position ?? this.#process.relayed;
    if (this.#stage.random.chance(0.9)) this.#folder.relayed.save(this.#process.relayed);
  }

  /** The commits of the folder, some with damage from the delivery. */
  #batchAfter(position: number): PositionedCommit[] {
    const batch = this.#folder.commits.commitsAfter(position, this.#stage.random.from(1, 10));
    return batch.map((each) => ({ ...each, commit: this.#shown(each) }));
  }

  #shown({ commit }: PositionedCommit) {
    const record = this.#stage.records.find(
      (each) => each.commit.stream === commit.stream && each.commit.version === commit.version,
    );
    return record?.shown ?? commit;
  }

  #start(): Process {
    const projector = this.#stage.projector();
    const { random } = this.#stage;
    const slow: Pick<Projector, 'apply' | 'retryOrPark'> = {
      apply: (commits) => projector.apply(commits),
      retryOrPark: async (failure, policy) => {
        for (let turns = random.from(0, 12); turns > 0; turns--) await nextTurn(); // the pauses before an attempt
        return projector.retryOrPark(failure, policy);
      },
    };
    const logger = { warn: () => {}, error: () => {} };
    return {
      stalled: new StalledStreams({ projector: slow, policy: ONCE, logger, onSettled: () => {} }),
      relay: this.#stage.relay(),
      projected: this.#folder.projected.get(),
      relayed: this.#folder.relayed.get(),
    };
  }

  /** Ends the process. A graceful end stores the checkpoints; a stream in work may finish meanwhile. */
  async #restart(): Promise<void> {
    const { random } = this.#stage;
    this.#stage.restarts++;
    this.#process.stalled.close();
    if (random.chance(0.5)) {
      for (let turns = random.from(0, 3); turns > 0; turns--) await nextTurn();
      this.#save();
    }
    this.#folder.reopen();
    this.#process = this.#start();
  }
}
