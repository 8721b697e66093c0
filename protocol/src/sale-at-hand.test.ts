/** A sale judged in one go is judged as the rules judge it: what is taken here they take, as the same payment. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changed, fieldsOf, malleated, resigned, withFields } from '../scripts/tamper.ts';
import { crypto, id, makePayment, makeRequest, makeWorld, newKey, NOW } from '../test/world.ts';
import { encodeCbor, type CborValue } from './cbor.ts';
import { readPlainForm, readUsualForm, signedBytes, signedBytesOf } from './cose.ts';
import { readSaleAtHand, runSync, toUuid, verifySaleOfBatch, type SaleBody } from './index.ts';

const world = makeWorld();
const signers = { kiosk: world.kiosk, allowance: world.allowance };
const byKiosk = { ...world.kioskKey, externalAad: world.kiosk.hash };
const byPhone = { ...world.phoneKey, externalAad: world.allowance.hash };
const request = makeRequest(world);
const payment = makePayment(world, request);
const sale: SaleBody = {
  kioskCertificateHash: world.kiosk.hash,
  request: request.bytes,
  allowanceCertificateHash: world.allowance.hash,
  payment: payment.bytes,
  tier: 'reserved',
  checks: 255,
};

/** What both ways say, the signature included; null for whatever is not taken at hand. */
function bothWays(given: SaleBody, under = signers) {
  const atHand = readSaleAtHand(given, under, crypto);
  const isGood =
    atHand !== null && crypto.verify(atHand.publicKey, atHand.data, atHand.signature)
      ? { payment: atHand.payment, denyListVersion: atHand.denyListVersion }
      : null;
  const judged = runSync(verifySaleOfBatch(given, under), crypto);
  const inFull = judged.ok
    ? { payment: judged.value.payment, denyListVersion: judged.value.request.denyListVersion }
    : null;
  return { isGood, inFull };
}

/** A request of these fields and the payment of it, both signed. */
function saleOfFields(fields: readonly CborValue[], amount: CborValue = 1_250): SaleBody {
  const asked = resigned(request.bytes, fields, byKiosk);
  const object = readUsualForm(asked);
  const requestHash = object === null ? id(0) : crypto.digest(signedBytes(object, world.kiosk.hash));
  const paid = fieldsOf(payment.bytes).with(2, amount).with(3, amount).with(5, requestHash);
  return { ...sale, request: asked, payment: resigned(payment.bytes, paid, byPhone) };
}

describe('an honest sale', () => {
  it('is taken at hand, as the payment that the rules read', () => {
    const { isGood, inFull } = bothWays(sale);
    expect(isGood).not.toBeNull();
    expect(isGood).toEqual(inFull);
  });

  it.each<[string, number, CborValue]>([
    ['of items', 4, new Uint8Array(32)],
    ['at no address', 9, []],
    ['at four addresses', 9, ['http://a', 'http://b:1', `http://${'c'.repeat(57)}`, 'http://[::1]:7070']],
    ['that asks for the number', 10, 1],
    ['under a deny list of a large version', 8, 0x7fff_ffff],
  ])('%s is taken at hand', (_what, index, value) => {
    const { isGood, inFull } = bothWays(saleOfFields(fieldsOf(request.bytes).with(index, value)));
    expect(isGood).not.toBeNull();
    expect(isGood).toEqual(inFull);
  });

  it('with the other valid signature is the same payment (R23)', () => {
    const { isGood, inFull } = bothWays({ ...sale, payment: malleated(payment.bytes) });
    expect(isGood?.payment.hash).toEqual(payment.hash);
    expect(isGood).toEqual(inFull);
  });

  it('of more than four bytes of money is left to the rules', () => {
    const rich = makeWorld({ capMinor: 10_000_000_000n, perPaymentMinor: 10_000_000_000n });
    const amountMinor = 0x1_0000_0000n;
    const asked = makeRequest(rich, { amountMinor });
    const paid = makePayment(rich, asked);
    const given = { ...sale, request: asked.bytes, payment: paid.bytes };
    const under = { kiosk: rich.kiosk, allowance: rich.allowance };
    const { isGood, inFull } = bothWays(given, under);
    expect(isGood).toBeNull();
    expect(inFull?.payment.amountMinor).toBe(amountMinor);
  });
});

