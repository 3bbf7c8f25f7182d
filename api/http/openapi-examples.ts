import examples from './examples.json' with { type: 'json' };
import type { Document } from './openapi-schemas.ts';

/** A request of an operation and its answer. A test makes the file: see test/unit/api/http/examples.test.ts. */
interface Example {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly status?: number;
  readonly answer?: object;
}
export const exampleOf = (name: string): Example => (examples as Readonly<Record<string, Example>>)[name] ?? {};

/** A schema that several routes share can have no example of each, so parameters get theirs last. */
export function showParameters(document: Document): void {
  for (const methods of Object.values(document.paths ?? {})) {
    for (const { operationId, parameters = [] } of Object.values(methods as Readonly<Record<string, Documented>>)) {
      const { path, query } = exampleOf(operationId);
      for (const parameter of parameters) {
        const values = parameter.in === 'path' ? path : parameter.in === 'query' ? query : undefined;
        const example = values?.[parameter.name];
        if (example !== undefined) parameter.example = example;
      }
    }
  }
}

interface Documented {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string; example?: string }[];
}
