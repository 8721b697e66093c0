// What the kernel says of network interfaces and their addresses (<linux/rtnetlink.h>). Pure.

import { isIPv4 } from 'node:net';
import { buildMessage, findAttribute, NLM_F_DUMP, NLM_F_REQUEST, parseAnswers, readText } from './netlink.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFF_UP = 1;
const AF_INET = 2;
const LINK_HEADER_BYTES = 16;
const ADDRESS_HEADER_BYTES = 8;

export type InterfaceAddress = {
  readonly address: string;
  readonly prefixLength: number;
};

export type InterfaceFacts = {
  readonly index: number;
  readonly name: string;
  readonly isUp: boolean;
  /** Such as 02:00:00:00:01:00; undefined where there is none. */
  readonly hardwareAddress: string | undefined;
  readonly addresses: readonly InterfaceAddress[];
};

export function linksQuestion(): Uint8Array {
  return buildMessage({
    type: RTM_GETLINK,
    flags: NLM_F_REQUEST | NLM_F_DUMP,
    payload: new Uint8Array(LINK_HEADER_BYTES),
  });
}

export function addressesQuestion(): Uint8Array {
  return buildMessage({
    type: RTM_GETADDR,
    flags: NLM_F_REQUEST | NLM_F_DUMP,
    payload: new Uint8Array(ADDRESS_HEADER_BYTES),
  });
}

export function parseInterfaces(
  links: readonly Uint8Array[],
  addresses: readonly Uint8Array[],
): readonly InterfaceFacts[] {
  const addressesOf = parseAddresses(addresses);
  const wanted = { isWanted: (type: number) => type === RTM_NEWLINK, headerBytes: LINK_HEADER_BYTES };
  return parseAnswers(links, wanted).map(({ header, attributes }) => {
    const index = header.readInt32LE(4);
    return {
      index,
      name: readText(findAttribute(attributes, IFLA_IFNAME)) ?? '',
      isUp: (header.readUInt32LE(8) & IFF_UP) !== 0,
      hardwareAddress: hardwareAddress(findAttribute(attributes, IFLA_ADDRESS)),
      addresses: addressesOf.get(index) ?? [],
    };
  });
}

function parseAddresses(datagrams: readonly Uint8Array[]): ReadonlyMap<number, readonly InterfaceAddress[]> {
  const found = new Map<number, readonly InterfaceAddress[]>();
  const wanted = { isWanted: (type: number) => type === RTM_NEWADDR, headerBytes: ADDRESS_HEADER_BYTES };
  for (const { header, attributes } of parseAnswers(datagrams, wanted)) {
    // On a link between two, `address` is the other end's.
    const bytes = findAttribute(attributes, IFA_LOCAL) ?? findAttribute(attributes, IFA_ADDRESS);
    const address = bytes === undefined ? undefined : addressText(header.readUInt8(0), bytes);
    const index = header.readUInt32LE(4);
    if (address === undefined) continue;
    found.set(index, [...(found.get(index) ?? []), { address, prefixLength: header.readUInt8(1) }]);
  }
  return found;
}

function addressText(family: number, bytes: Uint8Array): string | undefined {
  if (family === AF_INET) {
    const text = bytes.join('.');
    return isIPv4(text) ? text : undefined;
  }
  if (bytes.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function hardwareAddress(bytes: Uint8Array | undefined): string | undefined {
  if (bytes?.length !== 6) return undefined;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
