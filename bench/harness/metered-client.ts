import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** The units that DynamoDB charged, and the bytes of the JSON bodies that were sent and received. */
export interface Bill {
  requests: number;
  writeUnits: number;
  readUnits: number;
  bytesSent: number;
  bytesReceived: number;
}

const nothing = (): Bill => ({ requests: 0, writeUnits: 0, readUnits: 0, bytesSent: 0, bytesReceived: 0 });

interface Consumed {
  readonly CapacityUnits?: number;
}

/** A client that adds up the capacity that DynamoDB reports for each request. `measure` gives the bill of `work`. */
export function meteredClient(): { client: DynamoDBClient; measure: <T>(work: () => Promise<T>) => Promise<Bill> } {
  const client = new DynamoDBClient({});
  let bill = nothing();
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const result = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } });
        const { ConsumedCapacity: consumed } = result.output as { ConsumedCapacity?: Consumed | Consumed[] };
        const units = [consumed ?? []].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
        bill[/^(Put|Update|Delete|TransactWrite|BatchWrite)/.test(commandName) ? 'writeUnits' : 'readUnits'] += units;
        return result;
      },
    { step: 'initialize' },
  );
  client.middlewareStack.add(
    (next) => async (args) => {
      bill.requests += 1;
      bill.bytesSent += contentLength(args.request);
      const result = await next(args);
      bill.bytesReceived += contentLength(result.response);
      return result;
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  return {
    client,
    measure: async (work) => {
      bill = nothing();
      await work();
      return { ...bill };
    },
  };
}

const contentLength = (message: unknown): number =>
  Number((message as { headers?: Record<string, string> }).headers?.['content-length'] ?? 0);
