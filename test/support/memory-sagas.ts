import type { SagaEntry, SagaIndex } from '../../core/saga-index.ts';

/** Which sagas to wake, in a Map: the port at its simplest. */
export class MemorySagaIndex implements SagaIndex {
  readonly #entries = new Map<string, SagaEntry>();

  async save(entry: SagaEntry): Promise<void> {
    this.#entries.set(entry.sagaId, entry);
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
