// A merchant with two tills sets a limit once, in the back office of one of them: real cloud, real agents, the real window. The law:
// both tills hold to it, with and without internet, and each says whose limit it is.

import { expect, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { HeadlessPhone } from '../story/headless-phone.ts';
import { KioskWindow } from '../story/kiosk-window.ts';
import { customer, merchant, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('a limit for all tills of a merchant', () => {
  let first: Shop;
  let second: Shop;
  let kiosk: KioskWindow;
  let phone: HeadlessPhone;

  test.beforeAll(async () => {
    first = await Shop.open();
    await new CloudClient(first.stack).signInOrRegister(merchant);
    await first.openKiosk();
    second = await Shop.beside(first);
    await second.openKiosk();
    phone = new HeadlessPhone();
    await phone.prepare(first.stack, customer(1), 5_000n);
    kiosk = await KioskWindow.open(first.stack);
    await kiosk.at('screen-sell').waitFor();
  });

  test.afterAll(async () => {
    await kiosk?.close();
    await second?.close();
    await first?.close();
  });

  const lineOf = async (shop: Shop) =>
    await shop.withAgent(async (agent) => {
      const { lines } = await agent.call('limits.get', {});
      return lines.find(({ name }) => name === 'perPaymentMinor');
    });

  test('is set by the merchant in the window of one till, and is in force there at once', async () => {
    await kiosk.at('nav-settings').click();
    await kiosk.at('settings-sign-in').click();
    await kiosk.at('sign-in-phone').fill(merchant.phone);
    await kiosk.at('sign-in-password').fill(merchant.password);
    await kiosk.at('sign-in-submit').click();
    await kiosk.at('available-balance').waitFor();
    await kiosk.at('limits-open').click();
    await kiosk.page.locator('[data-testid=limit-row][data-name=perPaymentMinor] button').click();
    await kiosk.at('limit-owner').getByText('Shop, all tills').click();
    const editor = kiosk.at('limit-editor');
    for (const digit of '600') await editor.getByTestId(`key-${digit}`).click();
    await kiosk.at('limit-save').click();
    const row = kiosk.page.locator('[data-testid=limit-row][data-name=perPaymentMinor]');
    await expect(row.getByTestId('limit-by')).toHaveAttribute('data-owner', 'cloud');
    await expect(row.getByTestId('limit-counts')).toHaveAttribute('data-value', '600');
    expect(await lineOf(first)).toMatchObject({ cloud: '600', merchant: null, counts: '600' });
  });

  test('reaches the other till with its next contact, and holds there without internet', async () => {
    await second.withAgent(async (agent) => await agent.call('settlement.now', {}));
    await expect.poll(async () => (await lineOf(second))?.cloud, { timeout: 30_000 }).toBe('600');
    await first.stack.stopServer();
    await second.stack.killAgent();
    await second.stack.startAgent();
    expect(await lineOf(second)).toMatchObject({ cloud: '600', counts: '600' });
    for (const shop of [first, second]) {
      await expect(shop.charge(601n)).rejects.toMatchObject({ code: 'amount_exceeds_payment_limit' });
      const sale = await shop.charge(600n);
      expect((await phone.deliver(await phone.sign(sale.qrText))).kind).toBe('receipt');
    }
  });

  test('is no word of a till alone: without the cloud it cannot be changed, and the journal settles all the same', async () => {
    await first.withAgent(async (agent) => {
      await expect(agent.call('merchant.setLimits', { limits: {} })).rejects.toMatchObject({
        code: 'cloud_unreachable',
      });
    });
    await first.stack.startServer();
    for (const shop of [first, second])
      await expect
        .poll(async () => (await shop.state()).settlement.pendingMinor, { timeout: 30_000 })
        .toBe('0');
  });
});
