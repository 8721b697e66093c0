/**
 * The cloud's own look at every void and refund of a batch, before any lock is taken: form and both signatures.
 *
 * Pure but for the threads that verify. Never: throws on hostile bytes, or decides about money.
 */
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
  type SignedRefund,
  type Steps,
  toHex,
  verifyRefundEntry,
} from '@tikiwallet/protocol';
import { check, runTogether, type SignatureVerifier } from '../trust/index.ts';
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
  verifier: SignatureVerifier,
): Promise<readonly CheckedRefund[]> {
  const looked = refunds.map(
    ({ place, kind, body }): Looked =>
      body.ok
        ? look({ kind, body: body.value }, facts, place)
        : { ...place, verdict: 'refused', code: body.code },
  );
  const toVerify = looked.filter((one) => 'steps' in one);
  const judged = (
    await runTogether(
      toVerify.map(({ steps }) => steps),
      verifier,
    )
  ).values();
  return looked.map((one) => ('steps' in one ? one.told(judged.next().value ?? neverJudged()) : one));
}

function neverJudged(): never {
  throw new Error('fewer refunds were judged than asked for');
}

/** One refund, wherever it came from. */
export function checkRefund(entry: RefundEntry, facts: SaleFacts, place: RefundPlace): CheckedRefund {
  const looked = look(entry, facts, place);
  return 'steps' in looked ? looked.told(check(looked.steps)) : looked;
}

interface RefundEntry {
  readonly kind: RefundKind;
  readonly body: RefundBody;
}

/** Refused at a glance, or what has to be verified and how its result is told. */
type Looked =
  | RefusedRefund
  | { readonly steps: Steps<SignedRefund>; readonly told: (judged: Result<SignedRefund>) => CheckedRefund };

function look(entry: RefundEntry, facts: SaleFacts, place: RefundPlace): Looked {
  const { body } = entry;
  const kiosk: KioskCertificate | undefined = facts.kiosks.get(toHex(body.kioskCertificateHash));
  const allowance = facts.allowances.get(toHex(body.allowanceCertificateHash));
  if (kiosk === undefined) return { ...place, verdict: 'refused', code: 'refund_is_for_another_kiosk' };
  if (allowance === undefined) return { ...place, verdict: 'refused', code: 'issuer_unknown' };
  return {
    steps: verifyRefundEntry(entry, { kiosk, allowance: allowance.certificate }),
    told: (signed) => {
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
    },
  };
}
