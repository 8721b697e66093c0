/**
 * Every public function that takes bytes from outside, each with a genuine message that it accepts; and such a message's
 * whole way, through all functions to a decision.
 */
import * as protocol from '../src/index.ts';
import {
  world,
  request,
  payment,
  delivery,
  sync,
  receipt,
  entry,
  batch,
  acknowledgement,
  statement,
  delta,
  kept,
  possession,
  proof,
  issuerCertificate,
  repeat,
  doubleSpend,
  offer,
  acceptance,
  refundReceipt,
  refundEntry,
  file,
  merchantLimits,
  cloudSealingKey,
  sealedSettlement,
  overrideEntry,
  policyEntry,
  issuers,
} from './genuine-messages.ts';
import { crypto, id, makeFacts, NOW, ok } from './world.ts';

const known = ok(sync(protocol.readAllowanceCertificate(world.allowance.bytes)));

const stored = [{ allowance: known.certificate, allowanceObject: known.object }];

/** A delivery of either kind all the way to the kiosk's decision. */
function decide(bytes: Uint8Array) {
  const decoded = protocol.attempt(() => protocol.decodeAnyDelivery(bytes));
  if (!decoded.ok) return decoded;
  const delivery = decoded.value;
  const identified = protocol.isRepeatDelivery(delivery)
    ? byReference(delivery)
    : sync(protocol.identifyPayment(delivery));
  return identified.ok
    ? sync(protocol.verifyPayment(identified.value, makeFacts(world, request)))
    : identified;
}

function byReference(delivery: protocol.RepeatDelivery) {
  const named = protocol.attempt(() =>
    protocol.selectCertificate(delivery, stored, ({ allowance }) => allowance.hash),
  );
  return named.ok ? sync(protocol.identifyUnder(named.value, delivery)) : named;
}

function prove(bytes: Uint8Array) {
  const parts = protocol.attempt(() => protocol.decodeDoubleSpendProof(bytes));
  return parts.ok ? sync(protocol.verifyDoubleSpendProof(parts.value, world.root.publicKey)) : parts;
}

/** Envelope, chain and every sale in it, as the cloud reads them. */
function settle(bytes: Uint8Array) {
  const envelope = protocol.attempt(() => protocol.decodeSettlementEnvelope(bytes));
  if (!envelope.ok) return envelope;
  const verified = sync(protocol.verifySettlementBatch(envelope.value, world.kiosk));
  if (!verified.ok) return verified;
  return settleSale(verified.value.entries[0]?.entry.body ?? []);
}

/** As a sale of its batch and as one that stands alone: what the batch vouches for is the signature of its request. */
function settleSale(body: readonly unknown[]) {
  const sale = protocol.attempt(() => protocol.decodeSaleBody(body));
  if (!sale.ok) return sale;
  const signers = { kiosk: world.kiosk, allowance: world.allowance };
  protocol.readSaleAtHand(sale.value, signers, crypto);
  const inBatch = sync(protocol.verifySaleOfBatch(sale.value, signers));
  return inBatch.ok ? sync(protocol.verifySale(sale.value, signers)) : inBatch;
}

/** An acceptance all the way to the kiosk's decision. */
function giveBack(bytes: Uint8Array) {
  const read = protocol.attempt(() => protocol.readRefundAcceptance(bytes));
  if (!read.ok) return read;
  const sale = { amountMinor: 1_250n, refundedMinor: 0n, isRefused: false };
  const facts = {
    offer: { ...ok(sync(protocol.verifyRefundOffer(offer, world.kiosk))), hash: read.value.offerHash },
  };
  return sync(
    protocol.verifyRefund(read.value, { ...facts, offerState: 'open', allowance: world.allowance, sale }),
  );
}

/** The entry of a refund, as the cloud and a verifier of journals read it. */
function settleRefund(bytes: Uint8Array) {
  const records = [entry, bytes].map((item) => ({ kind: 'journalEntry', bytes: item }) as const);
  ok(sync(protocol.checkJournal(records, null)));
  const body = protocol.attempt(() => protocol.decodeRefundBody(protocol.decodeJournalEntry(bytes).body));
  if (!body.ok) return body;
  const facts = { kiosk: world.kiosk, allowance: world.allowance };
  return sync(protocol.verifyRefundEntry({ kind: 'refund', body: body.value }, facts));
}

/** The body of one entry, by the rule of its kind. */
function readBody<T>(bytes: Uint8Array, read: (body: readonly unknown[]) => T): protocol.Result<T> {
  return protocol.attempt(() => read(protocol.decodeJournalEntry(bytes).body));
}

/** A delivery, with everything set aside that may be. */
function decideUnderOverride(bytes: Uint8Array) {
  const decoded = protocol.attempt(() => protocol.decodeDelivery(bytes));
  if (!decoded.ok) return decoded;
  const identified = sync(protocol.identifyPayment(decoded.value));
  if (!identified.ok) return identified;
  const facts = makeFacts(world, request, { trust: { ...world.trust, issuedAt: NOW - 400_000 } });
  return sync(protocol.verifyUnderOverride(identified.value, facts, protocol.EVERY_OVERRIDABLE));
}

