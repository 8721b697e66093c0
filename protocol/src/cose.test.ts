/** COSE_Sign1 as others see it, and refusal of every header but ours (R22, R23). */
import { createPublicKey } from 'node:crypto';
import { Sign1 } from '@auth0/cose';
import { decode as decodeWithCbor2 } from 'cbor2';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto, makePayment, makeRequest, makeWorld, newKey, NOW, ok } from '../test/world.ts';
import { assemble, fieldsOf, malleated, partsOf, resigned } from '../scripts/tamper.ts';
import { concatBytes, fromHex, toBase64Url } from './bytes.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import {
  hasValidSignature,
  keyIdOf,
  objectHash,
  readIssuedObject,
  readObject,
  readUsualForm,
  signObject,
} from './cose.ts';
import {
  attempt,
  decompressPoint,
  linkOf,
  readPayment,
  runSync,
  signReceipt,
  verifyAllowanceCertificate,
  verifyReceipt,
} from './index.ts';

const world = makeWorld();
const request = makeRequest(world);
const payment = makePayment(world, request);
const refused = (code: string) => ({ ok: false, code });
const read = (bytes: Uint8Array) => attempt(() => readObject(bytes, 10_000));

/** A key as @auth0/cose takes it. */
function keyLike(publicKey: Uint8Array) {
  const point = decompressPoint(publicKey);
  const [x, y] = [toBase64Url(point.subarray(1, 33)), toBase64Url(point.subarray(33))];
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
}

describe('other libraries', () => {
  const objects = [
    ['allowance certificate', world.allowance.bytes, world.issuer.publicKey, undefined],
    ['kiosk certificate', world.kiosk.bytes, world.issuer.publicKey, undefined],
    ['trust bundle', world.trustBytes, world.issuer.publicKey, undefined],
    ['request', request.bytes, world.kioskKey.publicKey, world.kiosk.hash],
    ['payment', payment.bytes, world.phoneKey.publicKey, world.allowance.hash],
  ] as const;

  it.each(objects)(
    'accept our %s: the signature in @auth0/cose, the form in cbor2',
    async (_name, bytes, key, aad) => {
      const options = aad === undefined ? {} : { externalAAD: aad };
      await expect(Sign1.decode(bytes).verify(keyLike(key), options)).resolves.toBeUndefined();
      const [, , payload] = decodeWithCbor2<readonly Uint8Array[]>(bytes, { cde: true });
      expect(decodeWithCbor2<unknown[]>(payload ?? new Uint8Array(0), { cde: true })).toHaveLength(
        fieldsOf(bytes).length,
      );
    },
  );

  it.each(objects)('refuse our %s with another AAD, or one bit changed', async (_name, bytes, key) => {
    const other = { externalAAD: new Uint8Array(32).fill(1) };
    await expect(Sign1.decode(bytes).verify(keyLike(key), other)).rejects.toThrow();
    const parts = partsOf(bytes);
    const flipped = assemble({
      ...parts,
      payload: parts.payload.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
    });
    await expect(Sign1.decode(flipped).verify(keyLike(key))).rejects.toThrow();
  });

  it('sign what we read: an object of @auth0/cose verifies here', () => {
    const signer = newKey();
    const bytes = ok(runSync(signObject([99, 'any']), crypto, signer.sign));
    const theirs = Sign1.decode(bytes);
    const again = assemble({ ...partsOf(bytes), payload: theirs.payload, signature: theirs.signature });
    expect(ok(runSync(hasValidSignature(readObject(again, 1_000), signer.publicKey), crypto))).toBe(true);
  });
});

