/// <reference path="../events/catalogue.ts" preserve="true" />
// The reference: the events of that catalogue are the types of the client.

export type { DomainEvent, EventData, EventType, NewEvent } from '../core/events/catalogue.ts';
export * from './client.ts';
export { type EventBatchOptions, EventBatchProcessor, type StoredPlace } from './event-batch-processor.ts';
