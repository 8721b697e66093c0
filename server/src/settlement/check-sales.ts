/**
 * The cloud's own look at every sale of a batch, before any lock is taken: what a kiosk checked, checked again.
 *
 * Pure but for the threads that verify. Never: throws on hostile bytes, or decides about money.
 */
import {
  attempt,
  type ChainedEntry,
  decodeSaleBody,
  equalBytes,
  type KioskCertificate,
  type Payment,
  readPayment,
  type RefusalCode,
  type Result,
  type SaleBody,
  type Steps,
  toHex,
  type VerifiedSale,
  verifySale,
  verifySaleOfBatch,
} from '@tikiwallet/protocol';
import { check, runTogether, type SignatureVerifier } from '../trust/index.ts';
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

/** The batch that brought the sales: its signature, under this certificate, was verified. */
export interface BatchSigner {
  readonly kioskCertificateHash: Uint8Array;
  readonly verifier: SignatureVerifier;
}

export async function checkSales(
  sales: readonly ReadSale[],
  facts: SaleFacts,
  { kioskCertificateHash, verifier }: BatchSigner,
): Promise<readonly CheckedSale[]> {
  const toVerify: Steps<VerifiedSale>[] = [];
  const looked = sales.map(({ place, body }): Looked => {
    if (!body.ok) return refusedUnread(place, body.code);
    const isVouchedFor = equalBytes(body.value.kioskCertificateHash, kioskCertificateHash);
    const one = look(body.value, facts, place);
    if ('verdict' in one) return one;
    toVerify.push((isVouchedFor ? verifySaleOfBatch : verifySale)(one.body, one.signers));
    return one;
  });
  const judged = (await runTogether(toVerify, verifier)).values();
  return looked.map((one) => ('verdict' in one ? one : told(one, judged.next().value ?? neverJudged())));
}

function neverJudged(): never {
  throw new Error('fewer sales were judged than asked for');
}

/** One sale that stands alone, wherever it came from. */
export function checkSale(body: SaleBody, facts: SaleFacts, place: SaleEntry): CheckedSale {
  const looked = look(body, facts, place);
  return 'verdict' in looked ? looked : told(looked, check(verifySale(body, looked.signers)));
}

/** Refused at a glance, or what it has to be verified with. */
type Looked = RefusedSale | LookedSale;

interface LookedSale {
  readonly place: SaleEntry;
  readonly body: SaleBody;
  readonly allowance: KnownAllowance;
  readonly signers: Parameters<typeof verifySale>[1];
}

function look(body: SaleBody, facts: SaleFacts, place: SaleEntry): Looked {
  const kiosk = facts.kiosks.get(toHex(body.kioskCertificateHash));
  const allowance = facts.allowances.get(toHex(body.allowanceCertificateHash));
  if (kiosk === undefined) return refused(body, { place, code: 'payment_is_for_another_shop', allowance });
  if (allowance === undefined) return refused(body, { place, code: 'issuer_unknown', allowance });
  return { place, body, allowance, signers: { kiosk, allowance: allowance.certificate } };
}

function told({ place, body, allowance }: LookedSale, judged: Result<VerifiedSale>): CheckedSale {
  if (!judged.ok) return refused(body, { place, code: judged.code, allowance });
  const { payment, request } = judged.value;
  return {
    sequence: place.sequence,
    acceptedAt: place.acceptedAt,
    verdict: 'valid',
    payment,
    paymentKey: toHex(payment.hash),
    allowance,
    isAtRisk: body.tier === 'at_risk',
    requestDenyListVersion: request.denyListVersion,
  };
}

interface Refused {
  readonly place: SaleEntry;
  readonly code: RefusalCode;
  readonly allowance: KnownAllowance | undefined;
}

function refused(body: SaleBody, { place, code, allowance }: Refused): RefusedSale {
  const maskedPhone = allowance?.certificate.maskedPhone ?? '';
  return { ...place, verdict: 'refused', code, claimed: readClaim(body), maskedPhone };
}

function refusedUnread(place: SaleEntry, code: RefusalCode): RefusedSale {
  return { ...place, verdict: 'refused', code, claimed: null, maskedPhone: '' };
}

function readClaim(body: SaleBody): RefusedSale['claimed'] {
  const payment = check(readPayment(body.payment, { hash: body.allowanceCertificateHash }));
  return payment.ok ? { paymentHash: payment.value.hash, amountMinor: payment.value.amountMinor } : null;
}
