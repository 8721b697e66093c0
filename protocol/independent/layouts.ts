// The CDDL of pages 02 to 10 and 14 as data: every object's purpose, fields and bound.

import * as f from './fields.ts';
import { limits } from './limits.ts';

/** A signed object within another. */
export const object = f.blob(limits.MAX_OBJECT_BYTES);
export const outcomes = ['settled', 'settled_by_guarantee', 'refused', 'disputed', 'waiting'] as const;
export const tier = f.named(['locked', 'reserved', 'at_risk']);
export const checks = f.uint(0, 65_535);
const addresses = f.list(
  limits.MAX_ADDRESSES,
  f.text(limits.MAX_ADDRESS_BYTES, /^http:\/\/[0-9A-Za-z.:[\]-]+$/),
);

export const issuerCertificate = f.object(1, {
  publicKey: f.point,
  generation: f.count,
  uses: f.uint(1, 7),
  notBefore: f.time,
  validity: f.validity,
});

export const allowanceCertificate = f.object(2, {
  allowanceId: f.id,
  devicePublicKey: f.point,
  currency: f.currency,
  capMinor: f.price,
  perPaymentMinor: f.price,
  firstCounter: f.count,
  softCounterLimit: f.count,
  hardCounterLimit: f.count,
  notBefore: f.time,
  validity: f.validity,
  assurance: f.uint(1, 15),
  standing: f.uint(1, 15),
  maskedPhone: f.phone,
  phoneCommitment: f.bytes(16),
  payeeLock: f.nullable(f.record({ merchantId: f.id, kioskId: f.nullable(f.id) })),
});

export const kioskCertificate = f.object(3, {
  merchantId: f.id,
  merchantName: f.text(limits.MAX_NAME_BYTES),
  merchantPhone: f.phone,
  kioskId: f.id,
  currency: f.currency,
  signingPublicKey: f.point,
  sealingPublicKey: f.point,
  perPaymentMinor: f.price,
  notBefore: f.time,
  validity: f.validity,
});

export const paymentRequest = f.object(4, {
  requestId: f.id,
  amountMinor: f.price,
  currency: f.currency,
  itemsHash: f.nullable(f.hash),
  nonce: f.bytes(16),
  issuedAt: f.time,
  ttlSeconds: f.uint(1, limits.MAX_REQUEST_TTL_SECONDS),
  denyListVersion: f.uint31,
  addresses,
  flags: f.uint(0, 1),
});

export const requestList = f.object(26, {
  envelopes: f.list(limits.MAX_OPEN_REQUESTS, f.blob(limits.MAX_ENVELOPE_BYTES)),
});

export const requestEnvelope = f.object(14, { kioskCertificate: object, request: object });

export const payment = f.object(5, {
  counter: f.count,
  amountMinor: f.price,
  cumulativeMinor: f.price,
  previousLink: f.link,
  requestHash: f.hash,
  signedAt: f.time,
});

export const delivery = f.object(13, {
  allowanceCertificate: object,
  payment: object,
  phoneSalt: f.nullable(f.bytes(16)),
});

export const repeatDelivery = f.object(16, {
  certificateReference: f.bytes(limits.CERTIFICATE_REFERENCE_BYTES),
  payment: object,
  phoneSalt: f.nullable(f.bytes(16)),
});

export const closingStatement = f.object(12, {
  lastCounter: f.uint31,
  cumulativeMinor: f.amount,
  signedAt: f.time,
});

export const receipt = f.object(6, {
  paymentHash: f.hash,
  amountMinor: f.price,
  tier,
  sequence: f.count,
  journalHash: f.hash,
  acceptedAt: f.time,
  checks,
});

export const settlementBatch = f.object(8, {
  fromSequence: f.count,
  entryCount: f.uint(0, limits.MAX_BATCH_ENTRIES),
  saleCount: f.uint(0, limits.MAX_BATCH_ENTRIES),
  saleSumMinor: f.amount,
  previousHash: f.hash,
  headHash: f.hash,
  denyListVersion: f.uint31,
  createdAt: f.time,
});

export const settlementEnvelope = f.object(15, {
  kioskCertificateHash: f.hash,
  batch: object,
  entries: f.list(limits.MAX_BATCH_ENTRIES, f.blob(limits.MAX_JOURNAL_ENTRY_BYTES)),
});

export const settlementAcknowledgement = f.object(9, {
  kioskId: f.id,
  batchHash: f.hash,
  highestSequence: f.uint31,
  results: f.list(
    limits.MAX_BATCH_ENTRIES,
    f.record({
      sequence: f.count,
      outcome: f.named(outcomes),
      code: f.nullable(f.text(64, /^[a-z_]+$/)),
    }),
  ),
  issuedAt: f.time,
});

const policy = f.record({
  perPaymentMinor: f.price,
  storedSumMinor: f.price,
  storedCount: f.count,
  maxOfflineSeconds: f.count,
  perAllowanceMinor: f.price,
  firstPaymentMinor: f.price,
  newStandingMinor: f.price,
  splitWindowSeconds: f.count,
  splitCount: f.count,
  splitSumMinor: f.price,
  hourCount: f.count,
  hourSumMinor: f.price,
  dayCount: f.count,
  daySumMinor: f.price,
});
const deniedIds = f.list(limits.MAX_DENIED, f.id);
const bundleHead = {
  version: f.count,
  issuedAt: f.time,
  policy,
  issuerCertificates: f.list(limits.MAX_ISSUER_CERTIFICATES, object),
  revokedIssuers: f.list(
    limits.MAX_REVOKED_ISSUERS,
    f.record({ generation: f.count, honouredUntil: f.time }),
  ),
  denyListVersion: f.uint31,
};

export const trustBundle = f.object(10, {
  ...bundleHead,
  deniedAllowances: deniedIds,
  deniedKiosks: deniedIds,
});

export const denyListDelta = f.object(20, {
  ...bundleHead,
  baseVersion: f.count,
  addedAllowances: deniedIds,
  removedAllowances: deniedIds,
  addedKiosks: deniedIds,
  removedKiosks: deniedIds,
  listHash: f.hash,
});

export const refundOffer = f.object(17, {
  refundId: f.id,
  paymentHash: f.hash,
  kind: f.named(['void', 'refund']),
  amountMinor: f.price,
  sequence: f.count,
  issuedAt: f.time,
  ttlSeconds: f.uint(1, limits.MAX_REFUND_OFFER_TTL_SECONDS),
  addresses,
});

export const refundEnvelope = f.object(21, { kioskCertificate: object, offer: object });

export const refundAcceptance = f.object(18, { offerHash: f.hash, signedAt: f.time });

export const refundReceipt = f.object(19, {
  refundId: f.id,
  paymentHash: f.hash,
  amountMinor: f.price,
  refundedMinor: f.price,
  sequence: f.count,
  journalHash: f.hash,
  at: f.time,
});

export const doubleSpendProof = f.object(24, {
  issuerCertificate: object,
  allowanceCertificate: object,
  first: object,
  second: object,
});

export const proofOfPossession = f.object(11, {
  publicKey: f.point,
  context: f.text(64, /^(allowance|kiosk)$/),
  occasion: f.text(64),
});
