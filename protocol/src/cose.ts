/**
 * COSE_Sign1 (RFC 9052 section 4.2), untagged, ES256 only. The protected header is one of two fixed byte strings,
 * compared and never interpreted: there is no algorithm to negotiate and no header in which a key could travel.
 * The hash of an object is the SHA-256 of its Sig_structure: exactly what its signature signs, whatever the
 * signature's bytes are, so that a malleated signature changes no identity.
 */
import { equalBytes } from './bytes.ts';
import {
  byteStringSize,
  decodeCbor,
  encodeCbor,
  endOfByteString,
  FieldReader,
  headBytes,
  putByteString,
  type CborValue,
} from './cbor.ts';
import { digest, sign, verifySignature, type Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { shortLived } from './slab.ts';

const KEY_ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
/** `{1: -7}` */
const PROTECTED_PLAIN = Uint8Array.of(0xa1, 0x01, 0x26);
/** `{1: -7, 4: h'....'}` up to the key id. */
const PROTECTED_KEY_ID_PREFIX = Uint8Array.of(0xa2, 0x01, 0x26, 0x04, 0x44);
const NO_AAD = new Uint8Array(0);
/** The head of an array of four, and the text "Signature1" with its own. */
const SIGNATURE1 = Uint8Array.of(0x84, 0x6a, 0x53, 0x69, 0x67, 0x6e, 0x61, 0x74, 0x75, 0x72, 0x65, 0x31);
const ARRAY_OF_FOUR = Uint8Array.of(0x84);
const EMPTY_MAP = Uint8Array.of(0xa0);

/**
 * A signed object as read: its fields can be looked at, its signature has not been checked. Payload, signature and header
 * may be views of `bytes`: nobody writes into what was read.
 */
export interface UnverifiedObject {
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** Which issuer key signed, for objects of the issuer; null otherwise. */
  readonly keyId: Uint8Array | null;
  readonly protectedHeader: Uint8Array;
}

/** A 4-byte selector of an issuer key: the head of the hash of its compressed point. Selects, proves nothing. */
export function* keyIdOf(publicKey: Uint8Array): Steps<Uint8Array> {
  return (yield* digest(publicKey)).slice(0, KEY_ID_BYTES);
}

/** Deterministic CBOR of ["Signature1", protected, external_aad, payload], put together from its four strings. */
function sigStructure(protectedHeader: Uint8Array, externalAad: Uint8Array, payload: Uint8Array): Uint8Array {
  const strings = [protectedHeader, externalAad, payload];
  let length = SIGNATURE1.length;
  for (const string of strings) length += byteStringSize(string);
  const structure = shortLived(length);
  structure.set(SIGNATURE1);
  let at = SIGNATURE1.length;
  for (const string of strings) at = putByteString(structure, at, string);
  return structure;
}

function readProtected(header: Uint8Array): Uint8Array | null {
  if (equalBytes(header, PROTECTED_PLAIN)) return null;
  const prefix = PROTECTED_KEY_ID_PREFIX.length;
  if (
    header.length !== prefix + KEY_ID_BYTES ||
    !equalBytes(header.subarray(0, prefix), PROTECTED_KEY_ID_PREFIX)
  ) {
    refuse('algorithm_not_allowed');
  }
  return header.slice(prefix);
}

/** Takes apart an object that no issuer key signs. @throws Refusal; says nothing of the signature. */
export function readObject(bytes: Uint8Array, maxBytes: number): UnverifiedObject {
  const object = readIssuedObject(bytes, maxBytes);
  // A key id is the issuer's: on anything else it would be a second form of one object, with a hash of its own.
  if (object.keyId !== null) refuse('algorithm_not_allowed');
  return object;
}

/** Takes apart an object of the issuer, whose header names a key; one that names none is its own page's question. */
export function readIssuedObject(bytes: Uint8Array, maxBytes: number): UnverifiedObject {
  const usual = bytes.length > maxBytes ? null : readUsualForm(bytes);
  if (usual !== null) return usual;
  const value = decodeCbor(bytes, maxBytes);
  if (!Array.isArray(value) || value.length !== 4) refuse('message_malformed');
  const [protectedHeader, unprotected, payload, signature]: readonly unknown[] = value;
  if (!(protectedHeader instanceof Uint8Array) || !(payload instanceof Uint8Array))
    refuse('message_malformed');
  // A map with entries has not come so far: the decoder knows the empty one only.
  if (!(unprotected instanceof Map)) refuse('algorithm_not_allowed');
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES)
    refuse('algorithm_not_allowed');
  return { bytes, payload, signature, keyId: readProtected(protectedHeader), protectedHeader };
}

/**
 * An object with a payload of 24 to 65,535 bytes in exactly the bytes that {@link encodeSign1} gives it, which is every honest
 * one. Null for anything else: the rules read it, and name what is wrong.
 */
