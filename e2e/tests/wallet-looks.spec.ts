// Every step of paying on the smallest phone, by day, by night and from right to left: under axe, with fingers' measures, and
// without anything that jumps while a finger is on its way. TIKI_SCREENSHOTS names a folder for the pictures.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from '@playwright/test';
import type { Locator } from 'playwright-core';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import {
  comeToRest,
  holdTime,
  rulesOfColour,
  seriousFindings,
  shifts,
  smallTargets,
  watchShifts,
  widerThanScreen,
} from '../story/looks.ts';
import { Phone, type PhoneOptions } from '../story/phone.ts';
import { customer, merchant, Shop } from '../story/shop.ts';

// Each of some thirty steps is looked at by axe.
test.describe.configure({ mode: 'serial', timeout: 400_000 });

const pictures = process.env['TIKI_SCREENSHOTS'];

const looks: readonly (Pick<PhoneOptions, 'locale' | 'colorScheme' | 'viewport'> & {
  readonly name: string;
  /** Of axe; undefined: all. */
  readonly rules?: string[];
})[] = [
  { name: 'light', locale: 'en-SG', colorScheme: 'light', viewport: { width: 412, height: 915 } },
  {
    ...{ name: 'dark small', rules: rulesOfColour },
    ...{ locale: 'en-SG', colorScheme: 'dark', viewport: { width: 320, height: 568 } },
  },
  { name: 'arabic small', locale: 'ar-EG', colorScheme: 'light', viewport: { width: 320, height: 640 } },
];

let shop: Shop;

test.beforeAll(async () => {
  shop = await Shop.open({ TIKI_SPLIT_SALE_COUNT: '1000' });
  // Long, with a Cyrillic letter among Latin ones and a tick that is not the wallet's.
  await shop.openKiosk({ ...merchant, businessName: 'Wаrung Sari & Sons Jaya ✓ Paid' });
});

test.afterAll(async () => {
  await shop?.close();
});

