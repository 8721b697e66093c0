/**
 * R33, the one place where a payment is made: under a lock, look whether this request was signed for already, sign
 * with the next counter, and have it on disk before anyone else learns of it. A crash before the commit leaves nothing
 * but a signature that never left this function; a crash after it leaves a payment that is sent as it is.
 */
import {
  certificateReference,
  encodeDelivery,
  encodeRepeatDelivery,
  hasPaymentSignature,
  linkOf,
  paidCode,
  readPayment,
  runAsync,
  signPayment,
  readAllowanceCertificate,
  toHex,
  type AllowanceCertificate,
  type Payment,
} from '@tikiwallet/protocol';
import type { DeviceKey } from '../keys/device-key.ts';
import { checkIntegrity } from '../store/integrity.ts';
import { writeMirrors } from '../store/marker.ts';
import { getMeta } from '../store/database.ts';
import { AllowanceMoved, findPaymentByRequest, hasReceiptFrom, writeAhead } from '../store/records.ts';
import type { Marker, StoredAllowance, StoredPayment } from '../store/schema.ts';
import { chooseAllowance } from './allowance-choice.ts';
import { WalletError } from './codes.ts';
import type { PayNeeds } from './needs.ts';
import type { PaymentOffer } from './read-request.ts';
import { must } from './results.ts';

/** How often to start over when another tab signed in between; the lock makes even one improbable. */
const MAX_TURNS = 3;

/**
 * Signs for `offer` once. A second confirmation of the same request, now or after a restart, answers the stored payment.
 * @throws WalletError
 */
export function payOnce(offer: PaymentOffer, needs: PayNeeds): Promise<StoredPayment> {
  return needs.withLock(async () => {
    for (let turn = 1; ; turn += 1) {
      const known = await findPaymentByRequest(needs.database, offer.requestHash);
      if (known !== undefined) return known;
      try {
        return await signAndStore(offer, needs);
      } catch (error) {
        if (!(error instanceof AllowanceMoved) || turn === MAX_TURNS) throw error;
      }
    }
  });
}

async function signAndStore(offer: PaymentOffer, needs: PayNeeds): Promise<StoredPayment> {
  const { database } = needs;
  const marker = await requireWholeMemory(needs);
  const allowance = await chooseAgain(offer, needs);
  const key = await needs.openKey(allowance.keyId, offer.request.amountMinor);
  if (key === undefined) throw new WalletError('device_key_missing');
  const certificate = (await must(runAsync(readAllowanceCertificate(allowance.certificate), needs.crypto)))
    .certificate;
  const payment = await sign({ offer, allowance, certificate, key }, needs);
  const stored = describe(offer, allowance, {
    payment,
    paidCode: await must(runAsync(paidCode(payment.requestHash, payment.hash), needs.crypto)),
    isKnownThere: await hasReceiptFrom(database, { allowanceId: allowance.id, kioskId: offer.kiosk.kioskId }),
  });
  const next: Marker = { epoch: marker.epoch, count: marker.count + 1 };
  await writeAhead(database, {
    expectedCounter: allowance.lastCounter,
    allowance: {
      ...allowance,
      lastCounter: payment.counter,
      cumulativeMinor: payment.cumulativeMinor,
      lastHash: payment.hash,
    },
    payment: stored,
    marker: next,
  });
  // Not a reason to stop: the payment is on disk, and the next check brings the mirrors up.
  await writeMirrors(needs.mirrors, next);
  return stored;
}

/** @throws WalletError when the phone's memory is not whole, or has never been set up. */
export async function requireWholeMemory(needs: Pick<PayNeeds, 'database' | 'mirrors'>): Promise<Marker> {
  const integrity = await checkIntegrity(needs.database, needs.mirrors);
  if (integrity !== 'intact')
    throw new WalletError(integrity === 'lost' ? 'store_lost' : 'store_rolled_back');
  const marker = await getMeta(needs.database, 'marker');
  if (marker === undefined) throw new WalletError('no_offline_money');
  return marker;
}

/** The person may have taken a while to confirm: everything that time can change is asked again. */
async function chooseAgain(offer: PaymentOffer, needs: PayNeeds): Promise<StoredAllowance> {
  const now = needs.clock.nowSeconds();
  if (now >= offer.expiresAt) throw new WalletError('request_expired');
  const shown = await needs.database.get('allowances', offer.allowanceId);
  const choice = chooseAllowance(
    shown === undefined ? [] : [shown],
    { ...offer.request, merchantId: offer.kiosk.merchantId, kioskId: offer.kiosk.kioskId },
    now,
  );
  if (!choice.ok) throw new WalletError(choice.code);
  return choice.allowance;
}

interface Signing {
  readonly offer: PaymentOffer;
  readonly allowance: StoredAllowance;
  readonly certificate: AllowanceCertificate;
  readonly key: DeviceKey;
}

async function sign({ offer, allowance, certificate, key }: Signing, needs: PayNeeds): Promise<Payment> {
  const draft = {
    counter: allowance.lastCounter + 1,
    amountMinor: offer.request.amountMinor,
    // Includes every payment ever signed, refused ones too: the sum never goes down.
    cumulativeMinor: allowance.cumulativeMinor + offer.request.amountMinor,
    previousLink: linkOf(allowance.lastHash),
    requestHash: offer.request.hash,
    signedAt: needs.clock.nowSeconds(),
  };
  const bytes = await must(runAsync(signPayment(draft, certificate.hash), needs.crypto, key.sign));
  const payment = await must(runAsync(readPayment(bytes, certificate), needs.crypto));
  // A key that does not match its certificate would spend a counter on a payment that no kiosk takes.
  if (!(await must(runAsync(hasPaymentSignature(payment, certificate), needs.crypto)))) {
    throw new WalletError('device_key_missing');
  }
  return payment;
}

interface Signed {
  readonly payment: Payment;
  readonly paidCode: string;
  /** The kiosk has this allowance's certificate. */
  readonly isKnownThere: boolean;
}

function describe(offer: PaymentOffer, allowance: StoredAllowance, signed: Signed): StoredPayment {
  const { kiosk, request } = offer;
  const { payment } = signed;
  const carried = { payment: payment.bytes, phoneSalt: request.checksPhone ? allowance.phoneSalt : null };
  return {
    id: toHex(payment.hash),
    allowanceId: allowance.id,
    userId: allowance.userId,
    counter: payment.counter,
    requestHash: offer.requestHash,
    requestId: request.requestId,
    amountMinor: payment.amountMinor,
    cumulativeMinor: payment.cumulativeMinor,
    currency: request.currency,
    state: 'signed',
    signedAt: payment.signedAt,
    requestExpiresAt: offer.expiresAt,
    request: request.bytes,
    payment: payment.bytes,
    delivery: encodeDelivery({ allowanceCertificate: allowance.certificate, ...carried }),
    repeatDelivery: signed.isKnownThere
      ? encodeRepeatDelivery({
          certificateReference: certificateReference(allowance.certificateHash),
          ...carried,
        })
      : null,
    addresses: request.addresses,
    kioskCertificate: kiosk.bytes,
    kioskId: kiosk.kioskId,
    merchantName: offer.merchantName,
    merchantPhone: offer.merchantPhone,
    comparisonCode: offer.comparisonCode,
    paidCode: signed.paidCode,
    refusalCode: null,
    receipt: null,
    receiptNumber: null,
    receiptTier: null,
    acceptedAt: null,
    handedIn: null,
  };
}
