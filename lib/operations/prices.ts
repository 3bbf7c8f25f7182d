/**
 * List prices of AWS in us-east-1, US dollars, without free tiers and discounts. Prices of other regions and later dates
 * differ: check https://aws.amazon.com/pricing before you decide by them.
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
    /** A gigabyte of memory for a second, on Arm. */
    gigabyteSecond: 0.0000133334,
  },
  /** A request to a REST API. */
  apiRequest: 3.5e-6,
  /** A custom event on EventBridge, up to 64 KB. */
  busEvent: 1e-6,
  s3: { put: 5e-6, gigabyteMonth: 0.023 },
  /** A gigabyte of logs, which include metrics in Embedded Metric Format. */
  logGigabyte: 0.5,
  /** A trace that X-Ray records; by default it records 5 % of them. */
  trace: 5e-6,
} as const;