for (const [index, look] of looks.entries()) {
  test(`R29 R36 ${look.name}: every step of paying can be read and hit, and nothing jumps`, async () => {
    const phone = await Phone.open({ url: shop.stack.walletUrl, ...look });
    const steps: string[] = [];
    let isPaying = false;
    const check = async (name: string): Promise<void> => {
      steps.push(name);
      await comeToRest(phone);
      if (pictures !== undefined)
        await phone.screenshot(join(pictures, `${look.name}-${name}.png`.replaceAll(' ', '-')));
      expect(await seriousFindings(phone, look.rules), name).toEqual([]);
      expect(await smallTargets(phone), name).toEqual([]);
      expect(await widerThanScreen(phone), name).toBe(false);
      const moved = await shifts(phone);
      // Before that, what comes from the cloud may move what is below it.
      if (isPaying) expect(moved, name).toEqual([]);
    };
    try {
      await phone.page.addInitScript(watchShifts);
      await phone.register(customer(index + 1), new CloudClient(shop.stack));
      await phone.topUp('60');
      await phone.at('load-link').click();
      await phone.at('load-amount').fill('40');
      await check('load');
      await phone.at('load-submit').click();
      await phone.at('pin-pad').waitFor();
      await check('choose a pin');
      await phone.answerPin('home');
      await check('home');
      await phone.page.route('**/v1/wallet', async (route) => {
        const answer = await route.fetch();
        const large = (await answer.text()).replace(/"onlineMinor":"\d+"/, '"onlineMinor":"999999999999"');
        await route.fulfill({ response: answer, body: large });
      });
      await phone.reopen();
      await expect(phone.at('online-balance').first()).toHaveAttribute('data-minor', '999999999999');
      await check('home of twelve digits');
      await phone.page.unroute('**/v1/wallet');
      await phone.reopen();
      await phone.page.goto(`${shop.stack.walletUrl}/#/help`);
      // R36: what one payment, one load and a finder of the phone can cost, in this wallet's own figures.
      for (const figure of ['100.00', '200.00', '10.00'])
        await expect(phone.at('help')).toContainText(figure);
      await check('help');
      await phone.page.goto(`${shop.stack.walletUrl}/#/settings`);
      await phone.at('pin-panel').waitFor();
      await check('settings');
      await phone.page.goto(`${shop.stack.walletUrl}/#/devices`);
      await phone.at('device').waitFor();
      await check('devices');
      await phone.page.goto(`${shop.stack.walletUrl}/#/number`);
      await phone.at('number-phone').fill('+6591112233');
      await phone.at('number-next').click();
      await phone.at('step-up-send').click();
      await phone.at('type-code').waitFor();
      await check('new number');
      await phone.page.goto(`${shop.stack.walletUrl}/#/closing`);
      await phone.at('closing-blocked').waitFor();
      await check('closing');
      await phone.page.goto(`${shop.stack.walletUrl}/#/offline`);
      await check('offline wallet');
      await phone.reopen();

      await phone.page.goto(`${shop.stack.walletUrl}/#/pay`);
      await phone.page.locator('[data-testid=scan-video][data-live=true]').waitFor();
      await check('scan');
      isPaying = true;
      await phone.goHome();
      const large = await shop.charge(5_000n);
      await phone.paste(large.qrText);
      await check('not possible');
      await cancel(large.saleId);

      const first = await shop.charge(1_234n);
      await phone.goHome();
      await phone.paste(first.qrText);
      await expect(phone.at('confirm-merchant')).toHaveText('Wаrung Sari & Sons Jaya Paid');
      await expect(phone.at('confirm-mixed')).toBeVisible();
      await check('confirm');
      await phone.at('confirm-pay').click();
      await phone.at('pin-pad').waitFor();
      await check('pin');
      await phone.typePin('999990');
      await phone.page.locator('[data-testid=pin-pad][aria-busy=false]').waitFor();
      await check('pin wrong');
      await phone.page.route('**/v1/payments', async () => {
        // Silence: the step stays for as long as it is looked at.
      });
      const fallToCode = await holdTime(phone);
      await phone.typePin();
      await phone.waitForPayState('sending');
      await check('sending');
      await fallToCode();
      await phone.at('payment-code').waitFor();
      await check('sending by code');
      // The shop's page never comes: what is read before it does stays for as long as it is looked at.
      await phone.page.route('http://*/pay', async () => {
        // Silence, as above.
      });
      const leave = await holdTime(phone);
      await phone.at('page-way').click();
      await phone.page.locator('[data-testid=pay-state][data-way=page]').waitFor();
      await check('by the page');
      await leave();
      await phone.at('payment-code').waitFor();
      await phone.at('sending-stop').click();
      await phone.waitForPayState('unconfirmed');
      await check('unconfirmed');
      await phone.page.unroute('**/v1/payments');
      await phone.at('try-again').click();
      await phone.waitForPayState('paid');
      await check('paid');
      await phone.at('paid-receipt').click();
      await phone.at('receipt').waitFor();
      const code = phone.at('receipt-code');
      expect(await lines(code), 'the digits to compare are on one line').toBe(1);
      await check('receipt');

      const refund = await offerRefund(400n);
      await phone.goHome();
      await phone.at('pay-button').click();
      await phone.at('scan-text-toggle').click();
      await phone.at('scan-paste').fill(refund);
      await phone.at('scan-submit').click();
      await waitForRefund(phone, 'confirm');
      await check('refund');
      await phone.page.route('**/v1/refunds', async () => {
        // Silence, as above.
      });
      await phone.at('refund-confirm').click();
      const under = '[data-testid=refund-state]:not([data-state=confirm])';
      await phone.page.locator(`[data-testid=pin-pad], ${under}`).first().waitFor();
      if (await phone.at('pin-pad').isVisible()) await phone.typePin();
      await waitForRefund(phone, 'sending');
      await phone.at('refund-code').waitFor();
      await check('refund by code');
      await phone.at('refund-stop').click();
      await waitForRefund(phone, 'unconfirmed');
      await check('refund unconfirmed');
      await phone.page.unroute('**/v1/refunds');
      await phone.at('refund-again').click();
      await waitForRefund(phone, 'refunded');
      await check('refunded');

      await phone.page.goto('about:blank');
      await phone.page.goto(`${shop.stack.walletUrl}/return#v=1&s=nobody`);
      await phone.at('return-unknown').waitFor();
      await check('return unknown');

      // Money that comes back and a sale, both found without a code.
      const second = await shop.charge(1_100n);
      await offerRefund(100n);
      await phone.goHome();
      await phone.at('pay-button').click();
      await phone.at('nearby-shop').click();
      await phone.at('nearby-refund').waitFor();
      await check('found on the network');
      await phone.at('nearby-refund').click();
      await waitForRefund(phone, 'confirm');
      await check('refund found');

      await phone.page.route(
        '**/v1/payments',
        async (route) => await route.fulfill({ status: 422, json: { code: 'split_sale_suspected' } }),
      );
      await phone.goHome();
      await phone.paste(second.qrText);
      await phone.confirm();
      await phone.waitForPayState('refused');
      await check('refused');
      await cancel(second.saleId);

      isPaying = false;
      await phone.page.unroute('**/v1/payments');
      await phone.page.goto(`${shop.stack.walletUrl}/#/offline`);
      await phone.at('unload-button').click();
      await check('giving a load back');
      await phone.at('unload-submit').click();
      const returning = phone.at('returning-note');
      await phone.at('pin-pad').or(returning).first().waitFor();
      if (await phone.at('pin-pad').isVisible()) await phone.typePin();
      await returning.waitFor();
      await check('returning load');
      await phone.goHome();
      await phone.at('returning').waitFor();
      await check('home returning');
      expect(steps.length).toBeGreaterThan(15);
    } finally {
      await phone.close();
    }
  });
}

async function cancel(saleId: string): Promise<void> {
  await shop.withAgent(async (agent) => await agent.call('sale.cancel', { saleId }));
}

/** The sale that was paid last gives back a part. @returns what the kiosk's code says. */
async function offerRefund(amountMinor: bigint): Promise<string> {
  return await shop.withAgent(async (agent) => {
    const { items } = await agent.call('activity.list', { cursor: null, limit: 1 });
    const answer = await agent.call('refund.open', {
      refundId: randomUUID(),
      sequence: items[0]?.sequence ?? 0,
      kind: 'refund',
      amountMinor: amountMinor.toString(),
      reason: 'goods_returned',
    });
    if (answer.outcome !== 'offered') throw new Error(`the kiosk refused: ${answer.code}`);
    return answer.refund.qrText;
  });
}

async function waitForRefund(phone: Phone, state: string): Promise<void> {
  await phone.page.locator(`[data-testid=refund-state][data-state=${state}]`).waitFor();
}

/** How many lines the text is broken into. */
async function lines(text: Locator): Promise<number> {
  return await text.evaluate((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
  });
}
