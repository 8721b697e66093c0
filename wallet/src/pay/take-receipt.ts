/**
 * A receipt that the phone's camera read from the kiosk's screen: verified as one that came over the radio, kept in the
 * same way. Never: believes a code that the kiosk of this very payment did not sign.
 */
import {
  fromHex,
  fromQrText,
  isTikiQr,
  runAsync,
  verifyKioskCertificate,
  verifyReceipt,
} from '@tikiwallet/protocol';
import type { StoredPayment } from '../store/schema.ts';
import { WalletError } from './codes.ts';
import { must } from './results.ts';
import { keepOutcome, type RunNeeds } from './run-payment.ts';

export type ReceiptNeeds = Pick<RunNeeds, 'database' | 'crypto' | 'issuers'>;

/** @returns the payment, paid. @throws WalletError */
export async function takeReceipt(
  payment: StoredPayment,
  text: string,
  needs: ReceiptNeeds,
): Promise<StoredPayment> {
  if (!isTikiQr(text)) throw new WalletError('qr_not_recognised');
  const bytes = fromQrText('receipt', text);
  if (!bytes.ok) throw new WalletError('qr_not_a_receipt');
  const kiosk = await must(
    runAsync(verifyKioskCertificate(payment.kioskCertificate, needs.issuers), needs.crypto),
  );
  const expected = { paymentHash: fromHex(payment.id), amountMinor: payment.amountMinor };
  const receipt = await must(runAsync(verifyReceipt(bytes.value, kiosk, expected), needs.crypto));
  const outcome = { kind: 'receipt', receipt, bytes: bytes.value } as const;
  return (await keepOutcome(payment, outcome, needs)) ?? payment;
}
