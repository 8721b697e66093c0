/**
 * Carries one stored payment to the kiosk: the same signed bytes, as often as it takes, until an answer comes or time
 * is up. Never: signs anything. The link is not trusted: only a receipt that verifies counts as paid, and a refusal
 * is told but never frees the money.
 */
import {
  REFUSAL_CODES,
  runAsync,
  sealToKiosk,
  verifyReceipt,
  fromHex,
  type AsyncCrypto,
  type KioskCertificate,
  type Receipt,
  type RefusalCode,
} from '@tikiwallet/protocol';
import type { ErrorCode, PhoneCode } from './codes.ts';
import { isLoopback } from './ways.ts';

export const SEALED_MEDIA_TYPE = 'application/vnd.tikipay.sealed';
const ATTEMPT_TIMEOUT_MS = 3_000;
/** When an address is silent the next is tried beside it, not after it: the first answer wins. */
const STAGGER_MS = 350;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 2_500;
const MAX_RECEIPT_BYTES = 4_096;

export interface Parcel {
  /** Hex of the payment's hash. */
  readonly paymentId: string;
  readonly amountMinor: bigint;
  readonly delivery: Uint8Array;
  readonly addresses: readonly string[];
  readonly kiosk: KioskCertificate;
}

export type DeliveryOutcome =
  | { readonly kind: 'receipt'; readonly receipt: Receipt; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly code: RefusalCode | 'kiosk_refused_unknown' }
  | { readonly kind: 'no_answer'; readonly code: ErrorCode };

export interface DeliveryNeeds {
  readonly crypto: AsyncCrypto;
  readonly fetch: typeof fetch;
  readonly nowMs: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly permissionDenied: () => Promise<boolean>;
}

export interface DeliveryOptions {
  /** By the clock of `nowMs`. At least one round is made, whatever it says. */
  readonly untilMs: number;
  readonly signal: AbortSignal;
  readonly onRound: (round: number) => void;
  /** After a round that nobody answered: another way may be tried before the next. */
  readonly onSilence?: (round: number) => Promise<void>;
}

