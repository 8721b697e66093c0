// COSE_Sign1 with ES256 (page 01): the two headers that are allowed, the hash of an object, points, signatures.

import { createHash, createPublicKey, ECDH, verify } from 'node:crypto';
import { encode } from 'cbor2';
import { emptyMap, readCbor } from './cbor.ts';
import { fromHex, type Hex, type Reader, toHex } from './fields.ts';
import { limits } from './limits.ts';
import { demand, type RefusalCode, refuse } from './refusal.ts';

const plainHeader = 'a10126';
const keyedHeader = /^a201260444([0-9a-f]{8})$/;

export type Signed<T> = {
  readonly fields: T;
  readonly hash: Hex;
  /** Of the issuer's key; null when the header names none. */
  readonly keyId: Hex | null;
  readonly signedBytes: Uint8Array;
  readonly signature: Hex;
};

type Form<T> = {
  readonly payload: Reader<T>;
  readonly header: 'plain' | 'keyed';
  /** The hash of the certificate under which it was signed. */
  readonly under?: Hex;
  readonly maxBytes?: number;
};

export function openSigned<T>(message: Hex, form: Form<T>): Signed<T> {
  const item = readCbor(fromHex(message), form.maxBytes ?? limits.MAX_OBJECT_BYTES);
  if (!Array.isArray(item) || item.length !== 4) refuse('message_malformed');
  const [header, unprotected, payload, signature] = item;
  if (!(header instanceof Uint8Array) || unprotected !== emptyMap) refuse('algorithm_not_allowed');
  if (!(payload instanceof Uint8Array)) refuse('message_malformed');
  if (!(signature instanceof Uint8Array) || signature.length !== 64) refuse('algorithm_not_allowed');
  const keyId = keyedHeader.exec(toHex(header))?.[1] ?? null;
  demand(keyId !== null || toHex(header) === plainHeader, 'algorithm_not_allowed');
  demand(form.header === 'keyed' || keyId === null, 'algorithm_not_allowed');
  const signedBytes = encode(['Signature1', header, fromHex(form.under ?? ''), payload]);
  const fields = form.payload(readCbor(payload, payload.length));
  return { fields, hash: sha256(signedBytes), keyId, signedBytes, signature: toHex(signature) };
}

export function demandSignature(signed: Signed<unknown>, publicKey: Hex, code: RefusalCode): void {
  demand(isSignedBy(signed, publicKey), code);
}

export function isSignedBy(signed: Signed<unknown>, publicKey: Hex): boolean {
  const uncompressed = tryDecompress(publicKey);
  if (uncompressed === undefined) return false;
  const [x, y] = [uncompressed.slice(2, 66), uncompressed.slice(66)].map((part) =>
    Buffer.from(part, 'hex').toString('base64url'),
  );
  if (x === undefined || y === undefined) return false;
  const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const signature = fromHex(signed.signature);
  return verify('sha256', signed.signedBytes, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

export function decompressPoint(point: Hex): Hex {
  return tryDecompress(point) ?? refuse('field_out_of_range');
}

function tryDecompress(point: Hex): Hex | undefined {
  if (!/^0[23][0-9a-f]{64}$/.test(point)) return undefined;
  try {
    return String(ECDH.convertKey(point, 'prime256v1', 'hex', 'hex', 'uncompressed'));
  } catch (_notOnTheCurve) {
    return undefined;
  }
}

export function sha256(bytes: Uint8Array): Hex {
  return createHash('sha256').update(bytes).digest('hex');
}
