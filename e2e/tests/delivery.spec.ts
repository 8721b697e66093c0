// The ways of a payment when the radio does not carry it: light, both ways, with real cameras' pictures decoded by the
// shipped decoders in a real Chromium and a real Electron. The cloud is down throughout, as in a shop without internet.

import { expect, test } from '@playwright/test';
import process from 'node:process';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { watchForCode } from '../story/in-time.ts';
import { KioskWindow } from '../story/kiosk-window.ts';
import { Phone } from '../story/phone.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('delivery without a network', () => {
  let shop: Shop;
  let phone: Phone;
  let kiosk: KioskWindow;

  test.beforeAll(async () => {
    shop = await Shop.open();
    await shop.openKiosk();
    phone = await Phone.open({ url: shop.stack.walletUrl });
    await phone.register(customer(1), new CloudClient(shop.stack));
    await phone.topUp('50');
    await phone.loadOffline('30');
    kiosk = await KioskWindow.open(shop.stack);
    await kiosk.at('screen-sell').waitFor();
    await shop.stack.stopServer();
    await phone.reopen();
  });

  test.afterAll(async () => {
    await kiosk?.close();
    await phone?.close();
    await shop?.close();
  });

  /** For people, when a folder is named. */
  async function picture(name: string): Promise<void> {
    const folder = process.env['TIKI_SCREENSHOTS'];
    if (folder !== undefined) await phone.page.screenshot({ path: `${folder}/phone-${name}.png` });
  }

  /** Signs for the sale on the screen while the kiosk cannot be reached, and stops the asking. */
  async function signUnreached(): Promise<void> {
    await phone.page.route('**/v1/payments', async (route) => await route.abort());
    await phone.scan(await kiosk.screenshot());
    await phone.confirm();
    await phone.at('sending-stop').click({ timeout: 30_000 });
    await phone.waitForPayState('unconfirmed');
  }

  test('the customer shows a code, the till reads it, the phone reads the receipt', async () => {
    await kiosk.charge(700n);
    await signUnreached();
    await phone.at('show-code-link').click();
    await kiosk.scanCustomer(await phone.codeForShop());
    await expect(kiosk.at('paid-amount')).toContainText('7.00');
    await expect(kiosk.at('receipt-qr')).toBeVisible();
    await phone.scanReceipt(await kiosk.screenshot());
    await phone.waitForPayState('paid');
    await expect(phone.at('paid-amount')).toContainText('7.00');
    // Both people compare the digits to which both their machines have contributed.
    const digits = await kiosk.at('paid-code').getAttribute('data-digits');
    expect(digits).toMatch(/^\d{6}$/);
    await expect(phone.at('paid-code')).toHaveAttribute('data-digits', digits ?? '');
    await picture('paid');
    const { settlement } = await shop.state();
    expect(settlement).toMatchObject({ pendingCount: 1, pendingMinor: '700' });
  });

  test('R8 taken over HTTP with the answer lost, the receipt on the screen closes it, and nothing counts twice', async () => {
    await kiosk.newSale();
    await kiosk.charge(550n);
    await phone.page.unroute('**/v1/payments');
    await phone.page.route('**/v1/payments', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await phone.scan(await kiosk.screenshot());
    await phone.confirm();
    await expect(kiosk.at('paid-amount')).toContainText('5.50');
    await phone.at('sending-stop').click({ timeout: 30_000 });
    await phone.at('show-code-link').click();
    // The till has this phone's certificate: the code only names it, until the person touches for the larger one.
    const code = (await phone.at('payment-code').getAttribute('data-qr-text')) ?? '';
    await picture('small-code');
    await phone.at('larger-code').click();
    await expect(phone.at('payment-code')).not.toHaveAttribute('data-qr-text', code);
    const larger = (await phone.at('payment-code').getAttribute('data-qr-text')) ?? '';
    await picture('larger-code');
    expect(code.length).toBeLessThan(larger.length / 2);
    for (const text of [code, larger]) {
      const answer = await shop.withAgent(async (agent) => await agent.call('delivery.submit', { text }));
      expect(answer).toMatchObject({ outcome: 'repeated' });
    }
    await kiosk.at('receipt-toggle').click();
    await expect(kiosk.at('receipt-qr')).toBeVisible();
    await phone.scanReceipt(await kiosk.screenshot());
    await phone.waitForPayState('paid');
    const { settlement } = await shop.state();
    expect(settlement).toMatchObject({ pendingCount: 2, pendingMinor: '1250' });
    await phone.page.unroute('**/v1/payments');
    await phone.goHome();
    await expect(phone.at('offline-balance').first()).toContainText('17.50');
  });

  test('R4 R5 no answer from the kiosk: within 3 s the code is on the phone, of the same payment with the same counter', async () => {
    await kiosk.newSale();
    await kiosk.charge(300n);
    await phone.page.route('**/v1/payments', async (route) => await route.abort());
    await phone.scan(await kiosk.screenshot());
    const codeInTime = await watchForCode(phone);
    await phone.confirm();
    await phone.at('payment-code').waitFor();
    expect(await codeInTime()).toBe(true);
    await kiosk.scanCustomer(await phone.codeForShop());
    await expect(kiosk.at('paid-amount')).toContainText('3.00');
    // The radio goes on being tried: once it carries, the same payment is answered with the same receipt.
    const answered = phone.page.waitForResponse('**/v1/payments');
    await phone.page.unroute('**/v1/payments');
    // R4: the service worker is in charge of this page, and still never answers for a kiosk.
    expect(await phone.page.evaluate(() => navigator.serviceWorker.controller?.state)).toBe('activated');
    expect((await answered).fromServiceWorker()).toBe(false);
    await phone.waitForPayState('paid');
    const { settlement } = await shop.state();
    expect(settlement).toMatchObject({ pendingCount: 3, pendingMinor: '1550' });
    await phone.at('paid-receipt').click();
    await expect(phone.at('receipt').locator('.rows')).toContainText('3');
  });

  test('a code that is no payment is told, and the sale stays open', async () => {
    await kiosk.newSale();
    await kiosk.charge(100n);
    await kiosk.scanCustomer(await kiosk.screenshot());
    await expect(kiosk.at('scan-note')).toHaveAttribute('data-kind', 'not_a_payment');
    await expect(kiosk.at('waiting-amount')).toContainText('1.00');
    await kiosk.at('show-request').click();
    await expect(kiosk.at('qr')).toBeVisible();
  });
});
