/** Money that comes back without a camera: found where it was paid, and told to nobody else. */
import { expect, test } from 'vitest';
import { encodeDelivery, fromQrText } from '@tikiwallet/protocol';
import type { StoredPayment } from '../store/schema.ts';
import { askForRefunds } from './nearby-refunds.ts';

const HERE = 'http://127.0.0.1:7070';
const THERE = 'http://192.168.49.1:7070';
const ENVELOPE = Uint8Array.of(0x82, 1, 2);
const id = (digit: string) => digit.repeat(64);

/** As far as asking looks at it. */
const paid = (digit: string, changes: Partial<StoredPayment> = {}): StoredPayment => ({
  id: id(digit),
  allowanceId: '',
  userId: '',
  counter: 1,
  requestHash: '',
  requestId: '',
  amountMinor: 1n,
  cumulativeMinor: 1n,
  currency: 'SGD',
  state: 'paid',
  signedAt: Number.parseInt(digit, 16),
  requestExpiresAt: 0,
  request: null,
  payment: new Uint8Array(),
  delivery: new Uint8Array(),
  repeatDelivery: null,
  addresses: [],
  kioskCertificate: new Uint8Array(),
  kioskId: 'ours',
  merchantName: '',
  merchantPhone: '',
  comparisonCode: '',
  paidCode: '',
  refusalCode: null,
  receipt: new Uint8Array(),
  receiptNumber: 1,
  receiptTier: 'reserved',
  acceptedAt: 1,
  handedIn: null,
  ...changes,
});

/** A kiosk here that says who it is, and gives `offered` back; elsewhere nobody is. */
function network(
  hello: string,
  offered: string,
  answered: Uint8Array = ENVELOPE,
): { readonly fetch: typeof fetch; readonly asked: string[] } {
  const asked: string[] = [];
  const answer = async (input: string | URL | Request): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.origin !== HERE) throw new TypeError('nobody listens');
    if (url.pathname === '/v1/hello') return new Response(hello);
    asked.push(url.searchParams.get('payment') ?? '');
    return asked.at(-1) === offered
      ? new Response(new Uint8Array(answered))
      : new Response('{}', { status: 404 });
  };
  return { fetch: answer, asked };
}

const ask = (kiosk: { readonly fetch: typeof fetch }, payments: readonly StoredPayment[]) =>
  askForRefunds([THERE, HERE], payments, kiosk.fetch, new AbortController().signal);

test('the kiosk that took a payment is asked about it, newest first, and its offer comes as the text of its code', async () => {
  const kiosk = network('{"kioskId":"ours"}', id('2'));
  const texts = await ask(kiosk, [paid('1'), paid('2'), paid('3')]);
  expect(kiosk.asked).toEqual([id('3'), id('2'), id('1')]);
  expect(texts.map((text) => fromQrText('refundOffer', text))).toEqual([{ ok: true, value: ENVELOPE }]);
});

test('no kiosk hears of a payment that another one took, that has no receipt, or that is long ago', async () => {
  const kiosk = network('{"kioskId":"ours"}', '');
  const payments = [
    paid('1', { kioskId: 'another' }),
    paid('2', { kioskId: null }),
    paid('3', { receipt: null }),
    ...['4', '5', '6', '7', '8', '9'].map((digit) => paid(digit)),
  ];
  expect(await ask(kiosk, payments)).toEqual([]);
  expect(kiosk.asked).toEqual([id('9'), id('8'), id('7'), id('6'), id('5')]);
});

test('an answer that would give a phone salt away in a code is no offer, and stops nothing', async () => {
  const parts = { payment: Uint8Array.of(0x80), allowanceCertificate: Uint8Array.of(0x80) };
  const delivery = encodeDelivery({ ...parts, phoneSalt: new Uint8Array(16) });
  const kiosk = network('{"kioskId":"ours"}', id('1'), delivery);
  expect(await ask(kiosk, [paid('1')])).toEqual([]);
  expect(kiosk.asked).toEqual([id('1')]);
});

test.each(['', 'no JSON', 'null', '{"kioskId":7}', '{}', `"${'x'.repeat(4_000)}"`])(
  'who says %j of itself is asked nothing',
  async (hello) => {
    const kiosk = network(hello, '');
    expect(await ask(kiosk, [paid('1')])).toEqual([]);
    expect(kiosk.asked).toEqual([]);
  },
);
