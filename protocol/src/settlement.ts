/**
 * Settlement: a kiosk's signed batch of contiguous journal entries, and the issuer's signed acknowledgement. Nothing
 * at the kiosk is pruned before an acknowledgement; the same batch sent twice is answered the same.
 */
import { checkCounters } from './acceptance.ts';
import { equalBytes, fromUuid, toUuid } from './bytes.ts';
import { decodeCborAsViews, encodeCbor, FieldReader } from './cbor.ts';
import type { AllowanceCertificate, KioskCertificate, Validity } from './certificates.ts';
import {
  hasValidSignature,
  objectHash,
  readIssuedObject,
  readObject,
  readPayload,
  signObject,
  type UnverifiedObject,
} from './cose.ts';
import type { Steps } from './crypto.ts';
import { Refusal, refuse, REFUSAL_CODES, type RefusalCode } from './errors.ts';
import {
  checkSignerIsCurrent,
  requireIssuerSignature,
  type IssuerCertificate,
} from './issuer-certificate.ts';
import { decodeJournalEntry, journalHash, type JournalEntry, type SaleBody } from './journal.ts';
import {
  MAX_ACKNOWLEDGEMENT_BYTES,
  MAX_BATCH_BYTES,
  MAX_BATCH_ENTRIES,
  MAX_COUNTER,
  MAX_JOURNAL_ENTRY_BYTES,
  MAX_OBJECT_BYTES,
} from './limits.ts';
import { canPay } from './payee-lock.ts';
import { hasPaymentSignature, readPayment, type Payment } from './payment.ts';
import { readVouchedRequest, verifyPaymentRequest, type PaymentRequest } from './payment-request.ts';
import { PURPOSE } from './purposes.ts';
import type { TrustBundle } from './trust-bundle.ts';
import { UsualSaleEntry } from './usual-sale-entry.ts';

/** The signed head of a batch. A batch without entries is a heartbeat: `toSequence` is `fromSequence - 1`. */
export interface SettlementBatch {
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  readonly fromSequence: number;
  readonly toSequence: number;
  readonly saleCount: number;
  readonly saleSumMinor: bigint;
  /** Hash of entry `fromSequence - 1`. */
  readonly previousHash: Uint8Array;
  /** Hash of entry `toSequence`. */
  readonly headHash: Uint8Array;
  /** The deny list in force when the last entry was written: what was accepted before is in here or was sent. */
  readonly denyListVersion: number;
  readonly createdAt: number;
}

/** The driver's signer is the kiosk's signing key. */
export function* signSettlementBatch(
  draft: Omit<SettlementBatch, 'hash' | 'bytes'>,
  kioskCertificateHash: Uint8Array,
): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.settlementBatch,
      draft.fromSequence,
      draft.toSequence - draft.fromSequence + 1,
      draft.saleCount,
      draft.saleSumMinor,
      draft.previousHash,
      draft.headHash,
      draft.denyListVersion,
      draft.createdAt,
    ],
    { externalAad: kioskCertificateHash },
  );
}

/** What travels to the cloud: the signed head, the certificate it is signed under, the entries. */
export function encodeSettlementEnvelope(
  kioskCertificateHash: Uint8Array,
  batch: Uint8Array,
  entries: readonly Uint8Array[],
): Uint8Array {
  return encodeCbor([PURPOSE.settlementEnvelope, kioskCertificateHash, batch, entries]);
}

export interface SettlementEnvelope {
  readonly kioskCertificateHash: Uint8Array;
  readonly batch: Uint8Array;
  readonly entries: readonly Uint8Array[];
}

/** What it holds are views of `bytes`. */
export function decodeSettlementEnvelope(bytes: Uint8Array): SettlementEnvelope {
  const fields = new FieldReader(decodeCborAsViews(bytes, MAX_BATCH_BYTES));
  fields.purpose(PURPOSE.settlementEnvelope);
  const kioskCertificateHash = fields.bytes(32);
  const batch = fields.bytesUpTo(MAX_OBJECT_BYTES);
  const entries = fields.array(MAX_BATCH_ENTRIES).map((entry) => {
    if (!(entry instanceof Uint8Array)) refuse('message_malformed');
    if (entry.length === 0 || entry.length > MAX_JOURNAL_ENTRY_BYTES) refuse('field_out_of_range');
    return entry;
  });
  fields.end();
  return { kioskCertificateHash, batch, entries };
}

