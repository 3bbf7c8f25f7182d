import { describe, expect, it } from 'vitest';
import { readBusDetail } from '../../../../../adapters/aws/eventbridge/bus-event.ts';

const detail = { id: 'e-1', type: 'task.requested' };
const event = { version: '0', source: 'annals.task', 'detail-type': 'task.requested', detail };
const queued = (body: unknown) => ({
  Records: [{ messageId: 'm-1', eventSource: 'aws:sqs', body: typeof body === 'string' ? body : JSON.stringify(body) }],
});

describe('an event of the bus', () => {
  it.each([
    ['by its rule', event],
    ['from the queue, where EventBridge put it', queued(event)],
    [
      'from the queue, where Lambda put it after three failures',
      queued({
        version: '1.0',
        requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
        requestPayload: event,
        responseContext: { statusCode: 200, functionError: 'Unhandled' },
        responsePayload: { errorMessage: 'DynamoDB is away' },
      }),
    ],
  ])('is understood %s', (_, delivered) => {
    expect(readBusDetail(delivered)).toEqual(detail);
  });

  it.each([
    ['no JSON', queued('{')],
    [
      'several messages at once, of which one failure would repeat all',
      { Records: [...queued(event).Records, ...queued(event).Records] },
    ],
    ['nothing', {}],
  ])('is not %s', (_, delivered) => {
    expect(() => readBusDetail(delivered)).toThrow();
  });
});
