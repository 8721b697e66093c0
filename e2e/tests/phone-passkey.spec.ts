// R35: a fingerprint in the place of the PIN, with Chromium's own virtual authenticator: user verification and the PRF
// extension as a phone's has them.

import { expect, test } from '@playwright/test';
import type { CDPSession } from 'playwright-core';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { Phone } from '../story/phone.ts';
import { readStore } from '../story/phone-memory.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

/** Runs in the page: the browser looks for a passkey that is not there for as short a time as it can, not for a minute. */
function lessPatience(): void {
  const get = navigator.credentials.get.bind(navigator.credentials);
  navigator.credentials.get = async (options) =>
    await get(
      options?.publicKey === undefined
        ? options
        : { ...options, publicKey: { ...options.publicKey, timeout: 1 } },
    );
}

test.describe('fingerprint or face', () => {
  let shop: Shop;
  let phone: Phone;
  let browser: CDPSession;
  let authenticatorId: string;

  test.beforeAll(async () => {
    shop = await Shop.open({ TIKI_SPLIT_SALE_COUNT: '1000', TIKI_PAYER_HOUR_COUNT: '1000' });
    await shop.openKiosk();
    phone = await Phone.open({ url: shop.stack.walletUrl });
    browser = await phone.context.newCDPSession(phone.page);
    await browser.send('WebAuthn.enable');
    await addAuthenticator();
    await phone.register(customer(1), new CloudClient(shop.stack));
    await phone.topUp('90');
    await phone.loadOffline('80');
  });

  test.afterAll(async () => {
    await phone?.close();
    await shop?.close();
  });

  async function addAuthenticator(): Promise<void> {
    ({ authenticatorId } = await browser.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        ctap2Version: 'ctap2_1',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        hasPrf: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    }));
  }

  /** A payment above the limit, as far as the PIN. */
  async function askToPay(): Promise<void> {
    const { sale } = await shop.state();
    if (sale?.state === 'open')
      await shop.withAgent(async (agent) => await agent.call('sale.cancel', { saleId: sale.saleId }));
    await phone.goHome();
    await phone.paste((await shop.charge(1_100n)).qrText);
    await phone.at('confirm-pay').click();
    await phone.page.locator('[data-testid=pin-pad][aria-busy=false]').waitFor();
  }

  test('R35 it is offered where the phone can verify a person, and added with the PIN', async () => {
    await askToPay();
    await expect(phone.at('pin-passkey')).toHaveCount(0);
    await phone.page.goto(`${shop.stack.walletUrl}/#/settings`);
    await phone.at('passkey-add').click();
    await phone.typePin();
    await expect(phone.at('passkey-on')).toBeVisible();
    const { credentials } = await browser.send('WebAuthn.getCredentials', { authenticatorId });
    expect(credentials).toHaveLength(1);
    const [vault] = await readStore(phone, 'vaults');
    expect(JSON.stringify(vault)).not.toContain('extractable: true');
  });

  test('R35 after a restart it opens what the PIN opens, and the shop is paid', async () => {
    await phone.reopen();
    await askToPay();
    await phone.at('pin-passkey').click();
    await phone.waitForPayState('paid');
  });

  test('R35 it needs no internet', async () => {
    await shop.stack.stopServer();
    await phone.reopen();
    await askToPay();
    await phone.at('pin-passkey').click();
    await phone.waitForPayState('paid');
    await shop.stack.startServer();
  });

  test('R35 a changed PIN ends it, and it can be added again with the new one', async () => {
    await phone.page.goto(`${shop.stack.walletUrl}/#/pin/change`);
    await phone.typePin();
    await phone.at('pin-choose').waitFor();
    await phone.typePin('736142');
    await phone.typePin('736142');
    await phone.at('pin-panel').waitFor();
    await phone.reopen();
    await askToPay();
    await expect(phone.at('pin-passkey')).toHaveCount(0);
    await phone.page.goto(`${shop.stack.walletUrl}/#/settings`);
    await phone.at('passkey-add').click();
    await phone.typePin('736142');
    await phone.at('passkey-on').waitFor();
    await phone.reopen();
    await askToPay();
    await phone.at('pin-passkey').click();
    await phone.waitForPayState('paid');
  });

  test('R35 a stranger’s finger signs nothing and costs no try; the PIN pays', async () => {
    await browser.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await phone.reopen();
    const before = await readStore(phone, 'payments');
    await askToPay();
    await phone.at('pin-passkey').click();
    await expect(phone.at('pin-message')).not.toHaveText('');
    expect(await readStore(phone, 'payments')).toHaveLength(before.length);
    expect(await readStore(phone, 'vaults')).toMatchObject([{ failures: 0 }]);
    await phone.typePin('736142');
    await phone.waitForPayState('paid');
  });

  test('R35 removed from the phone it opens nothing, and the PIN pays: no money is locked away', async () => {
    await browser.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
    await addAuthenticator();
    await phone.page.addInitScript(lessPatience);
    await phone.reopen();
    await askToPay();
    await phone.at('pin-passkey').click();
    await expect(phone.at('pin-message')).not.toHaveText('', { timeout: 90_000 });
    await phone.typePin('736142');
    await phone.waitForPayState('paid');
  });

  test('R35 given up, it is not asked for any more', async () => {
    await phone.page.goto(`${shop.stack.walletUrl}/#/settings`);
    await phone.at('passkey-drop').click();
    await phone.at('passkey-add').waitFor();
    await phone.reopen();
    await askToPay();
    await expect(phone.at('pin-passkey')).toHaveCount(0);
  });
});
