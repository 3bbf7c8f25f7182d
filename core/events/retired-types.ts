import type { RetiredEvent } from './define.ts';

/**
 * The event types that were renamed or split, and what they became. A successor may itself be retired: `A` became `B`, and
 * later `B` became `C`. Whoever compares the stored name of a type with a name of today asks here.
 */
export class RetiredTypes {
  readonly #byType = new Map<string, RetiredEvent>();
  readonly #isCurrent: (type: string) => boolean;

  /**
   * @param isCurrent whether events of a type are written today
   * @param events the types that are written no more, in any order
   * @throws Error when a type is still written or retired already, or leads to a type that is neither, or in a circle
   */
  constructor(isCurrent: (type: string) => boolean, events: readonly RetiredEvent[]) {
    this.#isCurrent = isCurrent;
    for (const event of events) {
      if (isCurrent(event.type) || this.#byType.has(event.type)) {
        throw new Error(`${event.type} cannot be retired: it is declared already`);
      }
      this.#byType.set(event.type, event);
    }
    for (const { type } of events) this.#assertLeadsOn(type, [type]);
  }

  /** The declaration of a type that is written no more, or undefined when none of that name was retired. */
  get(type: string): RetiredEvent | undefined {
    return this.#byType.get(type);
  }

  /** The types of today that an event stored under this name may be read as; the name itself when it was never retired. */
  currentTypesOf(type: string): ReadonlySet<string> {
    const successors = this.#byType.get(type)?.successors;
    if (!successors) return new Set([type]);
    return new Set(successors.flatMap((successor) => [...this.currentTypesOf(successor)]));
  }

  /** The names under which events of these types may be stored: their own, and those of every type that became one of them. */
  storedTypesOf(types: Iterable<string>): ReadonlySet<string> {
    const stored = new Set(types); // grows while it is gone through
    for (const type of stored) {
      for (const event of this.#byType.values()) if (event.successors.includes(type)) stored.add(event.type);
    }
    return stored;
  }

  #assertLeadsOn(type: string, path: readonly string[]): void {
    for (const successor of this.#byType.get(type)?.successors ?? []) {
      if (path.includes(successor))
        throw new Error(`retired types lead in a circle: ${[...path, successor].join(', ')}`);
      if (this.#byType.has(successor)) this.#assertLeadsOn(successor, [...path, successor]);
      else if (!this.#isCurrent(successor)) throw new Error(`${type} leads to ${successor}, which is not declared`);
    }
  }
}
