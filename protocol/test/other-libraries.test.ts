/**
 * The vectors through libraries that share nothing with this package: @auth0/cose for signatures, cbor2 for form. What
 * they can judge of a vector is the form of its object and the signature; what a field may hold is not their question.
 */
import { createHash, createPublicKey } from 'node:crypto';
import { Sign1 } from '@auth0/cose';
import { decode, cdeDecodeOptions } from 'cbor2';
import { describe, expect, it } from 'vitest';
import { readVectors } from '../scripts/read-vectors.ts';
import type { JsonObject, Vector } from '../scripts/vector.ts';
import { inputOf } from '../scripts/vector.ts';
import { fromHex, toHex } from '../src/bytes.ts';
import { decompressPoint } from '../src/index.ts';

const files = readVectors();
const hexOf = (given: JsonObject, name: string): string => {
  const value = given[name];
  if (typeof value !== 'string') throw new TypeError(`${name} is no text`);
  return value;
};

/** In plain CBOR, as cbor2 reads it. Throws where the form is not deterministic. */
function parts(bytes: Uint8Array): unknown[] {
  const value: unknown = decode(new Uint8Array(bytes), cdeDecodeOptions);
  if (!Array.isArray(value)) throw new TypeError('no array');
  return value;
}
function payloadOf(bytes: Uint8Array): unknown[] {
  const payload = parts(bytes)[2];
  if (!(payload instanceof Uint8Array)) throw new TypeError('no payload');
  return parts(payload);
}

function keyLike(publicKey: Uint8Array) {
  const point = Buffer.from(decompressPoint(publicKey));
  const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')];
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
}

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());
/** Head of a byte string (RFC 8949 section 3), by hand: nothing of ours encodes here. */
function byteString(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  const head =
    length < 24 ? [0x40 + length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 255];
  return Uint8Array.of(...head, ...bytes);
}
/** Hash of a signed object without AAD, from RFC 9052's Sig_structure. */
function hashOf(bytes: Uint8Array): Uint8Array {
  const [header, , payload] = parts(bytes);
  if (!(header instanceof Uint8Array) || !(payload instanceof Uint8Array)) throw new TypeError('no object');
  const context = Uint8Array.of(0x84, 0x6a, ...Buffer.from('Signature1'));
  return sha256(Uint8Array.of(...context, ...byteString(header), 0x40, ...byteString(payload)));
}

interface Signed {
  readonly bytes: Uint8Array;
  readonly key: Uint8Array;
  readonly aad?: Uint8Array;
}

const field = (bytes: Uint8Array, index: number): Uint8Array => {
  const value = payloadOf(bytes)[index];
  if (!(value instanceof Uint8Array)) throw new TypeError(`field ${index} is no byte string`);
  return value;
};
/** The issuer key whose id the header names, from certificates whose own signature another vector shows. */
function issuerKey(object: Uint8Array, certificates: readonly Uint8Array[]): Uint8Array {
  const [header] = parts(object);
  if (!(header instanceof Uint8Array) || header.length < 9) throw new TypeError('no key id');
  const keyId = toHex(header.subarray(5));
  const key = certificates.map((one) => field(one, 1)).find((one) => toHex(sha256(one)).startsWith(keyId));
  if (key === undefined) throw new TypeError('no such issuer');
  return key;
}
const listOf = (given: JsonObject, name: string): Uint8Array[] => {
  const value = given[name];
  if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
  return value.map((one) => fromHex(String(one)));
};

/** For each operation about one signed object: its bytes, the key that must have signed, the certificate under it. */
const SIGNED: Readonly<Record<string, (given: JsonObject) => Signed>> = {
  verifyIssuerCertificate: (given) => ({
    bytes: fromHex(hexOf(given, 'certificate')),
    key: fromHex(hexOf(given, 'rootPublicKey')),
  }),
  verifyAllowanceCertificate: (given) => byIssuer(given, 'certificate', listOf(given, 'issuerCertificates')),
  verifyKioskCertificate: (given) => byIssuer(given, 'certificate', listOf(given, 'issuerCertificates')),
  verifyTrustBundle(given) {
    const bytes = fromHex(hexOf(given, 'trustBundle'));
    return byIssuer(given, 'trustBundle', issuersIn(bytes));
  },
  verifySettlementAcknowledgement: (given) =>
    byIssuer(given, 'acknowledgement', issuersIn(fromHex(hexOf(given, 'trustBundle')))),
  verifyPaymentRequest: (given) => byKiosk(given, fromHex(hexOf(given, 'request'))),
  verifyReceipt: (given) => byKiosk(given, fromHex(hexOf(given, 'receipt'))),
  verifySettlementBatch(given) {
    const batch = parts(fromHex(hexOf(given, 'envelope')))[2];
    if (!(batch instanceof Uint8Array)) throw new TypeError('no batch');
    return byKiosk(given, batch);
  },
  verifyPaymentObject: (given) => byPhone(given, 'payment'),
  verifyClosingStatement: (given) => byPhone(given, 'statement'),
  verifyProofOfPossession: (given) => ({
    bytes: fromHex(hexOf(given, 'proof')),
    key: field(fromHex(hexOf(given, 'proof')), 1),
  }),
};

