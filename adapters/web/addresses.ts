import { lookup as dnsLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * Addresses that no stranger's URL may name: of the machine, of private and shared networks, link-local addresses with the
 * metadata of clouds, and the ranges that IANA keeps for special purposes. Those that carry an IPv4 address in an IPv6
 * address are left out as a whole, save the mapped form, which is checked as the IPv4 address.
 */
const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  special.addSubnet(network, prefix, 'ipv4');
}
/** The addresses of the public Internet; everything else in IPv6 is special. */
const global = new BlockList();
global.addSubnet('2000::', 3, 'ipv6');
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  special.addSubnet(network, prefix, 'ipv6');
}
const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', 96, 'ipv6');

/** A URL names an address that nothing may be sent to. */
export class PrivateAddressError extends Error {}

/** Whether an address belongs to the public Internet. */
export function isPublic(address: string): boolean {
  if (isIP(address) === 4) return !special.check(address, 'ipv4');
  if (isIP(address) !== 6 || special.check(address, 'ipv6')) return false;
  return global.check(address, 'ipv6') || mapped.check(address, 'ipv6');
}

/** @throws PrivateAddressError */
export function assertPublic(host: string, address: string): void {
  if (isPublic(address)) return;
  const of = host === address ? address : `${address} of ${host}`;
  throw new PrivateAddressError(
    `${of} is no address of the public Internet; push.allow_private allows pushes to such addresses`,
  );
}

/** Looks names up. The check is on the very addresses that the caller connects to, so no later answer of DNS can differ. */
export const publicLookup: LookupFunction = (host, options, done) => {
  dnsLookup(host, { ...options, all: true }, (error, found) => {
    if (error) return done(error, []);
    try {
      for (const { address } of found) assertPublic(host, address);
    } catch (refusal) {
      return done(refusal as Error, []);
    }
    const [first] = found;
    if (options.all || !first) done(null, found);
    else done(null, first.address, first.family);
  });
};
