// What a supplicant says by itself, as a closed union. Pure: any line may come in, and what is not understood is
// undefined, never an error: supplicants say more with every version.

import { displayName, splitWords, unescapeBytes } from './supplicant-text.ts';

/** Twelve hexadecimal digits in pairs, lower case, such as 02:00:00:00:01:00. */
export type HardwareAddress = string;

export type DeviceCategory =
  | 'computer'
  | 'input'
  | 'printer'
  | 'camera'
  | 'storage'
  | 'network'
  | 'display'
  | 'multimedia'
  | 'gaming'
  | 'telephone'
  | 'audio'
  | 'other';

export type PeerSighting = {
  /** Its address as a Wi-Fi Direct device: who it is, as far as the radio can tell. */
  readonly address: HardwareAddress;
  /** What it calls itself, made safe to show; may be empty, and anybody may choose any name. */
  readonly name: string;
  /** Category, OUI and subcategory as the supplicant writes them, such as 10-0050F204-5 (a telephone). */
  readonly primaryDeviceType: string | undefined;
  /** The first number of it as a word. */
  readonly category: DeviceCategory;
  /** Bits of WPS configuration methods. */
  readonly configMethods: number;
  readonly isGroupOwner: boolean;
};

export type SupplicantEvent =
  | { readonly type: 'peer_found'; readonly peer: PeerSighting }
  | { readonly type: 'peer_lost'; readonly address: HardwareAddress }
  | { readonly type: 'find_stopped' }
  | {
      readonly type: 'group_started';
      readonly interfaceName: string;
      readonly role: 'group_owner' | 'client';
      readonly ssid: Uint8Array;
      readonly frequencyMhz: number | undefined;
      /** Only as group owner. Never to be logged. */
      readonly passphrase: string | undefined;
      readonly groupOwnerAddress: HardwareAddress | undefined;
      readonly isPersistent: boolean;
    }
  | {
      readonly type: 'group_removed';
      readonly interfaceName: string;
      /** The supplicant's word, such as REQUESTED, IDLE, UNAVAILABLE or FORMATION_FAILED. */
      readonly reason: string;
    }
  | { readonly type: 'group_formation_failed' }
  | { readonly type: 'negotiation_failed'; readonly status: number }
  | { readonly type: 'provisioning_failed'; readonly address: HardwareAddress }
  | {
      readonly type: 'station_joined';
      readonly address: HardwareAddress;
      readonly deviceAddress: HardwareAddress | undefined;
    }
  | { readonly type: 'station_left'; readonly address: HardwareAddress }
  | { readonly type: 'wrong_passphrase'; readonly address: HardwareAddress | undefined }
  | {
      readonly type: 'service_response';
      readonly address: HardwareAddress;
      readonly updateIndicator: number;
      readonly tlvs: Uint8Array;
    }
  | { readonly type: 'access_point_enabled' }
  | { readonly type: 'access_point_disabled' }
  | { readonly type: 'interface_disabled' }
  | { readonly type: 'interface_enabled' }
  | { readonly type: 'supplicant_ending' };

const KNOWN_KEYS: ReadonlySet<string> = new Set([
  'p2p_dev_addr',
  'pri_dev_type',
  'name',
  'config_methods',
  'dev_capab',
  'group_capab',
  'vendor_elems',
  'wfd_dev_info',
  'new',
  'ssid',
  'freq',
  'passphrase',
  'psk',
  'go_dev_addr',
  'ip_addr',
  'ip_mask',
  'go_ip_addr',
  'reason',
  'status',
]);

const ADDRESS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;
const INTERFACE_NAME = /^[A-Za-z0-9_.:-]{1,32}$/;

/** Reads one event; the priority in front (`<3>`) may be there or not. */
export function parseEvent(line: string): SupplicantEvent | undefined {
  const text = line.replace(/^<\d>/, '').replace(/\n$/, '');
  const space = text.indexOf(' ');
  const name = space === -1 ? text : text.slice(0, space);
  const rest = space === -1 ? '' : text.slice(space + 1);
  return PARSERS.get(name)?.(rest);
}

type Parser = (rest: string) => SupplicantEvent | undefined;

const PARSERS: ReadonlyMap<string, Parser> = new Map<string, Parser>([
  ['P2P-DEVICE-FOUND', readPeerFound],
  ['P2P-DEVICE-LOST', (rest) => withAddress(words(rest).named.get('p2p_dev_addr'), 'peer_lost')],
  ['P2P-FIND-STOPPED', () => ({ type: 'find_stopped' })],
  ['P2P-GROUP-STARTED', readGroupStarted],
  ['P2P-GROUP-REMOVED', readGroupRemoved],
  ['P2P-GROUP-FORMATION-FAILURE', () => ({ type: 'group_formation_failed' })],
  [
    'P2P-GO-NEG-FAILURE',
    (rest) => ({ type: 'negotiation_failed', status: readInteger(words(rest).named.get('status')) ?? -1 }),
  ],
  [
    'P2P-PROV-DISC-FAILURE',
    (rest) => withAddress(words(rest).named.get('p2p_dev_addr'), 'provisioning_failed'),
  ],
  ['AP-STA-CONNECTED', readStationJoined],
  ['AP-STA-DISCONNECTED', (rest) => withAddress(words(rest).plain[0], 'station_left')],
  [
    'AP-STA-POSSIBLE-PSK-MISMATCH',
    (rest) => ({ type: 'wrong_passphrase', address: readAddress(words(rest).plain[0]) }),
  ],
  ['P2P-SERV-DISC-RESP', readServiceResponse],
  ['AP-ENABLED', () => ({ type: 'access_point_enabled' })],
  ['AP-DISABLED', () => ({ type: 'access_point_disabled' })],
  ['INTERFACE-DISABLED', () => ({ type: 'interface_disabled' })],
  ['INTERFACE-ENABLED', () => ({ type: 'interface_enabled' })],
  ['CTRL-EVENT-TERMINATING', () => ({ type: 'supplicant_ending' })],
]);