export async function deliver(
  parcel: Parcel,
  needs: DeliveryNeeds,
  options: DeliveryOptions,
): Promise<DeliveryOutcome> {
  // Sealed once: every attempt carries the very same bytes.
  const sealed = await sealToKiosk(parcel.delivery, parcel.kiosk);
  let pauseMs = FIRST_PAUSE_MS;
  for (let round = 1; ; round += 1) {
    options.onRound(round);
    const answer = await tryAllAddresses(parcel, sealed, needs, options.signal);
    if (answer.kind !== 'no_answer') return answer;
    const isOver = options.signal.aborted || needs.nowMs() + pauseMs > options.untilMs;
    if (isOver)
      return answer.code === 'kiosk_unreachable'
        ? { kind: 'no_answer', code: await whySilent(needs) }
        : answer;
    if (answer.code === 'kiosk_unreachable') await options.onSilence?.(round);
    await needs.pause(pauseMs, options.signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

async function whySilent(needs: DeliveryNeeds): Promise<ErrorCode> {
  return (await needs.permissionDenied()) ? 'kiosk_permission_denied' : 'kiosk_unreachable';
}

/** One round: every address, a little apart; the first real answer ends it. */
async function tryAllAddresses(
  parcel: Parcel,
  sealed: Uint8Array,
  needs: DeliveryNeeds,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const round = new AbortController();
  const stop = () => round.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await new Promise<DeliveryOutcome>((resolve) => {
      let open = parcel.addresses.length;
      let lastFailure: DeliveryOutcome = { kind: 'no_answer', code: 'kiosk_unreachable' };
      if (open === 0) resolve(lastFailure);
      const settle = (outcome: DeliveryOutcome) => {
        open -= 1;
        if (outcome.kind === 'no_answer' && outcome.code !== 'kiosk_unreachable') lastFailure = outcome;
        if (outcome.kind !== 'no_answer') resolve(outcome);
        else if (open === 0) resolve(lastFailure);
      };
      parcel.addresses.forEach((address, index) => {
        void needs
          .pause(index * STAGGER_MS, round.signal)
          .then(() => tryAddress(address, parcel, sealed, needs, round.signal))
          .then(settle);
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

async function tryAddress(
  address: string,
  parcel: Parcel,
  sealed: Uint8Array,
  needs: DeliveryNeeds,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const silent: DeliveryOutcome = { kind: 'no_answer', code: 'kiosk_unreachable' };
  if (signal.aborted) return silent;
  let response: Response;
  let body: Uint8Array;
  try {
    response = await needs.fetch(`${address}/v1/payments`, requestInit(address, sealed, signal));
    body = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    // Offline, blocked, refused, timed out: the platform tells a page nothing more than that there was no answer.
    if (error instanceof TypeError || error instanceof DOMException) return silent;
    throw error;
  }
  if (response.status === 200) return await readReceipt(body, parcel, needs.crypto);
  return readRefusal(response.status, body);
}

/** Local Network Access wants to be told that a name or address is meant to be in the shop. */
type LocalRequestInit = RequestInit & { targetAddressSpace?: 'local' };

function requestInit(address: string, sealed: Uint8Array, signal: AbortSignal): LocalRequestInit {
  return localInit(address, {
    method: 'POST',
    headers: { 'content-type': SEALED_MEDIA_TYPE },
    body: new Uint8Array(sealed),
    signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]),
  });
}

/** How every call into the shop's network is made: nothing of the person goes along, nothing is followed or kept. */
export function localInit(address: string, call: RequestInit): LocalRequestInit {
  const init: LocalRequestInit = {
    ...call,
    mode: 'cors',
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  };
  return isLoopback(address) ? init : { ...init, targetAddressSpace: 'local' };
}

async function readReceipt(bytes: Uint8Array, parcel: Parcel, crypto: AsyncCrypto): Promise<DeliveryOutcome> {
  if (bytes.length > MAX_RECEIPT_BYTES) return { kind: 'no_answer', code: 'message_too_large' };
  const expected = { paymentHash: fromHex(parcel.paymentId), amountMinor: parcel.amountMinor };
  const receipt = await runAsync(verifyReceipt(bytes, parcel.kiosk, expected), crypto);
  // Whoever answered is not the kiosk, or not about this payment: the same as no answer, but worth telling.
  if (!receipt.ok) return { kind: 'no_answer', code: receipt.code };
  return { kind: 'receipt', receipt: receipt.value, bytes };
}

/** Troubles of the kiosk itself: the payment was not judged, so it is offered again. */
const KIOSK_TROUBLES = [
  'kiosk_not_enrolled',
  'kiosk_busy',
  'journal_quarantined',
  'storage_full',
  'storage_failed',
  'origin_not_allowed',
  'host_not_allowed',
] as const satisfies readonly PhoneCode[];

/** `{ "code": … }`. Only a refusal that the protocol names, or a plain no (4xx), ends the sending. */
function readRefusal(status: number, body: Uint8Array): DeliveryOutcome {
  const told = outcomeOfCode(readCode(body));
  if (told !== null) return told;
  const isPlainNo = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return isPlainNo
    ? { kind: 'refused', code: 'kiosk_refused_unknown' }
    : { kind: 'no_answer', code: 'kiosk_busy' };
}

/** What a kiosk's code means for the payment; null: no kiosk says that. */
export function outcomeOfCode(code: string | null): DeliveryOutcome | null {
  const known = REFUSAL_CODES.find((one) => one === code);
  if (known !== undefined) return { kind: 'refused', code: known };
  const trouble = KIOSK_TROUBLES.find((one) => one === code);
  return trouble === undefined ? null : { kind: 'no_answer', code: trouble };
}

function readCode(body: Uint8Array): string | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(body.subarray(0, 2_048)));
    return typeof parsed === 'object' &&
      parsed !== null &&
      'code' in parsed &&
      typeof parsed.code === 'string'
      ? parsed.code
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Resolves early, without an error, when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || ms <= 0) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
