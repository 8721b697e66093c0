/** Voids and refunds: what each party believes, and that no order of offers gives back more than the sale. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto, id, makePayment, makeRequest, makeWorld, NOW, ok } from '../test/world.ts';
import * as protocol from './index.ts';

const world = makeWorld();
const request = makeRequest(world);
const payment = makePayment(world, request);
const SEQUENCE = 7;
const refused = (code: protocol.RefusalCode) => ({ ok: false, code });
const by = <T>(key: { sign: protocol.SyncSigner }, steps: protocol.Steps<T>) =>
  protocol.runSync(steps, crypto, key.sign);

function makeOffer(
  changes: Partial<Parameters<typeof protocol.signRefundOffer>[0]> = {},
  kiosk = world.kiosk,
): protocol.RefundOffer {
  const draft = {
    refundIdBytes: id(0x66),
    paymentHash: payment.hash,
    kind: 'refund',
    amountMinor: 500n,
    sequence: SEQUENCE,
    issuedAt: NOW,
    ttlSeconds: 300,
    addresses: [],
    ...changes,
  } as const;
  const bytes = ok(by(world.kioskKey, protocol.signRefundOffer(draft, kiosk.hash)));
  return ok(by(world.kioskKey, protocol.verifyRefundOffer(bytes, kiosk)));
}

function accept(offer: protocol.RefundOffer, key = world.phoneKey, signedAt = NOW): Uint8Array {
  return ok(
    by(key, protocol.signRefundAcceptance({ offerHash: offer.hash, signedAt }, world.allowance.hash)),
  );
}

const untouched = { amountMinor: 1_250n, refundedMinor: 0n, isRefused: false };
function decide(
  offer: protocol.RefundOffer | null,
  acceptance: Uint8Array,
  changes: Partial<protocol.RefundFacts> = {},
) {
  const read = protocol.readRefundAcceptance(acceptance);
  const facts = {
    offer,
    offerState: 'open',
    allowance: world.allowance,
    sale: untouched,
    ...changes,
  } as const;
  return by(world.kioskKey, protocol.verifyRefund(read, facts));
}

describe('an amount to give back', () => {
  const answer = (
    kind: protocol.RefundKind,
    amountMinor: bigint,
    refundedMinor: bigint,
  ): protocol.RefusalCode | 'fine' => {
    const result = protocol.attempt(() =>
      protocol.checkRefundAmount({ kind, amountMinor }, { amountMinor: 1_250n, refundedMinor }),
    );
    return result.ok ? 'fine' : result.code;
  };

  it.each<[protocol.RefundKind, bigint, bigint, protocol.RefusalCode | 'fine']>([
    ['refund', 1n, 0n, 'fine'],
    ['refund', 1_250n, 0n, 'fine'],
    ['refund', 1_251n, 0n, 'refund_exceeds_sale'],
    ['refund', 750n, 500n, 'fine'],
    ['refund', 751n, 500n, 'refund_exceeds_sale'],
    ['refund', 1n, 1_250n, 'refund_exceeds_sale'],
    ['void', 1_250n, 0n, 'fine'],
    ['void', 1_249n, 0n, 'void_is_not_whole'],
    ['void', 750n, 500n, 'void_is_not_whole'],
    ['void', 1_250n, 1n, 'refund_exceeds_sale'],
  ])('%s of %s after %s: %s', (kind, amount, refunded, expected) => {
    expect(answer(kind, amount, refunded)).toBe(expected);
  });

  it('whatever is asked and in whatever order, the sum never exceeds the sale', () => {
    const asked = fc.record({
      kind: fc.constantFrom<protocol.RefundKind>('void', 'refund'),
      amountMinor: fc.bigInt({ min: 1n, max: 1_500n }),
    });
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 20 }), (all) => {
        let refundedMinor = 0n;
        for (const one of all) {
          const sale = { amountMinor: 1_250n, refundedMinor };
          if (protocol.attempt(() => protocol.checkRefundAmount(one, sale)).ok)
            refundedMinor += one.amountMinor;
        }
        expect(refundedMinor).toBeLessThanOrEqual(1_250n);
      }),
    );
  });
});

describe('the kiosk', () => {
  it('takes an acceptance, and says what was given back with it', () => {
    const offer = makeOffer();
    const refund = ok(decide(offer, accept(offer), { sale: { ...untouched, refundedMinor: 300n } }));
    expect(refund.refundedMinor).toBe(800n);
    expect(refund.allowanceCertificateHash).toEqual(world.allowance.hash);
    expect(refund.acceptance.offerHash).toEqual(offer.hash);
  });

  it('takes two offers that were open at once only as far as the sale goes', () => {
    const [first, second] = [
      makeOffer({ amountMinor: 700n }),
      makeOffer({ refundIdBytes: id(1), amountMinor: 700n }),
    ];
    const after = ok(decide(first, accept(first)));
    const sale = { ...untouched, refundedMinor: after.refundedMinor };
    expect(decide(second, accept(second), { sale })).toEqual(refused('refund_exceeds_sale'));
  });

  it('refuses what it did not offer, took back, or offered too long ago', () => {
    const offer = makeOffer();
    const acceptance = accept(offer);
    expect(decide(null, acceptance)).toEqual(refused('refund_not_open'));
    expect(decide(makeOffer({ amountMinor: 501n }), acceptance)).toEqual(refused('refund_not_open'));
    expect(decide(offer, acceptance, { allowance: null })).toEqual(refused('refund_not_open'));
    expect(decide(offer, acceptance, { offerState: 'cancelled' })).toEqual(refused('refund_not_open'));
    expect(decide(offer, acceptance, { offerState: 'expired' })).toEqual(refused('refund_offer_expired'));
  });

  it('refuses to give back what the cloud refused, and what another key accepted', () => {
    const offer = makeOffer();
    const sale = { ...untouched, isRefused: true };
    expect(decide(offer, accept(offer), { sale })).toEqual(refused('refund_of_unpaid_sale'));
    expect(decide(offer, accept(offer, world.kioskKey))).toEqual(
      refused('refund_acceptance_signature_invalid'),
    );
  });
});

it('an envelope brings certificate and offer to the phone', () => {
  const offer = makeOffer();
  const envelope = protocol.encodeRefundEnvelope(world.kiosk.bytes, offer.bytes);
  const opened = ok(protocol.runSync(protocol.openRefundEnvelope(envelope, world.trust.issuers), crypto));
  expect(opened).toEqual({ kiosk: world.kiosk, offer });
});

describe('the phone', () => {
  const paid: protocol.PaidSale = {
    paymentHash: payment.hash,
    amountMinor: 1_250n,
    refundedMinor: 0n,
    kioskId: world.kiosk.kioskId,
    sequence: SEQUENCE,
  };
  const look = (offer: protocol.RefundOffer, changes: Partial<protocol.PaidSale> | null = {}, now = NOW) => {
    const payment = changes === null ? null : { ...paid, ...changes };
    const facts = { kiosk: world.kiosk, payment, nowSeconds: now };
    const result = protocol.attempt(() => protocol.checkRefundOffer(offer, facts));
    return result.ok ? 'fine' : result.code;
  };

  it('signs for its own payment at the kiosk that it paid, with or without the receipt', () => {
    expect(look(makeOffer())).toBe('fine');
    expect(look(makeOffer(), { sequence: null })).toBe('fine');
    expect(look(makeOffer(), null)).toBe('refund_is_for_another_payment');
    expect(look(makeOffer(), { paymentHash: request.hash })).toBe('refund_is_for_another_payment');
    expect(look(makeOffer(), { sequence: 8 })).toBe('refund_is_for_another_payment');
    expect(look(makeOffer(), { kioskId: world.kiosk.merchantId })).toBe('refund_is_for_another_kiosk');
  });

  it('forgives clocks that differ by the tolerance, and holds the amount against its receipts', () => {
    expect(look(makeOffer(), {}, NOW + 600)).toBe('fine');
    expect(look(makeOffer(), {}, NOW + 601)).toBe('refund_offer_expired');
    expect(look(makeOffer(), { refundedMinor: 751n })).toBe('refund_exceeds_sale');
    expect(look(makeOffer({ kind: 'void' }))).toBe('void_is_not_whole');
  });
});

describe('the cloud', () => {
  const settled: protocol.SettledSale = {
    amountMinor: 1_250n,
    refundedMinor: 0n,
    kioskId: world.kiosk.kioskId,
    allowanceCertificateHash: world.allowance.hash,
    sequence: SEQUENCE,
    isPaid: true,
  };
  const check = (
    offer: protocol.RefundOffer,
    sale: Partial<protocol.SettledSale> | null = {},
    knownOfferHash: Uint8Array | null = null,
  ) => {
    const result = protocol.attempt(() =>
      protocol.checkSettledRefund(offer, {
        kioskId: world.kiosk.kioskId,
        allowanceCertificateHash: world.allowance.hash,
        sale: sale === null ? null : { ...settled, ...sale },
        knownOfferHash,
      }),
    );
    return result.ok ? 'fine' : result.code;
  };

  it('pays the payer back, once, out of a sale that was paid', () => {
    const offer = makeOffer();
    expect(check(offer)).toBe('fine');
    expect(check(offer, {}, offer.hash)).toBe('fine');
    expect(check(offer, {}, makeOffer({ amountMinor: 1n }).hash)).toBe('refund_id_used_twice');
    expect(check(offer, { isPaid: false })).toBe('refund_of_unpaid_sale');
    expect(check(offer, { refundedMinor: 751n })).toBe('refund_exceeds_sale');
    expect(check(offer, null)).toBe('refund_is_for_another_payment');
    expect(check(offer, { kioskId: world.kiosk.merchantId })).toBe('refund_is_for_another_kiosk');
    expect(check(offer, { sequence: 8 })).toBe('refund_entry_inconsistent');
    expect(check(offer, { allowanceCertificateHash: world.kiosk.hash })).toBe(
      'refund_acceptance_signature_invalid',
    );
  });

  it('reads both signatures of an entry again', () => {
    const offer = makeOffer();
    const body: protocol.RefundBody = {
      kioskCertificateHash: world.kiosk.hash,
      offer: offer.bytes,
      allowanceCertificateHash: world.allowance.hash,
      acceptance: accept(offer),
      refundedMinor: 500n,
    };
    const facts = { kiosk: world.kiosk, allowance: world.allowance };
    const read = (changes: Partial<protocol.RefundBody>, kind: protocol.RefundKind = 'refund') =>
      by(world.issuer, protocol.verifyRefundEntry({ kind, body: { ...body, ...changes } }, facts));
    expect(ok(read({})).offer.refundId).toBe(offer.refundId);
    expect(read({}, 'void')).toEqual(refused('refund_entry_inconsistent'));
    expect(read({ refundedMinor: 499n })).toEqual(refused('refund_entry_inconsistent'));
    expect(read({ acceptance: accept(makeOffer({ amountMinor: 1n })) })).toEqual(
      refused('refund_acceptance_is_for_another_offer'),
    );
    expect(read({ acceptance: accept(offer, world.kioskKey) })).toEqual(
      refused('refund_acceptance_signature_invalid'),
    );
    const late = makeOffer({ issuedAt: world.kiosk.notAfter });
    expect(read({ offer: late.bytes, acceptance: accept(late) })).toEqual(refused('certificate_expired'));
  });
});

it('R1 an offer fits one QR code of at most 1,000 characters, with every address', () => {
  const longest = 'http://[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:65535';
  const addresses = ['http://192.168.49.1:65535', 'http://192.168.178.201:65535', longest, longest];
  const envelope = protocol.encodeRefundEnvelope(world.kiosk.bytes, makeOffer({ addresses }).bytes);
  expect(protocol.toQrText('refundOffer', envelope).length).toBeLessThanOrEqual(1_000);
  expect(protocol.toQrText('refundAcceptance', accept(makeOffer())).length).toBeLessThanOrEqual(200);
});