/** A delta by itself, and then on the bundle in force. */
function follow(bytes: Uint8Array) {
  const change = sync(protocol.verifyDenyListDelta(bytes, world.root.publicKey));
  if (!change.ok) return change;
  const next = sync(protocol.applyDenyListDelta(change.value, world.trust));
  if (!next.ok) return next;
  return protocol.attempt(() => protocol.checkNotOlder(next.value, world.trust, { nowSeconds: NOW }));
}

/** An envelope all the way to what a phone shows. */
function consider(bytes: Uint8Array) {
  const opened = sync(protocol.openRequestEnvelope(bytes, issuers));
  return opened.ok
    ? protocol.attempt(() => protocol.checkKioskStanding(opened.value.kiosk, world.trust, NOW))
    : opened;
}

/** The offer of a refund all the way to what a phone shows. */
function considerRefund(bytes: Uint8Array) {
  const opened = sync(protocol.openRefundEnvelope(bytes, issuers));
  if (!opened.ok) return opened;
  const { kiosk, offer: read } = opened.value;
  const { kioskId } = world.kiosk;
  const paid = { paymentHash: payment.hash, amountMinor: 1_250n, refundedMinor: 0n, kioskId, sequence: 1 };
  return protocol.attempt(() => {
    protocol.checkRefundAmount(read, paid);
    protocol.checkRefundOffer(read, { kiosk, payment: paid, nowSeconds: NOW });
  });
}

function signedPayment(bytes: Uint8Array) {
  const read = sync(protocol.readPayment(bytes, world.allowance));
  return read.ok ? sync(protocol.hasPaymentSignature(read.value, world.allowance)) : read;
}

/** A whole file as anybody may send one: cut into records, and every record looked at. */
export function checkFile(bytes: Uint8Array) {
  const records = protocol.attempt(() => protocol.decodeJournalFile(bytes));
  return records.ok ? sync(protocol.checkJournal(records.value, world.root.publicKey)) : records;
}

export const readers: Readonly<
  Record<string, readonly [Uint8Array, (bytes: Uint8Array) => protocol.Result<unknown>]>
