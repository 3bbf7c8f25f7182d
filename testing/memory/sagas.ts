import type { SagaFailure, SagaMarks } from '../../core/sagas/embedded-runner/dead-letters.ts';
import type { SagaEntry, SagaIndex } from '../../core/sagas/index.ts';

/** A simple index of sagas in a Map. */
export class MemorySagaIndex implements SagaIndex {
  readonly #entries = new Map<string, SagaEntry>();

  async save(entry: SagaEntry): Promise<void> {
    this.#entries.set(entry.sagaId, entry);
  }

  async postpone(sagaId: string, wakeAt: string): Promise<void> {
    const entry = this.#entries.get(sagaId);
    if (entry) this.#entries.set(sagaId, { ...entry, wakeAt });
  }

  async remove(sagaId: string): Promise<void> {
    this.#entries.delete(sagaId);
  }

  async due(now: string, limit: number): Promise<readonly string[]> {
    return this.#timed()
      .filter(({ wakeAt }) => wakeAt <= now)
      .slice(0, limit)
      .map(({ sagaId }) => sagaId);
  }

  async nextWake(): Promise<string | undefined> {
    return this.#timed()[0]?.wakeAt;
  }

  async byParty(stream: string): Promise<readonly string[]> {
    const concerned = [...this.#entries.values()].filter(({ parties }) => parties.includes(stream));
    return concerned.map(({ sagaId }) => sagaId).toSorted();
  }

  #timed(): { sagaId: string; wakeAt: string }[] {
    const timed = [...this.#entries.values()].flatMap(({ sagaId, wakeAt }) => (wakeAt ? [{ sagaId, wakeAt }] : []));
    return timed.toSorted((a, b) => (a.wakeAt < b.wakeAt ? -1 : 1));
  }
}

/** Simple dead letters of sagas in a Map. */
export class MemorySagaMarks implements SagaMarks {
  readonly failures = new Map<string, SagaFailure>();

  async streams(): Promise<ReadonlyMap<string, number>> {
    return new Map([...this.failures].map(([stream, { version }]) => [stream, version]));
  }

  async park(stream: string, failure: SagaFailure): Promise<void> {
    this.failures.set(stream, failure);
  }

  async settle(stream: string, _to: number, failure?: SagaFailure): Promise<void> {
    if (failure) this.failures.set(stream, failure);
    else this.failures.delete(stream);
  }
}
