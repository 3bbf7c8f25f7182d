import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
/** Bytes of a secret that Standard Webhooks allows. */
const SECRET_BYTES = [24, 64] as const;

/** A new secret. */
export const newSecret = (): string => `${PREFIX}${randomBytes(32).toString('base64')}`;

/** Whether a text is a secret of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. */
export function isSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  const bytes = keyOf(text);
  return (
    `${PREFIX}${bytes.toString('base64')}` === text &&
    bytes.length >= SECRET_BYTES[0] &&
    bytes.length <= SECRET_BYTES[1]
  );
}

/**
 * The headers by which a receiver knows the sender, after the Standard Webhooks specification. Any of its libraries verifies them.
 * @param now milliseconds since 1970
 */
export function signed(secret: string, { id, body, now }: { id: string; body: string; now: number }) {
  const timestamp = String(Math.floor(now / 1_000));
  const signature = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(PREFIX.length), 'base64');
