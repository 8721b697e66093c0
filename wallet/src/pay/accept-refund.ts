/**
 * The payer's countersignature, made once for an offer: under the lock of all signing, on disk before anyone else
 * learns of it. It spends nothing and moves no counter; the key of the load that paid signs, closed or ended or not.
 */
import {
  readAllowanceCertificate,
  readRefundAcceptance,
  runAsync,
  signedRefundAcceptance,
  signRefundAcceptance,
} from '@tikiwallet/protocol';
import { writeMirrors } from '../store/marker.ts';
import { writeAcceptance } from '../store/records.ts';
import type { Marker, StoredRefund } from '../store/schema.ts';
import { WalletError } from './codes.ts';
import type { PayNeeds } from './needs.ts';
import type { OfferedRefund } from './read-refund.ts';
import { must } from './results.ts';
import { requireWholeMemory } from './sign-payment.ts';

/** A second confirmation of the same offer, now or after a restart, answers the stored refund. @throws WalletError */
export function acceptOnce(offered: OfferedRefund, needs: PayNeeds): Promise<StoredRefund> {
  return needs.withLock(async () => {
    const known = await needs.database.get('refunds', offered.id);
    return known ?? (await signAndStore(offered, needs));
  });
}

async function signAndStore(offered: OfferedRefund, needs: PayNeeds): Promise<StoredRefund> {
  const { database, mirrors, clock } = needs;
  const { offer, kiosk, payment } = offered;
  const marker = await requireWholeMemory(needs);
  if (clock.nowSeconds() >= offered.expiresAt) throw new WalletError('refund_offer_expired');
  const allowance = await database.get('allowances', payment.allowanceId);
  if (allowance === undefined) throw new WalletError('device_key_missing');
  const key = await needs.openKey(allowance.keyId, 0n);
  if (key === undefined) throw new WalletError('device_key_missing');
  const { certificate } = await must(runAsync(readAllowanceCertificate(allowance.certificate), needs.crypto));
  const signedAt = clock.nowSeconds();
  const acceptance = await must(
    runAsync(
      signRefundAcceptance({ offerHash: offer.hash, signedAt }, certificate.hash),
      needs.crypto,
      key.sign,
    ),
  );
  // A key that does not match its certificate would make an acceptance that no kiosk takes.
  const read = readRefundAcceptance(acceptance);
  const isOurs = await must(runAsync(signedRefundAcceptance(read, certificate), needs.crypto));
  if (isOurs === null) throw new WalletError('device_key_missing');
  const refund: StoredRefund = {
    id: offered.id,
    userId: payment.userId,
    paymentId: payment.id,
    allowanceId: payment.allowanceId,
    refundId: offer.refundId,
    kind: offer.kind,
    amountMinor: offer.amountMinor,
    currency: payment.currency,
    state: 'signed',
    signedAt,
    expiresAt: offered.expiresAt,
    offer: offer.bytes,
    acceptance,
    kioskCertificate: kiosk.bytes,
    kioskId: kiosk.kioskId,
    addresses: offer.addresses,
    merchantName: offered.merchantName,
    refusalCode: null,
    receipt: null,
    receiptNumber: null,
    refundedAt: null,
    handedIn: null,
  };
  // Counted like a payment: a memory that went back behind it is noticed before anything else is signed.
  const next: Marker = { epoch: marker.epoch, count: marker.count + 1 };
  await writeAcceptance(database, { refund, marker: next });
  await writeMirrors(mirrors, next);
  return refund;
}
