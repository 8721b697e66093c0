/**
 * Who is calling, for rate limits.
 *
 * Owns: the rule that a forwarded address counts only from proxies that the operator named (R58).
 */
import { BlockList, isIP } from 'node:net';
import type { Asked } from './asked.ts';

type Call = { readonly req: Pick<Asked['req'], 'header'>; readonly env: unknown };

/** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. */
export function trustedProxies(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  if (ranges.length > 0) named.add(list);
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) throw new TypeError(`not an address or range: ${range}`);
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number.parseInt(prefix, 10), family);
  }
  return list;
}

/** Whom to hold responsible: the socket's address, or the last untrusted one in front of our own proxies. */
export function clientAddress(c: Call, trusted: BlockList): string {
  const socket = socketAddress(c);
  if (!isTrusted(socket, trusted)) return callerOf(socket);
  const hops = (c.req.header('x-forwarded-for') ?? '').split(',').map((hop) => plainIpv4(hop.trim()));
  return callerOf(hops.findLast((hop) => isIP(hop) !== 0 && !isTrusted(hop, trusted)) ?? socket);
}

/** Whether the socket's other end is one of our own proxies. */
export function isFromProxy(c: Call, trusted: BlockList): boolean {
  return isTrusted(socketAddress(c), trusted);
}

/** Of IPv6 the /64 network: one home or phone has all of its 2^64 addresses, and may use a new one for every try. */
function callerOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = [], tail] = (address.split('%')[0] ?? '').split('::').map((half) => half.split(':'));
  const given = [...head, ...(tail ?? [])].length;
  const groups = [...head, ...Array.from({ length: 8 - given }, () => '0'), ...(tail ?? [])];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group || '0', 16).toString(16));
  return `${network.join(':')}::/64`;
}

/** `::ffff:203.0.113.9` is how a socket for both families writes an IPv4 address. */
function plainIpv4(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

function socketAddress({ env }: Call): string {
  const { incoming } = Object(env) as {
    incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  };
  // No socket: the request was handed to the app directly, as tests do.
  if (incoming?.socket === undefined) return 'in-process';
  return plainIpv4(incoming.socket.remoteAddress ?? 'unknown');
}

/** Asking a list leaves the engine, once a request; most have none. */
const named = new WeakSet<BlockList>();

function isTrusted(address: string, trusted: BlockList): boolean {
  if (!named.has(trusted)) return false;
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
