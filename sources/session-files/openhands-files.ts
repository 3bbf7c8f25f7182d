import * as z from 'zod';
import { type Usage, usageOfOpenHands } from '../usage.ts';

// The members of the files of OpenHands that the import reads.

const text = z.string().nullish().catch(undefined);

const tokenUsage = z.looseObject({ model: text, response_id: text });

/** The state of a conversation of OpenHands. */
export const openHandsState = z.looseObject({
  id: text,
  execution_status: text,
  agent: z
    .looseObject({ llm: z.looseObject({ model: text }).nullish().catch(undefined) })
    .nullish()
    .catch(undefined),
  workspace: z.unknown().optional(),
  stats: z
    .looseObject({
      usage_to_metrics: z
        .record(
          z.string(),
          z.looseObject({
            token_usages: z.array(tokenUsage).nullish().catch(undefined),
            costs: z
              .array(z.looseObject({ cost: z.number().nullish().catch(undefined), response_id: text }))
              .nullish()
              .catch(undefined),
            accumulated_cost: z.number().nullish().catch(undefined),
          }),
        )
        .catch({}),
    })
    .nullish()
    .catch(undefined),
});
export type OpenHandsState = z.output<typeof openHandsState>;

/** An event of OpenHands. */
export const openHandsEvent = z.looseObject({
  kind: text,
  id: text,
  timestamp: text,
  source: text,
  llm_message: z.looseObject({ role: text, content: z.unknown().optional() }).nullish().catch(undefined),
  thought: z.unknown().optional(),
  reasoning_content: text,
  action: z.unknown().optional(),
  tool_name: text,
  tool_call_id: text,
  llm_response_id: text,
  observation: z.unknown().optional(),
  error: text,
  detail: text,
  code: text,
});
export type OpenHandsEvent = z.output<typeof openHandsEvent>;

/** The usage of each response of the model, by its id. */
export function usageByResponse({ stats }: OpenHandsState): Map<string, Usage> {
  const usage = new Map<string, Usage>();
  for (const { token_usages: used, costs } of Object.values(stats?.usage_to_metrics ?? {})) {
    const byResponse = new Map(costs?.map(({ response_id: id, cost }) => [id, cost]));
    for (const [index, told] of (used ?? []).entries()) {
      // Older versions tell costs in the order of the responses, without their ids.
      const cost =
        byResponse.get(told.response_id ?? '') ?? (costs?.length === used?.length ? costs?.[index]?.cost : undefined);
      const counted = usageOfOpenHands({ ...told, cost });
      if (told.response_id && counted) usage.set(told.response_id, counted);
    }
  }
  return usage;
}
