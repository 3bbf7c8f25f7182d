import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { asyncApiDocument } from '../../../api/event-types/async-api-document.ts';
import { toCloudEvent } from '../../../core/publishing/cloud-event.ts';
import { catalogue } from '../../support/application.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

// biome-ignore lint/suspicious/noExplicitAny: tests read any JSON
let document: any;
beforeAll(async () => {
  document = (await get('/asyncapi.json')).body;
});

function validator(whole: object, message: string) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false }); // the schemas have patterns, too
  ajv.addSchema({ $id: 'annals:asyncapi', ...whole });
  return ajv.compile({ $ref: `annals:asyncapi#/components/messages/${message}/payload/schema` });
}

describe('GET /asyncapi.json', () => {
  it('has each declared type on both channels, with the schema that its own route shows', async () => {
    const types = catalogue.definitions.map(({ type }) => type);
    expect(Object.keys(document.channels.log.messages)).toEqual(types);
    expect(Object.keys(document.channels.bus.messages)).toEqual(types);
    const { schema } = (await get('/event-types/agent.step-recorded')).body;
    const { $schema: _, $defs, ...own } = schema;
    const shown = document.components.schemas['agent.step-recorded'];
    expect(JSON.stringify(shown)).toBe(JSON.stringify(own).replaceAll('#/$defs/', '#/components/schemas/'));
    expect(document.components.schemas).toMatchObject($defs);
  });

  it('describes the events of the log', async () => {
    await post('/agents', { agentId: 'described', agentType: 'coder', configuration: {}, createdBy: 'me' });
    const [created] = (await get('/streams/agent-described/events')).body.events;
    const validate = validator(document, 'agent.created');
    expect([validate(created), validate.errors]).toEqual([true, null]);
    expect(validate({ ...created, data: { agentId: 7 } })).toBe(false);
    expect(validate({ ...created, type: 'agent.forked' })).toBe(false);
  });

  it('describes CloudEvents when the bus has that form', async () => {
    await post('/agents', { agentId: 'as-cloud-event', agentType: 'coder', configuration: {}, createdBy: 'me' });
    const [created] = (await get('/streams/agent-as-cloud-event/events')).body.events;
    const whole = asyncApiDocument(catalogue, 'cloudevents');
    const validate = validator(whole, 'agent.created.cloudevent');
    expect([validate(toCloudEvent(created)), validate.errors]).toEqual([true, null]);
    expect(validate(created)).toBe(false);
  });
});
