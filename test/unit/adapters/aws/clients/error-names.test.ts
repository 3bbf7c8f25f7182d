import { describe, expect, it } from 'vitest';
import { type Service, verdictOn } from '../../../../../adapters/aws/clients/error-names.ts';
import { callService } from '../../../../../adapters/aws/clients/service-error.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';

/** Names that any service of AWS answers: https://docs.aws.amazon.com/general/latest/gr/CommonErrors.html */
const common = [
  ['AccessDenied', 'AccessDeniedException', 'NotAuthorized', 'OptInRequired', 'InvalidAction'],
  ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'InvalidClientTokenId', 'UnrecognizedClientException'],
  ['IncompleteSignature', 'IncompleteSignatureException', 'InvalidSignatureException', 'MissingAuthenticationToken'],
  ['InternalFailure', 'ServiceUnavailable', 'Throttling', 'ThrottlingException', 'TooManyRequestsException'],
  ['CredentialsProviderError', 'TimeoutError', 'UnknownError', 'NameOfNextYearException'],
].flat();

const outages: Record<Service, readonly string[]> = {
  DynamoDB: [
    ...['ResourceNotFoundException', 'ResourceInUseException', 'LimitExceededException', 'RequestLimitExceeded'],
    ...['ProvisionedThroughputExceededException', 'TransactionInProgressException', 'InternalServerError'],
    ...['ReplicatedWriteConflictException', 'KMSAccessDeniedException', 'KMSDisabledException'],
    ...['KMSInvalidStateException', 'KMSNotFoundException', 'KMSThrottlingException'],
    ...['IdempotentParameterMismatchException', 'DuplicateItemException', 'PolicyNotFoundException'],
  ],
  S3: [
    ...['NoSuchBucket', 'SlowDown', 'RequestTimeTooSkewed', 'SignatureDoesNotMatch', 'InvalidAccessKeyId'],
    ...['InternalError', 'PermanentRedirect', 'AuthorizationHeaderMalformed', 'KMS.DisabledException'],
    ...['BadDigest', 'IncompleteBody', 'RequestTimeout', 'XAmzContentSHA256Mismatch', 'InvalidObjectState'],
    ...['KMS.NotFoundException', 'InvalidToken', 'OperationAborted', 'BucketNotFound'],
  ],
  EventBridge: [
    ...['ResourceNotFoundException', 'NotAuthorizedForSourceException', 'NotAuthorizedForDetailTypeException'],
    ...['InternalException', 'ConcurrentModificationException', 'LimitExceededException', 'RedactionFailure'],
    ...['InvalidAccountIdException', 'OperationDisabledException', 'PolicyLengthExceededException'],
  ],
  'Step Functions': [
    ...['StateMachineDoesNotExist', 'StateMachineDeleting', 'ExecutionLimitExceeded', 'InvalidArn'],
    ...['KmsAccessDeniedException', 'KmsInvalidStateException', 'KmsThrottlingException', 'ServiceQuotaExceeded'],
  ],
  Scheduler: [
    ...['ServiceQuotaExceededException', 'InternalServerException', 'ThrottlingException'],
    'ValidationException',
  ],
  SQS: [
    ...['QueueDoesNotExist', 'RequestThrottled', 'KmsAccessDenied', 'KmsThrottled', 'OverLimit'],
    ...['InvalidAddress', 'InvalidSecurity', 'UnsupportedOperation'],
  ],
  KMS: [
    ...['DisabledException', 'KMSInvalidStateException', 'KeyUnavailableException', 'NotFoundException'],
    ...['DependencyTimeoutException', 'KMSInternalException', 'IncorrectKeyException', 'InvalidGrantTokenException'],
  ],
  Lambda: [
    ...['ServiceException', 'ResourceNotFoundException', 'ResourceConflictException', 'ResourceNotReadyException'],
    ...['EC2ThrottledException', 'ENILimitReachedException', 'KMSAccessDeniedException', 'InvalidRuntimeException'],
  ],
};
const services = Object.keys(outages) as Service[];

/** Faults of this one item or entry: they may park it. */
const requests: Record<Service, readonly string[]> = {
  DynamoDB: ['ValidationException', 'SerializationException', 'ItemCollectionSizeLimitExceededException'],
  S3: ['EntityTooLarge', 'KeyTooLongError'],
  EventBridge: ['MalformedDetail', 'InvalidArgument', 'ValidationException'],
  'Step Functions': ['InvalidExecutionInput', 'InvalidName', 'InvalidOutput'],
  Scheduler: [],
  SQS: ['InvalidMessageContents'],
  KMS: ['InvalidCiphertextException'],
  Lambda: ['RequestTooLargeException', 'InvalidRequestContentException'],
};

/** As the SDK throws what a service answered. */
const answered = (name: string, message = 'no', $fault: 'client' | 'server' = 'client') =>
  Object.assign(new Error(message), { name, $fault, $metadata: { httpStatusCode: 400, attempts: 1 } });

