/**
 * Asks the kiosks on this network whether one of them gives back what this phone paid there: the way to a refund without a
 * working camera. A kiosk is asked only about payments that it took itself by its own word, one by one. What comes back is the
 * text that its code holds, and goes the way of a scanned one. Never: signs, or believes an answer.
 */
import { MAX_ENVELOPE_BYTES, toQrText } from '@tikiwallet/protocol';
import type { StoredPayment } from '../store/schema.ts';
import { localInit } from './deliver.ts';
import { readUpTo } from './nearby-shops.ts';

/** What is given back was mostly paid a moment ago. */
const NEWEST = 5;
const ASK_TIMEOUT_MS = 2_000;
/** Much more than a kiosk says of itself. */
const MAX_HELLO_BYTES = 2_048;

/** @returns the texts of the offers that wait for this phone; empty also where nobody answers. */
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
  return [...new Set(found.map((envelope) => toQrText('refundOffer', envelope)))];
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
