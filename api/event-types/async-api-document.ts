import * as z from 'zod';
import type { Catalogue } from '../../core/events/catalogue.ts';
import type { EventDefinition } from '../../core/events/define.ts';
import { recordedEnvelope, systemEnvelope } from '../../core/events/envelope.ts';
import { cloudEventEnvelope } from '../../core/publishing/cloud-event.ts';
import { declaredAnswer } from './event-type-answers.ts';

type Schema = Record<string, unknown>;

const DRAFT = 'application/schema+json;version=draft-2020-12';
const SCHEMAS = '#/components/schemas/';

/** The form of events on the bus. */
export type BusFormat = 'annals' | 'cloudevents';

/**
 * The AsyncAPI 3.1 document of a catalogue. The data of a type has the schema that `GET /event-types/{type}` shows; types
 * that were registered over HTTP are only there.
 */
export function asyncApiDocument({ definitions }: Catalogue, busFormat: BusFormat = 'annals'): Record<string, unknown> {
  const schemas: Schema = {};
  const share = (made: Schema): Schema => {
    const {
      $schema: _,
      $defs = {},
      ...schema
    } = JSON.parse(JSON.stringify(made).replaceAll('"#/$defs/', `"${SCHEMAS}`)) as Schema & { $defs?: Schema };
    Object.assign(schemas, $defs);
    return schema;
  };
  const ofData = (definition: EventDefinition) => {
    schemas[definition.type] = share(declaredAnswer(definition).schema);
    return { $ref: `${SCHEMAS}${definition.type}` };
  };
  const forms = { annals: eventSchema, cloudevents: cloudEventSchema };
  const messagesOf = (form: (definition: EventDefinition) => Schema, suffix = '') =>
    Object.fromEntries(
      definitions.map((definition) => {
        const schema = share(form(definition));
        const payload = { schemaFormat: DRAFT, schema: withData(schema, ofData(definition)) };
        const { type, description } = definition;
        const contentType = suffix === '' ? 'application/json' : 'application/cloudevents+json';
        return [`${type}${suffix}`, { name: type, summary: description, contentType, payload }];
      }),
    );
  const ofLog = messagesOf(forms.annals);
  const ofBus = busFormat === 'annals' ? {} : messagesOf(forms[busFormat], '.cloudevent');
  const busNames = Object.keys(busFormat === 'annals' ? ofLog : ofBus);
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Annals',
      version: '1.0.0',
      description: 'The events of an application. Each is sent at least once: deduplicate by `id`.',
    },
    defaultContentType: 'application/json',
    servers: {
      local: { host: '127.0.0.1:4700', protocol: 'http', description: 'One machine' },
      aws: { host: 'events.amazonaws.com', protocol: 'eventbridge', description: 'The bus of a stage on AWS' },
    },
    channels: {
      log: {
        address: '/events/stream',
        title: 'The log as Server-Sent Events',
        servers: [{ $ref: '#/servers/local' }],
        messages: referred(Object.keys(ofLog)),
      },
      bus: {
        address: null,
        title: 'The bus',
        description:
          'A bus of EventBridge: `source` is `annals.<aggregateType>`, `detail-type` the type, `detail` the message.',
        servers: [{ $ref: '#/servers/aws' }],
        messages: referred(busNames),
      },
    },
    operations: {
      sendToLog: {
        action: 'send',
        channel: { $ref: '#/channels/log' },
        summary: 'Every event, in the order of the log',
      },
      sendToBus: {
        action: 'send',
        channel: { $ref: '#/channels/bus' },
        summary: 'Every event, in the order of its stream',
      },
    },
    components: { messages: { ...ofLog, ...ofBus }, schemas },
  };
}

const referred = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));

const schemaOf = (schema: z.ZodType): Schema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as Schema;

function eventSchema({ type, aggregateType, kind }: EventDefinition): Schema {
  const system = kind === 'system' ? systemEnvelope : {};
  const named = { type: z.literal(type), aggregateType: z.literal(aggregateType), data: z.unknown() };
  return schemaOf(z.object({ ...recordedEnvelope, ...system, ...named }));
}

const cloudEventSchema = ({ type }: EventDefinition): Schema =>
  schemaOf(cloudEventEnvelope.extend({ type: z.literal(type), data: z.unknown().optional() }));

const withData = (schema: Schema, data: Schema): Schema => ({
  ...schema,
  properties: { ...(schema['properties'] as Schema), data },
});
