import type { ConsumedCapacity } from '@aws-sdk/client-dynamodb';
import type { Metrics } from '../../../core/telemetry/metrics.ts';
import type { Tracer } from '../../../core/telemetry/tracer.ts';

export interface ClientObservers {
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  /** What each table holds, by its name: the label under which its units are counted. */
  readonly tables: Readonly<Record<string, string>>;
  /** The label of whose work it is. */
  readonly tenant: string;
}

/** What every client of the AWS SDK has to be observed by. */
export interface ObservableClient {
  readonly middlewareStack: {
    add(
      middleware: (
        next: (args: Call) => Promise<ServiceAnswer>,
        context: { readonly clientName?: string; readonly commandName?: string },
      ) => (args: Call) => Promise<ServiceAnswer>,
      options: { readonly step: 'initialize'; readonly name: string },
    ): void;
  };
}

interface Call {
  readonly input: object;
}

interface ServiceAnswer {
  readonly response: unknown;
  readonly output: { readonly ConsumedCapacity?: ConsumedCapacity | readonly ConsumedCapacity[] };
}

const writes = /^(Put|Update|Delete|BatchWrite|TransactWrite)/;

/**
 * Makes each call of a client a span of its own, and has DynamoDB say what each consumed, which is counted by operation
 * and table. Asking for that costs nothing.
 */
export function observeClient(client: ObservableClient, { metrics, tracer, tables, tenant }: ClientObservers): void {
  client.middlewareStack.add(
    (next, { clientName = '', commandName = '' }) =>
      (args) => {
        const service = clientName.replace(/Client$/, '');
        const operation = commandName.replace(/Command$/, '');
        const aws = { operation, ...('TableName' in args.input ? { table_name: String(args.input.TableName) } : {}) };
        return tracer.part(service, { aws, isCallersError }, async () => {
          if (service !== 'DynamoDB') return next(args);
          const answer = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } });
          const kind = writes.test(operation) ? 'write' : 'read';
          for (const { TableName = '', CapacityUnits = 0 } of [answer.output.ConsumedCapacity ?? []].flat()) {
            const table = tables[TableName] ?? 'other';
            metrics.count('capacity_units_total', { operation, table, kind, tenant }, CapacityUnits);
          }
          return answer;
        });
      },
    { step: 'initialize', name: 'annalsObserver' },
  );
}

/** A condition that did not hold settles a race, and what is not there is an answer: no failure of anything. */
const isCallersError = (error: unknown): boolean =>
  error instanceof Error && /ConditionalCheck|NoSuchKey|PreconditionFailed/.test(error.name);
