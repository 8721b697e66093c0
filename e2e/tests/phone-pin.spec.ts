// R35: a person who holds the unlocked phone and does not know the PIN, in a real browser.

import { expect, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { Phone } from '../story/phone.ts';
import { readStore } from '../story/phone-memory.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

const WRONG = '999990';

test.describe('the PIN', () => {
  let shop: Shop;
  let phone: Phone;

  test.beforeAll(async () => {
    shop = await Shop.open();
    await shop.openKiosk();
    phone = await Phone.open({ url: shop.stack.walletUrl });
    await phone.register(customer(1), new CloudClient(shop.stack));
    await phone.topUp('80');
  });

  test.afterAll(async () => {
    await phone?.close();
    await shop?.close();
  });

  async function charge(amountMinor: bigint): Promise<string> {
    const { sale } = await shop.state();
    if (sale?.state === 'open')
      await shop.withAgent(async (agent) => await agent.call('sale.cancel', { saleId: sale.saleId }));
    return (await shop.charge(amountMinor)).qrText;
  }

  async function askToPay(amountMinor: bigint): Promise<void> {
    await phone.goHome();
    await phone.paste(await charge(amountMinor));
    await phone.at('confirm-pay').click();
  }

  /** Time with the wallet open, as the clock that nobody can set counts it. */
  async function waitInFront(ms: number): Promise<void> {
    await phone.page.evaluate((aheadMs) => {
      const now = performance.now.bind(performance);
      performance.now = () => now() + aheadMs;
    }, ms);
  }

  /** The cloud's time puts the wallet's own right again, so that the shop's request is not over for it. */
  async function meetCloud(): Promise<void> {
    const synced = phone.page.waitForResponse('**/v1/history*');
    await phone.reopen();
    await synced;
  }

  async function keysReady(): Promise<void> {
    await phone.page.locator('[data-testid=pin-pad][aria-busy=false]').waitFor();
  }

  test('R35 the first load asks for a PIN, twice, and takes none that is easy to guess', async () => {
    await phone.at('load-link').click();
    await phone.at('load-amount').fill('50');
    await expect(phone.at('load-guard')).toHaveAttribute('data-guard', 'pin');
    await phone.at('load-submit').click();
    await phone.typePin('123456');
    await expect(phone.at('pin-message')).not.toHaveText('');
    await phone.typePin();
    await phone.typePin('482916');
    await expect(phone.at('pin-message')).not.toHaveText('');
    await phone.typePin();
    await phone.typePin();
    await phone.at('home').waitFor();
    await expect(phone.at('offline-balance').first()).toHaveAttribute('data-minor', '5000');
  });

  test('R35 every key on the disk is ciphertext or cannot be exported', async () => {
    const keys = await readStore(phone, 'keys');
    expect(keys).toHaveLength(1);
    for (const key of keys) {
      expect(key['guard']).toBe('pin');
      expect(JSON.stringify(key)).not.toContain('extractable: true');
      expect(key).not.toHaveProperty('privateKey');
    }
  });

  test('R35 above the limit nothing is signed before the PIN, and put away is locked again', async () => {
    await phone.reopen();
    await askToPay(1_500n);
    await keysReady();
    await expect(phone.at('pin')).toContainText('15.00');
    await phone.typePin(WRONG);
    await keysReady();
    await expect(phone.at('pin-message')).toContainText('4');
    expect(await readStore(phone, 'payments')).toHaveLength(0);
    await phone.typePin();
    await phone.waitForPayState('paid');
    // A small one right after it needs no second PIN, a large one does.
    await askToPay(200n);
    await phone.waitForPayState('paid');
    await askToPay(1_001n);
    await keysReady();
    await phone.at('pin-cancel').click();
    // Put into the background and taken out again.
    await phone.page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
      Object.defineProperty(document, 'visibilityState', { value: 'visible', configurable: true });
    });
    await askToPay(100n);
    await keysReady();
    await phone.typePin();
    await phone.waitForPayState('paid');
  });

  test('R35 small change needs no PIN, and does not add up to more than the limit', async () => {
    await phone.goHome();
    await phone.loadOffline('6');
    await phone.reopen();
    await askToPay(350n);
    await phone.waitForPayState('paid');
    await phone.goHome();
    await phone.at('load-link').click();
    await phone.at('load-amount').fill('8');
    // 2.50 lie open already; 8.00 more would be above 10.00.
    await expect(phone.at('load-guard')).toHaveAttribute('data-guard', 'pin');
    await phone.at('load-amount').fill('7');
    await expect(phone.at('load-guard')).toHaveAttribute('data-guard', 'open');
  });

  test('R35 five wrong PINs shut the keypad; neither a restart nor another date opens it', async () => {
    await phone.reopen();
    await askToPay(1_200n);
    for (let turn = 1; turn <= 5; turn += 1) {
      await keysReady();
      await phone.typePin(WRONG);
    }
    await expect(phone.at('pin-1')).toBeDisabled();
    await expect(phone.at('pin-message')).toContainText('0:');
    await phone.kill();
    await phone.switchOn();
    // The date is the thief's to set: forty days later.
    await phone.page.addInitScript(() => {
      const { now } = Date;
      Date.now = () => now() + 40 * 86_400_000;
    });
    await meetCloud();
    await askToPay(1_200n);
    await expect(phone.at('pin-1')).toBeDisabled();
    await waitInFront(31_000);
    await expect(phone.at('pin-1')).toBeEnabled();
    await phone.typePin();
    await phone.waitForPayState('paid');
  });

  test('R35 the tenth wrong PIN deletes the keys, ends the session, and says that the money is safe', async () => {
    await phone.kill();
    await phone.switchOn();
    await meetCloud();
    await askToPay(1_001n);
    for (let turn = 1; turn <= 10; turn += 1) {
      await expect(phone.at('pin-1')).toBeEnabled();
      await phone.typePin(WRONG);
      if (turn === 10) break;
      await keysReady();
      // The pauses grow to half an hour of the monotonic clock, with the wallet open.
      if (turn >= 5) {
        await expect(phone.at('pin-1')).toBeDisabled();
        await waitInFront(31 * 60_000);
      }
    }
    await phone.at('keys-deleted').waitFor();
    expect(await readStore(phone, 'keys')).toHaveLength(0);
    const states = (await readStore(phone, 'allowances')).map((one) => one['state']);
    expect(new Set(states)).toEqual(new Set(['frozen']));
    await phone.at('keys-deleted-done').click();
    await expect(phone.at('wiped-banner')).toBeVisible();
    await expect(phone.at('session-banner')).toBeVisible();
    await expect(phone.at('offline-balance').first()).toHaveAttribute('data-minor', '0');
  });

  test('R35 after it the person logs in, chooses a new PIN, and pays', async () => {
    await phone.kill();
    await phone.switchOn();
    await phone.at('session-banner').waitFor();
    await phone.at('session-banner').getByRole('link').click();
    await phone.at('login-phone').fill(customer(1).phone);
    await phone.at('login-password').fill(customer(1).password);
    await phone.at('login-submit').click();
    await phone.at('home').waitFor();
    await phone.loadOffline('20');
    await expect(phone.at('wiped-banner')).toHaveCount(0);
    await askToPay(1_100n);
    await keysReady();
    await phone.typePin();
    await phone.waitForPayState('paid');
  });

  test('R35 a forgotten PIN: the password alone deletes nothing, nor does a wrong code, or one that is over', async () => {
    await phone.page.goto(`${shop.stack.walletUrl}/#/pin/forgot`);
    await phone.at('forgot-password').fill('not the password');
    await phone.at('forgot-send').click();
    await expect(phone.at('error-code')).toHaveText('credentials_incorrect');
    await phone.at('forgot-password').fill(customer(1).password);
    await phone.at('forgot-send').click();
    await phone.at('otp-code').waitFor();
    await expect(phone.at('otp-resend')).toBeDisabled();
    const code = await new CloudClient(shop.stack).codeSentTo(customer(1).phone);
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
    await phone.at('otp-code').fill(wrong);
    await phone.at('forgot-submit').click();
    await expect(phone.at('error-code')).toHaveText('otp_incorrect');
    const verifying = '**/v1/auth/pin-reset/verify';
    await phone.page.route(
      verifying,
      async (route) => await route.fulfill({ status: 422, json: { code: 'otp_expired' } }),
    );
    await phone.at('forgot-submit').click();
    await expect(phone.at('error-code')).toHaveText('otp_expired');
    await phone.page.unroute(verifying);
    expect(await readStore(phone, 'keys')).toHaveLength(1);
  });

  test('R35 ... without internet it says so, and keeps what was typed', async () => {
    await shop.stack.stopServer();
    await phone.at('forgot-submit').click();
    await expect(phone.at('needs-online')).toBeVisible();
    await expect(phone.at('error-code')).toHaveText('network_unreachable');
    expect(await readStore(phone, 'keys')).toHaveLength(1);
    await shop.stack.startServer();
    await phone.at('needs-online').getByRole('button').click();
    await expect(phone.at('needs-online')).toHaveCount(0);
  });

  test('R35 ... password and code delete the keys, and the cloud blocks what they could sign for', async () => {
    const cloud = new CloudClient(shop.stack);
    await phone.at('otp-code').fill(await cloud.codeSentTo(customer(1).phone));
    await phone.at('forgot-submit').click();
    await phone.at('keys-deleted').waitFor();
    expect(await readStore(phone, 'keys')).toHaveLength(0);
    const session = await cloud.signInOrRegister(customer(1));
    await expect
      .poll(
        async () => (await cloud.wallet(session)).allowances.filter((one) => one.status === 'active').length,
      )
      .toBe(0);
  });
});
