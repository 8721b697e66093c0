/**
 * The cloud's own look at every sale of a batch, before any lock is taken: what a kiosk checked, checked again.
 *
 * Pure but for the pauses. Never: throws on hostile bytes, or decides about money.
 */
import { setImmediate } from 'node:timers/promises';
import {
  attempt,
  type ChainedEntry,
  decodeSaleBody,
  type KioskCertificate,
  type Payment,
  readPayment,
  type RefusalCode,
  type Result,
  type SaleBody,
  toHex,
  verifySale,
} from '@tikiwallet/protocol';
import { check } from '../trust/index.ts';
import type { KnownAllowance } from './certificates.ts';

interface SaleEntry {
  readonly sequence: number;
  /** Seconds since 1970, the kiosk's trusted time. */
  readonly acceptedAt: number;
}

/** Both halves are what they claim to be; what it is worth is `decide.ts`'s question. */
export interface ValidSale extends SaleEntry {
  readonly verdict: 'valid';
  readonly payment: Payment;
  /** Hex of the payment's hash. */
  readonly paymentKey: string;
  readonly allowance: KnownAllowance;
  /** Let through by a person at the shop: nobody but the payer's reserve stands for it. */
  readonly isAtRisk: boolean;
  /** The deny list that the kiosk named when it asked for this payment. */
  readonly requestDenyListVersion: number;
}

export interface RefusedSale extends SaleEntry {
  readonly verdict: 'refused';
  readonly code: RefusalCode;
  /** What the entry says was paid; null when even that cannot be read. */
  readonly claimed: { readonly paymentHash: Uint8Array; readonly amountMinor: bigint } | null;
  readonly maskedPhone: string;
}

export type CheckedSale = ValidSale | RefusedSale;

export interface SaleFacts {
  readonly kiosks: ReadonlyMap<string, KioskCertificate>;
  readonly allowances: ReadonlyMap<string, KnownAllowance>;
}

/** Verifications between two pauses: about ten milliseconds, so that other requests are answered meanwhile. */
const PAUSE_EVERY = 40;

export interface ReadSale {
  readonly place: SaleEntry;
  readonly body: Result<SaleBody>;
}

/** The sales among `entries`, in their order, believed in nothing yet. */
export function readSales(entries: readonly ChainedEntry[]): readonly ReadSale[] {
  return entries
    .filter(({ entry }) => entry.kind === 'sale')
    .map(({ entry }) => ({
      place: { sequence: entry.sequence, acceptedAt: entry.at },
      body: attempt(() => decodeSaleBody(entry.body)),
    }));
}

export async function checkSales(
  sales: readonly ReadSale[],
  facts: SaleFacts,
): Promise<readonly CheckedSale[]> {
  const checked: CheckedSale[] = [];
  for (const { place, body } of sales) {
    checked.push(
      body.ok
        ? checkSale(body.value, facts, place)
        : { ...place, verdict: 'refused', code: body.code, claimed: null, maskedPhone: '' },
    );
    if (checked.length % PAUSE_EVERY === 0) await setImmediate();
  }
  return checked;
}

/** One sale, wherever it came from. */
export function checkSale(body: SaleBody, facts: SaleFacts, place: SaleEntry): CheckedSale {
  const kiosk = facts.kiosks.get(toHex(body.kioskCertificateHash));
  const allowance = facts.allowances.get(toHex(body.allowanceCertificateHash));
  const refused = (code: RefusalCode): RefusedSale => ({
    ...place,
    verdict: 'refused',
    code,
    claimed: readClaim(body),
    maskedPhone: allowance?.certificate.maskedPhone ?? '',
  });
  if (kiosk === undefined) return refused('payment_is_for_another_shop');
  if (allowance === undefined) return refused('issuer_unknown');
  const judged = check(verifySale(body, { kiosk, allowance: allowance.certificate }));
  if (!judged.ok) return refused(judged.code);
  const { payment, request } = judged.value;
  return {
    ...place,
    verdict: 'valid',
    payment,
    paymentKey: toHex(payment.hash),
    allowance,
    isAtRisk: body.tier === 'at_risk',
    requestDenyListVersion: request.denyListVersion,
  };
}

function readClaim(body: SaleBody): RefusedSale['claimed'] {
  const payment = check(readPayment(body.payment, { hash: body.allowanceCertificateHash }));
  return payment.ok ? { paymentHash: payment.value.hash, amountMinor: payment.value.amountMinor } : null;
}
