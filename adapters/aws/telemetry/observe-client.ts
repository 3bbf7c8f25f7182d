import type { ConsumedCapacity } from '@aws-sdk/client-dynamodb';
import type { Metrics } from '../../../core/telemetry/metrics.ts';
import type { Tracer } from '../../../core/telemetry/tracer.ts';

/** The metrics, traces and labels for the calls of a client. */
export interface ClientObservers {
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  /** The label `table` by the name of the table; every other table counts as `other`. */
  readonly tables: Readonly<Record<string, string>>;
  /** The label `tenant`. */
  readonly tenant: string;
}

/** The part of a client of the AWS SDK through which its calls can be observed. */
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
 * Makes a span of each call of a client. Asks DynamoDB for the capacity that each call consumed, which costs nothing, and
 * counts it by operation and table.
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

/** A condition that did not hold and an object that does not exist are answers, not failures of the service. */
const isCallersError = (error: unknown): boolean =>
  error instanceof Error && /ConditionalCheck|NoSuchKey|PreconditionFailed/.test(error.name);