/** An entry whose place in a signed chain has been checked. */
export interface ChainedEntry {
  readonly entry: JournalEntry;
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

/** Checks the batch's signature and that its entries are exactly the chain that it signs. */
export function* verifySettlementBatch(
  envelope: SettlementEnvelope,
  kiosk: KioskCertificate,
): Steps<{ readonly batch: SettlementBatch; readonly entries: readonly ChainedEntry[] }> {
  const batch = yield* verifyBatch(envelope.batch, kiosk);
  if (envelope.entries.length !== batch.toSequence - batch.fromSequence + 1) refuse('batch_chain_broken');
  const entries: ChainedEntry[] = [];
  let previousHash = batch.previousHash;
  for (const bytes of envelope.entries) {
    const entry = UsualSaleEntry.read(bytes) ?? decodeJournalEntry(bytes);
    if (entry.sequence !== batch.fromSequence + entries.length) refuse('batch_chain_broken');
    if (!equalBytes(entry.previousHash, previousHash)) refuse('batch_chain_broken');
    previousHash = yield* journalHash(bytes);
    entries.push({ entry, bytes, hash: previousHash });
  }
  if (!equalBytes(previousHash, batch.headHash)) refuse('batch_chain_broken');
  return { batch, entries };
}

function* verifyBatch(bytes: Uint8Array, kiosk: KioskCertificate): Steps<SettlementBatch> {
  const { object, batch } = readSettlementBatch(bytes);
  if (!(yield* hasValidSignature(object, kiosk.signingPublicKey, kiosk.hash)))
    refuse('batch_signature_invalid');
  return { hash: yield* objectHash(object, kiosk.hash), ...batch };
}

/** Form only: who signed it is not asked. @throws Refusal */
export function readSettlementBatch(bytes: Uint8Array): {
  readonly object: UnverifiedObject;
  readonly batch: Omit<SettlementBatch, 'hash'>;
} {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.settlementBatch);
  const fromSequence = fields.uint(MAX_COUNTER, 1);
  const toSequence = fromSequence + fields.uint(MAX_BATCH_ENTRIES) - 1;
  const batch = {
    bytes,
    fromSequence,
    toSequence,
    saleCount: fields.uint(MAX_BATCH_ENTRIES),
    saleSumMinor: fields.amountMinor(),
    previousHash: fields.bytes(32),
    headHash: fields.bytes(32),
    denyListVersion: fields.uint(MAX_COUNTER),
    createdAt: fields.timeSeconds(),
  };
  fields.end();
  return { object, batch };
}

/** A settled sale's two signed halves, both checked again by the cloud. */
export interface VerifiedSale {
  readonly request: PaymentRequest;
  readonly payment: Payment;
}

/**
 * The cloud's check of one sale: it believes the kiosk nothing that a signature does not say. No honest kiosk takes what
 * this refuses: it made the same checks, at a moment not before the request's.
 */
export function* verifySale(sale: SaleBody, facts: SaleSigners): Steps<VerifiedSale> {
  return yield* verifyHalves(sale, facts, yield* verifyPaymentRequest(sale.request, facts.kiosk));
}

/**
 * The same check of a sale in a batch whose signature, under the very kiosk certificate that the sale names, was verified:
 * that signature covers the request's bytes, so the request's own is not asked for. Whatever is refused is looked at again
 * in full, so that both ways name the same fault.
 */
export function* verifySaleOfBatch(sale: SaleBody, facts: SaleSigners): Steps<VerifiedSale> {
  try {
    return yield* verifyHalves(sale, facts, yield* readVouchedRequest(sale.request, facts.kiosk));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return yield* verifySale(sale, facts);
  }
}

export interface SaleSigners {
  readonly kiosk: KioskCertificate;
  readonly allowance: AllowanceCertificate;
}

function* verifyHalves(sale: SaleBody, signers: SaleSigners, request: PaymentRequest): Steps<VerifiedSale> {
  const payment = yield* readPayment(sale.payment, signers.allowance);
  checkHalves(payment, request, signers);
  if (!(yield* hasPaymentSignature(payment, signers.allowance))) refuse('payment_signature_invalid');
  checkSignedHalves(payment, request, signers);
  return { request, payment };
}

type JudgedRequest = Pick<PaymentRequest, 'hash' | 'amountMinor' | 'currency' | 'issuedAt'>;

/** What is asked of both halves before the payer's signature is. @throws Refusal */
export function checkHalves(
  payment: Payment,
  request: JudgedRequest,
  { kiosk, allowance }: SaleSigners,
): void {
  if (!equalBytes(payment.requestHash, request.hash)) refuse('payment_is_for_another_request');
  if (payment.amountMinor !== request.amountMinor) refuse('payment_amount_differs_from_request');
  if (allowance.currency !== request.currency) refuse('payment_currency_differs_from_request');
  if (!canPay(allowance.payeeLock, kiosk)) refuse('payment_is_for_another_shop');
  if (payment.cumulativeMinor > allowance.capMinor) refuse('payment_exceeds_allowance');
  if (payment.amountMinor > payment.cumulativeMinor) refuse('payment_cumulative_inconsistent');
}

