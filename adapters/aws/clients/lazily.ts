/**
 * Makes a value at its first use and shares it from then on. For clients: the import costs nothing, and a warm function keeps
 * its connections. Callers mark the call as pure, so that a function's bundle holds only the clients that the function uses.
 */
export function lazily<Value>(create: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= create();
    return value;
  };
}
