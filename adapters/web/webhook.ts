import { hash } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { streamId } from '../../core/base/stream-id.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { toCloudEvent } from '../../core/publishing/cloud-event.ts';
import type { Pushed, PushSender } from '../../core/subscriptions/push.ts';
import { signed } from '../../core/subscriptions/signature.ts';
import { assertPublic, PrivateAddressError, publicLookup } from './addresses.ts';

/** Settings of a {@link Webhooks}. */
export interface WebhookOptions {
  /** Whether URLs may name private addresses, and go without TLS. */
  readonly allowPrivate: boolean;
}

/**
 * Sends events to URLs: CloudEvents 1.0 in structured form, because the signature covers the body, and in the binary form a
 * part of the event would be outside of it. Redirects are answers like others: they are not followed.
 */
export class Webhooks implements PushSender {
  readonly #allowPrivate: boolean;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor({ allowPrivate }: WebhookOptions) {
    this.#allowPrivate = allowPrivate;
    // Agents of its own: a connection that other code opened without the check is never used again here.
    const options = { keepAlive: true, ...(!allowPrivate && { lookup: publicLookup }) };
    this.#http = new HttpAgent(options);
    this.#https = new HttpsAgent(options);
  }

  async send(event: DomainEvent, { url, secret, signal }: Parameters<PushSender['send']>[1]): Promise<Pushed> {
    const target = new URL(url);
    if (!this.#allowPrivate) {
      if (target.protocol !== 'https:') throw new PrivateAddressError('a push goes to an https URL');
      // Node looks up names only.
      const host = target.hostname.replace(/^\[(.*)\]$/, '$1');
      if (isIP(host)) assertPublic(host, host);
    }
    const body = JSON.stringify(toCloudEvent(event));
    const headers = {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'annals',
      ...signed(secret, { id: messageId(event), body, now: Date.now() }),
    };
    const status = await this.#post(target, { method: 'POST', headers, signal }, body);
    if (status >= 200 && status < 300) return 'done';
    if (status === 410) return 'gone';
    throw new Error(`the receiver answered ${status}`);
  }

  /** @returns the status of the answer */
  #post(target: URL, options: RequestOptions, body: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const request =
      target.protocol === 'https:'
        ? httpsRequest(target, { ...options, agent: this.#https })
        : httpRequest(target, { ...options, agent: this.#http });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The receiver has closed a connection that was idle, which says nothing about the event.
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve(this.#post(target, options, body));
      else reject(error);
    });
    request.on('response', (response) => {
      resolve(response.statusCode ?? 0);
      response.on('error', () => {}); // the status is the answer; the rest is read for the next use of the connection
      response.resume();
    });
    request.end(body);
    return promise;
  }

  /** Closes the connections. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

/** The id by which receivers know a repeat. An event's id is unique in its stream only. */
export const messageId = ({ aggregateType, aggregateId, sequenceNumber }: DomainEvent): string =>
  `msg_${hash('sha256', `${streamId(aggregateType, aggregateId)}#${sequenceNumber}`, 'hex').slice(0, 32)}`;
