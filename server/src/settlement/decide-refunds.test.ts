/** The law of refunds as a property: whatever order, batches and repeats, a sale never gives back more than it brought. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AllowanceCertificate, type RefundOffer, type SettledSale, toHex } from '@tikiwallet/protocol';
import type { ValidRefund } from './check-refunds.ts';
import { decideRefunds } from './decide-refunds.ts';

const KIOSK = 'k';
const SALE_MINOR = 100n;
const filled = (fill: number) => new Uint8Array(32).fill(fill);

const certificate: AllowanceCertificate = {
  hash: filled(0xaa),
  bytes: new Uint8Array(1),
  allowanceId: 'a',
  devicePublicKey: new Uint8Array(33),
  currency: 'SGD',
  capMinor: 1_000n,
  perPaymentMinor: 1_000n,
  firstCounter: 1,
  softCounterLimit: 50,
  hardCounterLimit: 60,
  notBefore: 0,
  notAfter: 1,
  assurance: 1,
  standing: 1,
  maskedPhone: '+65****4567',
  phoneCommitment: new Uint8Array(16),
  payeeLock: null,
};

interface Drawn {
  /** Sales 0 and 1 were paid, 2 was refused, 3 was never seen. */
  readonly sale: number;
  readonly refundId: number;
  readonly amountMinor: bigint;
  readonly isVoid: boolean;
}

/** One offer per content: the identity is made of the content, as a hash is. */
function refundOf({ sale, refundId, amountMinor, isVoid }: Drawn, sequence: number): ValidRefund {
  const hash = new Uint8Array(32);
  new TextEncoder().encodeInto(`${sale} ${refundId} ${amountMinor} ${isVoid}`, hash);
  const offer: RefundOffer = {
    hash,
    bytes: hash,
    refundId: `id ${refundId}`,
    paymentHash: filled(sale),
    kind: isVoid ? 'void' : 'refund',
    amountMinor,
    sequence: sale + 1,
    issuedAt: 0,
    ttlSeconds: 300,
    addresses: [],
  };
  return {
    verdict: 'valid',
    sequence,
    refundedAt: 0,
    offer,
    offerKey: toHex(hash),
    paymentKey: toHex(offer.paymentHash),
    acceptance: hash,
    allowance: { certificate, userId: 'u', reserveAccountId: 'r' },
  };
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  sale: fc.integer({ min: 0, max: 3 }),
  refundId: fc.integer({ min: 0, max: 5 }),
  amountMinor: fc.oneof(fc.bigInt({ min: 1n, max: 60n }), fc.constant(SALE_MINOR), fc.constant(101n)),
  isVoid: fc.boolean(),
});

/** What the cloud holds between batches. */
class Cloud {
  readonly counted = new Map<string, ValidRefund>();

  take(batch: readonly ValidRefund[]) {
    const held = [...this.counted.values()];
    const refundedMinor = (sale: number) =>
      held
        .filter(({ offer }) => offer.paymentHash[0] === sale)
        .reduce((sum, { offer }) => sum + offer.amountMinor, 0n);
    const stateOf = (sale: number): SettledSale => ({
      amountMinor: SALE_MINOR,
      refundedMinor: refundedMinor(sale),
      kioskId: KIOSK,
      allowanceCertificateHash: certificate.hash,
      sequence: sale + 1,
      isPaid: sale < 2,
    });
    const decisions = decideRefunds(batch, {
      kioskId: KIOSK,
      sales: new Map([0, 1, 2].map((sale) => [toHex(filled(sale)), stateOf(sale)])),
      standing: new Set(this.counted.keys()),
      offersById: new Map(held.map(({ offer }) => [offer.refundId, offer.hash])),
    });
    for (const { kind, refund } of decisions) {
      if (kind !== 'new' || refund.verdict !== 'valid') continue;
      // R49: nothing that counts is counted again.
      expect(this.counted.has(refund.offerKey)).toBe(false);
      this.counted.set(refund.offerKey, refund);
    }
    return decisions;
  }
}

test('R47 no sequence of refunds, batches and repeats gives back a sale twice or beyond its amount', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(drawn, { maxLength: 6 }), { maxLength: 6 }),
      fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
      (batches, repeats) => {
        const cloud = new Cloud();
        let sequence = 10;
        const sent = batches.map((batch) => batch.map((one) => refundOf(one, (sequence += 1))));
        for (const batch of sent) cloud.take(batch);
        for (const index of repeats) {
          // A batch again counts nothing anew: what was refused has only become less possible.
          const kinds = cloud.take(sent[index] ?? []).map(({ kind }) => kind);
          expect(kinds).not.toContain('new');
        }
        const held = [...cloud.counted.values()];
        for (const sale of [0, 1, 2, 3]) {
          const own = held.filter(({ offer }) => offer.paymentHash[0] === sale);
          const sumMinor = own.reduce((sum, { offer }) => sum + offer.amountMinor, 0n);
          expect(sumMinor <= (sale < 2 ? SALE_MINOR : 0n)).toBe(true);
          if (own.some(({ offer }) => offer.kind === 'void')) expect(sumMinor).toBe(SALE_MINOR);
        }
        expect(new Set(held.map(({ offer }) => offer.refundId)).size).toBe(held.length);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('what can be given back is given back: the order of the journal decides who comes first', () => {
  const cloud = new Cloud();
  const asked = [60n, 60n, 40n].map((amountMinor, index) =>
    refundOf({ sale: 0, refundId: index, amountMinor, isVoid: false }, 20 + index),
  );
  expect(cloud.take(asked).map((one) => (one.kind === 'refused' ? one.code : one.kind))).toEqual([
    'new',
    'refund_exceeds_sale',
    'new',
  ]);
  expect(cloud.take(asked).map(({ kind }) => kind)).toEqual(['known', 'refused', 'known']);
});

test('a refund that stands before its sale finds none', () => {
  const early = refundOf({ sale: 1, refundId: 1, amountMinor: 1n, isVoid: false }, 2);
  expect(new Cloud().take([early])).toMatchObject([
    { kind: 'refused', code: 'refund_is_for_another_payment' },
  ]);
});
