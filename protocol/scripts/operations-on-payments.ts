/** Requests, payments and receipts: a phone's decision, a kiosk's, and what two payments prove. */
import { toHex } from '../src/bytes.ts';
import type { Steps } from '../src/crypto.ts';
import { refuse } from '../src/errors.ts';
import * as protocol from '../src/index.ts';
import { allowanceOf, issuersOf, kioskOf, trustOf } from './operations-on-certificates.ts';
import { plain, type Input, type Operations } from './vector.ts';

function* signedPayment(
  bytes: Uint8Array,
  allowance: protocol.AllowanceCertificate,
): Steps<protocol.Payment> {
  const payment = yield* protocol.readPayment(bytes, allowance);
  if (!(yield* protocol.hasPaymentSignature(payment, allowance))) refuse('payment_signature_invalid');
  return payment;
}

function historyOf(input: Input | null): protocol.AllowanceHistory | null {
  if (input === null) return null;
  return {
    lastCounter: input.number('lastCounter'),
    lastCumulativeMinor: BigInt(input.text('lastCumulativeMinor')),
    lastHash: input.bytes('lastHash'),
  };
}

function payerOf(input: Input | null): protocol.PayerFacts {
  if (input === null) throw new TypeError('a payer');
  return {
    hasPaidHere: input.flag('hasPaidHere'),
    recent: input.objects('recent').map((payment) => ({
      acceptedAt: payment.number('acceptedAt'),
      amountMinor: BigInt(payment.text('amountMinor')),
    })),
    allowanceSumMinor: BigInt(input.text('allowanceSumMinor')),
  };
}

/** What an owner did not set is absent. */
function settingsOf(input: Input): protocol.LimitSettings {
  const money = protocol.MONEY_LIMITS.filter((name) => input.has(name)).map(
    (name) => [name, BigInt(input.text(name))] as const,
  );
  const numbers = protocol.NUMBER_LIMITS.filter((name) => input.has(name)).map(
    (name) => [name, input.number(name)] as const,
  );
  return { ...Object.fromEntries(money), ...Object.fromEntries(numbers) };
}

function* requestFacts(
  input: Input,
  kiosk: protocol.KioskCertificate,
): Steps<protocol.AcceptanceFacts['request']> {
  const known = input.object('request');
  if (known === null) return null;
  const { requestId, hash, amountMinor, currency } = yield* protocol.verifyPaymentRequest(
    known.bytes('bytes'),
    kiosk,
  );
  const state = known.text('state');
  if (state !== 'open' && state !== 'paid' && state !== 'expired' && state !== 'cancelled')
    throw new TypeError(state);
  return { requestId, hash, amountMinor, currency, state };
}

function* factsOf(input: Input): Steps<protocol.AcceptanceFacts> {
  const kiosk = yield* kioskOf(input);
  const stored = input.object('stored');
  return {
    nowSeconds: input.number('nowSeconds'),
    kiosk,
    trust: yield* trustOf(input),
    request: yield* requestFacts(input, kiosk),
    expectedPhone: input.has('expectedPhone') ? input.text('expectedPhone') : null,
    history: historyOf(input.object('history')),
    stored: { sumMinor: BigInt(stored?.text('sumMinor') ?? 0), count: stored?.number('count') ?? 0 },
    payer: payerOf(input.object('payer')),
    settings: input.objects('settings').map(settingsOf),
    certificateIsKnownGood: false,
    clockIsBehind: input.has('clockIsBehind') && input.flag('clockIsBehind'),
  };
}

function* identified(input: Input): Steps<protocol.IdentifiedPayment> {
  return yield* protocol.identifyPayment(protocol.decodeDelivery(input.bytes('delivery')));
}

function* accept(input: Input): Steps<unknown> {
  const facts = yield* factsOf(input);
  return outcomeOf(yield* protocol.verifyPayment(yield* identified(input), facts));
}

function outcomeOf({ requestId, payment, tier, checks }: protocol.VerifiedPayment) {
  return { requestId, paymentHash: payment.hash, tier, checks };
}

/** `storedCertificates`: what the kiosk has accepted payments under before. */
function* acceptRepeat(input: Input): Steps<unknown> {
  const delivery = protocol.decodeRepeatDelivery(input.bytes('delivery'));
  const stored: protocol.ReadCertificate[] = [];
  for (const bytes of input.bytesList('storedCertificates')) {
    const { certificate, object } = yield* protocol.readAllowanceCertificate(bytes);
    stored.push({ allowance: certificate, allowanceObject: object });
  }
  const named = protocol.selectCertificate(delivery, stored, ({ allowance }) => allowance.hash);
  const facts = yield* factsOf(input);
  return outcomeOf(yield* protocol.verifyPayment(yield* protocol.identifyUnder(named, delivery), facts));
}

function* acceptUnderOverride(input: Input): Steps<unknown> {
  const facts = yield* factsOf(input);
  const consented = new Set(input.texts('consented').filter(protocol.isOverridable));
  const verified = yield* protocol.verifyUnderOverride(yield* identified(input), facts, consented);
  return { ...outcomeOf(verified), overridden: verified.overridden };
}

function* receipt(input: Input): Steps<unknown> {
  const expected = {
    paymentHash: input.bytes('paymentHash'),
    amountMinor: BigInt(input.text('amountMinor')),
  };
  return yield* protocol.verifyReceipt(input.bytes('receipt'), yield* kioskOf(input), expected);
}

function* contradiction(input: Input): Steps<unknown> {
  const allowance = yield* allowanceOf(input);
  const [first, second] = input.bytesList('payments');
  if (first === undefined || second === undefined) throw new TypeError('two payments');
  const pair = [yield* signedPayment(first, allowance), yield* signedPayment(second, allowance)] as const;
  return { contradicts: protocol.contradicts(...pair), hashes: pair.map(({ hash }) => hash) };
}

export const PAYMENTS: Operations = {
  decodeDelivery: plain((input) => protocol.decodeDelivery(input.bytes('delivery'))),
  decodeRepeatDelivery: plain((input) => protocol.decodeRepeatDelivery(input.bytes('delivery'))),
  *verifyPaymentRequest(input) {
    return yield* protocol.verifyPaymentRequest(input.bytes('request'), yield* kioskOf(input));
  },
  *openRequestEnvelope(input) {
    return yield* protocol.openRequestEnvelope(input.bytes('envelope'), yield* issuersOf(input));
  },
  decodeRequestList: plain((input) => protocol.decodeRequestList(input.bytes('list')).map(toHex)),
  *considerRequest(input) {
    const trust = yield* trustOf(input);
    const opened = yield* protocol.openRequestEnvelope(input.bytes('envelope'), trust.issuers);
    protocol.checkKioskStanding(opened.kiosk, trust, input.number('nowSeconds'));
    return opened;
  },
  *verifyPaymentObject(input) {
    return yield* signedPayment(input.bytes('payment'), yield* allowanceOf(input));
  },
  *verifyClosingStatement(input) {
    return yield* protocol.verifyClosingStatement(input.bytes('statement'), yield* allowanceOf(input));
  },
  acceptPayment: accept,
  acceptRepeat,
  acceptUnderOverride,
  verifyReceipt: receipt,
  findContradiction: contradiction,
  *verifyDoubleSpendProof(input) {
    const parts = protocol.decodeDoubleSpendProof(input.bytes('proof'));
    const { rule, allowance, first, second } = yield* protocol.verifyDoubleSpendProof(
      parts,
      input.bytes('rootPublicKey'),
    );
    return { rule, allowanceId: allowance.allowanceId, first, second };
  },
};
