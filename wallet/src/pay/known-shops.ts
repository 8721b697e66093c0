/**
 * Shops that money can be locked to: those that this phone has paid, and the one whose code was just read. Names come from
 * certificates whose signatures hold (R29). Never: offers a shop that is denied or whose certificate is over.
 */
import {
  attempt,
  checkKioskStanding,
  openRequestEnvelope,
  runAsync,
  verifyKioskCertificate,
  type AsyncCrypto,
  type KioskCertificate,
  type TrustBundle,
} from '@tikiwallet/protocol';
import type { StoredPayment } from '../store/schema.ts';
import { WalletError } from './codes.ts';
import { displayName, displayPhone } from './display-name.ts';
import { requestBytes } from './read-request.ts';

/** A shop as one of its kiosks named it. */
export interface KnownShop {
  readonly merchantId: string;
  readonly kioskId: string;
  readonly name: string;
  readonly phone: string;
  readonly currency: string;
}

export interface ShopFacts {
  readonly crypto: AsyncCrypto;
  readonly trust: TrustBundle;
  /** Corrected time. */
  readonly nowSeconds: number;
}

/** Most people pay in few shops; more than this is a list that nobody reads. */
const MOST_SHOPS = 6;

/** One entry a merchant, with the till that was paid last; the shop paid last first. */
export async function shopsPaid(
  payments: readonly StoredPayment[],
  facts: ShopFacts,
): Promise<readonly KnownShop[]> {
  const shops = new Map<string, KnownShop>();
  for (const payment of payments.toSorted((a, b) => b.signedAt - a.signedAt)) {
    if (shops.size >= MOST_SHOPS) break;
    if (payment.state !== 'paid' && payment.state !== 'settled') continue;
    const kiosk = await runAsync(
      verifyKioskCertificate(payment.kioskCertificate, facts.trust.issuers),
      facts.crypto,
    );
    if (!kiosk.ok || shops.has(kiosk.value.merchantId)) continue;
    if (whyNotLockable(kiosk.value, facts) === null) shops.set(kiosk.value.merchantId, asShop(kiosk.value));
  }
  return [...shops.values()];
}

/** The shop behind a code that asks for a payment, also when its time is over. @throws WalletError */
export async function shopOfCode(text: string, facts: ShopFacts): Promise<KnownShop> {
  const bytes = requestBytes(text);
  if (typeof bytes === 'string') throw new WalletError(bytes);
  const opened = await runAsync(openRequestEnvelope(bytes, facts.trust.issuers), facts.crypto);
  if (!opened.ok) throw new WalletError(opened.code);
  const { kiosk } = opened.value;
  const why = whyNotLockable(kiosk, facts);
  if (why !== null) throw new WalletError(why);
  return asShop(kiosk);
}

function whyNotLockable(kiosk: KioskCertificate, facts: ShopFacts) {
  const standing = attempt(() => checkKioskStanding(kiosk, facts.trust, facts.nowSeconds));
  return standing.ok ? null : standing.code;
}

const asShop = (kiosk: KioskCertificate): KnownShop => ({
  merchantId: kiosk.merchantId,
  kioskId: kiosk.kioskId,
  name: displayName(kiosk.merchantName),
  phone: displayPhone(kiosk.merchantPhone),
  currency: kiosk.currency,
});
