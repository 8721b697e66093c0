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
  const looked = sales.map(({ place, body }): Looked => {
    if (!body.ok) return { ...place, verdict: 'refused', code: body.code, claimed: null, maskedPhone: '' };
    const isVouchedFor = equalBytes(body.value.kioskCertificateHash, kioskCertificateHash);
    return look(body.value, facts, { place, verify: isVouchedFor ? verifySaleOfBatch : verifySale });
  });
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
  throw new Error('fewer sales were judged than asked for');
}

/** One sale that stands alone, wherever it came from. */
export function checkSale(body: SaleBody, facts: SaleFacts, place: SaleEntry): CheckedSale {
  const looked = look(body, facts, { place, verify: verifySale });
  return 'steps' in looked ? looked.told(check(looked.steps)) : looked;
}

/** Refused at a glance, or what has to be verified and how its result is told. */
type Looked =
  | RefusedSale
  | { readonly steps: Steps<VerifiedSale>; readonly told: (judged: Result<VerifiedSale>) => CheckedSale };

interface Look {
  readonly place: SaleEntry;
  readonly verify: typeof verifySale;
}

function look(body: SaleBody, facts: SaleFacts, { place, verify }: Look): Looked {
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
  return {
    steps: verify(body, { kiosk, allowance: allowance.certificate }),
    told: (judged) => {
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
    },
  };
}

function readClaim(body: SaleBody): RefusedSale['claimed'] {
  const payment = check(readPayment(body.payment, { hash: body.allowanceCertificateHash }));
  return payment.ok ? { paymentHash: payment.value.hash, amountMinor: payment.value.amountMinor } : null;
}
