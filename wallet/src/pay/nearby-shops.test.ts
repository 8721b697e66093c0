/** Paying without a camera: the network may bring a request, and is believed no more than a picture would be. */
import { expect, test } from 'vitest';
import {
  encodeDelivery,
  encodeRequestList,
  fromQrText,
  MAX_ENVELOPE_BYTES,
  MAX_REQUEST_LIST_BYTES,
} from '@tikiwallet/protocol';
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

/** A till that serves several customers at once. */
async function listOf(...texts: readonly string[]): Promise<Response> {
  const envelopes = texts.map((text) => {
    const bytes = fromQrText('request', text);
    if (!bytes.ok) throw new Error(bytes.code);
    return bytes.value;
  });
  return await Promise.resolve(listed(encodeRequestList(envelopes)));
}

const listed = (bytes: Uint8Array) =>
  new Response(new Uint8Array(bytes), {
    headers: { 'content-type': 'application/vnd.tikipay.request-list' },
  });

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

test('a till that serves several is asked for its list, and all that is open comes back in its order', async () => {
  const shop = await makeShop();
  const texts = [
    await makeRequestText(shop, { amountMinor: 700n }),
    await makeRequestText(shop, { amountMinor: 700n, fill: 0x60 }),
    await makeRequestText(shop, { amountMinor: 9_000n, fill: 0x61 }),
  ];
  const accepts: (string | null)[] = [];
  const till: Answer = (init) => {
    accepts.push(new Headers(init?.headers).get('accept'));
    return listOf(...texts);
  };
  expect(await ask(network({ [HERE]: till }))).toEqual(texts);
  expect(accepts).toEqual(['application/vnd.tikipay.request-list, application/vnd.tikipay.request']);
  // The person chooses: two of the same amount are told apart by the digits that the till shows too.
  const shown = (await readNearby(shop, texts)).map(signedSubject);
  expect(shown.map((subject) => subject?.amountMinor)).toEqual([700n, 700n, 9_000n]);
  expect(new Set(shown.map((subject) => subject?.comparisonCode)).size).toBe(3);
});

test('one bad envelope in a list takes no other with it', async () => {
  const shop = await makeShop({ merchantName: 'Warung Sari' });
  const stranger = await makeShop({ merchantName: 'Warung Sari' });
  const honest = await makeRequestText(shop, { amountMinor: 700n });
  const forged = await makeRequestText(stranger, { amountMinor: 1n });
  const texts = await ask(network({ [HERE]: () => listOf(forged, honest) }));
  expect((await readNearby(shop, texts)).map(signedSubject)).toMatchObject([{ amountMinor: 700n }]);
});

test('a stranger who answers with an open delivery takes nobody else from the list', async () => {
  const honest = await makeRequestText(await makeShop());
  const delivery = encodeDelivery({
    allowanceCertificate: Uint8Array.of(1),
    payment: Uint8Array.of(2),
    phoneSalt: new Uint8Array(16),
  });
  const stranger: Answer = () => Promise.resolve(listed(encodeRequestList([delivery])));
  const needs = network({ [THERE]: stranger, [HERE]: () => envelopeOf(honest) });
  expect(await ask(needs)).toEqual([honest]);
});

test.each([
  ['the list is empty', () => Promise.resolve(listed(Uint8Array.of(0x82, 0x18, 26, 0x80)))],
  ['the list is no list', () => Promise.resolve(listed(Uint8Array.of(1, 2, 3)))],
  ['the list is larger than any', () => Promise.resolve(listed(new Uint8Array(MAX_REQUEST_LIST_BYTES + 1)))],
  [
    'several are open and the till thinks that this phone knows no list',
    () => Promise.resolve(refusal('several_requests_open', 409)),
  ],
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
