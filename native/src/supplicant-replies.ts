// Understands what wpa_supplicant answers. Pure functions: any text may come in,
// since a supplicant passes on what strangers' devices call themselves.

import { displayName, unescapeBytes } from './supplicant-text.ts';

/** `STATUS` and its like: one key=value a line; the first of a repeated key counts. */
export function parseKeyValues(reply: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of reply.split('\n')) {
    const equals = line.indexOf('=');
    if (equals <= 0) continue;
    const key = line.slice(0, equals);
    if (!values.has(key)) values.set(key, line.slice(equals + 1));
  }
  return values;
}

/** `DRIVER_FLAGS`: a hexadecimal number, then one name a line. Undefined when it is nothing of the kind. */
export function parseDriverFlags(reply: string): ReadonlySet<string> | undefined {
  const [first = '', ...names] = reply.split('\n');
  if (!/^[0-9A-Fa-f]+:$/.test(first)) return undefined;
  return new Set(names.filter((name) => /^[A-Z0-9_]+$/.test(name)));
}

const hardwareAddress = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** The address from STATUS; undefined while P2P is off, which the supplicant shows as zeros or not at all. */
export function parseP2pDeviceAddress(status: ReadonlyMap<string, string>): string | undefined {
  const address = status.get('p2p_device_address')?.toLowerCase();
  if (address === undefined || !hardwareAddress.test(address) || address === '00:00:00:00:00:00')
    return undefined;
  return address;
}

/** `LIST_NETWORKS`: number, name, BSSID and flags between tabs; those that are stored groups. */
export function parseStoredGroups(reply: string): readonly { readonly id: number; readonly ssid: string }[] {
  return reply.split('\n').flatMap((line) => {
    const [id, ssid, , flags] = line.split('\t');
    if (id === undefined || ssid === undefined || !/^\d{1,6}$/.test(id)) return [];
    if (flags?.includes('[P2P-PERSISTENT]') !== true) return [];
    return [{ id: Number(id), ssid: displayName(unescapeBytes(ssid)) }];
  });
}

/** `STA-FIRST` and `STA-NEXT`: the address, then its flags and counters; undefined after the last one. */
export function parseStation(
  reply: string,
): { readonly address: string; readonly isAuthorized: boolean } | undefined {
  const [first = ''] = reply.split('\n');
  const address = first.trim().toLowerCase();
  if (!hardwareAddress.test(address)) return undefined;
  return { address, isAuthorized: parseKeyValues(reply).get('flags')?.includes('[AUTHORIZED]') === true };
}

/**
 * `P2P_PEER`: how strong it was heard, in dBm. The last `level` counts: what the device says of itself comes before it,
 * and might hold a line of that kind.
 */
export function parseSignalDbm(reply: string): number | undefined {
  const level = [...reply.matchAll(/^level=(-?\d{1,4})$/gm)].at(-1)?.[1];
  // Zero is the supplicant's word for "not heard".
  return level === undefined || Number(level) === 0 ? undefined : Number(level);
}
