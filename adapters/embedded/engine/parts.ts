/** A part of the engine that works in the background, or that holds a resource. */
export interface Part {
  readonly name: string;
  start?(): void;
  /** Finishes the current work. A second call does nothing. */
  close?(): void | Promise<void>;
}

/** Starts the parts in the order of the list. */
export function startParts(parts: readonly Part[]): void {
  for (const part of parts) part.start?.();
}

/**
 * Closes the parts from the last to the first, so that a part closes before the parts that it needs. The other parts close
 * also when a part fails to close.
 * @throws AggregateError with the errors of all parts that failed, after every part was asked to close
 */
export async function closeParts(parts: readonly Part[]): Promise<void> {
  const errors: Error[] = [];
  for (const part of parts.toReversed()) {
    try {
      await part.close?.();
    } catch (cause) {
      errors.push(new Error(`${part.name} did not close`, { cause }));
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, errors.map(({ message }) => message).join(', '));
}
