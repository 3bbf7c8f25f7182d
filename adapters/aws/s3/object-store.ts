import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { UnavailableError } from '../../../core/base/errors.ts';
import { assertObjectKey, type ListedObject, type ObjectStore } from '../../../core/store/object-store.ts';
import { callService } from '../clients/service-error.ts';

/** Objects in a bucket of S3. The bucket encrypts them with its default key. */
export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async put(key: string, bytes: Uint8Array, { ifAbsent = false } = {}): Promise<boolean> {
    const put = new PutObjectCommand({
      ...this.#place(key),
      Body: bytes,
      ContentLength: bytes.length,
      ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
    });
    try {
      await callService('S3', () => this.#client.send(put));
      return true;
    } catch (error) {
      if (httpStatus(error) === 412) return false;
      // A concurrent conditional write of the same key is under way and may still fail, so the outcome is unknown.
      if (httpStatus(error) === 409) {
        throw new UnavailableError('S3 is busy with a concurrent write of this object; repeat it later', {
          cause: error,
        });
      }
      throw error;
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    try {
      const { Body } = await callService('S3', () => this.#client.send(new GetObjectCommand(this.#place(key))));
      return Body && (await callService('S3', () => Body.transformToByteArray()));
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    await callService('S3', () => this.#client.send(new DeleteObjectCommand(this.#place(key))));
  }

  async *list(prefix: string, { after }: { after?: string | undefined } = {}): AsyncGenerator<ListedObject> {
    let ContinuationToken: string | undefined;
    do {
      const list = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        StartAfter: after,
        ContinuationToken,
      });
      const page = await callService('S3', () => this.#client.send(list));
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key === undefined || Size === undefined || !LastModified) continue;
        yield { key: Key, bytes: Size, modifiedAt: LastModified.toISOString() };
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  #place(key: string) {
    return { Bucket: this.#bucket, Key: assertObjectKey(key) };
  }
}

const httpStatus = (error: unknown) =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
