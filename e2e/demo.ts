// `npm run demo`: the main job as a narrated run in the terminal, with the real
// processes: a Chromium as the phone, an Electron as the kiosk, the agent, the cloud on
// its PostgreSQL. Every line that claims something has just been checked; a claim that
// does not hold ends the run with an error.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { leaveSignalsToCaller, repositoryRoot, runCommand } from '../scripts/run-command.ts';
import { CloudClient } from '../scripts/stack/cloud-client.ts';
import { ensureSystemPackages } from '../scripts/system-packages.ts';
import { repeatDelivery, repeatSettlement } from './story/again.ts';
import { KioskWindow } from './story/kiosk-window.ts';
import { availableMinor, printLedger, reconcile } from './story/money.ts';
import { Narrator } from './story/narrator.ts';
import { Phone } from './story/phone.ts';
import { customer, merchant, Shop } from './story/shop.ts';

const pictures = join(repositoryRoot, 'e2e', 'test-results', 'demo');
const narrator = new Narrator(pictures);
const { say, chapter, check } = narrator;

async function build(): Promise<void> {
  await ensureSystemPackages(['desktop', 'browser']);
  const result = await runCommand('node', ['scripts/build.ts']);
  if (result.code !== 0) throw new Error(`building failed:\n${result.output}`);
}

async function textOf(locator: { innerText: () => Promise<string> }): Promise<string> {
  return (await locator.innerText()).trim();
}

async function becomeCustomer(phone: Phone, cloud: CloudClient): Promise<void> {
  chapter('A customer registers and puts money on the phone');
  await phone.register(customer(1), cloud);
  say(`registered ${customer(1).phone} in a real browser with the code from the SMS`);
  await phone.topUp('50');
  check((await textOf(phone.at('online-balance').first())).includes('50.00'), 'topped up 50.00 by card');
  await phone.loadOffline('30');
  check(
    (await textOf(phone.at('offline-balance').first())).includes('30.00'),
    'moved 30.00 to the offline wallet: a certificate for a key that never leaves the phone',
  );
  await narrator.picture('1-wallet', await phone.screenshot());
}

async function becomeMerchant(kiosk: KioskWindow, cloud: CloudClient): Promise<void> {
  chapter('A merchant sets up the till');
  await kiosk.setUp(merchant, cloud);
  check((await textOf(kiosk.at('shop-name'))) === 'Warung Sari', 'registered, created a till, enrolled it');
  await narrator.picture('2-kiosk', await kiosk.screenshot());
}

async function loseTheInternet(shop: Shop, phone: Phone, kiosk: KioskWindow): Promise<void> {
  chapter('The internet goes');
  await shop.stack.stopServer();
  say('the cloud is stopped');
  await kiosk.page.locator('[data-testid=cloud-state][data-state=offline]').waitFor();
  say('the till says "offline"');
  await shop.stack.stopAgent();
  await shop.stack.startAgent();
  await kiosk.at('screen-sell').waitFor();
  say('the till is switched off and on: it sells again, from cold');
  await phone.reopen();
  await phone.at('offline-banner').waitFor();
  say('the wallet is closed and opened: it works, from cold');
}

/** @returns the text of the code that was on the kiosk's screen. */
async function payOffline(shop: Shop, phone: Phone, kiosk: KioskWindow): Promise<void> {
  chapter('A payment without internet on either side');
  await kiosk.charge(1_250n);
  const screen = await kiosk.screenshot();
  await narrator.picture('3-kiosk-asks', screen);
  say('the cashier charges 12.50; the till shows a signed request as a QR code');
  await phone.scan(screen);
  check(
    (await textOf(phone.at('confirm-merchant'))) === 'Warung Sari',
    'the camera read it: pay Warung Sari 12.50',
  );
  check(
    (await textOf(phone.at('confirm-code'))) === (await textOf(kiosk.at('short-code'))),
    'both screens show the same digits',
  );
  await narrator.picture('4-phone-confirms', await phone.screenshot());
  await phone.confirm();
  await phone.waitForPayState('paid');
  await kiosk.at('paid-amount').waitFor();
  const state = await shop.state();
  check(
    state.settlement.pendingMinor === '1250',
    'committed to SQLite; then, and only then, both screens said paid',
  );
  await narrator.picture('5-phone-paid', await phone.screenshot());
  await narrator.picture('6-kiosk-paid', await kiosk.screenshot());
}

