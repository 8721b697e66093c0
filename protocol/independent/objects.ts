// Every object of pages 02 to 04, 06 and 07: opened, and believed or refused. Dates, deny lists and what the objects
// say about each other at a kiosk are in decisions.ts.

import { encode } from 'cbor2';
import { readCbor } from './cbor.ts';
import { demandSignature, openSigned, type Signed, sha256 } from './cose.ts';
import { fromHex, type Hex, type Reader } from './fields.ts';
import * as journal from './journal-layouts.ts';
import * as layouts from './layouts.ts';
import { limits } from './limits.ts';
import { demand, refuse } from './refusal.ts';

export type Issuer = ReturnType<typeof verifyIssuerCertificate>;
export type Allowance = ReturnType<typeof verifyAllowanceCertificate>;
export type Kiosk = ReturnType<typeof verifyKioskCertificate>;
export type PaymentRequest = ReturnType<typeof verifyPaymentRequest>;
export type Payment = ReturnType<typeof layouts.payment>;

export function verifyIssuerCertificate(message: Hex, rootPublicKey: Hex) {
  const signed = openSigned(message, { payload: layouts.issuerCertificate, header: 'plain' });
  demandSignature(signed, rootPublicKey, 'certificate_signature_invalid');
  const { validity, ...fields } = signed.fields;
  const keyId = sha256(fromHex(fields.publicKey)).slice(0, 8);
  return { ...fields, keyId, notAfter: fields.notBefore + validity };
}

/** Bits of a certificate's `uses`. */
export const use = { certificates: 1, trustBundles: 2, acknowledgements: 4 } as const;

/** An issuer's dates are held against the moment of signing; of several certificates of one key, one has to fit. */
export function findIssuer(
  keyId: Hex | null,
  signed: { readonly at: number; readonly use: number },
  issuers: readonly Issuer[],
): Issuer | undefined {
  const inTime = issuers.filter(
    (issuer) =>
      issuer.keyId === keyId &&
      signed.at >= issuer.notBefore - limits.CLOCK_TOLERANCE_SECONDS &&
      signed.at < issuer.notAfter,
  );
  if (inTime.length === 0) return undefined;
  return inTime.find((issuer) => (issuer.uses & signed.use) !== 0) ?? refuse('issuer_key_not_for_this_use');
}

type Dated = { readonly notBefore: number; readonly validity: number };

function certified<T extends Dated>(signed: Signed<T>) {
  const { validity, ...fields } = signed.fields;
  return { ...fields, hash: signed.hash, notAfter: fields.notBefore + validity };
}

export function checkIssuer(signed: Signed<Dated>, issuers: readonly Issuer[]): void {
  const signing = { at: signed.fields.notBefore, use: use.certificates };
  const issuer = findIssuer(signed.keyId, signing, issuers) ?? refuse('issuer_unknown');
  demandSignature(signed, issuer.publicKey, 'certificate_signature_invalid');
}

export function openAllowanceCertificate(message: Hex) {
  const signed = openSigned(message, { payload: layouts.allowanceCertificate, header: 'keyed' });
  return { signed, allowance: certified(signed) };
}

export function verifyAllowanceCertificate(message: Hex, issuers: readonly Issuer[]) {
  const { signed, allowance } = openAllowanceCertificate(message);
  checkIssuer(signed, issuers);
  return allowance;
}

export function verifyKioskCertificate(message: Hex, issuers: readonly Issuer[]) {
  const signed = openSigned(message, { payload: layouts.kioskCertificate, header: 'keyed' });
  checkIssuer(signed, issuers);
  return certified(signed);
}

export function checkValidity(
  dates: { readonly notBefore: number; readonly notAfter: number },
  nowSeconds: number,
): void {
  demand(nowSeconds >= dates.notBefore - limits.CLOCK_TOLERANCE_SECONDS, 'certificate_not_yet_valid');
  demand(nowSeconds < dates.notAfter, 'certificate_expired');
}

export function commitToPhone(phone: string, salt: Hex): Hex {
  return sha256(encode(['tiki-phone', fromHex(salt), phone])).slice(0, 32);
}

type Possession = { readonly publicKey: Hex; readonly context: string; readonly occasion: string };

export function verifyProofOfPossession(message: Hex, expected: Possession): void {
  const signed = openSigned(message, { payload: layouts.proofOfPossession, header: 'plain' });
  const { publicKey, context, occasion } = signed.fields;
  demand(publicKey === expected.publicKey, 'proof_of_possession_invalid');
  demand(context === expected.context, 'proof_of_possession_invalid');
  demand(occasion === expected.occasion, 'proof_of_possession_invalid');
  demandSignature(signed, publicKey, 'proof_of_possession_invalid');
}

export function verifyPaymentRequest(message: Hex, kiosk: Kiosk) {
  const signed = openSigned(message, { payload: layouts.paymentRequest, header: 'plain', under: kiosk.hash });
  demandSignature(signed, kiosk.signingPublicKey, 'request_signature_invalid');
  const { flags, ...fields } = signed.fields;
  demand(fields.currency === kiosk.currency, 'payment_currency_differs_from_request');
  return { ...fields, hash: signed.hash, checksPhone: flags === 1 };
}

