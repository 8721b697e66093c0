// The main job with nothing faked but the SMS and the card: a real browser with the
// built wallet, a real Electron window, the agent, the cloud on PostgreSQL. The phone's
// camera sees the kiosk's screen. Steps build on each other, as they do in a shop.

import { expect, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { KioskWindow } from '../story/kiosk-window.ts';
import { availableMinor, reconcile } from '../story/money.ts';
import { Phone } from '../story/phone.ts';
import { customer, merchant, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('the main job, end to end', () => {
  let shop: Shop;
  let phone: Phone;
  let kiosk: KioskWindow;
  let cloud: CloudClient;

  test.beforeAll(async () => {
    shop = await Shop.open();
    cloud = new CloudClient(shop.stack);
    await shop.stack.startAgent();
    phone = await Phone.open({ url: shop.stack.walletUrl });
    kiosk = await KioskWindow.open(shop.stack);
  });

  test.afterAll(async () => {
    await kiosk?.close();
    await phone?.close();
    await shop?.close();
  });

  test('1. a customer registers with the code sent by SMS; a wrong code is refused in words', async () => {
    const person = customer(1);
    await phone.at('welcome-register').click();
    await phone.at('register-phone').fill(person.phone);
    await phone.at('register-username').fill(person.username);
    await phone.at('register-password').fill(person.password);
    await phone.at('register-submit').click();
    const code = await cloud.codeSentTo(person.phone);
    await phone.enterCode(code === '000000' ? '000001' : '000000');
    await expect(phone.at('error-code')).toContainText('otp_incorrect');
    await phone.enterCode(code);
    await expect(phone.at('home')).toBeVisible();
    await expect(phone.at('online-balance').first()).toContainText('0.00');
  });

  test('2. the customer tops up, and moves a part to the offline wallet', async () => {
    await phone.topUp('50');
    await expect(phone.at('online-balance').first()).toContainText('50.00');
    await phone.loadOffline('30');
    // At once, and not after a while: nobody may see the same money in both wallets.
    expect(await phone.at('online-balance').first().getAttribute('data-minor')).toBe('2000');
    await expect(phone.at('online-balance').first()).toContainText('20.00');
    await expect(phone.at('offline-balance').first()).toContainText('30.00');
  });

  test('3. a merchant registers on the kiosk, creates it and enrols it with its code', async () => {
    await kiosk.setUp(merchant, cloud);
    await expect(kiosk.at('shop-name')).toContainText('Warung Sari');
    await expect(kiosk.at('cloud-state')).toHaveAttribute('data-state', 'online');
  });

  test('4. the internet goes: the wallet opens from cold, the kiosk starts from cold, both say offline', async () => {
    await shop.stack.stopServer();
    await expect(kiosk.at('cloud-state')).toHaveAttribute('data-state', 'offline', { timeout: 10_000 });
    await shop.stack.stopAgent();
    await shop.stack.startAgent();
    await phone.reopen();
    await expect(phone.at('offline-banner')).toBeVisible();
    await expect(phone.at('offline-balance').first()).toContainText('30.00');
    await expect(kiosk.at('screen-sell')).toBeVisible();
  });

  test('5. the cashier charges, the customer scans the screen, confirms, and both screens say paid', async () => {
    await kiosk.charge(1_250n);
    const compare = await kiosk.at('short-code').innerText();
    await phone.scan(await kiosk.screenshot());
    await expect(phone.at('confirm-merchant')).toHaveText('Warung Sari');
    await expect(phone.at('confirm-amount')).toContainText('12.50');
    await expect(phone.at('confirm-code')).toHaveText(compare.trim());
    await phone.confirm();
    await phone.waitForPayState('paid');
    await expect(phone.at('paid-amount')).toContainText('12.50');
    await expect(kiosk.at('paid-amount')).toContainText('12.50');
    await expect(kiosk.at('paid-state')).toHaveAttribute('data-settlement', 'on_this_device');
  });

  test('6. the agent is killed and started again: the payment is there, and counts once', async () => {
    await shop.stack.killAgent();
    await expect(kiosk.at('screen-lost')).toBeVisible();
    await shop.stack.startAgent();
    await expect(kiosk.at('screen-lost')).toBeHidden();
    const state = await shop.state();
    expect(state.settlement.pendingCount).toBe(1);
    expect(state.settlement.pendingMinor).toBe('1250');
    await phone.goHome();
    await expect(phone.at('offline-balance').first()).toContainText('17.50');
  });

  test('7. the cloud returns: the kiosk settles by itself, balances move, both histories say settled', async () => {
    await shop.stack.startServer();
    await expect(kiosk.at('cloud-state')).toHaveAttribute('data-state', 'online', { timeout: 15_000 });
    await expect.poll(async () => (await shop.state()).settlement.pendingCount, { timeout: 30_000 }).toBe(0);
    expect(await availableMinor(shop.stack)).toBe(1_250n);
    const session = await cloud.signInOrRegister(customer(1));
    const wallet = await cloud.wallet(session);
    expect(wallet).toMatchObject({ onlineMinor: '2000', offlineMinor: '1750' });
    await phone.reopen();
    await expect(phone.page.locator('[data-testid=history-item][data-state=settled]').first()).toBeVisible();
    await kiosk.at('nav-activity').click();
    await expect(kiosk.at('activity-item').first()).toHaveAttribute('data-settlement', 'settled');
    expect(await reconcile(shop.stack)).toContain('The ledger is sound');
  });
});
