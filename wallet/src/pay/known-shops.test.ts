/** R29: shops to lock money to are named by signed certificates, and none is offered that could not be paid. */
import { expect, test } from 'vitest';
import { toUuid, webCrypto } from '@tikiwallet/protocol';
import { WalletError } from './codes.ts';
import { shopOfCode, shopsPaid } from './known-shops.ts';
import { payOnce } from './sign-payment.ts';
import { id, makeOffer, makePhone, makeRequestText, makeShop, NOW, type Shop } from '../test/world.ts';

const factsOf = (shop: Shop) => ({
  crypto: webCrypto(crypto.subtle),
  trust: shop.trust,
  nowSeconds: NOW + 500,
});
const codeOf = async (asking: Promise<unknown>) =>
  await asking.then(
    () => 'offered',
    (error: unknown) => (error instanceof WalletError ? error.code : 'broken'),
  );

test('a shop that was paid is offered once, with its till; one that was only asked is not', async () => {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  for (const fill of [0x44, 0x64])
    await payOnce(await makeOffer(shop, phone, { fill, amountMinor: 10n }), phone.needs);
  const payments = await phone.database.getAll('payments');
  expect(await shopsPaid(payments, factsOf(shop))).toEqual([]);
  const paid = payments.map((payment) => ({ ...payment, state: 'paid' as const }));
  expect(await shopsPaid(paid, factsOf(shop))).toMatchObject([
    { merchantId: toUuid(id(0x11)), kioskId: toUuid(id(0x22)), name: shop.kiosk.merchantName },
  ]);
  const denied = await makeShop({ denied: [id(0x22)] });
  expect(
    await shopsPaid(paid, {
      ...factsOf(shop),
      trust: { ...shop.trust, deniedKiosks: denied.trust.deniedKiosks },
    }),
  ).toEqual([]);
  expect(await shopsPaid(paid, { ...factsOf(shop), nowSeconds: shop.kiosk.notAfter })).toEqual([]);
  // Not of an issuer that this phone knows: whatever is stored, its name is not shown.
  expect(await shopsPaid(paid, factsOf(denied))).toEqual([]);
});

test('the code on a till names its shop, also when its sale is over; what is no code or no genuine one does not', async () => {
  const shop = await makeShop();
  const text = await makeRequestText(shop);
  expect(await shopOfCode(text, factsOf(shop))).toMatchObject({ kioskId: toUuid(id(0x22)) });
  expect(await codeOf(shopOfCode('hello', factsOf(shop)))).toBe('qr_not_recognised');
  expect(await codeOf(shopOfCode(text, factsOf(await makeShop())))).toBe('issuer_unknown');
  const denied = await makeShop({ denied: [id(0x22)] });
  expect(await codeOf(shopOfCode(await makeRequestText(denied), factsOf(denied)))).toBe('kiosk_denied');
});