function words(rest: string): ReturnType<typeof splitWords> {
  return splitWords(rest, KNOWN_KEYS);
}

function readPeerFound(rest: string): SupplicantEvent | undefined {
  const { named } = words(rest);
  const address = readAddress(named.get('p2p_dev_addr'));
  if (address === undefined) return undefined;
  const type = readDeviceType(named.get('pri_dev_type'));
  return {
    type: 'peer_found',
    peer: {
      address,
      name: displayName(unescapeBytes(named.get('name') ?? '')),
      primaryDeviceType: type,
      category: categoryOf(type),
      configMethods: readHexadecimal(named.get('config_methods')) ?? 0,
      // Bit 0 of the group capability: the device owns a group.
      isGroupOwner: ((readHexadecimal(named.get('group_capab')) ?? 0) & 1) === 1,
    },
  };
}

/** In the order of their numbers, from 1 on (WPS 1.0h, 12.2.39). */
const CATEGORIES: readonly DeviceCategory[] = [
  'computer',
  'input',
  'printer',
  'camera',
  'storage',
  'network',
  'display',
  'multimedia',
  'gaming',
  'telephone',
  'audio',
];

export function categoryOf(deviceType: string | undefined): DeviceCategory {
  return CATEGORIES[Number(deviceType?.split('-')[0]) - 1] ?? 'other';
}

function readDeviceType(text: string | undefined): string | undefined {
  return text !== undefined && /^\d{1,5}-[0-9A-Fa-f]{8}-\d{1,5}$/.test(text) ? text : undefined;
}

function readGroupStarted(rest: string): SupplicantEvent | undefined {
  const { plain, named } = words(rest);
  const [interfaceName, role] = plain;
  const ssid = named.get('ssid');
  if (interfaceName === undefined || !INTERFACE_NAME.test(interfaceName) || ssid === undefined)
    return undefined;
  if (role !== 'GO' && role !== 'client') return undefined;
  const passphrase = named.get('passphrase');
  return {
    type: 'group_started',
    interfaceName,
    role: role === 'GO' ? 'group_owner' : 'client',
    ssid: unescapeBytes(ssid),
    frequencyMhz: readInteger(named.get('freq')),
    passphrase: passphrase === undefined ? undefined : new TextDecoder().decode(unescapeBytes(passphrase)),
    groupOwnerAddress: readAddress(named.get('go_dev_addr')),
    isPersistent: plain.includes('[PERSISTENT]'),
  };
}

function readGroupRemoved(rest: string): SupplicantEvent | undefined {
  const { plain, named } = words(rest);
  const [interfaceName] = plain;
  if (interfaceName === undefined || !INTERFACE_NAME.test(interfaceName)) return undefined;
  const reason = named.get('reason') ?? '';
  return { type: 'group_removed', interfaceName, reason: /^[A-Z_]{1,40}$/.test(reason) ? reason : 'UNKNOWN' };
}

function readStationJoined(rest: string): SupplicantEvent | undefined {
  const { plain, named } = words(rest);
  const address = readAddress(plain[0]);
  if (address === undefined) return undefined;
  return { type: 'station_joined', address, deviceAddress: readAddress(named.get('p2p_dev_addr')) };
}

function readServiceResponse(rest: string): SupplicantEvent | undefined {
  const [from, indicator, hex] = words(rest).plain;
  const address = readAddress(from);
  const updateIndicator = readInteger(indicator);
  if (address === undefined || updateIndicator === undefined || hex === undefined) return undefined;
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(hex)) return undefined;
  return {
    type: 'service_response',
    address,
    updateIndicator,
    tlvs: Uint8Array.from(Buffer.from(hex, 'hex')),
  };
}

function withAddress(
  text: string | undefined,
  type: 'peer_lost' | 'station_left' | 'provisioning_failed',
): SupplicantEvent | undefined {
  const address = readAddress(text);
  return address === undefined ? undefined : { type, address };
}

function readAddress(text: string | undefined): HardwareAddress | undefined {
  return text !== undefined && ADDRESS.test(text) ? text.toLowerCase() : undefined;
}

function readInteger(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function readHexadecimal(text: string | undefined): number | undefined {
  const digits = text === undefined ? undefined : /^0x([0-9a-f]{1,8})$/i.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}
