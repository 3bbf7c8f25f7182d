import application from '../../domain/application.ts';

/** The catalogue of the application, and its schemas. */
export const { catalogue } = application;
export const newEventSchema = catalogue.newEvent;
export const recordedEventSchema = catalogue.recordedEvent();
