/**
 * Who may speak to the listener, from two headers: Host (a page of the internet that points its own name here is
 * refused) and Origin (only the wallet's pages). Pure; owns no socket.
 */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export interface Bound {
  readonly host: string;
  readonly port: number;
}

/** The machine's addresses at the moment, as the system tells them. */
export type Interfaces = () => NodeJS.Dict<
  readonly Pick<NetworkInterfaceInfo, 'internal' | 'family' | 'address'>[]
>;

/** As many as a payment request holds. */
const MAX_ADDRESSES = 4;

const WILDCARDS = new Set(['0.0.0.0', '::']);

export function isWildcard(host: string): boolean {
  return WILDCARDS.has(host);
}

/** `host:port` of an address as a URL and a Host header write it. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What requests tell phones when nothing was configured: where this listener can be reached from outside. */
export function ownAddresses(bound: Bound, interfaces: Interfaces = networkInterfaces): readonly string[] {
  const hosts = WILDCARDS.has(bound.host) ? externalHosts(interfaces) : [bound.host];
  const known = hosts.length > 0 ? hosts : ['127.0.0.1'];
  return known.slice(0, MAX_ADDRESSES).map((host) => `http://${authority(host, bound.port)}`);
}

/** The kiosk's own network first: a phone that joined it reaches nothing else, and any other phone tries the next. */
export function withGroupAddress(addresses: readonly string[], group: Bound | null): readonly string[] {
  if (group === null) return addresses;
  const first = `http://${authority(group.host, group.port)}`;
  return [first, ...addresses.filter((address) => address !== first)].slice(0, MAX_ADDRESSES);
}

/** Every Host header that names this kiosk and nothing else. */
export function allowedHosts(
  bound: Bound,
  advertised: readonly string[],
  interfaces: Interfaces = networkInterfaces,
): ReadonlySet<string> {
  const hosts = WILDCARDS.has(bound.host)
    ? [...externalHosts(interfaces), '127.0.0.1', 'localhost', '::1']
    : [bound.host];
  if (bound.host === '127.0.0.1' || bound.host === '::1') hosts.push('localhost');
  const named = hosts.map((host) => authority(host, bound.port));
  return hostSet([...named, ...advertised.map((address) => address.slice('http://'.length))]);
}

/** Of authorities, for `isOwnHost`. */
export function hostSet(authorities: readonly string[]): ReadonlySet<string> {
  return new Set(authorities.map(plain));
}

export function isOwnHost(header: string | undefined, allowed: ReadonlySet<string>): boolean {
  return header !== undefined && allowed.has(plain(header));
}

/** Browsers leave out the port that HTTP has anyway. */
function plain(host: string): string {
  return host.toLowerCase().replace(/:80$/, '');
}

/** No Origin: not a page (or a page of our own). Any other must be a wallet that the cloud named at enrolment. */
export function isWalletOrigin(header: string | undefined, walletOrigins: readonly string[]): boolean {
  return header === undefined || walletOrigins.includes(header);
}

/** A page that this kiosk served, speaking to the host that served it. Says nothing before the host is known to be ours. */
export function isOwnOrigin(header: string | undefined, host: string | undefined): boolean {
  return (
    header !== undefined && host !== undefined && header.toLowerCase() === `http://${host.toLowerCase()}`
  );
}

function externalHosts(interfaces: Interfaces): string[] {
  return Object.values(interfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => !address.internal && address.family === 'IPv4')
    .map((address) => address.address);
}
