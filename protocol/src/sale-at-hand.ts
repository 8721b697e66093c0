/**
 * A sale of a batch up to the payer's signature, in one go: for who settles thousands a second and has every answer but that
 * one at hand.
 *
 * Owns: no rule. It reads the one form that honest machines write and asks the rules of settlement.ts about it, all of them
 * before the signature. Never: names a refusal: what is unusual or refused here is looked at in full, by
 * {@link verifySale}, which does.
 */
import { readPlainForm, signatureOf, signedBytesOf } from './cose.ts';
import type { SyncCrypto } from './crypto.ts';
import { Refusal } from './errors.ts';
import type { SaleBody } from './journal.ts';
import { MAX_OBJECT_BYTES } from './limits.ts';
import { readUsualFields, type Payment } from './payment.ts';
import { checkCurrency, readUsualTerms } from './payment-request.ts';
import { checkHalves, checkSignedHalves, type SaleSigners } from './settlement.ts';

/** Good if, and only if, `signature` is the one of `publicKey` over `data`. */
export interface SaleAtHand {
  readonly payment: Payment;
  /** Of its request. */
  readonly denyListVersion: number;
  readonly publicKey: Uint8Array;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * A sale in a batch whose signature, under the very kiosk certificate that the sale names, was verified; as
 * {@link verifySaleOfBatch} judges it.
 * @returns null when it has to be looked at in full
 */
export function readSaleAtHand(
  sale: SaleBody,
  signers: SaleSigners,
  crypto: Pick<SyncCrypto, 'digest'>,
): SaleAtHand | null {
  try {
    return read(sale, signers, crypto);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** @throws Refusal */
function read(sale: SaleBody, signers: SaleSigners, crypto: Pick<SyncCrypto, 'digest'>): SaleAtHand | null {
  if (sale.request.length > MAX_OBJECT_BYTES || sale.payment.length > MAX_OBJECT_BYTES) return null;
  const asked = readPlainForm(sale.request);
  const paid = readPlainForm(sale.payment);
  if (asked === null || paid === null) return null;
  const terms = readUsualTerms(asked);
  const fields = readUsualFields(paid.bytes, paid.payloadAt, paid.payloadEnd);
  if (terms === null || fields === null) return null;
  const { kiosk, allowance } = signers;
  checkCurrency(terms, kiosk);
  const request = { hash: crypto.digest(signedBytesOf(asked, kiosk.hash)), ...terms };
  const data = signedBytesOf(paid, allowance.hash);
  const payment = { hash: crypto.digest(data), bytes: sale.payment, ...fields };
  checkHalves(payment, request, signers);
  checkSignedHalves(payment, request, signers);
  const { denyListVersion } = terms;
  return {
    payment,
    denyListVersion,
    publicKey: allowance.devicePublicKey,
    data,
    signature: signatureOf(paid),
  };
}
