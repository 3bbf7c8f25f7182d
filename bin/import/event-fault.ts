import { issuesOf } from '../../core/base/validation.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import { findJsonFault } from '../../core/events/json.ts';
import { newEventSchema } from '../../events/catalogue.ts';
import { sizeFault } from './request-size.ts';

/** The reason for which the server would refuse an event, found before any request; undefined when it would accept it. */
export function eventFault(event: NewEvent): string | undefined {
  const fault = findJsonFault(event);
  if (fault) return `${fault.path.join('.')}: ${fault.message}`;
  const parsed = newEventSchema.safeParse(event);
  if (parsed.success) return sizeFault(event.data);
  return issuesOf(parsed.error)
    .map(({ path, message }) => `${path}: ${message}`)
    .join('; ');
}
