/**
 * Carries one stored payment to the kiosk: the same signed bytes, as often as it takes, until an answer comes or time
 * is up. Never: signs anything. The link is not trusted: only a receipt that verifies counts as paid, and a refusal
 * is told but never frees the money.
 */
import {
  REFUSAL_CODES,
  runAsync,
  verifyReceipt,
  fromHex,
  type AsyncCrypto,
  type Receipt,
  type RefusalCode,
  type Result,
} from '@tikiwallet/protocol';
import { Bodies, type Letter } from './bodies.ts';
import type { ErrorCode, PhoneCode } from './codes.ts';
import { isLoopback } from './ways.ts';

export const SEALED_MEDIA_TYPE = 'application/vnd.tikipay.sealed';
const ATTEMPT_TIMEOUT_MS = 3_000;
/** When an address is silent the next is tried beside it, not after it: the first answer wins. */
const STAGGER_MS = 350;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 2_500;
const MAX_RECEIPT_BYTES = 4_096;

export interface Parcel extends Letter {
  /** Hex of the payment's hash. */
  readonly paymentId: string;
  readonly amountMinor: bigint;
  readonly addresses: readonly string[];
}

/** Anything that goes to a kiosk and is answered with a signed receipt. */
export interface Consignment<R> extends Letter {
  readonly addresses: readonly string[];
  readonly route: '/v1/payments' | '/v1/refunds';
  /** Is this answer the kiosk's receipt for exactly what was sent? */
  readonly verify: (answer: Uint8Array) => Promise<Result<R>>;
}

/** Of a kiosk that its merchant has suspended: nobody's payment is at fault, and none is taken until that is lifted. */
const TILL_IS_SUSPENDED = 'kiosk_suspended' satisfies ErrorCode;
type ShopRefusalCode = RefusalCode | typeof TILL_IS_SUSPENDED | 'kiosk_refused_unknown';

export type DeliveryOutcome<R = Receipt> =
  | { readonly kind: 'receipt'; readonly receipt: R; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly code: ShopRefusalCode }
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
  /** The kiosk does not know the certificate that was named: from now on the payment goes whole. */
  readonly onCertificateUnknown: () => void;
}

interface Call<R> {
  readonly parcel: Consignment<R>;
  readonly needs: DeliveryNeeds;
  readonly options: DeliveryOptions;
  readonly bodies: Bodies;
}

/** A payment. */
export function deliver(
  parcel: Parcel,
  needs: DeliveryNeeds,
  options: DeliveryOptions,
): Promise<DeliveryOutcome> {
  const expected = { paymentHash: fromHex(parcel.paymentId), amountMinor: parcel.amountMinor };
  const verify = (answer: Uint8Array) =>
    runAsync(verifyReceipt(answer, parcel.kiosk, expected), needs.crypto);
  return carry({ ...parcel, route: '/v1/payments', verify }, needs, options);
}

export async function carry<R>(
  parcel: Consignment<R>,
  needs: DeliveryNeeds,
  options: DeliveryOptions,
): Promise<DeliveryOutcome<R>> {
  const call: Call<R> = { parcel, needs, options, bodies: new Bodies(parcel) };
  let pauseMs = FIRST_PAUSE_MS;
  for (let round = 1; ; round += 1) {
    options.onRound(round);
    const answer = await tryAllAddresses(call);
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
async function tryAllAddresses<R>(call: Call<R>): Promise<DeliveryOutcome<R>> {
  const { parcel, needs } = call;
  const { signal } = call.options;
  const round = new AbortController();
  const stop = () => round.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await new Promise<DeliveryOutcome<R>>((resolve) => {
      let open = parcel.addresses.length;
      let lastFailure: DeliveryOutcome<R> = { kind: 'no_answer', code: 'kiosk_unreachable' };
      if (open === 0) resolve(lastFailure);
      const settle = (outcome: DeliveryOutcome<R>) => {
        open -= 1;
        if (outcome.kind === 'no_answer' && outcome.code !== 'kiosk_unreachable') lastFailure = outcome;
        if (outcome.kind !== 'no_answer') resolve(outcome);
        else if (open === 0) resolve(lastFailure);
      };
      parcel.addresses.forEach((address, index) => {
        void needs
          .pause(index * STAGGER_MS, round.signal)
          .then(() => tryAddress(address, call, round.signal))
          .then(settle);
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** By reference where that may do, and whole at once where the kiosk says that it does not: the same payment. */
async function tryAddress<R>(
  address: string,
  call: Call<R>,
  signal: AbortSignal,
): Promise<DeliveryOutcome<R>> {
  for (;;) {
    const { bytes, isRepeat } = await call.bodies.next();
    const outcome = await post(address, bytes, call, signal);
    if (outcome.kind !== 'refused' || outcome.code !== 'allowance_certificate_unknown') return outcome;
    // Said of the certificate itself it makes no sense, and a stranger on the link can say it: it ends nothing.
    if (!isRepeat) return { kind: 'no_answer', code: outcome.code };
    call.bodies.sendWhole();
    call.options.onCertificateUnknown();
  }
}

async function post<R>(
  address: string,
  sealed: Uint8Array,
  { parcel, needs }: Call<R>,
  signal: AbortSignal,
): Promise<DeliveryOutcome<R>> {
  const silent: DeliveryOutcome<R> = { kind: 'no_answer', code: 'kiosk_unreachable' };
  if (signal.aborted) return silent;
  let response: Response;
  let body: Uint8Array;
  try {
    response = await needs.fetch(address + parcel.route, requestInit(address, sealed, signal));
    body = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    // Offline, blocked, refused, timed out: the platform tells a page nothing more than that there was no answer.
    if (error instanceof TypeError || error instanceof DOMException) return silent;
    throw error;
  }
  if (response.status === 200) return await readReceipt(body, parcel);
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

async function readReceipt<R>(bytes: Uint8Array, parcel: Consignment<R>): Promise<DeliveryOutcome<R>> {
  if (bytes.length > MAX_RECEIPT_BYTES) return { kind: 'no_answer', code: 'message_too_large' };
  const receipt = await parcel.verify(bytes);
  // Whoever answered is not the kiosk, or not about this payment or refund: the same as no answer, but worth telling.
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
function readRefusal(status: number, body: Uint8Array): DeliveryOutcome<never> {
  const told = outcomeOfCode(readCode(body));
  if (told !== null) return told;
  const isPlainNo = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return isPlainNo
    ? { kind: 'refused', code: 'kiosk_refused_unknown' }
    : { kind: 'no_answer', code: 'kiosk_busy' };
}

/** What a kiosk's code means for the payment; null: no kiosk says that. */
export function outcomeOfCode(code: string | null): DeliveryOutcome<never> | null {
  const known = REFUSAL_CODES.find((one) => one === code);
  if (known !== undefined) return { kind: 'refused', code: known };
  if (code === TILL_IS_SUSPENDED) return { kind: 'refused', code };
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
