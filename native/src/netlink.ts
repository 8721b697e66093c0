// Netlink messages, to and from bytes. Pure: whatever bytes come in, nothing throws; what is cut short is left out. The
// kernel speaks in the byte order of the machine, which is little endian wherever this package is built.

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** The two highest bits of an attribute's type say how it is made, not what it is. */
const TYPE_MASK = 0x3f_ff;

export const NLM_F_REQUEST = 1;
export const NLM_F_DUMP = 0x3_00;
const NLMSG_ERROR = 2;

export type NetlinkMessage = {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
};

export type NetlinkAttribute = {
  readonly type: number;
  readonly value: Uint8Array;
};

export function buildMessage({ type, flags, payload }: NetlinkMessage): Uint8Array {
  const message = Buffer.alloc(HEADER_BYTES + payload.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags, 6);
  // Sequence 1, from nobody in particular: a socket asks one question only.
  message.writeUInt32LE(1, 8);
  message.set(payload, HEADER_BYTES);
  return message;
}

export function buildAttribute({ type, value }: NetlinkAttribute): Uint8Array {
  const length = ATTRIBUTE_HEADER_BYTES + value.length;
  const attribute = Buffer.alloc(aligned(length));
  attribute.writeUInt16LE(length, 0);
  attribute.writeUInt16LE(type, 2);
  attribute.set(value, ATTRIBUTE_HEADER_BYTES);
  return attribute;
}

export function parseMessages(datagram: Uint8Array): readonly NetlinkMessage[] {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= datagram.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > datagram.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

export function parseAttributes(bytes: Uint8Array): readonly NetlinkAttribute[] {
  const view = viewOf(bytes);
  const attributes: NetlinkAttribute[] = [];
  for (let at = 0; at + ATTRIBUTE_HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) break;
    attributes.push({
      type: view.getUint16(at + 2, true) & TYPE_MASK,
      value: bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length),
    });
    at += aligned(length);
  }
  return attributes;
}

export type NetlinkAnswer = {
  readonly type: number;
  /** What stands before the attributes; its fields depend on the family. */
  readonly header: Buffer;
  readonly attributes: readonly NetlinkAttribute[];
};

/** The answers of a family in these datagrams: `isWanted` says which types are, each begins with so many bytes. */
export function parseAnswers(
  datagrams: readonly Uint8Array[],
  { isWanted, headerBytes }: { readonly isWanted: (type: number) => boolean; readonly headerBytes: number },
): readonly NetlinkAnswer[] {
  return datagrams
    .flatMap(parseMessages)
    .filter(({ type, payload }) => isWanted(type) && payload.length >= headerBytes)
    .map(({ type, payload }) => ({
      type,
      header: Buffer.from(payload.buffer, payload.byteOffset, headerBytes),
      attributes: parseAttributes(payload.subarray(headerBytes)),
    }));
}

/** The first attribute of a kind. */
export function findAttribute(attributes: readonly NetlinkAttribute[], type: number): Uint8Array | undefined {
  return attributes.find((attribute) => attribute.type === type)?.value;
}

/** The errno of an error message; 0 is a mere acknowledgement. */
export function errnoOf({ type, payload }: NetlinkMessage): number | undefined {
  if (type !== NLMSG_ERROR || payload.length < 4) return undefined;
  return -viewOf(payload).getInt32(0, true);
}

export function readUint16(value: Uint8Array | undefined): number | undefined {
  return value === undefined || value.length < 2 ? undefined : viewOf(value).getUint16(0, true);
}

export function readUint32(value: Uint8Array | undefined): number | undefined {
  return value === undefined || value.length < 4 ? undefined : viewOf(value).getUint32(0, true);
}

/** Text up to its end or its NUL. */
export function readText(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return new TextDecoder().decode(end === -1 ? value : value.subarray(0, end));
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