describe('the protected header is one of two byte strings (R22)', () => {
  it.each([
    ['no algorithm', 'a0'],
    ['an empty header', ''],
    ['none', 'a10100'],
    ['ES384', 'a1013822'],
    ['ES512', 'a1013823'],
    ['EdDSA', 'a10127'],
    ['ES256K', 'a101382e'],
    ['HS256', 'a10105'],
    ['RS256', 'a101390100'],
    ['the algorithm as text', 'a101654553323536'],
    ['a critical header', 'a201260281182a'],
    ['a content type', 'a201260300'],
    ['an embedded COSE key', 'a2012621a10102'],
    ['a certificate chain (x5chain)', 'a2012618214100'],
    ['a certificate URL (x5u)', 'a20126182361'],
    ['a key id of three bytes', 'a201260443000000'],
    ['a key id of five bytes', 'a20126044500000000ff'],
    ['keys out of order', 'a20444000000000126'],
    ['a key id that ends early', 'a201260444000000'],
    ['a key id with a byte behind it', 'a2012604440000000000'],
    ['the algorithm in two bytes', 'a1013806'],
    ['a key id and one header more', 'a301260444000000000500'],
  ])('refuses %s', (_what, header) => {
    const parts = partsOf(payment.bytes);
    expect(read(assemble({ ...parts, protectedHeader: fromHex(header) }))).toEqual(
      refused('algorithm_not_allowed'),
    );
  });

  it.each(['a201260444000000', 'a2012604440000000000'])(
    'refuses a key id of another length from an issuer: %s',
    (header) => {
      const bytes = assemble({ ...partsOf(world.allowance.bytes), protectedHeader: fromHex(header) });
      expect(attempt(() => readIssuedObject(bytes, 10_000))).toEqual(refused('algorithm_not_allowed'));
    },
  );

  it.each([
    ['an algorithm', 'a10126', 'message_malformed'],
    ['a key id', 'a10441ff', 'message_malformed'],
    ['a key', 'a121a10102', 'message_malformed'],
    ['an array', '80', 'algorithm_not_allowed'],
    ['null', 'f6', 'algorithm_not_allowed'],
    ['a byte string', '40', 'algorithm_not_allowed'],
  ])('refuses %s in the unprotected header', (_what, unprotected, code) => {
    expect(read(assemble({ ...partsOf(payment.bytes), unprotected: fromHex(unprotected) }))).toEqual(
      refused(code),
    );
  });

  it.each([0, 1, 63, 65, 72, 96])('refuses a signature of %i bytes', (length) => {
    const parts = partsOf(payment.bytes);
    expect(read(assemble({ ...parts, signature: new Uint8Array(length) }))).toEqual(
      refused('algorithm_not_allowed'),
    );
  });

  it('refuses a tag, a detached payload, and arrays of another length', () => {
    const { protectedHeader, payload, signature } = partsOf(payment.bytes);
    const [header, body, proof] = [protectedHeader, payload, signature].map((part) => encodeCbor(part));
    const empty = Uint8Array.of(0xa0);
    if (header === undefined || body === undefined || proof === undefined) throw new TypeError('unreachable');
    for (const bytes of [
      concatBytes(Uint8Array.of(0xd2), payment.bytes),
      concatBytes(Uint8Array.of(0x84), header, empty, Uint8Array.of(0xf6), proof),
      concatBytes(Uint8Array.of(0x83), header, empty, body),
      concatBytes(Uint8Array.of(0x85), header, empty, body, proof, empty),
      concatBytes(payment.bytes, Uint8Array.of(0)),
    ]) {
      expect(read(bytes)).toEqual(refused('message_malformed'));
    }
  });
});

describe('the usual form is read byte by byte', () => {
  it.each([
    ['a payment', payment.bytes],
    ['a certificate', world.allowance.bytes],
  ])(
    'and %s with any byte changed, or cut anywhere, is read only where the rules read the same in it',
    (_, bytes) => {
      const mutants = [...bytes.keys()].flatMap((at) => [
        ...[0, 1, 0x17, 0x18, 0x3f, 0x40, 0x58, 0x59, 0x5a, 0x80, 0xa1, 0xff].map((value) =>
          bytes.with(at, value),
        ),
        bytes.subarray(0, at),
      ]);
      for (const mutant of [bytes, ...mutants]) {
        const read = attempt(() => readIssuedObject(mutant, 10_000));
        const ruled = attempt(() => decodeCbor(mutant, 10_000));
        if (!read.ok) continue;
        const { protectedHeader, payload, signature } = read.value;
        expect(ruled).toEqual({ ok: true, value: [protectedHeader, new Map(), payload, signature] });
      }
      expect(attempt(() => readIssuedObject(bytes, bytes.length - 1))).toEqual({
        ok: false,
        code: 'message_too_large',
      });
    },
  );
});

