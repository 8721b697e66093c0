/**
 * The way out of the wallet (spec 13): the address that takes a sealed payment to the kiosk's page by navigation, and
 * what is written down before anybody goes. The answer is read in take-answer.ts. Never: signs.
 */
import { sealToKiosk, toBase64Url, type KioskCertificate } from '@tikiwallet/protocol';
import { getMeta, putMetaStrictly } from '../store/database.ts';
import type { Database, HandOff, StoredPayment } from '../store/schema.ts';
import type { LinkNeeds } from './link.ts';

/** More open visits than that nobody makes; the newest count. */
const MAX_HAND_OFFS = 8;

export interface Visit {
  readonly payment: StoredPayment;
  readonly kiosk: KioskCertificate;
  /** Of the kiosk: `http://host:port`. */
  readonly address: string;
  readonly walletOrigin: string;
}

/** @returns where to go. That this payment went there is on the disk before anybody goes. */
export async function prepareVisit(
  visit: Visit,
  needs: { readonly database: Database; readonly link: Pick<LinkNeeds, 'language' | 'randomState'> },
): Promise<string> {
  const { payment, kiosk, address, walletOrigin } = visit;
  const state = toBase64Url(needs.link.randomState());
  const sealed = await sealToKiosk(payment.delivery, kiosk);
  const known = (await getMeta(needs.database, 'handOffs')) ?? [];
  const all: readonly HandOff[] = [{ state, paymentId: payment.id, address }, ...known];
  await putMetaStrictly(needs.database, 'handOffs', all.slice(0, MAX_HAND_OFFS));
  const fragment = new URLSearchParams({
    v: '1',
    s: state,
    o: walletOrigin,
    l: needs.link.language(),
    d: toBase64Url(sealed),
  });
  return `${address}/pay#${fragment.toString()}`;
}
