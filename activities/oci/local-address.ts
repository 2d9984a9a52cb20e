import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { RegistryError } from './error.ts';
import { isLoopback } from './registry-endpoint.ts';

/**
 * Addresses to which no server may send us: this machine and the link, where clouds keep the secrets of a machine, and
 * the addresses elsewhere at which some clouds keep them. Private networks are not among them, since token servers and
 * storage stand there. BlockList judges IPv4 addresses that are mapped into IPv6 by the rules for IPv4; the other ways
 * of writing one as the other (RFC 4291 2.5.5.1, RFC 6052) are named here.
 */
const LOCAL = new BlockList();
LOCAL.addSubnet('0.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('127.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LOCAL.addSubnet('::', 96, 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');
LOCAL.addSubnet('64:ff9b::', 104, 'ipv6');
LOCAL.addSubnet('64:ff9b::7f00:0', 104, 'ipv6');
LOCAL.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');
// Secrets of machines: AWS and Google over IPv6, Alibaba, Azure, Oracle.
LOCAL.addAddress('fd00:ec2::254', 'ipv6');
LOCAL.addAddress('fd20:ce::254', 'ipv6');
LOCAL.addAddress('100.100.100.200', 'ipv4');
LOCAL.addAddress('168.63.129.16', 'ipv4');
LOCAL.addAddress('192.0.0.192', 'ipv4');

/** Tells whether an IP address is this machine's or the link's. */
export function isLocalAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && LOCAL.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Refuses a URL whose host says by itself that it is local; names are looked at when they are resolved.
 * @throws RegistryError `registry-refused`.
 */
export function refuseLocalHost(url: URL, subject: string): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (!isLoopback(host) && !isLocalAddress(host)) return;
  throw new RegistryError(
    'registry-refused',
    `${subject}: the registry sends us to ${url.origin}, an address of this machine; configure that host if it is meant`,
  );
}

/** Resolves a name for a connection, and refuses it where one of its addresses is local. */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const local = (error === null ? addresses : []).find(({ address }) => isLocalAddress(address));
    if (local !== undefined) {
      const message = `${hostname}: the registry sends us to ${local.address}, an address of this machine`;
      callback(new RegistryError('registry-refused', message), '');
    } else if (error !== null) callback(error, '');
    else if (options.all === true) callback(null, addresses);
    else answerOne(addresses, callback);
  });
};

function answerOne(addresses: readonly LookupAddress[], callback: Parameters<LookupFunction>[2]): void {
  const [first] = addresses;
  callback(null, first?.address ?? '', first?.family ?? 0);
}
