/** A service of AWS that Annals calls, or that an AWS service calls for Annals. */
export type Service = 'DynamoDB' | 'S3' | 'EventBridge' | 'Step Functions' | 'KMS' | 'Lambda' | 'Scheduler' | 'SQS';

/**
 * The meaning of an error for a caller:
 * - `answer`: a regular outcome, such as a condition that does not hold. The caller handles it.
 * - `request`: the item or entry is too large or malformed, for good. Only these errors may park an event.
 * - `conflict`: a concurrent write of the same item was under way. A repeat after a moment succeeds.
 * - `outage`: every other name, unknown names included: throttling, limits, permissions, keys, clocks, expired credentials,
 *   missing tables and buses. An outage has the same cause for all events, and passes when the cause is repaired.
 */
export type Verdict = 'answer' | 'request' | 'conflict' | 'outage';

type Names = Partial<Record<Exclude<Verdict, 'outage'>, readonly string[]>>;

/**
 * The names of errors that are no outage, by service. Sources, read in November 2026:
 * - DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html, and the errors of
 *   PutItem, UpdateItem, TransactWriteItems and Query in https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
 * - S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 * - EventBridge: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html and API_PutEvents
 * - Step Functions: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html,
 *   API_SendTaskSuccess and API_SendTaskFailure
 * - KMS: https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
 * - Lambda: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 * - Scheduler: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html and API_DeleteSchedule
 * - SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
const names: Record<Service, Names> = {
  DynamoDB: {
    answer: ['ConditionalCheckFailedException', 'TransactionCanceledException'],
    request: ['ValidationException', 'SerializationException', 'ItemCollectionSizeLimitExceededException'],
    conflict: ['TransactionConflictException'],
  },
  S3: {
    answer: ['NoSuchKey', 'NotFound', 'PreconditionFailed', 'ConditionalRequestConflict', 'NotModified'],
    request: ['EntityTooLarge', 'EntityTooSmall', 'KeyTooLongError', 'MetadataTooLarge'],
  },
  EventBridge: { request: ['MalformedDetail', 'InvalidArgument', 'ValidationException', 'SerializationException'] },
  'Step Functions': {
    answer: ['ExecutionAlreadyExists', 'TaskDoesNotExist', 'TaskTimedOut', 'InvalidToken'],
    request: ['InvalidExecutionInput', 'InvalidName', 'InvalidOutput', 'ValidationException', 'SerializationException'],
  },
  Scheduler: { answer: ['ConflictException', 'ResourceNotFoundException'] },
  SQS: { request: ['InvalidMessageContents'] },
  KMS: { request: ['InvalidCiphertextException', 'ValidationException', 'SerializationException'] },
  Lambda: {
    request: [
      'InvalidParameterValueException',
      'InvalidRequestContentException',
      'RequestTooLargeException',
      'UnsupportedMediaTypeException',
      'SerializationException',
    ],
  },
};

/** Words in the message of a malformed request that blame the table, its index or the bus, and so concern every item. */
const sharedCause = /\bindex(es)?\b|schema|missing the key|type mismatch for key|event ?bus|\barn\b/i;

/**
 * Words in the message of a ValidationException that blame the values of this item: their size, number or form. Any other
 * message is about the request as our code made it, and so concerns every item until the code is mended: "Invalid
 * UpdateExpression: Syntax error", "ExpressionAttributeNames contains invalid key", "Table is being updated".
 */
const ownCause = /size|length|large|long|limit|exceed|overflow|underflow|magnitude|digits|nest|empty|duplicate|utf-?8/i;

/** The meaning of an error for the item or entry of its request, by the error's name and message. */
export function verdictOn(service: Service, name: string | undefined, message = ''): Verdict {
  const { answer, request, conflict } = names[service];
  if (name === undefined) return 'outage';
  if (answer?.includes(name)) return 'answer';
  if (conflict?.includes(name)) return 'conflict';
  if (!request?.includes(name) || sharedCause.test(message)) return 'outage';
  return name !== 'ValidationException' || ownCause.test(message) ? 'request' : 'outage';
}
