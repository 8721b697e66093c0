/**
 * Asks the kiosks on this network whether one of them gives back what this phone paid there: the way to a refund without a
 * working camera. A kiosk is asked only about payments that it took itself by its own word, one by one. What comes back is the
 * text that its code holds, and goes the way of a scanned one; it is only worth a person's look where that way accepts it.
 * Never: signs, or believes an answer.
 */
import { carriesPhoneSalt, MAX_ENVELOPE_BYTES, toQrText } from '@tikiwallet/protocol';
import type { StoredPayment } from '../store/schema.ts';
import { localInit } from './deliver.ts';
import { readUpTo } from './nearby-shops.ts';
import type { RefundOutcome } from './read-refund.ts';

/** What is given back was mostly paid a moment ago. */
const NEWEST = 5;
const ASK_TIMEOUT_MS = 2_000;
/** Much more than a kiosk says of itself. */
const MAX_HELLO_BYTES = 2_048;

/** Its figures and name come from signed bytes. */
export interface NearbyRefund {
  readonly text: string;
  readonly merchantName: string;
  readonly amountMinor: bigint;
  readonly currency: string;
}

/** @returns the texts of what the kiosks answered, read by nobody yet; empty also where nobody answers. */
export async function askForRefunds(
  origins: readonly string[],
  payments: readonly StoredPayment[],
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const paid = payments
    .filter(({ receipt, kioskId }) => receipt !== null && kioskId !== null)
    .toSorted((a, b) => b.signedAt - a.signedAt);
  if (paid.length === 0) return [];
  const get = async (origin: string, path: string, maxBytes: number): Promise<Uint8Array | null> => {
    try {
      const init = {
        method: 'GET',
        signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]),
      };
      const response = await fetcher(`${origin}${path}`, localInit(origin, init));
      return response.status === 200 ? await readUpTo(response, maxBytes) : null;
    } catch (error) {
      if (error instanceof TypeError || error instanceof DOMException) return null;
      throw error;
    }
  };
  const offers = await Promise.all(
    origins.map(async (origin) => {
      const kioskId = kioskIdOf(await get(origin, '/v1/hello', MAX_HELLO_BYTES));
      const here = paid.filter((payment) => payment.kioskId === kioskId).slice(0, NEWEST);
      return await Promise.all(
        here.map(({ id }) => get(origin, `/v1/refund?payment=${id}`, MAX_ENVELOPE_BYTES)),
      );
    }),
  );
  const found = offers.flat().filter((envelope) => envelope !== null);
  // A stranger's bytes: no text is made of an open delivery with a phone salt, and it is no offer.
  const open = found.filter((envelope) => !carriesPhoneSalt(envelope));
  return [...new Set(open.map((envelope) => toQrText('refundOffer', envelope)))];
}

/** Those of the texts by which a kiosk in good standing gives back what this phone paid; of all others nobody hears. */
export async function refundsWaiting(
  texts: readonly string[],
  read: (text: string) => Promise<RefundOutcome>,
): Promise<readonly NearbyRefund[]> {
  const waiting = await Promise.all(texts.map(async (text) => waitingOf(text, await read(text))));
  return waiting.filter((one) => one !== null);
}

function waitingOf(text: string, outcome: RefundOutcome): NearbyRefund | null {
  switch (outcome.kind) {
    case 'offer': {
      const { merchantName, offer, kiosk } = outcome.offer;
      return { text, merchantName, amountMinor: offer.amountMinor, currency: kiosk.currency };
    }
    case 'known': {
      const { receipt, merchantName, amountMinor, currency } = outcome.refund;
      return receipt === null ? { text, merchantName, amountMinor, currency } : null;
    }
    case 'refused':
      return null;
  }
}

function kioskIdOf(hello: Uint8Array | null): string | undefined {
  if (hello === null) return undefined;
  try {
    const said: unknown = JSON.parse(new TextDecoder().decode(hello));
    if (typeof said !== 'object' || said === null || !('kioskId' in said)) return undefined;
    return typeof said.kioskId === 'string' ? said.kioskId : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
