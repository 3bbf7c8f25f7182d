import type * as z from 'zod';
import type { spanFacts } from '../../events/trace.ts';

/** The facts of a span that decide which agent it belongs to. */
export type SpanFacts = Readonly<z.output<typeof spanFacts>>;

/** The agent that has the step of a span, and whether the usage of the span counts. */
export interface Place {
  readonly agentId: string;
  readonly counted: boolean;
}