describe('the short way', () => {
  const signature = new Uint8Array(64).fill(7);
  const headers = [
    ['no key id', fromHex('a10126'), null],
    ['a key id', fromHex('a20126044401020304'), Uint8Array.of(1, 2, 3, 4)],
  ] as const;
  const sized = (length: number) => Uint8Array.from({ length }, (_, at) => at & 0xff);
  const made = (protectedHeader: Uint8Array, payload: Uint8Array) =>
    assemble({ protectedHeader, unprotected: Uint8Array.of(0xa0), payload, signature });

  it.each(headers)('is taken by every honest object with %s', (_what, protectedHeader, keyId) => {
    for (const length of [24, 25, 0x58, 255, 256, 257, 0x1234, 65_534, 65_535]) {
      const payload = sized(length);
      const bytes = made(protectedHeader, payload);
      const object = { bytes, payload, signature, keyId, protectedHeader };
      expect(readUsualForm(bytes)).toEqual(object);
      expect(attempt(() => readIssuedObject(bytes, bytes.length))).toEqual({ ok: true, value: object });
    }
  });

  it.each(headers)(
    'is not for the smallest and the largest with %s: the rules read those',
    (_what, header) => {
      for (const length of [0, 1, 23, 65_536]) {
        const bytes = made(header, sized(length));
        expect(readUsualForm(bytes)).toBeNull();
        expect(attempt(() => readIssuedObject(bytes, 100_000).payload)).toEqual({
          ok: true,
          value: sized(length),
        });
      }
    },
  );

  it.each(headers)('is left at any other byte of the frame, with %s', (_what, protectedHeader) => {
    for (const length of [24, 255, 256, 0x1234]) {
      const bytes = made(protectedHeader, sized(length));
      const payloadAt = bytes.length - 66 - length;
      // The key id itself may be any.
      const fixed = (at: number) =>
        at < 2 + Math.min(5, protectedHeader.length) ||
        (at >= 2 + protectedHeader.length && at < payloadAt) ||
        (at >= bytes.length - 66 && at < bytes.length - 64);
      for (const at of [...bytes.keys()].filter(fixed))
        for (const bit of [1, 0x10, 0x80])
          expect([at, readUsualForm(bytes.with(at, (bytes[at] ?? 0) ^ bit))]).toEqual([at, null]);
      for (const left of [0, 1, 2, 3, payloadAt, bytes.length - 66, bytes.length - 65, bytes.length - 64])
        expect(readUsualForm(bytes.subarray(0, left))).toBeNull();
      expect(readUsualForm(bytes.subarray(0, -1))).toBeNull();
      expect(readUsualForm(concatBytes(bytes, Uint8Array.of(0)))).toBeNull();
    }
  });

  it('is left where a length is written longer than needed', () => {
    const headed = (length: number, ...head: readonly number[]) =>
      concatBytes(fromHex('8443a10126a0'), Uint8Array.from(head), sized(length), fromHex('5840'), signature);
    expect(readUsualForm(headed(23, 0x58, 23))).toBeNull();
    expect(readUsualForm(headed(24, 0x58, 24))).not.toBeNull();
    expect(readUsualForm(headed(255, 0x59, 0, 255))).toBeNull();
    expect(readUsualForm(headed(256, 0x59, 1, 0))).not.toBeNull();
    // Where a longer length stands, or none.
    expect(readUsualForm(headed(256, 0x5a, 1, 0))).toBeNull();
    expect(readUsualForm(headed(24, 0x57, 24))).toBeNull();
  });
});