describe('a sale that the rules refuse is not taken at hand', () => {
  const values: readonly CborValue[] = [
    ...[0, 1, 2, 23, 24, 120, 121, 255, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 2 ** 32],
    ...[
      NOW - 10 * 24 * 3600,
      NOW + 72 * 3600 - 1,
      NOW + 72 * 3600,
      NOW + 90 * 24 * 3600,
      2n ** 60n,
      -1n,
      null,
      true,
    ],
    ...['SGD', 'IDR', 'sgd', 'SG', 'SGDX', '', 'S\u00e4D', new Uint8Array(0), id(0), new Uint8Array(32)],
    ...[[], [1], ['http://a b'], ['https://a'], ['http://'], ['http://a\n'], [`http://${'c'.repeat(58)}`]],
    ...[
      ['http://\u00e4'],
      ['http://a', 'http://a', 'http://a', 'http://a', 'http://a'],
      ['javascript:x'],
      [null],
    ],
  ];

  it('whatever stands in whatever field of its request, signed by the kiosk', () => {
    const fields = fieldsOf(request.bytes);
    for (const index of fields.keys())
      for (const value of values) {
        const given = saleOfFields(fields.with(index, value), index === 2 ? value : undefined);
        const { isGood, inFull } = bothWays(given);
        if (isGood !== null || inFull === null) expect(isGood).toEqual(inFull);
      }
    for (const other of [fields.slice(0, -1), [...fields, 0], []])
      expect(bothWays(saleOfFields(other)).isGood).toBeNull();
  });

  it('whatever stands in whatever field of its payment, signed by the phone', () => {
    const fields = fieldsOf(payment.bytes);
    for (const index of fields.keys())
      for (const value of values) {
        const other = resigned(payment.bytes, fields.with(index, value), byPhone);
        const { isGood, inFull } = bothWays({ ...sale, payment: other });
        if (isGood !== null || inFull === null) expect(isGood).toEqual(inFull);
      }
    for (const other of [fields.slice(0, -1), [...fields, 0], []])
      expect(bothWays({ ...sale, payment: resigned(payment.bytes, other, byPhone) }).isGood).toBeNull();
  });

  it('signed by nobody who may', () => {
    const stranger = { ...newKey(), externalAad: world.allowance.hash };
    const fields = fieldsOf(payment.bytes);
    for (const other of [
      resigned(payment.bytes, fields, stranger),
      resigned(payment.bytes, fields, { ...byPhone, externalAad: world.kiosk.hash }),
      withFields(payment.bytes, fields.with(6, changed(fields[6] ?? 0))),
    ])
      expect(bothWays({ ...sale, payment: other })).toEqual({ isGood: null, inFull: null });
  });

  it('for another shop, currency or time, over its cap, or after its last counter', () => {
    const { kiosk, allowance } = signers;
    const lock = { merchantId: toUuid(id(0x12)), kioskId: null };
    for (const under of [
      { kiosk, allowance: { ...allowance, payeeLock: lock } },
      { kiosk, allowance: { ...allowance, currency: 'IDR' } },
      { kiosk: { ...kiosk, currency: 'IDR' }, allowance },
      { kiosk, allowance: { ...allowance, notAfter: NOW + 10 } },
      { kiosk: { ...kiosk, notAfter: NOW + 10 }, allowance },
      { kiosk, allowance: { ...allowance, capMinor: 1_249n } },
      { kiosk, allowance: { ...allowance, firstCounter: 2 } },
      { kiosk, allowance: { ...allowance, hash: new Uint8Array(32) } },
      { kiosk: { ...kiosk, hash: new Uint8Array(32) }, allowance },
    ])
      expect(bothWays(sale, under)).toEqual({ isGood: null, inFull: null });
  });

  it('with any byte of it changed, cut or put in', () => {
    const part = fc.constantFrom('request' as const, 'payment' as const);
    const change = fc.constantFrom('flip', 'cut', 'insert', 'end');
    fc.assert(
      fc.property(part, change, fc.nat(), fc.nat(255), (which, how, place, byte) => {
        const bytes = [...sale[which]];
        const at = place % bytes.length;
        if (how === 'flip') bytes[at] = byte;
        else if (how === 'end') bytes.length = at;
        else bytes.splice(at, how === 'cut' ? 1 : 0, ...(how === 'cut' ? [] : [byte]));
        const { isGood, inFull } = bothWays({ ...sale, [which]: Uint8Array.from(bytes) });
        if (isGood !== null || inFull === null) expect(isGood).toEqual(inFull);
      }),
      { numRuns: 400 },
    );
  });
});

describe('the plain form', () => {
  it('signs the same bytes as the usual form of the same object', () => {
    for (const bytes of [request.bytes, payment.bytes]) {
      const plain = readPlainForm(bytes);
      const usual = readUsualForm(bytes);
      if (plain === null || usual === null) throw new TypeError('both know it');
      expect(signedBytesOf(plain, world.kiosk.hash)).toEqual(signedBytes(usual, world.kiosk.hash));
      expect(bytes.subarray(plain.payloadAt, plain.payloadEnd)).toEqual(usual.payload);
    }
  });

  it('is of no object that names a key, nor of one that is cut or goes on', () => {
    expect(readPlainForm(world.allowance.bytes)).toBeNull();
    expect(readPlainForm(payment.bytes.subarray(0, -1))).toBeNull();
    expect(readPlainForm(Uint8Array.of(...payment.bytes, 0))).toBeNull();
    expect(readPlainForm(encodeCbor([]))).toBeNull();
  });
});
