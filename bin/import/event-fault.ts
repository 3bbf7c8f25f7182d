import { issuesOf } from '../../core/base/validation.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import { findJsonFault } from '../../core/events/json.ts';
import { newEventSchema } from '../../events/catalogue.ts';
import { sizeFault } from './request-size.ts';

/** Why the server would not take an event, found out before anything is sent; undefined when it would. */
export function eventFault(event: NewEvent): string | undefined {
  const fault = findJsonFault(event);
  if (fault) return `${fault.path.join('.')}: ${fault.message}`;
  const parsed = newEventSchema.safeParse(event);
  if (parsed.success) return sizeFault(event.data);
  return issuesOf(parsed.error)
    .map(({ path, message }) => `${path}: ${message}`)
    .join('; ');
}
