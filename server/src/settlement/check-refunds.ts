/**
 * The cloud's own look at every void and refund of a batch, before any lock is taken: form and both signatures.
 *
 * Pure but for the pauses. Never: throws on hostile bytes, or decides about money.
 */
import { setImmediate } from 'node:timers/promises';
import {
  attempt,
  type ChainedEntry,
  decodeRefundBody,
  type KioskCertificate,
  type RefundBody,
  type RefundKind,
  type RefundOffer,
  type RefusalCode,
  type Result,
  toHex,
  verifyRefundEntry,
} from '@tikiwallet/protocol';
import { check } from '../trust/index.ts';
import type { KnownAllowance } from './certificates.ts';
import type { SaleFacts } from './check-sales.ts';

export interface RefundPlace {
  readonly sequence: number;
  /** Seconds since 1970, the kiosk's trusted time. */
  readonly refundedAt: number;
}

/** Both sides signed it; whether the sale can bear it is `decide-refunds.ts`'s question. */
export interface ValidRefund extends RefundPlace {
  readonly verdict: 'valid';
  readonly offer: RefundOffer;
  /** Hex of the offer's hash. */
  readonly offerKey: string;
  /** Hex of the payment's hash. */
  readonly paymentKey: string;
  readonly acceptance: Uint8Array;
  readonly allowance: KnownAllowance;
}

export interface RefusedRefund extends RefundPlace {
  readonly verdict: 'refused';
  readonly code: RefusalCode;
}

export type CheckedRefund = ValidRefund | RefusedRefund;

export interface ReadRefund {
  readonly place: RefundPlace;
  readonly kind: RefundKind;
  readonly body: Result<RefundBody>;
}

/** Verifications between two pauses: about ten milliseconds, so that other requests are answered meanwhile. */
const PAUSE_EVERY = 40;

/** The voids and refunds among `entries`, in their order, believed in nothing yet. */
export function readRefunds(entries: readonly ChainedEntry[]): readonly ReadRefund[] {
  return entries.flatMap(({ entry }) => {
    const { kind } = entry;
    if (kind !== 'void' && kind !== 'refund') return [];
    const place = { sequence: entry.sequence, refundedAt: entry.at };
    return [{ place, kind, body: attempt(() => decodeRefundBody(entry.body)) }];
  });
}

export async function checkRefunds(
  refunds: readonly ReadRefund[],
  facts: SaleFacts,
): Promise<readonly CheckedRefund[]> {
  const checked: CheckedRefund[] = [];
  for (const { place, kind, body } of refunds) {
    checked.push(
      body.ok
        ? checkRefund({ kind, body: body.value }, facts, place)
        : { ...place, verdict: 'refused', code: body.code },
    );
    if (checked.length % PAUSE_EVERY === 0) await setImmediate();
  }
  return checked;
}

/** One refund, wherever it came from. */
export function checkRefund(
  entry: { readonly kind: RefundKind; readonly body: RefundBody },
  facts: SaleFacts,
  place: RefundPlace,
): CheckedRefund {
  const { body } = entry;
  const kiosk: KioskCertificate | undefined = facts.kiosks.get(toHex(body.kioskCertificateHash));
  const allowance = facts.allowances.get(toHex(body.allowanceCertificateHash));
  if (kiosk === undefined) return { ...place, verdict: 'refused', code: 'refund_is_for_another_kiosk' };
  if (allowance === undefined) return { ...place, verdict: 'refused', code: 'issuer_unknown' };
  const signed = check(verifyRefundEntry(entry, { kiosk, allowance: allowance.certificate }));
  if (!signed.ok) return { ...place, verdict: 'refused', code: signed.code };
  const { offer, acceptance } = signed.value;
  return {
    ...place,
    verdict: 'valid',
    offer,
    offerKey: toHex(offer.hash),
    paymentKey: toHex(offer.paymentHash),
    acceptance: acceptance.bytes,
    allowance,
  };
}
