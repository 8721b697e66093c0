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

  async function keysReady(): Promise<void> {
    await phone.page.locator('[data-testid=pin-pad][aria-busy=false]').waitFor();
  }

  test('R35 the first load asks for a PIN, twice, and takes none that is easy to guess', async () => {
    await phone.at('load-link').click();
    await phone.at('load-amount').fill('40');
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
    await expect(phone.at('offline-balance').first()).toHaveAttribute('data-minor', '4000');
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
});
