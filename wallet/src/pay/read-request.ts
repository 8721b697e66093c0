/**
 * From scanned text to an offer that a person can confirm: signatures, dates, deny list, currency, limits. Pure: its
 * facts are handed in. Never: signs, stores or sends. What it shows comes from signed bytes only (R28, R29).
 */
import {
  attempt,
  checkIssuerNotRevoked,
  checkKioskStanding,
  comparisonCode,
  fromQrText,
  isTikiQr,
  openRequestEnvelope,
  runAsync,
  toHex,
  type AsyncCrypto,
  type KioskCertificate,
  type PaymentRequest,
  type TrustBundle,
} from '@tikiwallet/protocol';
import type { StoredAllowance, StoredPayment } from '../store/schema.ts';
import { chooseAllowance, remainingMinor, type Choice, type Purchase } from './allowance-choice.ts';
import type { ErrorCode } from './codes.ts';
import { displayName, displayPhone } from './display-name.ts';

export interface RequestFacts {
  readonly crypto: AsyncCrypto;
  readonly trust: TrustBundle | null;
  /** Corrected time. */
  readonly nowSeconds: number;
  readonly clockIsPlausible: boolean;
  readonly allowances: readonly StoredAllowance[];
  readonly findPayment: (requestHash: string) => Promise<StoredPayment | undefined>;
}

export interface PaymentOffer {
  readonly kiosk: KioskCertificate;
  readonly request: PaymentRequest;
  readonly requestHash: string;
  readonly allowanceId: string;
  readonly leftAfterMinor: bigint;
  readonly merchantName: string;
  readonly merchantPhone: string;
  readonly comparisonCode: string;
  /** Seconds since 1970 by the corrected clock; by the phone's own reading when the kiosk's clock is ahead. */
  readonly expiresAt: number;
}

export type ReadOutcome =
  | { readonly kind: 'offer'; readonly offer: PaymentOffer }
  /** This request was signed for already: its payment is shown, and can be sent again. */
  | { readonly kind: 'known'; readonly payment: StoredPayment }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly subject: SignedSubject | null;
      /** What one payment may be, where the amount is above it. */
      readonly limitMinor?: bigint;
    };

/** Of what was refused, as far as its signatures held: lets the screen say "this shop". */
export interface RefusedSubject {
  readonly merchantName: string;
  readonly merchantPhone: string;
  readonly amountMinor: bigint;
  readonly currency: string;
}

/** Of a request. */
export interface SignedSubject extends RefusedSubject {
  /** Four digits; the shop's screen shows them too. */
  readonly comparisonCode: string;
}

const refused = (
  code: ErrorCode,
  subject: SignedSubject | null = null,
  limitMinor?: bigint,
): ReadOutcome => ({
  kind: 'refused',
  code,
  subject,
  ...(limitMinor !== undefined && { limitMinor }),
});

export async function readRequest(text: string, facts: RequestFacts): Promise<ReadOutcome> {
  const bytes = requestBytes(text);
  if (typeof bytes === 'string') return refused(bytes);
  if (facts.trust === null) return refused('trust_missing');
  const opened = await runAsync(openRequestEnvelope(bytes, facts.trust.issuers), facts.crypto);
  if (!opened.ok) return refused(opened.code);
  const { kiosk, request } = opened.value;
  const requestHash = toHex(request.hash);
  const known = await facts.findPayment(requestHash);
  if (known !== undefined) return { kind: 'known', payment: known };

  const subject = {
    merchantName: displayName(kiosk.merchantName),
    merchantPhone: displayPhone(kiosk.merchantPhone),
    amountMinor: request.amountMinor,
    currency: request.currency,
    comparisonCode: comparisonCode(request.hash),
  };
  const why = whyNot(kiosk, request, { ...facts, trust: facts.trust });
  if (why !== null)
    return refused(why, subject, why === 'payment_exceeds_limit' ? kiosk.perPaymentMinor : undefined);
  const choice = choose({ ...request, ...kiosk }, { ...facts, trust: facts.trust });
  if (!choice.ok) return refused(choice.code, subject, choice.limitMinor);
  return {
    kind: 'offer',
    offer: {
      kiosk,
      request,
      requestHash,
      allowanceId: choice.allowance.id,
      leftAfterMinor: remainingMinor(choice.allowance) - request.amountMinor,
      merchantName: subject.merchantName,
      merchantPhone: subject.merchantPhone,
      comparisonCode: subject.comparisonCode,
      expiresAt: Math.min(request.issuedAt, facts.nowSeconds) + request.ttlSeconds,
    },
  };
}

/** Bytes of the request envelope, or why the text is none. */
export function requestBytes(text: string): Uint8Array | ErrorCode {
  // Base45 has a space in its alphabet, so only line ends and what stands before the prefix may go.
  const candidate = text.replace(/[\r\n\t]/g, '').trimStart();
  if (!isTikiQr(candidate)) return 'qr_not_recognised';
  if (!candidate.startsWith('TIKI1:R:')) return 'qr_not_a_request';
  const exact = fromQrText('request', candidate);
  if (exact.ok) return exact.value;
  const trimmed = fromQrText('request', candidate.trimEnd());
  return trimmed.ok ? trimmed.value : exact.code;
}

/** Money whose issuer key was revoked is on its way back: no shop takes it, and the person is told why. */
function choose(
  purchase: Purchase,
  { allowances, trust, nowSeconds }: RequestFacts & { readonly trust: TrustBundle },
): Choice {
  const judged = allowances.map((allowance) => {
    const result = attempt(() => checkIssuerNotRevoked(allowance.certificate, trust, nowSeconds));
    return { allowance, code: result.ok ? null : result.code };
  });
  const honoured = judged.flatMap(({ allowance, code }) => (code === null ? [allowance] : []));
  const choice = chooseAllowance(honoured, purchase, nowSeconds);
  const why = judged.find(({ code }) => code !== null)?.code ?? null;
  if (choice.ok || why === null) return choice;
  const whatever = chooseAllowance(allowances, purchase, nowSeconds);
  return whatever.ok ? { ok: false, code: why } : whatever;
}

function whyNot(
  kiosk: KioskCertificate,
  request: PaymentRequest,
  facts: RequestFacts & { readonly trust: TrustBundle },
): ErrorCode | null {
  if (!facts.clockIsPlausible) return 'clock_behind_trusted_time';
  const standing = attempt(() => checkKioskStanding(kiosk, facts.trust, facts.nowSeconds));
  if (!standing.ok) return standing.code;
  if (facts.nowSeconds >= request.issuedAt + request.ttlSeconds) return 'request_expired';
  if (request.amountMinor > kiosk.perPaymentMinor) return 'payment_exceeds_limit';
  return null;
}