export function openRequestEnvelope(message: Hex, issuers: readonly Issuer[]) {
  const envelope = layouts.requestEnvelope(readCbor(fromHex(message), limits.MAX_ENVELOPE_BYTES));
  const kiosk = verifyKioskCertificate(envelope.kioskCertificate, issuers);
  const request = verifyPaymentRequest(envelope.request, kiosk);
  return { kiosk, request, kioskIssuerKeyId: issuerKeyIdOf(envelope.kioskCertificate) };
}

export function decodeRequestList(message: Hex): readonly Hex[] {
  const { envelopes } = layouts.requestList(readCbor(fromHex(message), limits.MAX_REQUEST_LIST_BYTES));
  demand(envelopes.length > 0, 'field_out_of_range');
  return envelopes;
}

export function comparisonCode(requestHash: Hex): string {
  return String(Number.parseInt(requestHash.slice(0, 8), 16) % 10_000).padStart(4, '0');
}

/** What both screens show once the payment is accepted. */
export function paidCode(requestHash: Hex, paymentHash: Hex): string {
  const bytes = encode(['tiki-paid', fromHex(requestHash), fromHex(paymentHash)]);
  return String(Number.parseInt(sha256(bytes).slice(0, 8), 16) % 1_000_000).padStart(6, '0');
}

export function openPayment(message: Hex, under: Hex): Signed<Payment> {
  return openSigned(message, { payload: layouts.payment, header: 'plain', under });
}

export function verifyPayment(message: Hex, allowance: Allowance) {
  const signed = openPayment(message, allowance.hash);
  demandSignature(signed, allowance.devicePublicKey, 'payment_signature_invalid');
  return { ...signed.fields, hash: signed.hash };
}

/** Key id of the issuer that signed a certificate, allowance or kiosk, whichever it is. */
export function issuerKeyIdOf(certificate: Hex): Hex | null {
  return openSigned(certificate, { payload: (item) => item, header: 'keyed' }).keyId;
}

/** The first field of a signed object's payload, whatever the object is. */
export function purposeOf(message: Hex): unknown {
  const payload = (item: unknown): unknown => (Array.isArray(item) ? item[0] : refuse('message_malformed'));
  return openSigned(message, { payload, header: 'plain' }).fields;
}

export function decodeDelivery(message: Hex) {
  return layouts.delivery(readCbor(fromHex(message), limits.MAX_ENVELOPE_BYTES));
}

export function decodeRepeatDelivery(message: Hex) {
  return layouts.repeatDelivery(readCbor(fromHex(message), limits.MAX_ENVELOPE_BYTES));
}

export function verifyClosingStatement(message: Hex, allowance: Allowance) {
  const form = { payload: layouts.closingStatement, header: 'plain', under: allowance.hash } as const;
  const signed = openSigned(message, form);
  demandSignature(signed, allowance.devicePublicKey, 'statement_signature_invalid');
  const { lastCounter, cumulativeMinor } = signed.fields;
  demand(cumulativeMinor <= allowance.capMinor, 'payment_exceeds_allowance');
  const nothingPaid = lastCounter === 0 && cumulativeMinor === 0n;
  const something = lastCounter >= allowance.firstCounter && cumulativeMinor > 0n;
  demand(nothingPaid || something, 'payment_cumulative_inconsistent');
  return signed.fields;
}

type PaidPayment = { readonly paymentHash: Hex; readonly amountMinor: bigint };

/** `paid` is null where there is no payment to hold the receipt against. */
export function verifyReceipt(message: Hex, kiosk: Kiosk, paid: PaidPayment | null) {
  const signed = openSigned(message, { payload: layouts.receipt, header: 'plain', under: kiosk.hash });
  demandSignature(signed, kiosk.signingPublicKey, 'receipt_signature_invalid');
  if (paid === null) return signed.fields;
  demand(signed.fields.paymentHash === paid.paymentHash, 'receipt_is_for_another_payment');
  demand(signed.fields.amountMinor === paid.amountMinor, 'receipt_is_for_another_payment');
  return signed.fields;
}

export function readOverrideEntry(message: Hex) {
  return bodyOf(message, ['override'], journal.overrideBody).body;
}

/** Only the limits that its owner wants. */
export function readPolicyChangeEntry(message: Hex) {
  const { owner, limits: all } = bodyOf(message, ['policyChange'], journal.policyChangeBody).body;
  const wanted = Object.entries(all).filter(([, limit]) => limit !== null);
  return { owner, limits: Object.fromEntries(wanted) };
}

export function readRefundEntry(message: Hex) {
  return bodyOf(message, ['void', 'refund'], journal.refundBody);
}

function bodyOf<T>(message: Hex, kinds: readonly string[], layout: Reader<T>) {
  const entry = readJournalFrame(message);
  demand(kinds.includes(entry.kind), 'message_malformed');
  return { ...entry, body: layout(entry.body) };
}

/** An entry by its frame: what its body says stays unread. */
export function readJournalFrame(message: Hex) {
  const bytes = fromHex(message);
  const frame = journal.journalEntryFrame(readCbor(bytes, limits.MAX_JOURNAL_ENTRY_BYTES));
  return { ...frame, hash: sha256(bytes) };
}

export function readJournalEntry(message: Hex) {
  const bytes = fromHex(message);
  return {
    ...journal.journalEntry(readCbor(bytes, limits.MAX_JOURNAL_ENTRY_BYTES)),
    hash: sha256(bytes),
  };
}
