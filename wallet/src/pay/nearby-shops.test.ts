/** Paying without a camera: the network may bring a request, and is believed no more than a picture would be. */
import { expect, test } from 'vitest';
import { fromQrText, MAX_ENVELOPE_BYTES } from '@tikiwallet/protocol';
import { makePhone, makeRequestText, makeShop, read, refusal, type Shop } from '../test/world.ts';
import { pause } from './deliver.ts';
import { askNearby, type NearbyNeeds } from './nearby-shops.ts';
import { signedSubject, worthShowing } from './signed-subject.ts';

const HERE = 'http://127.0.0.1:7070';
const THERE = 'http://192.168.49.1:7070';
type Answer = (init: RequestInit | undefined) => Promise<Response>;

async function envelopeOf(text: string): Promise<Response> {
  const bytes = fromQrText('request', text);
  if (!bytes.ok) throw new Error(bytes.code);
  return await Promise.resolve(new Response(new Uint8Array(bytes.value)));
}

/** A network of kiosks by their origin; at every other address nobody answers until the asker gives up. */
function network(kiosks: Readonly<Record<string, Answer>>, isDenied = false): NearbyNeeds {
  return {
    fetch: (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      expect(url.pathname).toBe('/v1/request');
      const kiosk = kiosks[url.origin];
      if (kiosk !== undefined) return kiosk(init);
      return new Promise((_resolve, reject) => {
        const silent = () => reject(new DOMException('aborted', 'AbortError'));
        init?.signal?.addEventListener('abort', silent, { once: true });
      });
    },
    pause: (ms, signal) => pause(Math.min(ms, 20), signal),
    permissionDenied: () => Promise.resolve(isDenied),
  };
}

const ask = (needs: NearbyNeeds, origins: readonly string[] = [THERE, HERE]) =>
  askNearby(origins, needs, new AbortController().signal);

test('an open request comes back as the very text of the code on the screen, without waiting for the silent', async () => {
  const text = await makeRequestText(await makeShop());
  expect(await ask(network({ [HERE]: () => envelopeOf(text) }))).toEqual([text]);
});

test('one kiosk at two addresses is one shop; two kiosks are two', async () => {
  const shop = await makeShop();
  const one = await makeRequestText(shop);
  const other = await makeRequestText(shop, { fill: 0x60 });
  const twice = network({ [HERE]: () => envelopeOf(one), [THERE]: () => envelopeOf(one) });
  expect(await ask(twice)).toEqual([one]);
  const two = network({ [HERE]: () => envelopeOf(one), [THERE]: () => envelopeOf(other) });
  expect(new Set(await ask(two))).toEqual(new Set([one, other]));
});

test.each([
  ['no sale is open', () => Promise.resolve(refusal('request_not_open', 404))],
  ['the kiosk is off', () => Promise.reject(new TypeError('Failed to fetch'))],
  ['the answer is empty', () => Promise.resolve(new Response())],
  [
    'the answer is larger than any request',
    () => Promise.resolve(new Response(new Uint8Array(MAX_ENVELOPE_BYTES + 1))),
  ],
] satisfies [string, Answer][])('nothing to pay when %s', async (_name, answer) => {
  await expect(ask(network({ [HERE]: answer }), [HERE])).rejects.toMatchObject({ code: 'no_sale_nearby' });
});

test('a browser that may not reach the network is named as the reason, unless somebody answered', async () => {
  const off: Answer = () => Promise.reject(new TypeError('Failed to fetch'));
  await expect(ask(network({ [HERE]: off }, true), [HERE])).rejects.toMatchObject({
    code: 'kiosk_permission_denied',
  });
  const answering = network({ [HERE]: () => Promise.resolve(refusal('request_not_open', 404)) }, true);
  await expect(ask(answering, [HERE])).rejects.toMatchObject({ code: 'no_sale_nearby' });
  await expect(ask(network({}), [])).rejects.toMatchObject({ code: 'no_sale_nearby' });
});

test('the question carries nothing of the person and says that it is meant for the shop’s network', async () => {
  const text = await makeRequestText(await makeShop());
  const inits: (RequestInit | undefined)[] = [];
  const kiosk: Answer = (init) => {
    inits.push(init);
    return envelopeOf(text);
  };
  await ask(network({ [THERE]: kiosk }), [THERE]);
  await ask(network({ [HERE]: kiosk }), [HERE]);
  expect(inits[0]).toMatchObject({ credentials: 'omit', redirect: 'error', targetAddressSpace: 'local' });
  expect(inits[1]).not.toHaveProperty('targetAddressSpace');
});

test('a person who leaves stops the asking', async () => {
  const stop = new AbortController();
  const asking = askNearby([THERE], network({}), stop.signal);
  stop.abort();
  await expect(asking).rejects.toMatchObject({ code: 'no_sale_nearby' });
});

async function readNearby(believed: Shop, texts: readonly string[]) {
  const phone = await makePhone(believed);
  return worthShowing(await Promise.all(texts.map((text) => read(text, believed, phone))));
}

test('a list shows names and sums of shops whose signatures hold, and no word of a stranger', async () => {
  const shop = await makeShop({ merchantName: 'Warung Sari' });
  const stranger = await makeShop({ merchantName: 'Warung Sari' });
  const forged = await makeRequestText(stranger, { amountMinor: 1n });
  const honest = await makeRequestText(shop, { amountMinor: 700n });
  const dear = await makeRequestText(shop, { amountMinor: 9_000n, fill: 0x60 });
  const shown = await readNearby(shop, [forged, honest, dear]);
  expect(shown.map(signedSubject)).toMatchObject([
    { merchantName: 'Warung Sari', amountMinor: 700n },
    { merchantName: 'Warung Sari', amountMinor: 9_000n },
  ]);
  expect(shown.map((outcome) => outcome.kind)).toEqual(['offer', 'refused']);
  const alone = await readNearby(shop, [forged]);
  expect(alone).toEqual([{ kind: 'refused', code: 'issuer_unknown', subject: null }]);
});
