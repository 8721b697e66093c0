// Settlement (page 08) from both ends: the batch and its sales as the cloud checks them, and the acknowledgement as
// the kiosk does.

import { readCbor } from './cbor.ts';
import { demandSignature, isSignedBy, openSigned } from './cose.ts';
import { checkCounters } from './decisions.ts';
import { fromHex, type Hex } from './fields.ts';
import * as layouts from './layouts.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { demand, refusalCodes, refuse } from './refusal.ts';
import type { TrustBundle } from './trust.ts';

export function verifySettlementBatch(message: Hex, kiosk: objects.Kiosk) {
  const envelope = layouts.settlementEnvelope(readCbor(fromHex(message), limits.MAX_BATCH_BYTES));
  const batch = verifyBatch(envelope.batch, kiosk);
  const entries = envelope.entries.map(objects.readJournalEntry);
  checkBatchChain(batch, entries);
  const { entryCount: _, ...fields } = batch;
  return { batch: fields, entryHashes: entries.map((one) => one.hash) };
}

export type Batch = ReturnType<typeof verifyBatch>;

export function verifyBatch(message: Hex, kiosk: objects.Kiosk) {
  const form = { payload: layouts.settlementBatch, header: 'plain', under: kiosk.hash } as const;
  const signed = openSigned(message, form);
  demandSignature(signed, kiosk.signingPublicKey, 'batch_signature_invalid');
  const { fromSequence, entryCount } = signed.fields;
  return { ...signed.fields, hash: signed.hash, toSequence: fromSequence + entryCount - 1 };
}

type Linked = { readonly sequence: number; readonly previousHash: Hex; readonly hash: Hex };

export function checkBatchChain(batch: Batch, entries: readonly Linked[]): void {
  demand(entries.length === batch.entryCount, 'batch_chain_broken');
  let head = batch.previousHash;
  for (const [at, entry] of entries.entries()) {
    demand(entry.sequence === batch.fromSequence + at, 'batch_chain_broken');
    demand(entry.previousHash === head, 'batch_chain_broken');
    head = entry.hash;
  }
  demand(head === batch.headHash, 'batch_chain_broken');
}

export function verifySale(message: Hex, kiosk: objects.Kiosk, allowance: objects.Allowance) {
  const entry = objects.readJournalEntry(message);
  if (entry.kind !== 'sale') refuse('message_malformed');
  const request = objects.verifyPaymentRequest(entry.body.request, kiosk);
  const signed = objects.openPayment(entry.body.payment, allowance.hash);
  const payment = signed.fields;
  demand(payment.requestHash === request.hash, 'payment_is_for_another_request');
  demand(payment.amountMinor === request.amountMinor, 'payment_amount_differs_from_request');
  demand(allowance.currency === request.currency, 'payment_currency_differs_from_request');
  const { payeeLock } = allowance;
  demand(payeeLock === null || payeeLock.merchantId === kiosk.merchantId, 'payment_is_for_another_shop');
  demand((payeeLock?.kioskId ?? kiosk.kioskId) === kiosk.kioskId, 'payment_is_for_another_shop');
  demand(payment.cumulativeMinor <= allowance.capMinor, 'payment_exceeds_allowance');
  demand(payment.amountMinor <= payment.cumulativeMinor, 'payment_cumulative_inconsistent');
  demandSignature(signed, allowance.devicePublicKey, 'payment_signature_invalid');
  checkCounters(payment, allowance, null);
  demand(request.issuedAt < allowance.notAfter, 'certificate_expired');
  demand(request.issuedAt < kiosk.notAfter, 'certificate_expired');
  return { requestHash: request.hash, paymentHash: signed.hash, amountMinor: payment.amountMinor };
}

type SentBatch = { readonly kioskId: string; readonly batchHash: Hex; readonly nowSeconds: number };

export function verifySettlementAcknowledgement(message: Hex, trustBundle: TrustBundle, sent: SentBatch) {
  const maxBytes = limits.MAX_ACKNOWLEDGEMENT_BYTES;
  const signed = openSigned(message, {
    payload: layouts.settlementAcknowledgement,
    header: 'keyed',
    maxBytes,
  });
  const { fields } = signed;
  const signing = { at: fields.issuedAt, use: objects.use.acknowledgements };
  const issuer = objects.findIssuer(signed.keyId, signing, trustBundle.issuers);
  const isSigned = issuer !== undefined && isSignedBy(signed, issuer.publicKey);
  demand(isSigned, 'acknowledgement_signature_invalid');
  demand(sent.nowSeconds < issuer.notAfter, 'certificate_expired');
  demand(issuer.generation >= trustBundle.signer.generation, 'issuer_key_superseded');
  demand(fields.kioskId === sent.kioskId, 'acknowledgement_is_for_another_batch');
  demand(fields.batchHash === sent.batchHash, 'acknowledgement_is_for_another_batch');
  const known: readonly (string | null)[] = refusalCodes;
  const results = fields.results.map((one) => ({ ...one, code: known.includes(one.code) ? one.code : null }));
  return { ...fields, results };
}
