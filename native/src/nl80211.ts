// What the kernel says of its radios (nl80211, <linux/nl80211.h>). Pure.

import {
  buildAttribute,
  buildMessage,
  findAttribute,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  parseAnswers,
  parseAttributes,
  readText,
  readUint16,
  readUint32,
} from './netlink.ts';

const GENL_ID_CTRL = 0x10;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

const CMD_GET_WIPHY = 1;
const CMD_GET_INTERFACE = 5;
const ATTR_WIPHY = 1;
const ATTR_WIPHY_NAME = 2;
const ATTR_IFNAME = 4;
const ATTR_WIPHY_BANDS = 22;
const ATTR_SUPPORTED_IFTYPES = 32;
/** The answer in parts: whole, a modern radio does not fit into one message. */
const ATTR_SPLIT_WIPHY_DUMP = 174;
const BAND_ATTR_FREQS = 1;
const FREQUENCY_ATTR_FREQ = 1;
const FREQUENCY_ATTR_DISABLED = 2;
const FREQUENCY_ATTR_NO_IR = 3;
const IFTYPE_AP = 3;
const IFTYPE_P2P_CLIENT = 8;
const IFTYPE_P2P_GO = 9;

const GENL_HEADER_BYTES = 4;

export type WiphyFacts = {
  readonly index: number;
  /** Such as phy0. */
  readonly name: string;
  readonly isP2pCapable: boolean;
  readonly isAccessPointCapable: boolean;
  /** Where the radio and the country let it speak first, as whoever hosts must. */
  readonly hostableFrequenciesMhz: readonly number[];
  /** Its network interfaces. */
  readonly interfaceNames: readonly string[];
};

export function familyQuestion(): Uint8Array {
  const name = buildAttribute({ type: CTRL_ATTR_FAMILY_NAME, value: Buffer.from('nl80211\0') });
  return genericMessage(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_REQUEST, name);
}

/** The kernel's number for nl80211; undefined when it has no Wi-Fi at all. */
export function parseFamily(datagrams: readonly Uint8Array[]): number | undefined {
  for (const attributes of answersOf(datagrams)) {
    const id = readUint16(findAttribute(attributes, CTRL_ATTR_FAMILY_ID));
    if (id !== undefined) return id;
  }
  return undefined;
}

export function radiosQuestion(family: number): Uint8Array {
  const split = buildAttribute({ type: ATTR_SPLIT_WIPHY_DUMP, value: new Uint8Array() });
  return genericMessage(family, CMD_GET_WIPHY, NLM_F_REQUEST | NLM_F_DUMP, split);
}

export function interfacesQuestion(family: number): Uint8Array {
  return genericMessage(family, CMD_GET_INTERFACE, NLM_F_REQUEST | NLM_F_DUMP, new Uint8Array());
}

export function parseRadios(
  radios: readonly Uint8Array[],
  interfaces: readonly Uint8Array[],
): readonly WiphyFacts[] {
  const found = new Map<number, { name: string; types: Set<number>; frequencies: Set<number> }>();
  for (const attributes of answersOf(radios)) {
    const index = readUint32(findAttribute(attributes, ATTR_WIPHY));
    if (index === undefined) continue;
    const radio = found.get(index) ?? { name: '', types: new Set(), frequencies: new Set() };
    found.set(index, radio);
    radio.name = readText(findAttribute(attributes, ATTR_WIPHY_NAME)) ?? radio.name;
    for (const { type } of nested(findAttribute(attributes, ATTR_SUPPORTED_IFTYPES))) radio.types.add(type);
    for (const frequency of hostableFrequencies(findAttribute(attributes, ATTR_WIPHY_BANDS)))
      radio.frequencies.add(frequency);
  }
  const names = interfaceNames(interfaces);
  return [...found].map(([index, { name, types, frequencies }]) => ({
    index,
    name,
    isP2pCapable: types.has(IFTYPE_P2P_GO) && types.has(IFTYPE_P2P_CLIENT),
    isAccessPointCapable: types.has(IFTYPE_AP),
    hostableFrequenciesMhz: [...frequencies].toSorted((a, b) => a - b),
    interfaceNames: names.get(index) ?? [],
  }));
}

function interfaceNames(datagrams: readonly Uint8Array[]): ReadonlyMap<number, readonly string[]> {
  const names = new Map<number, readonly string[]>();
  for (const attributes of answersOf(datagrams)) {
    const index = readUint32(findAttribute(attributes, ATTR_WIPHY));
    const name = readText(findAttribute(attributes, ATTR_IFNAME));
    if (index !== undefined && name !== undefined) names.set(index, [...(names.get(index) ?? []), name]);
  }
  return names;
}

function hostableFrequencies(bands: Uint8Array | undefined): readonly number[] {
  return nested(bands)
    .flatMap(({ value }) => nested(findAttribute(parseAttributes(value), BAND_ATTR_FREQS)))
    .flatMap(({ value }) => {
      const frequency = parseAttributes(value);
      const isForbidden = [FREQUENCY_ATTR_DISABLED, FREQUENCY_ATTR_NO_IR].some(
        (type) => findAttribute(frequency, type) !== undefined,
      );
      const mhz = readUint32(findAttribute(frequency, FREQUENCY_ATTR_FREQ));
      return isForbidden || mhz === undefined ? [] : [mhz];
    });
}

function nested(value: Uint8Array | undefined): ReturnType<typeof parseAttributes> {
  return value === undefined ? [] : parseAttributes(value);
}

/** The attributes of each answer; the kernel's own words (end, error) have types below those of families. */
function answersOf(datagrams: readonly Uint8Array[]): readonly ReturnType<typeof parseAttributes>[] {
  return parseAnswers(datagrams, {
    isWanted: (type) => type >= GENL_ID_CTRL,
    headerBytes: GENL_HEADER_BYTES,
  }).map(({ attributes }) => attributes);
}

function genericMessage(type: number, command: number, flags: number, attributes: Uint8Array): Uint8Array {
  return buildMessage({ type, flags, payload: Uint8Array.from([command, 1, 0, 0, ...attributes]) });
}
