import { pipeline, Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { AnnalsError, PayloadTooLargeError } from '../../core/base/errors.ts';
import type { Encoding } from '../../sources/otlp/decode.ts';
import { MalformedRequestError } from '../../sources/otlp/malformed.ts';
import { RequestError } from '../http/problem.ts';
import type { Upload } from '../http/uploads.ts';

/** Most bytes of a body after decompression, as the OTLP specification recommends. */
export const MAX_OTLP_BYTES = 64 * 1024 * 1024;

const MEDIA_TYPES: readonly (readonly [RegExp, Encoding])[] = [
  [/^application\/x-protobuf\s*(;|$)/i, 'protobuf'],
  [/^application\/json\s*(;|$)/i, 'json'],
];

/** @throws RequestError for any other media type */
export function encodingOf(request: Request): Encoding {
  const given = request.headers.get('Content-Type') ?? '';
  const known = MEDIA_TYPES.find(([pattern]) => pattern.test(given));
  if (known) return known[1];
  throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'send the body as application/x-protobuf or application/json');
}

type Compression = 'gzip' | 'deflate';

const COMPRESSIONS: Readonly<Record<string, Compression>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
};

/**
 * The body of an export request, decompressed.
 * @param upload counts the decompressed bytes until the request is answered
 * @throws RequestError for an unknown `Content-Encoding`
 * @throws MalformedRequestError for bytes that are not compressed as the header says
 * @throws PayloadTooLargeError over {@link MAX_OTLP_BYTES}, as soon as that many bytes came out
 * @throws UnavailableError when the process holds too many large bodies
 */
export async function readOtlpBody(request: Request, upload: Upload): Promise<Uint8Array> {
  const name = (request.headers.get('Content-Encoding') ?? 'identity').trim().toLowerCase();
  const compression = Object.hasOwn(COMPRESSIONS, name) ? COMPRESSIONS[name] : undefined;
  if (compression === undefined && name !== 'identity') {
    throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'send the body with gzip, deflate or no content encoding');
  }
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of await decompressed(request, compression)) {
      upload.take(chunk.length);
      if (upload.bytes > MAX_OTLP_BYTES) {
        throw new PayloadTooLargeError(`a request may have ${MAX_OTLP_BYTES} bytes at most, decompressed`);
      }
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof AnnalsError) throw cause;
    throw new MalformedRequestError('the body is not compressed as it says, or ended early', { cause });
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** A gateway may have decompressed the body and left the header, so the first bytes decide. */
async function decompressed({ body }: Request, compression: Compression | undefined): Promise<Bytes> {
  if (!body) return [];
  if (compression === undefined) return body;
  const source = body[Symbol.asyncIterator]();
  const start: Uint8Array[] = [];
  while (Buffer.concat(start).length < 2) {
    const { done, value } = await source.next();
    if (done) break;
    start.push(value);
  }
  const rest = { [Symbol.asyncIterator]: () => source };
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* start;
    yield* rest;
  }
  if (!isCompressed(Buffer.concat(start), compression)) return whole();
  // An error reaches the reader through the end of the pipeline.
  return pipeline(Readable.from(whole()), compression === 'gzip' ? createGunzip() : createInflate(), () => {});
}

/** The marks of gzip (RFC 1952) and zlib (RFC 1950). No message of OTLP and no JSON starts with one of them. */
function isCompressed(start: Uint8Array, compression: Compression): boolean {
  const [first = 0, second = 0] = start;
  return compression === 'gzip' ? first === 0x1f && second === 0x8b : first === 0x78;
}