export function readUsualForm(bytes: Uint8Array): UnverifiedObject | null {
  const headerBytes = (bytes[1] ?? 0) - 0x40;
  const isKeyed = headerBytes === PROTECTED_KEY_ID_PREFIX.length + KEY_ID_BYTES;
  if (bytes[0] !== ARRAY_OF_FOUR[0] || !(isKeyed || headerBytes === PROTECTED_PLAIN.length)) return null;
  const start = isKeyed ? PROTECTED_KEY_ID_PREFIX : PROTECTED_PLAIN;
  for (let index = 0; index < start.length; index += 1) if (bytes[2 + index] !== start[index]) return null;
  const mapAt = 2 + headerBytes;
  const payloadEnd = endOfByteString(bytes, mapAt + 1);
  const isWhole =
    bytes[mapAt] === EMPTY_MAP[0] &&
    payloadEnd !== null &&
    bytes[payloadEnd] === 0x58 &&
    bytes[payloadEnd + 1] === SIGNATURE_BYTES &&
    bytes.length === payloadEnd + 2 + SIGNATURE_BYTES;
  if (!isWhole) return null;
  return {
    bytes,
    payload: bytes.subarray(mapAt + 1 + headBytes(bytes, mapAt + 1), payloadEnd),
    signature: bytes.subarray(payloadEnd + 2),
    keyId: isKeyed ? bytes.slice(2 + PROTECTED_KEY_ID_PREFIX.length, mapAt) : null,
    protectedHeader: isKeyed ? bytes.subarray(2, mapAt) : PROTECTED_PLAIN,
  };
}

/** Of an object in its usual form whose header names no key: the array, the header and the map. */
const PLAIN_START = Uint8Array.of(
  ...ARRAY_OF_FOUR,
  0x40 | PROTECTED_PLAIN.length,
  ...PROTECTED_PLAIN,
  ...EMPTY_MAP,
);
const AFTER_PAYLOAD = 2 + SIGNATURE_BYTES;

/** An object of a phone or a kiosk where it lies: as {@link readUsualForm} reads it, without views of its parts. */
export interface PlainForm {
  readonly bytes: Uint8Array;
  /** Of the payload, in `bytes`; its signature is the last of them. */
  readonly payloadAt: number;
  readonly payloadEnd: number;
}

/** Null for what an issuer key signs, and for anything but the usual form: the rules read it, and name what is wrong. */
export function readPlainForm(bytes: Uint8Array): PlainForm | null {
  for (let at = 0; at < PLAIN_START.length; at += 1) if (bytes[at] !== PLAIN_START[at]) return null;
  const payloadEnd = endOfByteString(bytes, PLAIN_START.length);
  const isWhole =
    payloadEnd !== null &&
    bytes[payloadEnd] === 0x58 &&
    bytes[payloadEnd + 1] === SIGNATURE_BYTES &&
    bytes.length === payloadEnd + AFTER_PAYLOAD;
  if (!isWhole) return null;
  return { bytes, payloadAt: PLAIN_START.length + headBytes(bytes, PLAIN_START.length), payloadEnd };
}

/** {@link signedBytes} of such an object. */
export function signedBytesOf({ bytes, payloadEnd }: PlainForm, externalAad: Uint8Array): Uint8Array {
  const payloadSize = payloadEnd - PLAIN_START.length;
  const headerSize = 1 + PROTECTED_PLAIN.length;
  const structure = shortLived(SIGNATURE1.length + headerSize + byteStringSize(externalAad) + payloadSize);
  structure.set(SIGNATURE1);
  let at = putByteString(structure, SIGNATURE1.length, PROTECTED_PLAIN);
  at = putByteString(structure, at, externalAad);
  // With its head, which stands there in the same form.
  structure.set(bytes.subarray(PLAIN_START.length, payloadEnd), at);
  return structure;
}

/** A view. */
export function signatureOf({ bytes }: PlainForm): Uint8Array {
  return bytes.subarray(bytes.length - SIGNATURE_BYTES);
}

/** The fields of an object's payload. */
export function readPayload(object: UnverifiedObject): FieldReader {
  return new FieldReader(decodeCbor(object.payload, object.payload.length));
}

/** What the signature of an object signs, and what its hash is the hash of. */
export function signedBytes(object: UnverifiedObject, externalAad: Uint8Array): Uint8Array {
  return sigStructure(object.protectedHeader, externalAad, object.payload);
}

/** The identity of an object under `externalAad`: 32 bytes. */
export function* objectHash(object: UnverifiedObject, externalAad: Uint8Array = NO_AAD): Steps<Uint8Array> {
  return yield* digest(signedBytes(object, externalAad));
}

export function* hasValidSignature(
  object: UnverifiedObject,
  publicKey: Uint8Array,
  externalAad: Uint8Array = NO_AAD,
): Steps<boolean> {
  return yield* verifySignature(publicKey, signedBytes(object, externalAad), object.signature);
}

/** Signs `payload` with the driver's signer. `externalAad` is the hash of the signer's certificate, where it has one. */
export function* signObject(
  payload: CborValue,
  options: { readonly externalAad?: Uint8Array; readonly keyId?: Uint8Array } = {},
): Steps<Uint8Array> {
  const payloadBytes = encodeCbor(payload);
  const protectedHeader =
    options.keyId === undefined
      ? PROTECTED_PLAIN
      : Uint8Array.of(...PROTECTED_KEY_ID_PREFIX, ...options.keyId);
  const signature = yield* sign(sigStructure(protectedHeader, options.externalAad ?? NO_AAD, payloadBytes));
  return encodeSign1(protectedHeader, payloadBytes, signature);
}

/** Array of four: bstr, empty map (0xa0, which CborValue has no word for), bstr, bstr. */
function encodeSign1(protectedHeader: Uint8Array, payload: Uint8Array, signature: Uint8Array): Uint8Array {
  const size = byteStringSize(protectedHeader) + byteStringSize(payload) + byteStringSize(signature);
  const object = new Uint8Array(ARRAY_OF_FOUR.length + EMPTY_MAP.length + size);
  object.set(ARRAY_OF_FOUR);
  let at = putByteString(object, ARRAY_OF_FOUR.length, protectedHeader);
  object.set(EMPTY_MAP, at);
  at = putByteString(object, at + EMPTY_MAP.length, payload);
  putByteString(object, at, signature);
  return object;
}
