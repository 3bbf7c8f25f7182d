import * as z from 'zod';
import { turn } from '../../core/base/turns.ts';

/** Most bytes of a page of several items. AWS Lambda answers with 6 MB at most, with every quote escaped. */
export const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** A whole number in a query string. */
export function wholeNumber(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER) {
  const message = `must be a whole number from ${minimum}${maximum < Number.MAX_SAFE_INTEGER ? ` to ${maximum}` : ''}`;
  return z
    .string(message)
    .regex(/^\d{1,16}$/, message)
    .transform(Number)
    .pipe(z.int(message).min(minimum, message).max(maximum, message))
    .meta({
      override: ({ jsonSchema }: { readonly jsonSchema: Record<string, unknown> }) => {
        delete jsonSchema['pattern'];
        Object.assign(jsonSchema, { type: 'integer', minimum, maximum });
      },
    });
}

/** The parameter `limit` of a list: 1 to 1,000, 100 by default. */
export const limit = wholeNumber(1, 1000)
  .default(100)
  .describe('Most items of the page; it has fewer when they are large');

/** Parses the `next` of an earlier page into what {@link encodeCursor} put there. */
export function cursor<S extends z.ZodType>(content: S) {
  return z
    .string()
    .max(2048)
    .transform((text, context): z.output<S> => {
      const parsed = content.safeParse(decode(text));
      if (parsed.success) return parsed.data;
      context.addIssue('is not a `next` of an earlier page');
      return z.NEVER;
    })
    .optional()
    .describe('`next` of the page before. It replaces every other parameter but `limit`');
}

/** The `next` of a page, in its answer. */
export const nextPage = z.string().nullable().describe('Cursor of the next page; null when this was the last');

export const encodeCursor = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** The first items of a source, and whether more follow. Gives other requests their turns. */
export async function takePage<T>(
  source: AsyncIterable<T> | Iterable<T>,
  limit: number,
): Promise<{ items: T[]; more: boolean }> {
  const items: T[] = [];
  let bytes = 0;
  await turn();
  for await (const item of source) {
    bytes += Buffer.byteLength(JSON.stringify(item));
    if (items.length === limit || (items.length > 0 && bytes > MAX_PAGE_BYTES)) return { items, more: true };
    items.push(item);
    await turn();
  }
  return { items, more: false };
}
