import application from '#application';
import { issuesOf } from '../../core/base/validation.ts';
import { findJsonFault } from '../../core/events/json.ts';
import type { SourceEvent } from '../../sources/source-event.ts';
import { InputError } from './input.ts';
import { sizeFault } from './request-size.ts';

/** @throws InputError when the server would refuse the event, with the place in the file */
export function assertAccepted(file: string, { event, place }: SourceEvent): void {
  const fault = eventFault(event);
  if (fault === undefined) return;
  if (fault.startsWith('data.')) throw new InputError(file, `${place}.${fault.slice('data.'.length)}`, '');
  throw new InputError(file, place, fault);
}

function eventFault(event: SourceEvent['event']): string | undefined {
  const fault = findJsonFault(event);
  if (fault) return `${fault.path.join('.')}: ${fault.message}`;
  const parsed = application.catalogue.newEvent.safeParse(event);
  if (parsed.success) return sizeFault(event);
  return issuesOf(parsed.error)
    .map(({ path, message }) => `${path}: ${message}`)
    .join('; ');
}
