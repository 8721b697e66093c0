// UPnP names as Wi-Fi Direct's service discovery carries them (annex F of the P2P technical specification): a version
// byte and text. Pure; what comes from other devices is hostile.

import { readAnswers } from './service-answers.ts';
import { WifiDirectError } from './errors.ts';
import { displayName } from './supplicant-text.ts';

/** What a device offers, such as uuid:6859dede-8574-59ab-9332-123456789012::urn:schemas-upnp-org:service:ContentDirectory:1. */
export type UpnpServiceName = `uuid:${string}` | `urn:${string}` | `upnp:${string}`;
/** What is looked for: a name, or everything. */
export type UpnpSearchTarget = UpnpServiceName | 'ssdp:all';

/** UPnP Device Architecture 1.0, as all devices say. */
export const UPNP_VERSION = '10';
const PROTOCOL = 2;
const MOST_NAMES = 64;

export function isUpnpSearchTarget(text: string): text is UpnpSearchTarget {
  return /^(?:(?:uuid|urn|upnp):[!-+\--~]{1,180}|ssdp:all)$/.test(text);
}

/** Throws WifiDirectError service_invalid; what comes back can stand in a command. */
export function checkedUpnpName(name: string): string {
  if (!isUpnpSearchTarget(name)) {
    throw new WifiDirectError('service_invalid', 'A UPnP name such as urn:schemas-upnp-org:… is expected.');
  }
  return name;
}

/** The names that an answer holds, made safe to show; what is malformed or refused is left out. */
export function upnpNamesIn(tlvs: Uint8Array): readonly string[] {
  const names: string[] = [];
  for (const { protocol, status, data } of readAnswers(tlvs)) {
    if (protocol !== PROTOCOL || status !== 0 || data.length < 2) continue;
    names.push(...splitAtCommas(data.subarray(1)));
  }
  return names.slice(0, MOST_NAMES);
}

function splitAtCommas(bytes: Uint8Array): readonly string[] {
  return Buffer.from(bytes)
    .toString('latin1')
    .split(',')
    .filter((name) => name !== '')
    .map((name) => displayName(Buffer.from(name, 'latin1'), LONGEST_NAME));
}

const LONGEST_NAME = 190;
