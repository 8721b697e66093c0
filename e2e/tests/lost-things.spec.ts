// What is lost or stolen, with real processes: a kiosk that never comes back and whose claims the customer's phone
// rebuilds by itself, a phone that is gone, and a phone that is replaced. Nobody loses money, and the screens say so.

import { expect, test } from '@playwright/test';
import { KioskList, KioskView, type Session } from '@tikiwallet/server/contract';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { availableMinor, reconcile } from '../story/money.ts';
import { Phone } from '../story/phone.ts';
import { customer, merchant, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('lost and stolen', () => {
  let shop: Shop;
  let cloud: CloudClient;
  let phone: Phone;
  let other: Phone;
  let owner: Session;

  test.beforeAll(async () => {
    shop = await Shop.open({ TIKI_SUPPORT_CONTACT: '+65 6123 4567' });
    cloud = new CloudClient(shop.stack);
    await shop.openKiosk();
    owner = await cloud.signInOrRegister(merchant);
    phone = await Phone.open({ url: shop.stack.walletUrl });
    await phone.register(customer(1), cloud);
    await phone.topUp('50');
    await phone.loadOffline('20');
  });

  test.afterAll(async () => {
    await other?.close();
    await phone?.close();
    await shop?.close();
  });

  /** Pays what the kiosk asks for now, by the text of its code. */
  async function pay(amountMinor: bigint): Promise<void> {
    const sale = await shop.charge(amountMinor);
    await phone.goHome();
    await phone.paste(sale.qrText);
    await phone.confirm();
    await phone.waitForPayState('paid');
  }

  test("a stolen kiosk never comes back: the customer's phone hands the receipt in by itself, and the merchant is paid", async () => {
    await shop.stack.stopServer();
    await pay(700n);
    await shop.stack.stopAgent();
    await shop.stack.startServer();
    const { items } = await cloud.get('/v1/merchant/kiosks', KioskList, owner);
    expect(await availableMinor(shop.stack)).toBe(0n);
    await cloud.post(`/v1/merchant/kiosks/${items[0]?.id ?? ''}/deny`, {}, KioskView, { session: owner });
    // Nobody touches anything but the wallet's icon.
    await phone.reopen();
    await expect.poll(async () => await availableMinor(shop.stack)).toBe(700n);
    await phone.page.goto(`${shop.stack.walletUrl}/#/activity`);
    await phone.page.locator('[data-testid=history-item][data-kind=offline_payment]').first().click();
    await expect(phone.at('handed-in')).toHaveAttribute('data-state', 'paid');
    // At the next look it is settled, and it counts once however often the wallet is opened.
    await phone.reopen();
    await phone.page.goto(`${shop.stack.walletUrl}/#/activity`);
    await expect(
      phone.page.locator('[data-testid=history-item][data-kind=offline_payment]').first(),
    ).toHaveAttribute('data-state', 'settled');
    expect(await availableMinor(shop.stack)).toBe(700n);
    expect(await reconcile(shop.stack)).toContain('sound');
  });

  test('a phone is lost: on another one its owner blocks its offline money, and hears when it comes back', async () => {
    other = await Phone.open({ url: shop.stack.walletUrl });
    await other.at('welcome-login').click();
    await other.at('login-phone').fill(customer(1).phone);
    await other.at('login-password').fill(customer(1).password);
    await other.at('login-submit').click();
    await other.at('home').waitFor();
    await other.at('settings-link').click();
    await other.at('phones-link').click();
    await expect(other.at('other-phone')).toHaveAttribute('data-state', 'active');
    await other.at('phone-lost').click();
    await other.at('phone-lost-confirm').click();
    // The only kiosk is denied and has said nothing since: its possible claims keep the rest waiting.
    await expect(other.at('other-phone')).toHaveAttribute('data-state', 'returning');
    await expect(other.at('phone-returning')).toBeVisible();
    const wallet = await cloud.wallet(await cloud.signInOrRegister(customer(1)));
    expect(wallet.allowances).toMatchObject([{ status: 'denied', deniedFor: 'lost', reservedMinor: '1300' }]);
    // The one who gave the order needs no news of it; whoever holds the lost phone is told why.
    await other.goHome();
    await expect(other.at('denial-news')).toHaveCount(0);
    await phone.reopen();
    await expect(phone.at('denial-reason')).toHaveAttribute('data-reason', 'lost');
    await expect(phone.at('support-contact').getByRole('link')).toHaveAttribute('href', 'tel:+6561234567');
    await expect(phone.at('offline-balance').first()).toHaveAttribute('data-minor', '0');
    await phone.at('denial-read').click();
    await expect(phone.at('denial-news')).toHaveCount(0);
  });

  test('a phone is replaced: the old one moves all back, the new one loads it', async () => {
    await other.loadOffline('10');
    await expect(other.at('offline-balance').first()).toHaveAttribute('data-minor', '1000');
    await other.at('settings-link').click();
    await other.at('phones-link').click();
    await expect(other.at('this-phone')).toHaveAttribute('data-state', 'loaded');
    await other.at('unload-all').click();
    await other.at('unload-all-confirm').click();
    await expect(other.at('this-phone')).not.toHaveAttribute('data-state', 'loaded');
    await other.goHome();
    await expect(other.at('offline-balance').first()).toHaveAttribute('data-minor', '0');
    // No kiosk that could hold a payment of it is left: it is back at once, and the first phone may load it.
    await expect(other.at('online-balance').first()).toHaveAttribute('data-minor', '3000');
    await phone.reopen();
    await phone.loadOffline('10');
    await expect(phone.at('offline-balance').first()).toHaveAttribute('data-minor', '1000');
    expect(await reconcile(shop.stack)).toContain('sound');
  });
});
