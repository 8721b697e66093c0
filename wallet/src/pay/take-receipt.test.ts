/** The receipt by light: verified as one by radio, for this payment only (R8). */
import { expect, test } from 'vitest';
import { fromHex, toQrText } from '@tikiwallet/protocol';
import { FakeKiosk, makeOffer, makePhone, makeReceipt, makeShop, runNeeds } from '../test/world.ts';
import type { StoredPayment } from '../store/schema.ts';
import { sendPayment } from './run-payment.ts';
import { payOnce } from './sign-payment.ts';
import { takeReceipt } from './take-receipt.ts';

async function setUp() {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const kiosk = new FakeKiosk(shop);
  const needs = runNeeds(shop, phone, kiosk);
  const payment = await payOnce(await makeOffer(shop, phone), phone.needs);
  return { shop, phone, needs, payment };
}

const signed = ({ id, amountMinor }: StoredPayment) => ({ hash: fromHex(id), amountMinor });

test('a receipt read from the kiosk’s screen makes the payment paid, and a later answer by radio changes nothing', async () => {
  const { shop, phone, needs, payment } = await setUp();
  const receipt = await makeReceipt(shop, signed(payment), 1);
  const paid = await takeReceipt(payment, toQrText('receipt', receipt), needs);
  expect(paid).toMatchObject({ state: 'paid', receipt });
  await sendPayment(paid, needs, () => undefined, new AbortController().signal);
  expect(await phone.database.getAll('payments')).toMatchObject([
    { id: payment.id, state: 'paid', counter: 1, receipt },
  ]);
});

test('another payment’s receipt, another code and a poster are refused with their own codes', async () => {
  const { shop, phone, needs, payment } = await setUp();
  const other = await payOnce(await makeOffer(shop, phone, { fill: 0x46 }), phone.needs);
  const foreign = await makeReceipt(shop, signed(other), 2);
  for (const [text, code] of [
    [toQrText('receipt', foreign), 'receipt_is_for_another_payment'],
    [toQrText('delivery', payment.delivery), 'qr_not_a_receipt'],
    ['https://example.test/', 'qr_not_recognised'],
  ] as const) {
    await expect(takeReceipt(payment, text, needs), code).rejects.toMatchObject({ code });
  }
  expect((await phone.database.get('payments', payment.id))?.receipt).toBeNull();
});