/** What is asked once the payer's signature is known to be good. @throws Refusal */
export function checkSignedHalves(
  payment: Payment,
  request: JudgedRequest,
  { kiosk, allowance }: SaleSigners,
): void {
  checkCounters(payment, allowance, null);
  checkNotOver(allowance, request.issuedAt);
  checkNotOver(kiosk, request.issuedAt);
}

/**
 * Only the end is held against the request's time. A kiosk's clock may run behind, by much: its request then seems
 * older than a certificate that was just issued, and it accepts once its trusted time has caught up. That the
 * certificate existed is shown by what was signed under it.
 */
function checkNotOver({ notAfter }: Validity, atSeconds: number): void {
  if (atSeconds >= notAfter) refuse('certificate_expired');
}

/** `waiting` is for refunds only: it holds, and the merchant's balance does not cover it yet. */
export type SettlementOutcome = 'settled' | 'settled_by_guarantee' | 'refused' | 'disputed' | 'waiting';
const OUTCOMES: readonly SettlementOutcome[] = [
  'settled',
  'settled_by_guarantee',
  'refused',
  'disputed',
  'waiting',
];

export interface SettlementResult {
  readonly sequence: number;
  readonly outcome: SettlementOutcome;
  /** Why, when it was refused or disputed; null also for a reason that this version does not know. */
  readonly code: RefusalCode | null;
}

export interface SettlementAcknowledgement {
  readonly kioskId: string;
  readonly batchHash: Uint8Array;
  /** Everything up to here has been taken over by the cloud, without a gap. */
  readonly highestSequence: number;
  readonly results: readonly SettlementResult[];
  readonly issuedAt: number;
}

/** The driver's signer is the issuer key whose id is `issuerKeyId`. */
export function* signSettlementAcknowledgement(
  acknowledgement: SettlementAcknowledgement,
  issuerKeyId: Uint8Array,
): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.settlementAcknowledgement,
      fromUuid(acknowledgement.kioskId),
      acknowledgement.batchHash,
      acknowledgement.highestSequence,
      acknowledgement.results.map((result) => [
        result.sequence,
        OUTCOMES.indexOf(result.outcome) + 1,
        result.code,
      ]),
      acknowledgement.issuedAt,
    ],
    { keyId: issuerKeyId },
  );
}

export interface AcknowledgementFacts {
  /** Of the bundle in force: whom to believe, and the newest generation that has spoken. */
  readonly trust: Pick<TrustBundle, 'issuers' | 'signer'>;
  /** The wall clock, never below the bundle's own time: a mark that ran ahead must stay correctable. */
  readonly nowSeconds: number;
  /** What was sent. Of another kiosk or batch, it would say that here is settled what never arrived there. */
  readonly expected?: { readonly kioskId: string; readonly batchHash: Uint8Array };
}

export function* verifySettlementAcknowledgement(
  bytes: Uint8Array,
  facts: AcknowledgementFacts,
): Steps<SettlementAcknowledgement> {
  const object = readIssuedObject(bytes, MAX_ACKNOWLEDGEMENT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.settlementAcknowledgement);
  const kioskId = toUuid(fields.bytes(16));
  const batchHash = fields.bytes(32);
  const highestSequence = fields.uint(MAX_COUNTER);
  const results = fields.array(MAX_BATCH_ENTRIES).map(readResult);
  const issuedAt = fields.timeSeconds();
  fields.end();
  const { trust, nowSeconds, expected } = facts;
  const signer = yield* requireAcknowledger(object, trust.issuers, issuedAt);
  checkSignerIsCurrent(signer, { nowSeconds, newestGeneration: trust.signer.generation });
  if (
    expected !== undefined &&
    (kioskId !== expected.kioskId || !equalBytes(batchHash, expected.batchHash))
  ) {
    refuse('acknowledgement_is_for_another_batch');
  }
  return { kioskId, batchHash, highestSequence, results, issuedAt };
}

function* requireAcknowledger(
  object: UnverifiedObject,
  issuers: readonly IssuerCertificate[],
  issuedAt: number,
): Steps<IssuerCertificate> {
  try {
    return yield* requireIssuerSignature(object, issuers, { at: issuedAt, as: 'acknowledgements' });
  } catch (error) {
    const isOfAStranger = error instanceof Refusal && error.code !== 'issuer_key_not_for_this_use';
    if (isOfAStranger) refuse('acknowledgement_signature_invalid', error);
    throw error;
  }
}

function readResult(value: unknown): SettlementResult {
  const fields = new FieldReader(value);
  const sequence = fields.uint(MAX_COUNTER, 1);
  const outcome = fields.named(OUTCOMES);
  const code = fields.textOrNull(64);
  fields.end();
  if (code !== null && !/^[a-z_]+$/.test(code)) refuse('field_out_of_range');
  // A newer cloud may know more reasons than this kiosk: an unknown one must not keep the rest from settling.
  return { sequence, outcome, code: REFUSAL_CODES.find((known) => known === code) ?? null };
}
