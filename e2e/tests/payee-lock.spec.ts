// Money that is moved offline for one till alone: chosen on the phone among the shops it has paid, taken by that till as
// locked while the cloud is away, and refused by the phone for every other shop.

import { expect, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { Phone } from '../story/phone.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('money locked to one till', () => {
  let shop: Shop;
  let phone: Phone;

  test.beforeAll(async () => {
    shop = await Shop.open();
    await shop.openKiosk();
    phone = await Phone.open({ url: shop.stack.walletUrl });
    await phone.register(customer(7), new CloudClient(shop.stack));
    await phone.topUp('50');
    await phone.loadOffline('10');
  });

  test.afterAll(async () => {
    await phone?.close();
    await shop?.close();
  });

  async function payAtTill(amountMinor: bigint): Promise<string | null> {
    const sale = await shop.charge(amountMinor);
    await phone.goHome();
    await phone.paste(sale.qrText);
    await phone.confirm();
    await phone.waitForPayState('paid');
    const { items } = await shop.withAgent(
      async (agent) => await agent.call('activity.list', { cursor: null, limit: 1 }),
    );
    return items[0]?.tier ?? null;
  }

  test('before any payment the phone knows no shop and asks for a code', async () => {
    await phone.goHome();
    await phone.at('load-link').click();
    await phone.at('payee-one').check();
    await expect(phone.at('payee-shop')).toHaveCount(0);
    await phone.at('load-amount').fill('5');
    await expect(phone.at('load-submit')).toBeDisabled();
    await expect(phone.at('payee-scan')).toBeVisible();
  });

  test('open money is reserved for the shop, no more', async () => {
    expect(await payAtTill(300n)).toBe('reserved');
  });

  test('the shop that was paid can be chosen, and the card says where the money can be spent', async () => {
    await phone.goHome();
    await phone.at('load-link').click();
    await phone.at('load-amount').fill('20');
    await phone.at('payee-one').check();
    await phone.at('payee-shop').first().check();
    await phone.at('payee-till').check();
    await phone.at('load-submit').click();
    await phone.at('home').waitFor();
    await phone.at('offline-link').click();
    await expect(phone.at('allowance-payee')).toHaveText('Warung Sari');
  });

  test('without the cloud the till takes it as locked, before open money', async () => {
    await shop.stack.stopServer();
    expect(await payAtTill(450n)).toBe('locked');
    await phone.goHome();
    await phone.at('offline-link').click();
    await expect(phone.at('allowance').filter({ has: phone.at('allowance-payee') })).toContainText('15.50');
  });
});
