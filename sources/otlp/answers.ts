import { create, type DescMessage, type MessageInitShape, toBinary, toJson } from '@bufbuild/protobuf';
import type { Encoding } from './decode.ts';
import { StatusSchema } from './messages/google/rpc/status_pb.js';
import { ExportLogsServiceResponseSchema } from './messages/opentelemetry/proto/collector/logs/v1/logs_service_pb.js';
import { ExportTraceServiceResponseSchema } from './messages/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';

/** What became of the records of a request. */
export interface Receipt {
  /** Records that could not be read. They are lost; the sender must not send them again. */
  readonly rejected: number;
  /** The fault of the first of them. */
  readonly fault?: string;
}

/** The bytes of the answer to an export request. An answer without rejected records is empty. */
export function exportAnswer(
  signal: 'traces' | 'logs',
  encoding: Encoding,
  { rejected, fault = '' }: Receipt,
): Uint8Array {
  const count = BigInt(rejected);
  if (signal === 'traces') {
    const partialSuccess = rejected > 0 ? { partialSuccess: { rejectedSpans: count, errorMessage: fault } } : {};
    return encoded(ExportTraceServiceResponseSchema, partialSuccess, encoding);
  }
  const partialSuccess = rejected > 0 ? { partialSuccess: { rejectedLogRecords: count, errorMessage: fault } } : {};
  return encoded(ExportLogsServiceResponseSchema, partialSuccess, encoding);
}

/** The bytes of an error answer, `google.rpc.Status`. */
export const statusAnswer = (encoding: Encoding, code: number, message: string): Uint8Array =>
  encoded(StatusSchema, { code, message }, encoding);

function encoded<S extends DescMessage>(schema: S, value: MessageInitShape<S>, encoding: Encoding): Uint8Array {
  const message = create(schema, value);
  return encoding === 'json' ? Buffer.from(JSON.stringify(toJson(schema, message))) : toBinary(schema, message);
}
