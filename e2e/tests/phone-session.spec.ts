// R55 from the phone's side: a browser writes a cookie to its disk when it likes, and its session outlives that.

import { expect, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { Phone } from '../story/phone.ts';
import { isCookieOnDisk } from '../story/phone-memory.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('the session of a phone', () => {
  let shop: Shop;
  let phone: Phone;

  test.beforeAll(async () => {
    shop = await Shop.open();
    phone = await Phone.open({ url: shop.stack.walletUrl });
  });

  test.afterAll(async () => {
    await phone?.close();
    await shop?.close();
  });

  async function expectSignedIn(): Promise<void> {
    await phone.at('home').waitFor();
    await phone.page.goto(`${shop.stack.walletUrl}/#/topup`);
    await phone.at('topup-amount').fill('5');
    await phone.at('topup-submit').click();
    await phone.page.locator('input[name=number]').waitFor();
    await phone.page.goto(shop.stack.walletUrl);
    await phone.at('home').waitFor();
    await expect(phone.at('session-banner')).toHaveCount(0);
  }

  test('R55 killed right after registering, before the browser wrote its cookie: still signed in', async () => {
    await phone.register(customer(1), new CloudClient(shop.stack));
    await phone.kill();
    expect(await isCookieOnDisk(phone, 'tiki_refresh'), 'or this test tests nothing').toBe(false);
    await phone.switchOn();
    await expectSignedIn();
  });

  test('R55 killed again and again, each time right after the session was renewed: still signed in', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const renewed = phone.page.waitForResponse('**/v1/auth/refresh');
      await phone.reopen();
      expect((await renewed).status()).toBe(200);
      await phone.kill();
      await phone.switchOn();
    }
    await expectSignedIn();
  });
});
