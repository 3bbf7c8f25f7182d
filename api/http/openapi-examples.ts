import type { Examples } from '../../application/examples.ts';
import type { Document } from './openapi-schemas.ts';

/** A schema that several routes share can have no example of each, so parameters get theirs last. */
export function showParameters(document: Document, examples: Examples): void {
  for (const methods of Object.values(document.paths ?? {})) {
    for (const { operationId, parameters = [] } of Object.values(methods as Readonly<Record<string, Documented>>)) {
      const { path, query } = examples[operationId] ?? {};
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
