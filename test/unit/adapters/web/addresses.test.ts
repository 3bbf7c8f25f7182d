import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { isPublic, publicLookup } from '../../../../adapters/web/addresses.ts';
import { Webhooks } from '../../../../adapters/web/webhook.ts';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { isSecret, newSecret, signed } from '../../../../core/subscriptions/signature.ts';

const sample = new URL('../../../../events/samples/subscription.paused.v1.json', import.meta.url);
const event = JSON.parse(readFileSync(sample, 'utf8')) as DomainEvent;

describe('addresses of the public Internet', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('%s is one', (address) => {
    expect(isPublic(address)).toBe(true);
  });

  it.each([
    ...[
      '127.0.0.1',
      '127.8.8.8',
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '169.254.169.254',
      '0.0.0.0',
    ],
    ...[
      '100.100.100.200',
      '224.0.0.1',
      '255.255.255.255',
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
    ],
    ...['::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '64:ff9b::7f00:1', '2002:7f00:1::', '::127.0.0.1', 'not an address'],
  ])('%s is none', (address) => {
    expect(isPublic(address)).toBe(false);
  });

  it('a name is refused by the address behind it', async () => {
    const found = await new Promise((resolve) => publicLookup('localhost', {}, (error) => resolve(error?.message)));
    expect(found).toContain('of localhost is no address of the public Internet');
  });
});

describe('a push to a private address', () => {
  const to = { secret: newSecret(), signal: AbortSignal.timeout(10_000) };

  it.each(['https://127.0.0.1', 'https://[::1]', 'https://0x7f.1', 'https://2130706433', 'https://localhost'])(
    '%s is not even connected to',
    async (host) => {
      let connections = 0;
      const server = createServer().on('connection', () => (connections += 1));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const webhooks = new Webhooks({ allowPrivate: false });
      await expect(webhooks.send(event, { ...to, url: `${host}:${port}/` })).rejects.toThrow(
        'no address of the public Internet',
      );
      webhooks.close();
      server.close();
      expect(connections).toBe(0);
    },
  );

  it('and a push without TLS are refused', async () => {
    const sent = new Webhooks({ allowPrivate: false }).send(event, { ...to, url: 'http://example.com' });
    await expect(sent).rejects.toThrow('https');
  });
});

describe('signatures', () => {
  it('are those of the Standard Webhooks specification', () => {
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}', now: 1_614_265_330_000 };
    expect(signed('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', message)['webhook-signature']).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('need a secret of 24 to 64 bytes', () => {
    expect(isSecret(newSecret())).toBe(true);
    for (const text of ['', 'secret', 'whsec_', 'whsec_c2hvcnQ=', `whsec_${'A'.repeat(400)}`, 'whsec_***'])
      expect(isSecret(text)).toBe(false);
  });
});
