// Builds the lines that a supplicant is told. Everything that comes from outside is checked here, so that no name,
// PIN or passphrase can end a line, begin an option or leave its quotes.

import { WifiDirectError } from './errors.ts';
import type { JoinMethod } from './radio.ts';
import type { HardwareAddress } from './supplicant-events.ts';

const ADDRESS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

export function checkedAddress(address: HardwareAddress): HardwareAddress {
  const lower = address.toLowerCase();
  if (!ADDRESS.test(lower))
    throw new WifiDirectError('address_invalid', 'An address such as 02:00:00:00:01:00 is expected.');
  return lower;
}

/** WPS PINs are 8 digits, the last of which is a check digit over the others. */
export function checkedPin(pin: string): string {
  if (!/^\d{8}$/.test(pin) || checkDigitOf(pin.slice(0, 7)) !== Number(pin[7])) {
    throw new WifiDirectError('pin_invalid', 'A WPS PIN has 8 digits, the last of which checks the others.');
  }
  return pin;
}

/** The check digit of a WPS PIN: digits weighted 3, 1, 3, 1 …, up to the next ten. */
export function checkDigitOf(digits: string): number {
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 3 : 1), 0);
  return (10 - (sum % 10)) % 10;
}

/** Up to 23 bytes after `DIRECT-xy`, as the standard leaves them of 32. */
export function checkedSsidPostfix(postfix: string): string {
  if (!/^[A-Za-z0-9 ._-]{0,23}$/.test(postfix) || postfix !== postfix.trimEnd()) {
    throw new WifiDirectError(
      'ssid_invalid',
      'The end of a group’s name has up to 23 letters, digits, spaces, dots, lines.',
    );
  }
  return postfix;
}

export function checkedDeviceName(name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes < 1 || bytes > 32 || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) {
    throw new WifiDirectError('device_name_invalid', 'A device’s name has 1 to 32 bytes on one line.');
  }
  return name;
}

export function checkedFrequency(frequencyMhz: number): number {
  const isKnown =
    Number.isInteger(frequencyMhz) &&
    ((frequencyMhz >= 2_412 && frequencyMhz <= 2_484) || (frequencyMhz >= 5_150 && frequencyMhz <= 7_125));
  if (!isKnown)
    throw new WifiDirectError('frequency_invalid', 'A frequency in MHz is expected, such as 2412 or 5180.');
  return frequencyMhz;
}

export function checkedSeconds(seconds: number): number {
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 3_600) {
    throw new WifiDirectError('duration_invalid', 'A search takes 1 to 3600 seconds.');
  }
  return seconds;
}

export type GroupAdd = {
  readonly frequencyMhz?: number | undefined;
  /** The supplicant's number of a stored group; without it, a new one. */
  readonly persistentId?: number | undefined;
  readonly isPersistent?: boolean;
};

export function groupAddCommand({ frequencyMhz, persistentId, isPersistent }: GroupAdd): string {
  const parts = ['P2P_GROUP_ADD'];
  if (persistentId !== undefined) parts.push(`persistent=${String(checkedNetworkId(persistentId))}`);
  else if (isPersistent === true) parts.push('persistent');
  if (frequencyMhz !== undefined) parts.push(`freq=${String(checkedFrequency(frequencyMhz))}`);
  return parts.join(' ');
}

export function checkedNetworkId(id: number): number {
  if (!Number.isInteger(id) || id < 0 || id > 100_000)
    throw new WifiDirectError('group_unknown', 'No such stored group.');
  return id;
}

export type Join = {
  readonly address: HardwareAddress;
  readonly method: JoinMethod;
  readonly isPersistent: boolean;
};

/** Joining by push button does not exist here: anybody who stands near could be the one who is let in. */
export function joinCommand({ address, method, isPersistent }: Join): string {
  const peer = checkedAddress(address);
  switch (method.by) {
    case 'pin':
      return `P2P_CONNECT ${peer} ${checkedPin(method.pin)}${isPersistent ? ' persistent' : ''} join`;
    case 'stored_group':
      return `P2P_GROUP_ADD persistent=${String(checkedNetworkId(method.storedGroupId))}`;
    case 'push_button':
      throw new WifiDirectError('push_button_refused', 'There is no joining by push button here.');
  }
}

/** A name that is one file in the supplicant's folder and nothing else. */
export function checkedInterfaceName(name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,31}$/.test(name))
    throw new WifiDirectError('interface_name_invalid', 'The name of a network interface is expected.');
  return name;
}

/** Where ordinary networks live: a driver's device for Wi-Fi Direct (p2p-dev-wlan0) belongs to wlan0. */
export function networkInterfaceOf(interfaceName: string): string {
  return interfaceName.replace(/^p2p-dev-/, '');
}