async function cutThePower(shop: Shop, phone: Phone, kiosk: KioskWindow): Promise<void> {
  chapter('Power cut');
  await shop.stack.killAgent();
  await kiosk.at('screen-lost').waitFor();
  say('SIGKILL: the window says not to hand over goods');
  await shop.stack.startAgent();
  const state = await shop.state();
  check(state.settlement.pendingCount === 1, 'started again: the payment is there');
  const again = await repeatDelivery(phone, shop.stack);
  check(again.sameReceipt, 'the phone sends the same payment again: the same receipt');
  check((await shop.state()).settlement.pendingCount === 1, 'and it counts once');
}

async function comeBack(shop: Shop, phone: Phone, kiosk: KioskWindow, cloud: CloudClient): Promise<void> {
  chapter('The internet returns');
  await shop.stack.startServer();
  await narrator.until(
    'the till settles by itself',
    async () => (await shop.state()).settlement.pendingCount === 0,
  );
  check((await availableMinor(shop.stack)) === 1_250n, "the merchant's balance rose to 12.50");
  const wallet = await cloud.wallet(await cloud.signInOrRegister(customer(1)));
  check(wallet.offlineMinor === '1750', "the customer's reserve fell to 17.50");
  await phone.reopen();
  await phone.page.locator('[data-testid=history-item][data-state=settled]').first().waitFor();
  say("the phone's history says settled");
  await kiosk.at('nav-activity').click();
  await kiosk.page.locator('[data-testid=activity-item][data-settlement=settled]').first().waitFor();
  say("the till's list says settled");
  await narrator.picture('7-phone-settled', await phone.screenshot());
  await narrator.picture('8-kiosk-settled', await kiosk.screenshot());
}

async function sendItTwice(shop: Shop): Promise<void> {
  chapter('The same batch again');
  const before = await printLedger(shop.stack);
  const results = await repeatSettlement(shop);
  check(
    results.every((result) => result === 'settled'),
    'the cloud answers the same',
  );
  check((await printLedger(shop.stack)) === before, 'and nothing changed');
  chapter('The ledger');
  console.log(before.replace(/^/gm, '    '));
  check(
    (await reconcile(shop.stack)).includes('sound'),
    'every balance is the sum of its entries, all sums are zero',
  );
}

async function main(): Promise<void> {
  await mkdir(pictures, { recursive: true });
  console.log('TikiWallet: the main job, with real processes\n');
  say('building the wallet and the till window, if they changed');
  await build();
  say('starting the cloud with a new PostgreSQL, the stand-ins, the agent, a browser and the till window');
  const shop = await Shop.open();
  const open: { close: () => Promise<void> }[] = [shop];
  leaveSignalsToCaller();
  const closeAll = async (): Promise<void> => {
    for (const one of open.toReversed()) await one.close();
  };
  process.once('SIGINT', () => void closeAll().finally(() => process.exit(130)));
  try {
    const cloud = new CloudClient(shop.stack);
    await shop.stack.startAgent();
    const phone = await Phone.open({ url: shop.stack.walletUrl });
    open.push(phone);
    const kiosk = await KioskWindow.open(shop.stack);
    open.push(kiosk);
    say('cloud, PostgreSQL, stand-ins, agent, browser and till window are running');
    await becomeCustomer(phone, cloud);
    await becomeMerchant(kiosk, cloud);
    await loseTheInternet(shop, phone, kiosk);
    await payOffline(shop, phone, kiosk);
    await cutThePower(shop, phone, kiosk);
    await comeBack(shop, phone, kiosk, cloud);
    await sendItTwice(shop);
  } finally {
    await closeAll();
  }
  narrator.end();
}

try {
  await main();
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
