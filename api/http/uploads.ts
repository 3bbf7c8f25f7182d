import { UnavailableError } from '../../core/base/errors.ts';

/** Bytes of a body that are taken without a place among the large ones. */
const SMALL_BYTES = 64 * 1024;
/** Most bytes of large bodies that a process holds, of all requests together: twelve bodies of the largest size. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

let held = 0;

/**
 * The body of one request as it comes in. Its bytes count until the request is answered. What is over the first 64 KB of each
 * body shares 64 MB, so that large and slow uploads leave memory for the rest, and small requests always have a place.
 */
export class Upload {
  #bytes = 0;
  #held = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws UnavailableError when there is no room; the caller may send the request again later */
  take(bytes: number): void {
    this.#bytes += bytes;
    const wanted = Math.max(0, this.#bytes - SMALL_BYTES) - this.#held;
    if (held + wanted > MAX_HELD_BYTES) {
      throw new UnavailableError('many large requests are coming in; send this one again in a few seconds');
    }
    held += wanted;
    this.#held += wanted;
  }

  /** The request is answered; nothing of its body is needed any more. */
  release(): void {
    held -= this.#held;
    this.#held = 0;
  }
}
