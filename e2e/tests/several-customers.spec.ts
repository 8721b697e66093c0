// One till, three customers at once: real cloud, real agent, the real window, a real wallet in a browser and phones
// without a screen. The law: every payment pays its own sale and no other, whichever is in front, and both screens say which.

import { expect, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { HeadlessPhone } from '../story/headless-phone.ts';
import { KioskWindow } from '../story/kiosk-window.ts';
import { availableMinor, reconcile } from '../story/money.ts';
import { Phone } from '../story/phone.ts';
import { customer, merchant, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

const MANAGER_PIN = '407193';

test.describe('several customers at one till', () => {
  let shop: Shop;
  let kiosk: KioskWindow;
  let phone: Phone;
  let others: readonly [HeadlessPhone, HeadlessPhone];

  test.beforeAll(async () => {
    shop = await Shop.open();
    const cloud = new CloudClient(shop.stack);
    await shop.openKiosk();
    others = [new HeadlessPhone(), new HeadlessPhone()];
    await others[0].prepare(shop.stack, customer(2), 5_000n);
    await others[1].prepare(shop.stack, customer(3), 5_000n);
    phone = await Phone.open({ url: shop.stack.walletUrl });
    await phone.register(customer(1), cloud);
    await phone.topUp('50');
    await phone.loadOffline('30');
    kiosk = await KioskWindow.open(shop.stack);
    await kiosk.at('screen-sell').waitFor();
  });

  test.afterAll(async () => {
    await kiosk?.close();
    await phone?.close();
    await shop?.close();
  });

  const card = (amount: string) => kiosk.at('counter-sale').filter({ hasText: amount });
  const standings = async () =>
    await kiosk
      .at('counter-sale')
      .evaluateAll((cards) => cards.map((one) => one.getAttribute('data-standing')));
  const qrOf = async (amountMinor: bigint): Promise<string> => {
    const { sales } = await shop.state();
    const sale = sales.find((one) => one.amountMinor === amountMinor.toString() && one.state === 'open');
    if (sale === undefined) throw new Error('the sale is open');
    return sale.qrText;
  };
  const next = async (amountMinor: bigint): Promise<void> => {
    await kiosk.at('counter-new').click();
    await kiosk.at('screen-sell').waitFor();
    await kiosk.charge(amountMinor);
  };

  test('it is off until the manager turns it on with the PIN', async () => {
    expect((await shop.state()).till.mostOpen).toBe(1);
    await expect(kiosk.at('counter')).toHaveCount(0);
    await shop.withAgent(async (agent) => {
      await agent.call('manager.setPin', {
        newPin: MANAGER_PIN,
        proof: { kind: 'password', password: merchant.password },
      });
    });
    await kiosk.at('nav-settings').click();
    await kiosk.at('several-3').click();
    await kiosk.at('several-pin').fill(MANAGER_PIN);
    await kiosk.at('several-save').click();
    await expect(kiosk.at('several-3')).toHaveAttribute('aria-checked', 'true');
    await kiosk.at('nav-sell').click();
    await kiosk.at('counter').waitFor();
    await shop.stack.stopServer();
    await phone.reopen();
  });

  test('three sales are paid out of order, each by its own customer, also without scanning', async () => {
    await kiosk.charge(350n);
    const digits = (await kiosk.at('short-code').innerText()).trim();
    await next(525n);
    await next(710n);
    expect(await standings()).toEqual(['waiting', 'waiting', 'waiting']);
    await kiosk.at('counter-new').click();
    await kiosk.at('counter-full').waitFor();

    // The last one pays first, while the keypad is in front.
    const last = await others[0].deliver(await others[0].sign(await qrOf(710n)));
    expect(last.kind).toBe('receipt');
    await expect(kiosk.at('announcer')).toContainText('7.10');
    await expect.poll(standings).toEqual(['waiting', 'waiting', 'paid']);
    await kiosk.at('screen-sell').waitFor();

    // The first one cannot scan: the phone lists what is open, and the person finds amount and digits.
    await phone.pointCameraAt(await kiosk.screenshot());
    await phone.goHome();
    await phone.at('pay-button').click();
    await phone.at('nearby-shop').click();
    const choices = phone.at('nearby-choice');
    await expect(choices).toHaveCount(2);
    const mine = choices.filter({ hasText: '3.50' });
    await expect(mine.getByTestId('nearby-digits')).toHaveAttribute('data-digits', digits);
    await mine.click();
    await phone.waitForPayState('confirm');
    await expect(phone.at('confirm-amount')).toContainText('3.50');
    await expect(phone.at('confirm-code')).toHaveText(digits);
    await phone.confirm();
    await phone.waitForPayState('paid');
    await expect.poll(standings).toEqual(['paid', 'waiting', 'paid']);
    await expect(kiosk.at('announcer')).toContainText('3.50');

    // A tap on a paid one shows that one, and hides nothing.
    await card('7.10').click();
    await expect(kiosk.at('paid-amount')).toHaveAttribute('data-minor', '710');
    expect(await standings()).toEqual(['paid', 'waiting', 'paid']);
    await kiosk.at('new-sale').click();
    await expect.poll(standings).toEqual(['paid', 'waiting']);
    await card('5.25').click();
    await kiosk.at('screen-waiting').waitFor();
    expect(await qrOf(525n)).toBe(await kiosk.at('qr').getAttribute('data-qr-text'));
    const middle = await others[1].deliver(await others[1].sign(await qrOf(525n)));
    expect(middle.kind).toBe('receipt');
    await expect(kiosk.at('paid-amount')).toHaveAttribute('data-minor', '525');
    expect(await standings()).toEqual(['paid', 'paid']);
    expect((await shop.state()).settlement.pendingMinor).toBe('1585');
  });

  test('R8 a code before the camera pays its own sale while another is in front, and its customer gets the receipt', async () => {
    await kiosk.at('new-sale').click();
    await kiosk.at('screen-sell').waitFor();
    await card('3.50').click();
    await kiosk.newSale();
    await kiosk.charge(205n);
    await phone.page.route('**/v1/payments', async (route) => await route.abort());
    await phone.scan(await kiosk.screenshot());
    await phone.confirm();
    await phone.at('payment-code').waitFor();
    await next(615n);
    await kiosk.scanCustomer(await phone.codeForShop());
    await expect(kiosk.at('paid-amount')).toHaveAttribute('data-minor', '205');
    await expect(kiosk.at('receipt-qr')).toBeVisible();
    expect(await standings()).toEqual(['paid', 'waiting']);
    await phone.page.unroute('**/v1/payments');
    await phone.waitForPayState('paid');
    await card('6.15').click();
    await kiosk.at('cancel-sale').click();
    await card('2.05').click();
    await kiosk.newSale();
    await expect.poll(standings).toEqual([]);
  });

  test('R24 R40 kill -9 of the agent in the middle: open sales come back with their codes, and pay once', async () => {
    await kiosk.charge(120n);
    await next(130n);
    const before = (await shop.state()).sales.map(({ saleId, qrText, state }) => ({ saleId, qrText, state }));
    expect(before.map(({ state }) => state)).toEqual(['open', 'open']);
    await shop.stack.killAgent();
    await shop.stack.startAgent();
    await expect.poll(standings).toEqual(['waiting', 'waiting']);
    const after = (await shop.state()).sales.map(({ saleId, qrText, state }) => ({ saleId, qrText, state }));
    expect(after).toEqual(before);
    const signed = await others[0].sign(await qrOf(120n));
    for (const answer of [await others[0].deliver(signed), await others[0].deliver(signed)])
      expect(answer.kind).toBe('receipt');
    await expect.poll(standings).toEqual(['paid', 'waiting']);
    await card('1.30').click();
    await kiosk.at('cancel-sale').click();
    await expect.poll(standings).toEqual(['paid']);
    const late = await others[1].deliver(await others[1].sign(before[1]?.qrText ?? ''));
    expect(late).toEqual({ kind: 'refused', code: 'request_not_open' });
  });

  test('a phone that knows no list gets no request of several', async () => {
    await kiosk.charge(140n);
    await next(150n);
    const { addresses } = await shop.state();
    const answer = await fetch(`${addresses[0] ?? ''}/v1/request`);
    expect([answer.status, await answer.json()]).toEqual([409, { code: 'several_requests_open' }]);
    await kiosk.at('cancel-sale').click();
    await card('1.40').click();
    await kiosk.at('cancel-sale').click();
  });

  test('what was sold side by side settles to the cent', async () => {
    await shop.stack.startServer();
    await expect
      .poll(async () => (await shop.state()).settlement.pendingMinor, { timeout: 30_000 })
      .toBe('0');
    expect(await availableMinor(shop.stack)).toBe(350n + 525n + 710n + 205n + 120n);
    await reconcile(shop.stack);
  });
});
