import { UnavailableError } from '../../core/base/errors.ts';

/** Bytes of a body outside of the common limit. */
const SMALL_BYTES = 64 * 1024;
/** Most bytes of large bodies in a process, over all requests: twelve bodies of the largest size. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

let held = 0;

/**
 * The body of one request as it comes in. Its bytes count until the request is answered. All bytes after the first 64
 * KB of each body share 64 MB. So large and slow uploads leave memory for small requests.
 */
export class Upload {
  #bytes = 0;
  #held = 0;

  /** Bytes of the body so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws UnavailableError without room; the caller may repeat the request later */
  take(bytes: number): void {
    this.#bytes += bytes;
    const wanted = Math.max(0, this.#bytes - SMALL_BYTES) - this.#held;
    if (held + wanted > MAX_HELD_BYTES) {
      throw new UnavailableError('too many large requests at once; repeat this one in a few seconds');
    }
    held += wanted;
    this.#held += wanted;
  }

  /** The request is answered, and its body is free. */
  release(): void {
    held -= this.#held;
    this.#held = 0;
  }
}
