/**
 * A stored payment as the text of a code: by reference where the kiosk has the certificate, and sealed to the kiosk whenever it
 * opens the phone's number, because anybody can photograph a screen. Never: signs.
 */
import {
  carriesPhoneSalt,
  runAsync,
  sealToKiosk,
  toQrText,
  verifyKioskCertificate,
} from '@tikiwallet/protocol';
import type { StoredPayment } from '../store/schema.ts';
import { must } from './results.ts';
import type { RunNeeds } from './run-payment.ts';

/** @throws WalletError when it must be sealed and the kiosk's certificate no longer verifies. */
export async function paymentText(
  payment: Pick<StoredPayment, 'delivery' | 'repeatDelivery' | 'kioskCertificate'>,
  needs: Pick<RunNeeds, 'crypto' | 'issuers'>,
): Promise<string> {
  const delivery = payment.repeatDelivery ?? payment.delivery;
  if (!carriesPhoneSalt(delivery)) return toQrText('delivery', delivery);
  const kiosk = await must(
    runAsync(verifyKioskCertificate(payment.kioskCertificate, needs.issuers), needs.crypto),
  );
  return toQrText('sealedDelivery', await sealToKiosk(delivery, kiosk));
}
