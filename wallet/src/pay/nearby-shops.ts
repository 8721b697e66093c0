/**
 * Asks the addresses at which kiosks stand for what is open there: the way to pay without a working camera. Nothing of an
 * answer is believed here. What comes back are the texts that the codes on the screens hold, and each goes the way of a
 * scanned one: signatures, dates, limits, and the digits that both people compare. Never: signs, pays, or chooses.
 */
import {
  attempt,
  carriesPhoneSalt,
  decodeRequestList,
  MAX_ENVELOPE_BYTES,
  MAX_REQUEST_LIST_BYTES,
  toQrText,
} from '@tikiwallet/protocol';
import { WalletError } from './codes.ts';
import { localInit } from './deliver.ts';

const REQUEST_MEDIA_TYPE = 'application/vnd.tikipay.request';
const LIST_MEDIA_TYPE = 'application/vnd.tikipay.request-list';
/** Protocol page 03: a till with several open answers with all of them, and one that knows no list with its only one. */
const ACCEPT = `${LIST_MEDIA_TYPE}, ${REQUEST_MEDIA_TYPE}`;
const ASK_TIMEOUT_MS = 2_000;
/** After the first answer the other shops are given this long: an address where nobody stands must not cost the person time. */
const OTHERS_MS = 400;

export interface NearbyNeeds {
  readonly fetch: typeof fetch;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly permissionDenied: () => Promise<boolean>;
}

/** @returns the texts of the requests that are open now, each once. @throws WalletError when there is none. */
export async function askNearby(
  origins: readonly string[],
  needs: NearbyNeeds,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const round = new AbortController();
  const stop = () => round.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const texts = new Set<string>();
  let hasAnswered = false;
  try {
    await Promise.all(
      origins.map(async (origin) => {
        const answer = await ask(origin, needs, round.signal);
        hasAnswered ||= answer.kind !== 'silent';
        if (answer.kind !== 'envelopes') return;
        // A stranger's bytes: no text is made of an open delivery with a phone salt, and it is no request.
        for (const envelope of answer.envelopes)
          if (!carriesPhoneSalt(envelope)) texts.add(toQrText('request', envelope));
        void needs.pause(OTHERS_MS, round.signal).then(stop);
      }),
    );
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
  if (texts.size > 0) return [...texts];
  // Loopback needs no permission: where somebody answered, the browser is not the reason.
  const isDenied = !hasAnswered && (await needs.permissionDenied());
  throw new WalletError(isDenied ? 'kiosk_permission_denied' : 'no_sale_nearby');
}

type Answer =
  | { readonly kind: 'envelopes'; readonly envelopes: readonly Uint8Array[] }
  /** Nothing to pay, or no answer of a kiosk. To the person they are the same. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'silent' };

async function ask(origin: string, needs: NearbyNeeds, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await needs.fetch(
      `${origin}/v1/request`,
      localInit(origin, {
        method: 'GET',
        headers: { accept: ACCEPT },
        signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]),
      }),
    );
    return response.status === 200 ? await readAnswer(response) : { kind: 'nothing' };
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) return { kind: 'silent' };
    throw error;
  }
}

async function readAnswer(response: Response): Promise<Answer> {
  const isList = response.headers.get('content-type')?.split(';')[0]?.trim() === LIST_MEDIA_TYPE;
  const bytes = await readUpTo(response, isList ? MAX_REQUEST_LIST_BYTES : MAX_ENVELOPE_BYTES);
  if (bytes === null) return { kind: 'nothing' };
  if (!isList) return { kind: 'envelopes', envelopes: [bytes] };
  const list = attempt(() => decodeRequestList(bytes));
  return list.ok ? { kind: 'envelopes', envelopes: list.value } : { kind: 'nothing' };
}

/** Whoever answers is a stranger: a body without end is left after its first bytes. */
export async function readUpTo(response: Response, maxBytes: number): Promise<Uint8Array | null> {
  const reader = response.body?.getReader();
  if (reader === undefined) return null;
  const bytes = new Uint8Array(maxBytes);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return length === 0 ? null : bytes.slice(0, length);
    if (length + value.length > maxBytes) {
      await reader.cancel();
      return null;
    }
    bytes.set(value, length);
    length += value.length;
  }
}
