/**
 * Who is calling, for rate limits.
 *
 * Owns: the rule that a forwarded address counts only from proxies that the operator named (R58).
 */
import { BlockList, isIP } from 'node:net';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';

/** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. */
export function trustedProxies(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) throw new TypeError(`not an address or range: ${range}`);
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number.parseInt(prefix, 10), family);
  }
  return list;
}

/** The address to hold responsible: the socket's, or the last untrusted one in front of our own proxies. */
export function clientAddress(c: Context, trusted: BlockList): string {
  const socket = socketAddress(c);
  if (!isTrusted(socket, trusted)) return socket;
  const hops = (c.req.header('x-forwarded-for') ?? '').split(',').map((hop) => hop.trim());
  return hops.findLast((hop) => isIP(hop) !== 0 && !isTrusted(hop, trusted)) ?? socket;
}

function socketAddress(c: Context): string {
  try {
    return (getConnInfo(c).remote.address ?? 'unknown').replace(/^::ffff:/, '');
  } catch {
    // No socket: the request was handed to the app directly, as tests do.
    return 'in-process';
  }
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
