// Networks that are described to the supplicant before it hosts them: a group with a name and passphrase of one's own,
// and a plain access point. Pure, but for adding one.

import { randomInt } from 'node:crypto';
import { WifiDirectError } from './errors.ts';
import { checkedFrequency, checkedNetworkId, checkedSsidPostfix } from './supplicant-commands.ts';
import type { HardwareAddress } from './supplicant-events.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** What every Wi-Fi chip can do, and every phone hears. */
const DEFAULT_FREQUENCY_MHZ = 2_437;
const WPA2 = ['key_mgmt WPA-PSK', 'proto RSN', 'pairwise CCMP', 'group CCMP', 'auth_alg OPEN'] as const;

export type OwnGroup = {
  /** Whole, with its `DIRECT-xy`; without it, a new one is made up with the end that is asked for. */
  readonly ssid?: string | undefined;
  readonly ssidPostfix?: string | undefined;
  readonly passphrase: string;
};

/** A stored group, as P2P_GROUP_ADD hosts it; by the device's address the supplicant knows that it is its own. */
export function ownGroupSettings(
  { ssid, ssidPostfix, passphrase }: OwnGroup,
  deviceAddress: HardwareAddress,
): readonly string[] {
  return [
    `ssid ${toHex(ssid === undefined ? newGroupName(ssidPostfix ?? '') : checkedGroupName(ssid))}`,
    `bssid ${deviceAddress}`,
    `psk "${checkedPassphrase(passphrase)}"`,
    'mode 3',
    'disabled 2',
    ...WPA2,
  ];
}

export type AccessPoint = {
  readonly ssid: string;
  readonly passphrase: string;
  readonly frequencyMhz?: number | undefined;
  readonly clientInactivitySeconds: number;
};

export function accessPointSettings(accessPoint: AccessPoint): readonly string[] {
  const { ssid, passphrase, frequencyMhz = DEFAULT_FREQUENCY_MHZ, clientInactivitySeconds } = accessPoint;
  return [
    `ssid ${toHex(checkedSsid(ssid))}`,
    `psk "${checkedPassphrase(passphrase)}"`,
    'mode 2',
    `frequency ${String(checkedFrequency(frequencyMhz))}`,
    `ap_max_inactivity ${String(clientInactivitySeconds)}`,
    ...WPA2,
  ];
}

/** Describes a network and gives the supplicant's number for it; leaves nothing behind when a line is refused. */
export async function addNetwork(
  ask: (command: string) => Promise<string>,
  settings: readonly string[],
): Promise<number> {
  const id = checkedNetworkId(Number(await ask('ADD_NETWORK')));
  try {
    for (const setting of settings) await ask(`SET_NETWORK ${String(id)} ${setting}`);
    return id;
  } catch (error) {
    await ask(`REMOVE_NETWORK ${String(id)}`).catch(() => undefined);
    throw error;
  }
}

/** 16 to 63 printable characters: WPA2 would take 8, which a graphics card tries in days. */
export function checkedPassphrase(passphrase: string): string {
  if (!/^[ -~]{16,63}$/.test(passphrase)) {
    throw new WifiDirectError('passphrase_invalid', 'A passphrase has 16 to 63 printable ASCII characters.');
  }
  return passphrase;
}

/** `DIRECT-` and two letters of chance, as the standard begins the name of a group. */
export function newGroupName(postfix: string): string {
  const letter = (): string => LETTERS[randomInt(LETTERS.length)] ?? 'x';
  return `DIRECT-${letter()}${letter()}${checkedSsidPostfix(postfix)}`;
}

function checkedGroupName(ssid: string): string {
  const postfix = /^DIRECT-[A-Za-z0-9]{2}(.*)$/s.exec(ssid)?.[1];
  if (postfix === undefined)
    throw new WifiDirectError('ssid_invalid', 'A group’s name begins with DIRECT- and two letters.');
  checkedSsidPostfix(postfix);
  return ssid;
}

function checkedSsid(ssid: string): string {
  const bytes = new TextEncoder().encode(ssid).length;
  if (bytes < 1 || bytes > 32 || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(ssid))
    throw new WifiDirectError('ssid_invalid', 'The name of a network has 1 to 32 bytes on one line.');
  return ssid;
}

function toHex(text: string): string {
  return Buffer.from(text).toString('hex');
}
