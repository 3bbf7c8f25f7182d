import type { DomainEvent } from '../../../core/events/catalogue.ts';
import type { EventStore } from '../../../core/store/event-store.ts';
import type { Deed } from './run.ts';

/** Events that one read brings at most. */
const READ_AHEAD = 100;
/** Events that are passed over rather than read anew. */
const PASSED_OVER = 20;

/** Reads the events of one side of a page, which are asked for in their order. */
export class Side {
  readonly #store: EventStore;
  #stream = '';
  /** The versions that the running read brings next, and the last. */
  #next = 1;
  #last = 0;
  #events: AsyncGenerator<DomainEvent> | undefined;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** @throws Error when the stream lacks the event, which was there */
  async event({ stream, version }: Deed): Promise<DomainEvent> {
    const isNear = stream === this.#stream && version >= this.#next && version <= this.#next + PASSED_OVER;
    if (!isNear || version > this.#last) {
      [this.#stream, this.#next, this.#last] = [stream, version, version + READ_AHEAD - 1];
      this.#events = this.#store.read(stream, { from: version, to: this.#last });
    }
    for (;;) {
      const { value, done } = (await this.#events?.next()) ?? { done: true };
      if (done || !value) throw new Error(`stream ${stream} lacks event ${version}`);
      this.#next = value.sequenceNumber + 1;
      if (value.sequenceNumber === version) return value;
    }
  }
}