describe('identity is what is signed, never the signature (R23)', () => {
  it('a malleated signature is valid and the same payment', () => {
    const other = malleated(payment.bytes);
    expect(other).not.toEqual(payment.bytes);
    const object = readObject(other, 1_000);
    expect(
      ok(runSync(hasValidSignature(object, world.phoneKey.publicKey, world.allowance.hash), crypto)),
    ).toBe(true);
    const same = ok(runSync(readPayment(other, world.allowance), crypto));
    expect(same.hash).toEqual(payment.hash);
    expect(linkOf(same.hash)).toEqual(linkOf(payment.hash));
  });

  it('signing the same fields twice gives two signatures and one identity', () => {
    const again = makePayment(world, request);
    expect(again.bytes).not.toEqual(payment.bytes);
    expect(again.hash).toEqual(payment.hash);
  });

  it('the certificate in the AAD and the protected header are part of the identity', () => {
    const object = readObject(payment.bytes, 1_000);
    const plain = ok(runSync(objectHash(object), crypto));
    const bound = ok(runSync(objectHash(object, world.allowance.hash), crypto));
    const keyed = ok(
      runSync(objectHash({ ...object, protectedHeader: fromHex('a20126044400000000') }), crypto),
    );
    expect(new Set([plain, bound, keyed].map((hash) => hash.join())).size).toBe(3);
  });

  it('a hash is SHA-256 of the Sig_structure, as RFC 9052 section 4.4 writes it', () => {
    const { protectedHeader, payload } = partsOf(payment.bytes);
    const structure = encodeCbor(['Signature1', protectedHeader, world.allowance.hash, payload]);
    expect(payment.hash).toEqual(crypto.digest(structure));
  });
});

describe('one purpose is never taken for another', () => {
  it('a receipt signed with the right key under the right certificate is no request', () => {
    const receipt = {
      paymentHash: payment.hash,
      amountMinor: 1_250n,
      tier: 'reserved',
      sequence: 1,
      journalHash: payment.hash,
      acceptedAt: NOW,
      checks: 1,
    } as const;
    const bytes = ok(runSync(signReceipt(receipt, world.kiosk.hash), crypto, world.kioskKey.sign));
    expect(runSync(readPayment(bytes, world.allowance), crypto)).toEqual(refused('object_has_wrong_purpose'));
    expect(runSync(verifyReceipt(request.bytes, world.kiosk, receipt), crypto)).toEqual(
      refused('object_has_wrong_purpose'),
    );
    expect(runSync(verifyAllowanceCertificate(world.kiosk.bytes, world.trust.issuers), crypto)).toEqual(
      refused('object_has_wrong_purpose'),
    );
  });
});

it('a key id selects among issuers and proves nothing', () => {
  const stranger = newKey();
  const header = partsOf(world.allowance.bytes).protectedHeader;
  const forged = resigned(world.allowance.bytes, fieldsOf(world.allowance.bytes), {
    sign: stranger.sign,
    protectedHeader: header,
  });
  expect(runSync(verifyAllowanceCertificate(forged, world.trust.issuers), crypto)).toEqual(
    refused('certificate_signature_invalid'),
  );
  expect(ok(runSync(keyIdOf(stranger.publicKey), crypto))).toHaveLength(4);
});

it('every single bit of an object matters, or is its signature', () => {
  fc.assert(
    fc.property(fc.nat(payment.bytes.length * 8 - 1), (bit) => {
      const bytes = payment.bytes.slice();
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const object = read(bytes);
      if (!object.ok) return;
      const valid = runSync(
        hasValidSignature(object.value, world.phoneKey.publicKey, world.allowance.hash),
        crypto,
      );
      expect(valid).toEqual({ ok: true, value: false });
    }),
    { numRuns: 300 },
  );
});