function issuersIn(bundle: Uint8Array): Uint8Array[] {
  const list = payloadOf(bundle)[4];
  if (!Array.isArray(list)) throw new TypeError('no issuers');
  return list.filter((one) => one instanceof Uint8Array);
}
function byIssuer(given: JsonObject, name: string, certificates: readonly Uint8Array[]): Signed {
  const bytes = fromHex(hexOf(given, name));
  return { bytes, key: issuerKey(bytes, certificates) };
}
function byKiosk(given: JsonObject, bytes: Uint8Array): Signed {
  const certificate = fromHex(hexOf(given, 'kioskCertificate'));
  return { bytes, key: field(certificate, 6), aad: hashOf(certificate) };
}
function byPhone(given: JsonObject, name: string): Signed {
  const certificate = fromHex(hexOf(given, 'allowanceCertificate'));
  return { bytes: fromHex(hexOf(given, name)), key: field(certificate, 2), aad: hashOf(certificate) };
}

/** Whether both libraries take the object: deterministic, of our two headers, and signed by whom it should be. */
async function isTaken({ operation, input }: Vector, context: JsonObject): Promise<boolean> {
  const read = SIGNED[operation];
  if (read === undefined) throw new TypeError(operation);
  try {
    const { bytes, key, aad } = read(inputOf({ name: '', operation, input }, context));
    payloadOf(bytes);
    await Sign1.decode(bytes).verify(keyLike(key), {
      algorithms: [-7],
      ...(aad === undefined ? {} : { externalAAD: aad }),
    });
    return true;
  } catch {
    return false;
  }
}

const isOfOneObject = ({ operation }: Vector) => SIGNED[operation] !== undefined;
/** Refusals about form or signature: the ones that a library can see. */
const SEEN = new Set([
  'certificate_signature_invalid',
  'request_signature_invalid',
  'payment_signature_invalid',
  'receipt_signature_invalid',
  'batch_signature_invalid',
  'statement_signature_invalid',
  'object_not_canonical',
]);

/** These codes speak of dates and of what was expected as well: seen where a field was changed under its signature. */
const SEEN_WHEN_CHANGED = new Set([
  'trust_bundle_signature_invalid',
  'acknowledgement_signature_invalid',
  'proof_of_possession_invalid',
]);
function isSeen({ operation, code, name }: Vector): boolean {
  if (code === undefined) return false;
  // The certificates within a bundle are objects of their own, with vectors of their own.
  if (operation === 'verifyTrustBundle' && code === 'certificate_signature_invalid') return false;
  return SEEN.has(code) || (SEEN_WHEN_CHANGED.has(code) && name.endsWith(' changed'));
}

const subjects = Object.entries(files)
  .map(([name, { context, valid, invalid }]) => ({
    name,
    context,
    good: valid.filter(isOfOneObject),
    bad: invalid.filter(isOfOneObject).filter(isSeen),
  }))
  .filter(({ good }) => good.length > 0);

describe.each(subjects)('$name in @auth0/cose and cbor2', ({ context, good, bad }) => {
  it(`takes its ${good.length} valid objects`, async () => {
    const refused = [];
    for (const vector of good) if (!(await isTaken(vector, context))) refused.push(vector.name);
    expect(refused).toEqual([]);
  });

  it(`refuses its ${bad.length} of a bad signature or form`, async () => {
    const taken = [];
    for (const vector of bad) if (await isTaken(vector, context)) taken.push(vector.name);
    expect(taken).toEqual([]);
  });
});

it('every kind of signed object was judged', () => {
  const kinds = new Set(subjects.flatMap(({ good }) => good.map(({ operation }) => operation)));
  expect(kinds).toEqual(new Set(Object.keys(SIGNED)));
  expect(subjects.reduce((sum, { bad }) => sum + bad.length, 0)).toBeGreaterThan(100);
});

describe('bytes in cbor2', () => {
  const all = Object.values(files).flatMap(({ valid, invalid }) => [...valid, ...invalid]);
  const ofBytes = all.filter(({ operation }) => operation === 'decodeCbor');
  /** Well-formed CBOR of RFC 8949 that this protocol has no use for: cbor2 may read it. */
  const outsideOurSubset =
    /negative|float|fraction|tag|undefined|map with|map within|simple|infinity|not a number|deep|self-described|2,049|byte order mark/;

  it('reads every valid one as deterministic', () => {
    for (const { name, code, input } of ofBytes) {
      if (code !== undefined) continue;
      expect(() => decode(fromHex(hexOf(input, 'bytes')), cdeDecodeOptions), name).not.toThrow();
    }
  });

  it('refuses every invalid one that is no deterministic CBOR', () => {
    const read = ofBytes
      .filter(({ code, name }) => code !== undefined && !outsideOurSubset.test(name))
      .filter(({ input }) => {
        try {
          decode(fromHex(hexOf(input, 'bytes')), cdeDecodeOptions);
          return true;
        } catch {
          return false;
        }
      });
    expect(read.map(({ name }) => name)).toEqual([]);
  });
});