const thrownBy = (service: Service, error: unknown) =>
  callService(service, () => Promise.reject(error)).catch((thrown: unknown) => thrown);

describe.each(services)('an error of %s', (service) => {
  it.each([...common, ...outages[service]])('%s is an outage', async (name) => {
    const error = answered(name);
    const thrown = await thrownBy(service, error);
    expect(thrown).toBeInstanceOf(UnavailableError);
    expect(thrown).toHaveProperty('cause', error);
    expect(String(thrown)).toContain(name);
  });

  it.each(requests[service])('%s is a fault of this request', async (name) => {
    const error = answered(name, 'Item size has exceeded the maximum allowed size');
    expect(await thrownBy(service, error)).toBe(error);
  });
});

describe('an error of AWS', () => {
  it.each([
    ['DynamoDB', 'ConditionalCheckFailedException'],
    ['DynamoDB', 'TransactionCanceledException'],
    ['S3', 'NoSuchKey'],
    ['S3', 'PreconditionFailed'],
    ['Step Functions', 'ExecutionAlreadyExists'],
    ['Step Functions', 'TaskTimedOut'],
  ] as const)('of %s, %s, is an answer', async (service, name) => {
    const error = answered(name);
    expect(await thrownBy(service, error)).toBe(error);
  });

  it.each([
    ['DynamoDB', 'The table does not have the specified index: byGroup'],
    ['DynamoDB', 'The provided key element does not match the schema'],
    ['DynamoDB', 'One or more parameter values were invalid: Missing the key view in the item'],
    ['DynamoDB', 'Invalid UpdateExpression: Syntax error; token: "ADD"'],
    ['DynamoDB', 'ExpressionAttributeNames contains invalid key: Syntax error; key: "c0"'],
    ['DynamoDB', 'Value provided in ExpressionAttributeValues unused in expressions: keys: {:none}'],
    ['DynamoDB', 'Invalid KeyConditionExpression: An expression attribute value used in expression is not defined'],
    ['DynamoDB', 'Filter Expression can only contain non-primary key attributes'],
    ['DynamoDB', 'no'],
    ['EventBridge', 'Event bus annals-prod does not exist'],
    ['Step Functions', "Invalid State Machine Arn: 'annals'"],
  ] as const)('of %s is an outage when it is about what all requests share: %s', (service, message) => {
    expect(verdictOn(service, 'ValidationException', message)).toBe('outage');
  });

  it.each([
    'Item size has exceeded the maximum allowed size',
    'Item size to update has exceeded the maximum allowed size',
    'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit',
    'Number overflow. Attempting to store a number with magnitude larger than supported range',
    'Attempting to store more than 38 significant digits in a Number',
    'One or more parameter values were invalid: Input collection [a, a] of type SS contains duplicates.',
    'One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes',
    'Invalid UpdateExpression: Expression size has exceeded the maximum allowed size; expression size: 4097',
  ])('of DynamoDB is a fault of this item when it blames its values: %s', (message) => {
    expect(verdictOn('DynamoDB', 'ValidationException', message)).toBe('request');
  });

  it('is an outage when it comes from the network, or when the answer cannot be read', async () => {
    const errors = [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' }),
      Object.assign(new Error("Hostname/IP does not match certificate's altnames"), {
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      }),
      Object.assign(new Error('tlsv1 alert protocol version'), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' }),
      Object.assign(new Error('Premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }),
      Object.assign(new Error('The socket was closed'), { code: 'ERR_SOCKET_CLOSED' }),
      Object.assign(new SyntaxError('Unexpected token <'), { $response: {}, $metadata: {} }),
      new Error('Could not load credentials from any providers'),
    ];
    for (const error of errors) expect(await thrownBy('S3', error)).toBeInstanceOf(UnavailableError);
  });

  it('is thrown unchanged when a mistake in this code caused it', async () => {
    const errors = [
      new TypeError('undefined is no number'),
      Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' }),
    ];
    for (const error of errors) expect(await thrownBy('DynamoDB', error)).toBe(error);
  });
});

describe('a write that meets a transaction', () => {
  const conflict = () => answered('TransactionConflictException');

  it('is repeated until the transaction is over', async () => {
    let calls = 0;
    const write = async () => {
      calls += 1;
      if (calls < 4) throw conflict();
      return 'written';
    };
    expect(await callService('DynamoDB', write)).toBe('written');
    expect(calls).toBe(4);
  });

  it('is an outage when the transaction does not end, and never a fault of the item', async () => {
    expect(await thrownBy('DynamoDB', conflict())).toBeInstanceOf(UnavailableError);
  });

  it('is the only error that is repeated here: the SDK repeats the others', async () => {
    let calls = 0;
    const denied = async () => {
      calls += 1;
      throw answered('AccessDeniedException');
    };
    await expect(callService('DynamoDB', denied)).rejects.toThrow(UnavailableError);
    expect(calls).toBe(1);
  });
});
