// DNS-SD records as Wi-Fi Direct's service discovery carries them (Bonjour, section 4.2.3 and annex E of the P2P
// technical specification): DNS names, with pointers into a packet that is only imagined. Pure functions; what comes
// from other devices is hostile.

import { WifiDirectError } from './errors.ts';
import { readAnswers } from './service-answers.ts';
import { displayName } from './supplicant-text.ts';

/** A kind of service over TCP or UDP, such as _tikipay._tcp. */
export type ServiceType = `_${string}._tcp` | `_${string}._udp`;

const SERVICE_TYPE = /^(_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?)\._(tcp|udp)$/i;

export function isServiceType(text: string): text is ServiceType {
  return SERVICE_TYPE.test(text);
}

export type ServiceInstance = {
  readonly type: ServiceType;
  /** What people choose by; made safe to show. */
  readonly instance: string;
};

const TYPE_PTR = 12;
const TYPE_TXT = 16;
const VERSION = 1;
/** Where the imagined packet holds these names; both ends know it by heart. */
const POINTER_TO_TCP_LOCAL = 0xc0_0c;
const POINTER_TO_UDP_LOCAL = 0xc0_1c;
/** … and the name that was asked for. */
const POINTER_TO_QUERY = 0xc0_27;
const LONGEST_LABEL = 63;
const LONGEST_TXT = 255;

export type Record = {
  readonly query: Uint8Array;
  readonly data: Uint8Array;
};

/** The question "who offers this?" */
export function queryOf(type: ServiceType): Uint8Array {
  return Uint8Array.from([...nameOf(type), 0, TYPE_PTR, VERSION]);
}

/** What a supplicant must know to answer for one instance: the pointer to it, and its attributes. */
export function recordsOf(
  { type, instance }: ServiceInstance,
  attributes: Readonly<{ [key: string]: string }> = {},
): readonly Record[] {
  const label = labelOf(instance);
  return [
    { query: queryOf(type), data: Uint8Array.from([...label, ...bytesOf(POINTER_TO_QUERY)]) },
    { query: Uint8Array.from([...label, ...nameOf(type), 0, TYPE_TXT, VERSION]), data: textOf(attributes) },
  ];
}

/** Wraps a query as `P2P_SERV_DISC_REQ` takes it: length, protocol 1 (Bonjour), transaction, question. */
export function requestTlv(transaction: number, query: Uint8Array): Uint8Array {
  const length = query.length + 2;
  return Uint8Array.from([length & 0xff, length >> 8, 1, transaction & 0xff, ...query]);
}

/** The instances of a type that an answer names; what is malformed, refused or about something else is left out. */
export function instancesIn(tlvs: Uint8Array, type: ServiceType): readonly ServiceInstance[] {
  const query = queryOf(type);
  const found: ServiceInstance[] = [];
  for (const { protocol, status, data } of readAnswers(tlvs)) {
    if (protocol !== 1 || status !== 0 || !startsWith(data, query)) continue;
    const instance = readLabel(data.subarray(query.length));
    if (instance !== undefined) found.push({ type, instance });
  }
  return found;
}

/** One label, followed by a pointer to the name that was asked for. */
function readLabel(data: Uint8Array): string | undefined {
  const length = data[0] ?? 0;
  if (length < 1 || length > LONGEST_LABEL || data.length !== length + 3) return undefined;
  if ((((data[length + 1] ?? 0) << 8) | (data[length + 2] ?? 0)) !== POINTER_TO_QUERY) return undefined;
  return displayName(data.subarray(1, length + 1));
}

function nameOf(type: ServiceType): readonly number[] {
  const [, service, transport] = SERVICE_TYPE.exec(type) ?? [];
  if (service === undefined) {
    throw new WifiDirectError('service_invalid', 'A kind of service such as _tikipay._tcp is expected.');
  }
  const pointer = transport?.toLowerCase() === 'tcp' ? POINTER_TO_TCP_LOCAL : POINTER_TO_UDP_LOCAL;
  return [...labelOf(service), ...bytesOf(pointer)];
}

function labelOf(text: string): readonly number[] {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length < 1 || bytes.length > LONGEST_LABEL || /[\p{Cc}]/u.test(text)) {
    throw new WifiDirectError('service_invalid', 'A service’s name has 1 to 63 bytes on one line.');
  }
  return [bytes.length, ...bytes];
}

function textOf(attributes: Readonly<{ [key: string]: string }>): Uint8Array {
  const entries = Object.entries(attributes).map(([key, value]) => {
    const bytes = new TextEncoder().encode(`${key}=${value}`);
    if (!/^[ -<>-~]{1,9}$/.test(key) || bytes.length > LONGEST_TXT) {
      throw new WifiDirectError(
        'service_invalid',
        'An attribute has a key of 1 to 9 letters and 255 bytes in all.',
      );
    }
    return [bytes.length, ...bytes];
  });
  return Uint8Array.from(entries.length === 0 ? [0] : entries.flat());
}

function bytesOf(pointer: number): readonly [number, number] {
  return [pointer >> 8, pointer & 0xff];
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, at) => bytes[at] === byte);
}
