// A payment as a code on phones of every height, in every language: nothing lies over the code or its quiet zone, the kiosk's
// own decoder reads it off the picture of the screen, and everything that can be done is as large as a finger and in reach.
// TIKI_SCREENSHOTS names a folder for the pictures.

import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from '@playwright/test';
import { LOCALES } from '../../wallet/src/i18n/locales.ts';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { comeToRest, shifts, smallTargets, watchShifts, widerThanScreen } from '../story/looks.ts';
import { Phone } from '../story/phone.ts';
import { readCodes } from '../story/read-code.ts';
import { customer, merchant, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

const pictures = process.env['TIKI_SCREENSHOTS'];

const screens = [
  { width: 320, height: 480 },
  { width: 360, height: 560 },
  { width: 360, height: 640 },
  { width: 390, height: 844 },
  { width: 640, height: 360 },
] as const;

let shop: Shop;
let phone: Phone;

test.beforeAll(async () => {
  shop = await Shop.open({ TIKI_SPLIT_SALE_COUNT: '1000', TIKI_PAYER_HOUR_COUNT: '1000' });
  await shop.openKiosk({ ...merchant, businessName: 'Warung Sari & Three Daughters' });
  phone = await Phone.open({ url: shop.stack.walletUrl });
  await phone.page.addInitScript(watchShifts);
  await phone.register(customer(1), new CloudClient(shop.stack));
  await phone.topUp('30');
  // Small change: these tests are about the code and not about the PIN.
  await phone.loadOffline('9');
});

test.afterAll(async () => {
  await phone?.close();
  await shop?.close();
});

for (const locale of LOCALES) {
  test(`${locale}: the whole code is free and read on every screen, and every action is in reach`, async () => {
    await phone.page.unroute('**/v1/payments');
    await phone.page.setViewportSize(screens[0]);
    await phone.page.evaluate((chosen) => localStorage.setItem('tiki.locale', chosen), locale);
    await phone.reopen();
    await phone.page.route('**/v1/payments', async () => {
      // Silence: the step stays for as long as it is looked at.
    });
    const sale = await shop.charge(20n);
    await phone.paste(sale.qrText);
    await phone.confirm();
    await phone.waitForPayState('sending');
    await shifts(phone);
    await phone.at('payment-code').waitFor();
    await comeToRest(phone);
    expect(await shifts(phone), 'the code came without moving anything').toEqual([]);
    for (const screen of screens) await look(`${locale} sending`, screen);

    await phone.at('sending-stop').click();
    await phone.waitForPayState('unconfirmed');
    await phone.at('show-code-link').click();
    await phone.waitForPayState('code');
    for (const screen of screens) await look(`${locale} shown`, screen);

    const hash = await phone.page.evaluate(() => location.hash);
    await phone.page.evaluate((next) => location.replace(next), `${hash}~page`);
    await phone.at('code-ask-again').waitFor();
    for (const screen of screens) await look(`${locale} after the page`, screen);
    await shop.withAgent(async (agent) => await agent.call('sale.cancel', { saleId: sale.saleId }));
  });
}

async function look(name: string, screen: (typeof screens)[number]): Promise<void> {
  const at = `${name} ${String(screen.width)}x${String(screen.height)}`;
  await phone.page.setViewportSize(screen);
  await phone.page.evaluate(() => scrollTo(0, 0));
  const code = phone.at('payment-code');
  await code.waitFor();
  await comeToRest(phone);
  const picture = await phone.screenshot(
    pictures === undefined ? undefined : join(pictures, `${at.replaceAll(' ', '-')}.png`),
  );
  expect(await covered(), at).toEqual([]);
  expect(await readCodes(picture), at).toEqual([await code.getAttribute('data-qr-text')]);
  expect(await smallTargets(phone), at).toEqual([]);
  expect(await widerThanScreen(phone), at).toBe(false);
  const actions = phone.page.locator('main a.button, main button.button');
  for (const action of await actions.all()) {
    // As a thumb does it: the action into view, and nothing over it.
    await action.click({ trial: true });
  }
}

/** What lies over the code, or that it reaches out of the screen: looked at in a fine grid, with its edges. */
async function covered(): Promise<string[]> {
  return await phone.at('payment-code').evaluate((code) => {
    const steps = 24;
    const { left, top, width, height } = code.getBoundingClientRect();
    const over = new Set<string>();
    for (let row = 0; row <= steps; row += 1) {
      for (let column = 0; column <= steps; column += 1) {
        // Half a pixel inside: an edge belongs to both sides. The corners are rounded.
        const isCorner = row % steps === 0 && column % steps === 0;
        const x = left + 0.5 + ((width - 1) * column) / steps;
        const y = top + 0.5 + ((height - 1) * row) / steps;
        const found = document.elementFromPoint(x, y);
        if (!isCorner && (found === null || !code.contains(found)))
          over.add(found === null ? 'out of the screen' : found.outerHTML.slice(0, 80));
      }
    }
    return [...over];
  });
}
