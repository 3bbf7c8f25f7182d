import { S3Client } from '@aws-sdk/client-s3';
import type { ObjectStore } from '../../../core/store/object-store.ts';
import { observed, timeouts } from '../clients/clients.ts';
import { lazily } from '../clients/lazily.ts';
import { S3ObjectStore } from './object-store.ts';

/** Emulators have a fixed host name, so the bucket has to be in the path. */
const isEmulated = () => (process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']) !== undefined;

/** The client of S3: 3 attempts of at most 5 s. */
const s3 = /* @__PURE__ */ lazily(() => observed(new S3Client({ ...timeouts(5_000), forcePathStyle: isEmulated() })));

/** The objects of a bucket, through the shared client. */
export const openBucket = (bucket: string): ObjectStore => new S3ObjectStore(s3(), bucket);
