/**
 * The cloud's own look at every sale of a batch, before any lock is taken: what a kiosk checked, checked again.
 *
 * Pure but for the threads that verify. Never: throws on hostile bytes, or decides about money.
 */
import { setImmediate } from 'node:timers/promises';
import {
  attempt,
  type ChainedEntry,
  equalBytes,
  type KioskCertificate,
  type Payment,
  readPayment,
  readSaleAtHand,
  type RefusalCode,
  type Result,
  type SaleAtHand,
  type SaleBody,
  saleBodyOf,
  toHex,
  type VerifiedSale,
  verifySale,
} from '@tikiwallet/protocol';
import { type PackedChecks, packChecks } from '@tikiwallet/protocol/verify-many';
import { CHUNK, check, hashing, runTogether, type SignatureVerifier } from '../trust/index.ts';
import type { KnownAllowance } from './certificates.ts';

interface SaleEntry {
  readonly sequence: number;
  /** Seconds since 1970, the kiosk's trusted time. */
  readonly acceptedAt: number;
}

/** What is looked at once a payment's signature is known to be good. */
export type SettledPayment = Pick<Payment, 'hash' | 'bytes' | 'counter' | 'amountMinor' | 'cumulativeMinor'>;

/** Both halves are what they claim to be; what it is worth is `decide.ts`'s question. */
export interface ValidSale extends SaleEntry {
  readonly verdict: 'valid';
  readonly payment: SettledPayment;
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
      body: attempt(() => saleBodyOf(entry)),
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
  signer: BatchSigner,
): Promise<readonly CheckedSale[]> {
  const pieces: Piece[] = [];
  for (let from = 0; from < sales.length; from += CHUNK) {
    // A few milliseconds of reading, then others are answered.
    if (from > 0) await setImmediate();
    pieces.push(readPiece(sales.slice(from, from + CHUNK), facts, signer));
  }
  const verdicts = await signer.verifier.verifyPacked(pieces.map(({ packed }) => packed));
  const judged = pieces.flatMap(({ atHand, whose }, index) => {
    const good = verdicts[index] ?? neverJudged();
    // Whoever is refused here is looked at in full, which names the fault.
    for (const [check, place] of whose.entries()) if (good[check] !== 1) atHand[place] = null;
    return atHand;
  });
  const inFull = sales.flatMap((sale, index) => (judged[index] === null ? [lookAt(sale, facts)] : []));
  const told = (await tellInFull(inFull, signer.verifier)).values();
  return judged.map((sale) => sale ?? told.next().value ?? neverJudged());
}

/** Sales that are judged in one go: at hand, and valid if their signatures are; null are those to be looked at in full. */
interface Piece {
  readonly atHand: (ValidSale | null)[];
  readonly packed: PackedChecks;
  /** Of each packed check its sale's place. */
  readonly whose: readonly number[];
}

function readPiece(
  sales: readonly ReadSale[],
  { kiosks, allowances }: SaleFacts,
  { kioskCertificateHash }: BatchSigner,
): Piece {
  const kiosk = kiosks.get(toHex(kioskCertificateHash));
  const checks: SaleAtHand[] = [];
  const whose: number[] = [];
  const atHand = sales.map(({ place, body }, index) => {
    // The batch's signature stands for the requests of this certificate alone.
    const isVouchedFor = body.ok && equalBytes(body.value.kioskCertificateHash, kioskCertificateHash);
    if (!isVouchedFor || kiosk === undefined) return null;
    const allowance = allowances.get(toHex(body.value.allowanceCertificateHash));
    if (allowance === undefined) return null;
    const read = readSaleAtHand(body.value, { kiosk, allowance: allowance.certificate }, hashing);
    if (read === null) return null;
    checks.push(read);
    whose.push(index);
    return validSale({ place, body: body.value, allowance }, read.payment, read.denyListVersion);
  });
  return { atHand, packed: packChecks(checks), whose };
}

async function tellInFull(
  looked: readonly Looked[],
  verifier: SignatureVerifier,
): Promise<readonly CheckedSale[]> {
  const toVerify = looked.flatMap((one) => ('verdict' in one ? [] : [verifySale(one.body, one.signers)]));
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

function lookAt({ place, body }: ReadSale, facts: SaleFacts): Looked {
  return body.ok ? look(body.value, facts, place) : refusedUnread(place, body.code);
}

function look(body: SaleBody, facts: SaleFacts, place: SaleEntry): Looked {
  const kiosk = facts.kiosks.get(toHex(body.kioskCertificateHash));
  const allowance = facts.allowances.get(toHex(body.allowanceCertificateHash));
  if (kiosk === undefined) return refused(body, { place, code: 'payment_is_for_another_shop', allowance });
  if (allowance === undefined) return refused(body, { place, code: 'issuer_unknown', allowance });
  return { place, body, allowance, signers: { kiosk, allowance: allowance.certificate } };
}

function told(looked: LookedSale, judged: Result<VerifiedSale>): CheckedSale {
  const { place, body, allowance } = looked;
  if (!judged.ok) return refused(body, { place, code: judged.code, allowance });
  const { payment, request } = judged.value;
  return validSale(looked, payment, request.denyListVersion);
}

/** Without what it was read from: it lives until its batch is committed. */
function validSale(
  { place, body, allowance }: Omit<LookedSale, 'signers'>,
  { hash, bytes, counter, amountMinor, cumulativeMinor }: Payment,
  requestDenyListVersion: number,
): ValidSale {
  return {
    sequence: place.sequence,
    acceptedAt: place.acceptedAt,
    verdict: 'valid',
    payment: { hash, bytes, counter, amountMinor, cumulativeMinor },
    paymentKey: toHex(hash),
    allowance,
    isAtRisk: body.tier === 'at_risk',
    requestDenyListVersion,
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
