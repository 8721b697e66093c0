/** Money that goes back: the phone's decision, the kiosk's and the cloud's. */
import type { Steps } from '../src/crypto.ts';
import { refuse } from '../src/errors.ts';
import * as protocol from '../src/index.ts';
import { allowanceOf, issuersOf, kioskOf } from './operations-on-certificates.ts';
import { type Input, type Operations } from './vector.ts';

function saleOf(input: Input): protocol.RefundableSale {
  return {
    amountMinor: BigInt(input.text('amountMinor')),
    refundedMinor: BigInt(input.text('refundedMinor')),
  };
}

/** The phone's decision on an envelope. */
function* refundOffer(input: Input): Steps<unknown> {
  const { kiosk, offer } = yield* protocol.openRefundEnvelope(
    input.bytes('envelope'),
    yield* issuersOf(input),
  );
  const known = input.object('paid');
  const payment =
    known === null
      ? null
      : {
          ...saleOf(known),
          paymentHash: known.bytes('paymentHash'),
          kioskId: known.text('kioskId'),
          sequence: known.has('sequence') ? known.number('sequence') : null,
        };
  protocol.checkRefundOffer(offer, { kiosk, payment, nowSeconds: input.number('nowSeconds') });
  return offer;
}

/** The kiosk's decision on an acceptance. */
function* refund(input: Input): Steps<unknown> {
  const known = input.object('offer');
  const offer =
    known === null ? null : yield* protocol.verifyRefundOffer(known.bytes('bytes'), yield* kioskOf(input));
  const state = known?.text('state') ?? 'open';
  if (state !== 'open' && state !== 'expired' && state !== 'cancelled') throw new TypeError(state);
  const sale = input.object('sale');
  if (sale === null) throw new TypeError('a sale');
  const { acceptance, refundedMinor } = yield* protocol.verifyRefund(
    protocol.readRefundAcceptance(input.bytes('acceptance')),
    {
      offer,
      offerState: state,
      allowance: yield* allowanceOf(input),
      sale: { ...saleOf(sale), isRefused: sale.flag('isRefused') },
    },
  );
  return { acceptance, refundedMinor };
}

function* refundReceipt(input: Input): Steps<unknown> {
  const expected = {
    refundId: input.text('refundId'),
    paymentHash: input.bytes('paymentHash'),
    amountMinor: BigInt(input.text('amountMinor')),
  };
  return yield* protocol.verifyRefundReceipt(input.bytes('refundReceipt'), yield* kioskOf(input), expected);
}

/** The cloud's decision on an entry. */
function* settledRefund(input: Input): Steps<unknown> {
  const { kind, body } = protocol.decodeJournalEntry(input.bytes('entry'));
  if (kind !== 'void' && kind !== 'refund') refuse('message_malformed');
  const [kiosk, allowance] = [yield* kioskOf(input), yield* allowanceOf(input)];
  const facts = { kiosk, allowance };
  const { offer, acceptance } = yield* protocol.verifyRefundEntry(
    { kind, body: protocol.decodeRefundBody(body) },
    facts,
  );
  const known = input.object('settled');
  const sale =
    known === null
      ? null
      : {
          ...saleOf(known),
          kioskId: known.text('kioskId'),
          allowanceCertificateHash: known.bytes('allowanceCertificateHash'),
          sequence: known.number('sequence'),
          isPaid: known.flag('isPaid'),
        };
  protocol.checkSettledRefund(offer, {
    kioskId: kiosk.kioskId,
    allowanceCertificateHash: allowance.hash,
    sale,
    knownOfferHash: input.has('knownOfferHash') ? input.bytes('knownOfferHash') : null,
  });
  return { offerHash: offer.hash, acceptanceHash: acceptance.hash, amountMinor: offer.amountMinor };
}

export const REFUNDS: Operations = {
  *verifyRefundOffer(input) {
    return yield* protocol.verifyRefundOffer(input.bytes('offer'), yield* kioskOf(input));
  },
  considerRefundOffer: refundOffer,
  acceptRefund: refund,
  verifyRefundReceipt: refundReceipt,
  settleRefund: settledRefund,
};
