// Money goes back, with real processes: the built wallet in a real browser, the agent, the cloud. The kiosk's side is
// asked through its local socket, as its window asks. Nobody gets money twice, and both sides know how it stands.

import { randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import type { Refund } from '@tikiwallet/desktop/ipc';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { availableMinor, reconcile } from '../story/money.ts';
import { Phone } from '../story/phone.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('giving back', () => {
  let shop: Shop;
  let phone: Phone;

  test.beforeAll(async () => {
    shop = await Shop.open();
    await shop.openKiosk();
    phone = await Phone.open({ url: shop.stack.walletUrl });
    await phone.register(customer(1), new CloudClient(shop.stack));
    await phone.topUp('50');
    await phone.loadOffline('40');
  });

  test.afterAll(async () => {
    await phone?.close();
    await shop?.close();
  });

  /** @returns the place of the sale in the kiosk's journal. */
  async function pay(amountMinor: bigint): Promise<number> {
    const sale = await shop.charge(amountMinor);
    await phone.goHome();
    await phone.paste(sale.qrText);
    await phone.confirm();
    await phone.waitForPayState('paid');
    const { items } = await shop.withAgent(
      async (agent) => await agent.call('activity.list', { cursor: null, limit: 1 }),
    );
    return items[0]?.sequence ?? 0;
  }

  async function offer(sequence: number, amountMinor: bigint, kind: 'void' | 'refund' = 'refund') {
    return await shop.withAgent(
      async (agent) =>
        await agent.call('refund.open', {
          refundId: randomUUID(),
          sequence,
          kind,
          amountMinor: amountMinor.toString(),
          reason: 'goods_returned',
        }),
    );
  }

  async function offered(sequence: number, amountMinor: bigint, kind?: 'void' | 'refund'): Promise<Refund> {
    const answer = await offer(sequence, amountMinor, kind);
    if (answer.outcome !== 'offered') throw new Error(`the kiosk refused: ${answer.code}`);
    return answer.refund;
  }

  /** The customer enters the code; the camera's way is tested with payments. */
  async function read(qrText: string): Promise<void> {
    await phone.goHome();
    await phone.at('pay-button').click();
    await phone.at('scan-text-toggle').click();
    await phone.at('scan-paste').fill(qrText);
    await phone.at('scan-submit').click();
    await phone.at('refund-state').waitFor();
  }

  async function waitFor(state: string): Promise<void> {
    await phone.page.locator(`[data-testid=refund-state][data-state=${state}]`).waitFor();
  }

  /** With the PIN where the wallet asks for it: the load's key signs. */
  async function confirmRefund(): Promise<void> {
    await phone.at('refund-confirm').click();
    const under = '[data-testid=refund-state]:not([data-state=confirm])';
    await phone.page.locator(`[data-testid=pin-pad], ${under}`).first().waitFor();
    if (await phone.at('pin-pad').isVisible()) await phone.typePin();
  }

  async function takeBack(refund: Refund): Promise<void> {
    await read(refund.qrText);
    await confirmRefund();
    await waitFor('refunded');
  }

  const onlineMinor = async () => {
    await phone.goHome();
    return await phone.at('online-balance').first().getAttribute('data-minor');
  };

  let lunch = 0;

  test('before settlement: offered, confirmed and given back while the cloud is away, then it is in the online wallet', async () => {
    await shop.stack.stopServer();
    lunch = await pay(1_250n);
    const refund = await offered(lunch, 500n);
    await read(refund.qrText);
    await waitFor('confirm');
    await expect(phone.at('refund-merchant')).toContainText('Warung Sari');
    await expect(phone.at('refund-amount')).toContainText('5.00');
    await expect(phone.at('refund-of')).toContainText('12.50');
    await confirmRefund();
    await waitFor('refunded');
    // The same code again shows the same refund: it is confirmed once.
    await read(refund.qrText);
    await waitFor('refunded');
    await phone.page.goto(`${shop.stack.walletUrl}/#/activity`);
    await expect(phone.page.locator('[data-kind=refund_received]')).toHaveAttribute('data-state', 'refunded');
    await shop.stack.startServer();
    await expect.poll(async () => await availableMinor(shop.stack), { timeout: 60_000 }).toBe(750n);
    await phone.reopen();
    await expect.poll(onlineMinor).toBe('1500');
    await phone.page.goto(`${shop.stack.walletUrl}/#/activity`);
    const entry = phone.page.locator('[data-kind=refund_received]');
    await expect(entry).toHaveCount(1);
    await expect(entry).toHaveAttribute('data-state', 'refund_settled');
    expect(await reconcile(shop.stack)).toContain('sound');
  });

  test('after settlement: in part a second time, and never beyond the sale', async () => {
    await takeBack(await offered(lunch, 700n));
    expect(await offer(lunch, 51n)).toEqual({ outcome: 'refused', code: 'refund_exceeds_sale' });
    // Without the code: the kiosk knows whom it gives back to by the payment that this phone names.
    await offered(lunch, 50n);
    // A sale that waits at the same kiosk is offered beside it.
    const { saleId } = await shop.charge(300n);
    await phone.goHome();
    await phone.at('pay-button').click();
    await phone.at('nearby-shop').click();
    await expect(phone.at('nearby-choice')).toContainText('3.00');
    await phone.at('nearby-refund').click();
    await shop.withAgent(async (agent) => await agent.call('sale.cancel', { saleId }));
    await waitFor('confirm');
    await confirmRefund();
    await waitFor('refunded');
    await expect.poll(async () => await availableMinor(shop.stack), { timeout: 60_000 }).toBe(0n);
    await phone.reopen();
    await expect.poll(onlineMinor).toBe('2250');
    await phone.page.goto(`${shop.stack.walletUrl}/#/activity`);
    await phone.page.locator('[data-kind=offline_payment]').first().click();
    await expect(phone.at('refunded-sum')).toContainText('12.50');
    expect(await reconcile(shop.stack)).toContain('3 refunds paid, 0 waiting');
  });

  test('the kiosk is killed when the confirmation comes, and again after it stored it: given back once', async () => {
    // Away, so that the cloud does not end the story before the phone does.
    await shop.stack.stopServer();
    const dinner = await pay(900n);
    const refund = await offered(dinner, 900n, 'void');
    await read(refund.qrText);
    await shop.stack.stopAgent();
    await confirmRefund();
    await waitFor('sending');
    // The offer is on disk: the phone goes on asking, and the kiosk takes it when it is back.
    await phone.page.route('**/v1/refunds', async (route) => {
      await route.fetch().catch(() => undefined);
      await route.abort();
    });
    await shop.stack.startAgent();
    // Stored, and the answer lost: the kiosk dies once more.
    await expect
      .poll(
        async () =>
          await shop.withAgent(async (agent) => {
            const { items } = await agent.call('activity.list', { cursor: null, limit: 1 });
            return items[0]?.refundedMinor;
          }),
        { timeout: 30_000 },
      )
      .toBe('900');
    await phone.at('refund-stop').click();
    await waitFor('unconfirmed');
    await shop.stack.stopAgent();
    await shop.stack.startAgent();
    await phone.page.unroute('**/v1/refunds');
    await phone.reopen();
    await phone.page.goto(`${shop.stack.walletUrl}/#/activity`);
    await phone.page.locator('[data-kind=refund_received][data-state=refund_unconfirmed]').click();
    await phone.at('refund-again').click();
    await waitFor('refunded');
    await shop.stack.startServer();
    // The merchant's balance is nothing before and after: what was paid out says that it is over.
    await expect
      .poll(async () => await reconcile(shop.stack), { timeout: 60_000 })
      .toContain('4 refunds paid, 0 waiting');
    await phone.reopen();
    await expect.poll(onlineMinor).toBe('3150');
    expect(await reconcile(shop.stack)).toContain('sound');
  });

  test('by light alone: the confirmation and the receipt are codes', async () => {
    const sequence = await pay(300n);
    const refund = await offered(sequence, 100n);
    await phone.page.route('**/v1/refunds', async (route) => await route.abort());
    await read(refund.qrText);
    await confirmRefund();
    const code = await phone.at('refund-code').getAttribute('data-qr-text');
    const answer = await shop.withAgent(
      async (agent) => await agent.call('refund.submit', { text: code ?? '' }),
    );
    expect(answer).toMatchObject({ outcome: 'accepted', refundId: refund.refundId });
    await phone.page.unroute('**/v1/refunds');
    await waitFor('refunded');
    await expect.poll(async () => await availableMinor(shop.stack), { timeout: 60_000 }).toBe(200n);
  });

  test("a code about somebody else's payment is refused in words, and nothing is signed", async () => {
    const sequence = await pay(200n);
    const other = await Phone.open({ url: shop.stack.walletUrl });
    try {
      await other.register(customer(2), new CloudClient(shop.stack));
      const refund = await offered(sequence, 200n);
      await other.at('pay-button').click();
      await other.at('scan-text-toggle').click();
      await other.at('scan-paste').fill(refund.qrText);
      await other.at('scan-submit').click();
      await expect(other.at('refund-state')).toHaveAttribute('data-state', 'not_possible');
      await expect(other.at('error-code')).toContainText('refund_is_for_another_payment');
    } finally {
      await other.close();
    }
  });
});