> = {
  'delivery and decision': [protocol.encodeDelivery(delivery), decide],
  'repeat delivery and decision': [repeat, decide],
  'whole delivery': [
    protocol.encodeDelivery(delivery),
    (bytes) => protocol.attempt(() => protocol.decodeDelivery(bytes)),
  ],
  'repeat delivery': [repeat, (bytes) => protocol.attempt(() => protocol.decodeRepeatDelivery(bytes))],
  'salt in a delivery': [
    protocol.encodeDelivery({ ...delivery, phoneSalt: world.phoneSalt }),
    (bytes) => protocol.attempt(() => protocol.carriesPhoneSalt(bytes)),
  ],
  'delivery under an override': [protocol.encodeDelivery(delivery), decideUnderOverride],
  'signed payment': [payment.bytes, signedPayment],
  'form of a payment': [payment.bytes, (bytes) => protocol.attempt(() => protocol.requirePaymentForm(bytes))],
  'payment alone': [
    payment.bytes,
    (payment) => decide(protocol.encodeDelivery({ ...delivery, payment: nonEmpty(payment) })),
  ],
  'allowance in a delivery': [
    world.allowance.bytes,
    (bytes) => decide(protocol.encodeDelivery({ ...delivery, allowanceCertificate: nonEmpty(bytes) })),
  ],
  "merchant's limits": [merchantLimits, (bytes) => sync(protocol.verifyMerchantLimits(bytes, issuers))],
  "merchant's limits that were stored": [
    merchantLimits,
    (bytes) => protocol.attempt(() => protocol.readStoredMerchantLimits(bytes)),
  ],
  "cloud's sealing key": [cloudSealingKey, (bytes) => sync(protocol.verifyCloudSealingKey(bytes, issuers))],
  "cloud's sealing key that was stored": [
    cloudSealingKey,
    (bytes) => sync(protocol.readStoredCloudSealingKey(bytes)),
  ],
  'sealed settlement': [
    sealedSettlement,
    (bytes) => protocol.attempt(() => protocol.decodeSealedSettlement(bytes)),
  ],
  'key of a sealed settlement': [
    sealedSettlement,
    (bytes) =>
      protocol.attempt(() => {
        const message = protocol.decodeSealedSettlement(bytes);
        return protocol.selectSealingKey(message, [{ keyId: message.keyId }]);
      }),
  ],
  'what a seal held': [
    protocol.encodeSettlementEnvelope(world.kiosk.hash, batch, [entry]),
    (bytes) => protocol.requireEnvelope(bytes, { kioskCertificateHash: world.kiosk.hash }),
  ],
  'request list': [
    protocol.encodeRequestList([protocol.encodeRequestEnvelope(world.kiosk.bytes, request.bytes)]),
    (bytes) => protocol.attempt(() => protocol.decodeRequestList(bytes)),
  ],
  'request envelope': [protocol.encodeRequestEnvelope(world.kiosk.bytes, request.bytes), consider],
  request: [request.bytes, (bytes) => sync(protocol.verifyPaymentRequest(bytes, world.kiosk))],
  'request that a batch vouches for': [
    request.bytes,
    (bytes) => sync(protocol.readVouchedRequest(bytes, world.kiosk)),
  ],
  'sale of a batch': [
    entry,
    (bytes) => {
      const read = protocol.attempt(() => protocol.decodeJournalEntry(bytes));
      return read.ok ? settleSale(read.value.body) : read;
    },
  ],
  'kiosk certificate': [world.kiosk.bytes, (bytes) => sync(protocol.verifyKioskCertificate(bytes, issuers))],
  'allowance certificate': [
    world.allowance.bytes,
    (bytes) => sync(protocol.verifyAllowanceCertificate(bytes, issuers)),
  ],
  'certificate to ask about its issuer': [
    world.kiosk.bytes,
    (bytes) => protocol.attempt(() => protocol.checkIssuerNotRevoked(bytes, world.trust, NOW)),
  ],
  'issuer certificate': [
    issuerCertificate,
    (bytes) => sync(protocol.verifyIssuerCertificate(bytes, world.root.publicKey)),
  ],
  'trust bundle': [
    world.trustBytes,
    (bytes) => sync(protocol.verifyTrustBundle(bytes, world.root.publicKey)),
  ],
  'deny-list delta': [
    delta,
    (bytes) => sync(protocol.verifyTrustUpdate(bytes, world.root.publicKey, world.trust)),
  ],
  'deny-list delta alone': [delta, follow],
  'kept trust': [kept, (bytes) => sync(protocol.verifyTrustRecord(bytes, world.root.publicKey))],
  receipt: [
    receipt,
    (bytes) =>
      sync(protocol.verifyReceipt(bytes, world.kiosk, { paymentHash: payment.hash, amountMinor: 1_250n })),
  ],
  'refund envelope': [protocol.encodeRefundEnvelope(world.kiosk.bytes, offer), considerRefund],
  'form of a receipt': [receipt, (bytes) => protocol.attempt(() => protocol.readReceipt(bytes))],
  'form of a refund receipt': [
    refundReceipt,
    (bytes) => protocol.attempt(() => protocol.readRefundReceipt(bytes)),
  ],
  'form of a refund offer': [offer, (bytes) => protocol.attempt(() => protocol.readRefundOffer(bytes))],
  'form of a batch': [batch, (bytes) => protocol.attempt(() => protocol.readSettlementBatch(bytes))],
  'refund offer': [offer, (bytes) => sync(protocol.verifyRefundOffer(bytes, world.kiosk))],
  'refund acceptance': [acceptance, giveBack],
  'refund receipt': [
    refundReceipt,
    (bytes) =>
      sync(
        protocol.verifyRefundReceipt(bytes, world.kiosk, {
          refundId: protocol.toUuid(id(0x66)),
          paymentHash: payment.hash,
          amountMinor: 500n,
        }),
      ),
  ],
  'refund entry': [refundEntry, settleRefund],
  'override entry': [overrideEntry, (bytes) => readBody(bytes, protocol.decodeOverrideBody)],
  'policy change entry': [policyEntry, (bytes) => readBody(bytes, protocol.decodePolicyChangeBody)],
  'journal file': [file, checkFile],
  'journal entry': [entry, (bytes) => protocol.attempt(() => protocol.decodeJournalEntry(bytes))],
  settlement: [protocol.encodeSettlementEnvelope(world.kiosk.hash, batch, [entry]), settle],
  acknowledgement: [
    acknowledgement,
    (bytes) => sync(protocol.verifySettlementAcknowledgement(bytes, { trust: world.trust, nowSeconds: NOW })),
  ],
  'closing statement': [statement, (bytes) => sync(protocol.verifyClosingStatement(bytes, world.allowance))],
  'proof of possession': [proof, (bytes) => sync(protocol.verifyProofOfPossession(bytes, possession))],
  'proof of double spend': [doubleSpend, prove],
  'public key': [
    world.phoneKey.publicKey,
    (bytes) => protocol.attempt(() => protocol.decompressPoint(bytes)),
  ],
};

/** What takes its bytes in another form than these readers, and where it is fed with hostile ones. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  openSealed: 'src/sealing.test.ts, and adapters/node-sealing.test.ts for the kiosk',
  openSealedSettlement: 'src/sealed-settlement.test.ts, and adapters/node-sealing.test.ts for the cloud',
  readPayeeLock: 'within allowance certificates, above',
  readAddresses: 'within requests and refund offers, above',
  readUsualFields: 'within payments and sales at hand, above: it takes an object in its plain form',
  readUsualTerms: 'within sales at hand, above: it takes an object in its plain form',
  requireIssuerSignature:
    'within certificates, bundles and acknowledgements, above: it takes an object that was read',
};

function nonEmpty(bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? id(0) : bytes;
}
