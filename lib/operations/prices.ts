/**
 * List prices of AWS in us-east-1, US dollars, without free tiers and discounts. Other regions and later days differ:
 * check https://aws.amazon.com/pricing before a decision hangs on them.
 */
export const prices = {
  asOf: '2025-10',
  dynamoDb: {
    /** A write request unit, on demand: 1 KB. */
    writeUnit: 0.625e-6,
    /** A read request unit, on demand: 4 KB strongly consistent. */
    readUnit: 0.125e-6,
    gigabyteMonth: 0.25,
    /** Continuous backups. */
    backupGigabyteMonth: 0.2,
  },
  lambda: {
    request: 0.2e-6,
    /** On Arm. */
    gigabyteSecond: 0.0000133334,
  },
  /** A REST API's request. */
  apiRequest: 3.5e-6,
  /** An event of one's own, 64 KB, on EventBridge. */
  busEvent: 1e-6,
  s3: { put: 5e-6, gigabyteMonth: 0.023 },
  /** A gigabyte of logs taken in, which metrics in Embedded Metric Format are, too. */
  logGigabyte: 0.5,
  /** A trace recorded by X-Ray; 5 of 100 are, by its default. */
  trace: 5e-6,
} as const;
