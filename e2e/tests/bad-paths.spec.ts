// What goes wrong in shops, and what attackers try: real processes, the cloud down
// unless a test says otherwise. The law: nobody loses money, nobody gains any, and both
// screens say what happened.

import { expect, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { repeatSettlement } from '../story/again.ts';
import { HeadlessPhone } from '../story/headless-phone.ts';
import { KioskWindow } from '../story/kiosk-window.ts';
import { availableMinor, reconcile } from '../story/money.ts';
import { Phone } from '../story/phone.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('bad paths', () => {
  let shop: Shop;
  let phone: Phone;
  let kiosk: KioskWindow;
  let attacker: HeadlessPhone;
  /** What the shop has been paid so far. */
  let paidMinor = 0n;

  test.beforeAll(async () => {
    shop = await Shop.open();
    const cloud = new CloudClient(shop.stack);
    await shop.openKiosk();
    attacker = new HeadlessPhone();
    await attacker.prepare(shop.stack, customer(2), 5_000n);
    phone = await Phone.open({ url: shop.stack.walletUrl });
    await phone.register(customer(1), cloud);
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

  async function pendingMinor(): Promise<bigint> {
    return BigInt((await shop.state()).settlement.pendingMinor);
  }

  test('insufficient offline balance: refused on the phone before anything is signed', async () => {
    await kiosk.charge(3_001n);
    await phone.scan(await kiosk.screenshot());
    await phone.waitForPayState('not_possible');
    await expect(phone.at('error-code')).toContainText('offline_money_too_little');
    await kiosk.at('cancel-sale').click();
    await kiosk.at('screen-sell').waitFor();
    await phone.goHome();
    await expect(phone.at('offline-balance').first()).toContainText('30.00');
    expect(await pendingMinor()).toBe(paidMinor);
  });

  test('a tampered amount is refused with its own code, and the cashier reads why', async () => {
    await kiosk.charge(1_000n);
    const { sale } = await shop.state();
    const cheaper = await attacker.sign(sale?.qrText ?? '', { amountMinor: 1n });
    expect(await attacker.deliver(cheaper)).toEqual({
      kind: 'refused',
      code: 'payment_amount_differs_from_request',
    });
    await expect(kiosk.at('last-refusal')).toHaveAttribute(
      'data-code',
      'payment_amount_differs_from_request',
    );
    expect(await pendingMinor()).toBe(paidMinor);
    await kiosk.at('cancel-sale').click();
    await kiosk.at('screen-sell').waitFor();
  });

  test('a payment for another request, or another shop, pays nothing here', async () => {
    const first = await shop.charge(500n);
    const signed = await attacker.sign(first.qrText);
    await shop.withAgent(async (agent) => await agent.call('sale.cancel', { saleId: first.saleId }));
    await shop.charge(500n);
    const answer = await attacker.deliver(signed);
    expect(answer.kind).toBe('refused');
    const other = await Shop.open();
    try {
      // Another cloud altogether: its root is not ours, so neither side believes the other a word.
      await other.openKiosk();
      const strange = await other.charge(500n);
      await expect(attacker.sign(strange.qrText)).rejects.toThrow('issuer_unknown');
    } finally {
      await other.close();
    }
    expect(await pendingMinor()).toBe(paidMinor);
    const { sale } = await shop.state();
    await shop.withAgent(async (agent) => await agent.call('sale.cancel', { saleId: sale?.saleId ?? '' }));
  });

  test('a request that expired while the phone hesitated: refused by the kiosk, said on both screens', async () => {
    // Short for this story alone: in all others a busy machine must not make a request expire.
    await shop.stack.stopAgent();
    await kiosk.at('screen-lost').waitFor();
    await shop.stack.startAgent({ TIKI_REQUEST_TTL_SECONDS: '15' });
    await kiosk.at('screen-sell').waitFor();
    await kiosk.charge(200n);
    await phone.scan(await kiosk.screenshot());
    await phone.waitForPayState('confirm');
    const { sale } = await shop.state();
    const late = await attacker.sign(sale?.qrText ?? '');
    await expect(kiosk.at('screen-expired')).toBeVisible({ timeout: 60_000 });
    expect(await attacker.deliver(late)).toEqual({ kind: 'refused', code: 'request_expired' });
    await expect(phone.at('scan-again')).toBeVisible();
    await expect(phone.at('confirm-pay')).toBeHidden();
    expect(await pendingMinor()).toBe(paidMinor);
    await kiosk.at('new-sale').click();
    await shop.stack.stopAgent();
    await kiosk.at('screen-lost').waitFor();
    await shop.stack.startAgent();
    await kiosk.at('screen-sell').waitFor();
  });

  test('the kiosk restarts while the phone hesitates: the request is still good, and is paid once', async () => {
    await kiosk.charge(250n);
    await phone.scan(await kiosk.screenshot());
    await phone.waitForPayState('confirm');
    await shop.stack.stopAgent();
    await shop.stack.startAgent();
    await phone.confirm();
    await phone.waitForPayState('paid');
    await expect(kiosk.at('paid-amount')).toContainText('2.50');
    paidMinor += 250n;
    expect(await pendingMinor()).toBe(paidMinor);
    await kiosk.newSale();
  });

  test('without a camera the shop is found on its network, and shown and paid as if it had been scanned', async () => {
    await phone.pointCameraAt(await kiosk.screenshot());
    await phone.goHome();
    await phone.at('pay-button').click();
    await phone.at('nearby-shop').click();
    await expect(phone.at('error-code')).toContainText('no_sale_nearby');
    await kiosk.charge(350n);
    const compare = await kiosk.at('short-code').innerText();
    // Or by the shop's number, as its certificate has it and as people type it.
    await phone.at('shop-number-toggle').click();
    await phone.at('shop-number').fill('8123 0002');
    await phone.at('shop-number-find').click();
    await expect(phone.at('error-code')).toContainText('no_shop_with_number');
    await phone.at('shop-number').fill('8123 0001');
    await phone.at('shop-number-find').click();
    await phone.waitForPayState('confirm');
    await expect(phone.at('confirm')).toContainText('+6581230001');
    await phone.goHome();
    await phone.at('pay-button').click();
    await phone.at('nearby-shop').click();
    await phone.waitForPayState('confirm');
    await expect(phone.at('confirm-merchant')).toHaveText('Warung Sari');
    await expect(phone.at('confirm-amount')).toContainText('3.50');
    await expect(phone.at('confirm-code')).toHaveText(compare.trim());
    await phone.confirm();
    await phone.waitForPayState('paid');
    await expect(kiosk.at('paid-amount')).toContainText('3.50');
    paidMinor += 350n;
    expect(await pendingMinor()).toBe(paidMinor);
    await kiosk.newSale();
  });

  test('a replayed payment gets the first receipt and counts once', async () => {
    const sale = await shop.charge(300n);
    const signed = await attacker.sign(sale.qrText);
    const first = await attacker.deliver(signed);
    const second = await attacker.deliver(signed);
    expect(first.kind).toBe('receipt');
    expect(second).toEqual(first);
    paidMinor += 300n;
    expect(await pendingMinor()).toBe(paidMinor);
  });

  test('the cloud comes back in the middle of a payment: it stays an offline payment and settles once', async () => {
    await kiosk.newSale();
    await kiosk.charge(450n);
    await phone.scan(await kiosk.screenshot());
    await phone.waitForPayState('confirm');
    await shop.stack.startServer();
    await phone.confirm();
    await phone.waitForPayState('paid');
    paidMinor += 450n;
    await expect.poll(pendingMinor, { timeout: 30_000 }).toBe(0n);
    expect(await availableMinor(shop.stack)).toBe(paidMinor);
  });

  test('the line is cut after the cloud settled and before it answered: the next try changes nothing', async () => {
    const sale = await shop.charge(150n);
    shop.line.losesAnswersOf = (path) => path === '/v1/kiosk/settlements';
    const answer = await attacker.deliver(await attacker.sign(sale.qrText));
    expect(answer.kind).toBe('receipt');
    paidMinor += 150n;
    await expect.poll(async () => await availableMinor(shop.stack), { timeout: 30_000 }).toBe(paidMinor);
    expect(await pendingMinor()).toBe(150n);
    shop.line.losesAnswersOf = undefined;
    await shop.withAgent(async (agent) => await agent.call('settlement.now', {}));
    await expect.poll(pendingMinor, { timeout: 30_000 }).toBe(0n);
    expect(await availableMinor(shop.stack)).toBe(paidMinor);
  });

  test('every batch delivered a second time: the same answers, not a row more', async () => {
    const outcomes = await repeatSettlement(shop);
    expect(outcomes.length).toBeGreaterThanOrEqual(3);
    expect(new Set(outcomes)).toEqual(new Set(['settled']));
    expect(await availableMinor(shop.stack)).toBe(paidMinor);
    expect(await reconcile(shop.stack)).toContain('The ledger is sound');
  });
});
