// R33, R34: a real browser with a profile on a real disk, killed at every step of a payment, robbed of its storage, and
// put back in time. The law: a counter is used once, and a memory that cannot be trusted signs nothing.

import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { availableMinor, reconcile } from '../story/money.ts';
import { Phone } from '../story/phone.ts';
import { copyMemory, evict, readStore, restoreDatabase, restoreWhole } from '../story/phone-memory.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('what the phone remembers', () => {
  let shop: Shop;
  let phone: Phone;
  let aside: string;
  let paidMinor = 0n;

  test.beforeAll(async () => {
    // So many payments of one phone in so short a time would look like one sale split up.
    shop = await Shop.open({ TIKI_SPLIT_SALE_COUNT: '1000', TIKI_PAYER_HOUR_COUNT: '1000' });
    await shop.openKiosk();
    aside = join(shop.folder, 'aside');
    phone = await Phone.open({ url: shop.stack.walletUrl });
    await phone.register(customer(1), new CloudClient(shop.stack));
    await phone.topUp('60');
    // Small change, so that the tests are about memory and not about the PIN.
    await phone.loadOffline('10');
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

  /** No counter twice, none beyond what the allowance stands at, and the sums add up. */
  async function expectOrderedCounters(): Promise<void> {
    const payments = await readStore(phone, 'payments');
    for (const allowance of await readStore(phone, 'allowances')) {
      const own = payments.filter((payment) => payment['allowanceId'] === allowance['id']);
      const counters = own.map((payment) => Number(payment['counter'])).toSorted((a, b) => a - b);
      expect(new Set(counters).size).toBe(counters.length);
      expect(counters.at(-1) ?? 0).toBe(Number(allowance['lastCounter']));
      const sum = own.reduce((total, payment) => total + BigInt(String(payment['amountMinor'])), 0n);
      expect(sum.toString()).toBe(allowance['cumulativeMinor']);
    }
  }

  async function logIn(): Promise<void> {
    await phone.at('login-phone').fill(customer(1).phone);
    await phone.at('login-password').fill(customer(1).password);
    await phone.at('login-submit').click();
    await phone.at('home').waitFor();
  }

  async function payAndSeePaid(amountMinor: bigint): Promise<void> {
    await phone.goHome();
    await phone.paste(await charge(amountMinor));
    await phone.confirm();
    await phone.waitForPayState('paid');
    paidMinor += amountMinor;
  }

  test('R34 the browser was asked to keep the data, and its answer is on the screen', async () => {
    await phone.at('settings-link').click();
    const answer = await phone.page.evaluate(async () => await navigator.storage.persisted());
    await expect(phone.at('storage-state')).toHaveAttribute('data-persisted', String(answer));
    await phone.page.addInitScript(() => {
      const ask = navigator.storage.persist.bind(navigator.storage);
      navigator.storage.persist = async () => {
        document.documentElement.dataset['askedToPersist'] = 'yes';
        return await ask();
      };
    });
    await phone.reopen();
    await phone.loadOffline('1');
    await expect(phone.page.locator('html')).toHaveAttribute('data-asked-to-persist', 'yes');
  });

  for (const afterMs of [0, 5, 10, 15, 20, 30, 50]) {
    test(`R33 killed ${String(afterMs)} ms after "Pay": signed once or not at all, and the next counter is free`, async () => {
      await phone.goHome();
      await phone.page.route('**/v1/payments', async () => {
        // The radio swallows it: what left the phone is known to the phone alone.
      });
      await phone.paste(await charge(40n));
      await phone.page.evaluate(() => {
        document.querySelector<HTMLElement>('[data-testid=confirm-pay]')?.click();
      });
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await phone.kill();
      await phone.switchOn();
      await phone.at('home').waitFor();
      await expectOrderedCounters();
      // What was signed is sent as it is; what was not is signed with the counter that it would have had.
      const unsent = (await readStore(phone, 'payments')).filter((one) => one['receipt'] === null);
      for (const payment of unsent) {
        await phone.page.goto(`${shop.stack.walletUrl}/#/activity/${String(payment['id'])}`);
        await phone.at('ask-again').click();
        await expect(phone.at('receipt')).toHaveAttribute('data-state', /paid|settled/);
        paidMinor += 40n;
      }
      await payAndSeePaid(35n);
      await expectOrderedCounters();
    });
  }

  test('R33 killed after the kiosk took it and before its answer came: asking again shows the first receipt', async () => {
    await phone.goHome();
    let took = (): void => undefined;
    const taken = new Promise<void>((resolve) => {
      took = resolve;
    });
    await phone.page.route('**/v1/payments', async (route) => {
      await route.fetch();
      took();
    });
    // Without a cloud that could tell the phone what the kiosk has handed in: it knows by asking, or not at all.
    await shop.stack.stopServer();
    await phone.paste(await charge(45n));
    await phone.confirm();
    await taken;
    await phone.kill();
    await phone.switchOn();
    await phone.at('home').waitFor();
    const [held] = (await readStore(phone, 'payments')).filter((one) => one['receipt'] === null);
    expect(held).toMatchObject({ state: 'unconfirmed', amountMinor: '45' });
    await phone.page.goto(`${shop.stack.walletUrl}/#/activity/${String(held?.['id'])}`);
    await phone.at('ask-again').click();
    await expect(phone.at('receipt')).toHaveAttribute('data-state', /paid|settled/);
    paidMinor += 45n;
    await expectOrderedCounters();
    await shop.stack.startServer();
  });

  test('R34 the whole phone is put back in time: the shop that took the later payment refuses the used counter', async () => {
    await phone.switchOff();
    await copyMemory(phone, aside);
    await phone.switchOn();
    await payAndSeePaid(25n);
    await phone.kill();
    await restoreWhole(phone, aside);
    // No cloud that could tell it: nothing on the phone itself knows.
    await shop.stack.stopServer();
    await phone.switchOn();
    await phone.at('home').waitFor();
    await phone.paste(await charge(20n));
    await phone.confirm();
    await phone.waitForPayState('refused');
    await expect(phone.at('error-code')).toHaveText(
      /^(payment_(counter|cumulative|chain)_|already_accepted_with_different_bytes)/,
    );
    await shop.stack.startServer();
  });

  test('R34 ... and the cloud, once it has settled more than the phone remembers, freezes it', async () => {
    await expect.poll(async () => (await shop.state()).settlement.pendingCount, { timeout: 60_000 }).toBe(0);
    await phone.kill();
    await restoreWhole(phone, aside);
    await phone.switchOn();
    // Its session went back as well: a token that was used already is a thief's, so the person has to log in.
    await phone.at('session-banner').getByRole('link').click();
    await logIn();
    await expect
      .poll(async () => (await readStore(phone, 'allowances')).map((one) => one['state']), {
        timeout: 30_000,
      })
      .toContain('frozen');
    expect(await availableMinor(shop.stack)).toBe(paidMinor);
    expect(await reconcile(shop.stack)).toContain('The ledger is sound');
  });

  test('R34 the database alone is put back: the mirrors know more, and nothing is signed until a new start', async () => {
    await phone.loadOffline('5');
    await payAndSeePaid(50n);
    await phone.switchOff();
    await copyMemory(phone, aside);
    await phone.switchOn();
    await payAndSeePaid(50n);
    await phone.switchOff();
    await restoreDatabase(phone, aside);
    await phone.switchOn();
    await phone.at('start-over').waitFor();
    await expect(phone.at('error-code').first()).toHaveText('store_rolled_back');
    await expect(phone.at('offline-balance').first()).toHaveAttribute('data-minor', '0');
    const signed = async () => (await readStore(phone, 'payments')).map((one) => one['id']);
    const before = await signed();
    await phone.paste(await charge(10n));
    await expect(phone.payState()).toHaveAttribute('data-state', 'not_possible');
    await expect(phone.at('error-code')).toHaveText('store_rolled_back');
    expect(await signed()).toEqual(before);
    await phone.goHome();
    await phone.at('start-over').click();
    await expect(phone.at('start-over')).toHaveCount(0);
    // What the session is proved by went back as well: it counts as a copy's, and the person logs in.
    await phone.at('session-banner').getByRole('link').click();
    await logIn();
    // The old money is on its way back; new money has a new key.
    await phone.loadOffline('4');
    const [kept, fresh] = [await readStore(phone, 'allowances'), await readStore(phone, 'keys')];
    expect(kept.filter((one) => one['state'] === 'active')).toHaveLength(1);
    expect(new Set(fresh.map((key) => key['epoch']))).toEqual(new Set([1, 2]));
    await payAndSeePaid(30n);
  });

  test('R34 localStorage or the caches alone are cleared: the database knows better, and mends them', async () => {
    for (const kind of ['local_storage', 'cache_storage'] as const) {
      await evict(phone, kind);
      await phone.reopen();
      await expect(phone.at('start-over')).toHaveCount(0);
      const mirrors = await phone.page.evaluate(async () => {
        const cached = await (await caches.open('tiki.marker')).match('/tiki-marker');
        return [localStorage.getItem('tiki.marker'), (await cached?.text()) ?? null];
      });
      expect(mirrors[0]).toMatch(/^\d+:\d+$/);
      expect(mirrors[1]).toBe(mirrors[0]);
      await payAndSeePaid(30n);
    }
  });

  test('R34 the database is evicted: the phone knows that it once signed, and says so', async () => {
    await phone.page.goto('about:blank');
    await phone.page.goto(`${shop.stack.walletUrl}/icon.svg`);
    await evict(phone, 'indexeddb');
    await phone.page.goto(shop.stack.walletUrl);
    await phone.at('welcome-login').click();
    await logIn();
    await phone.at('start-over').waitFor();
    await expect(phone.at('error-code').first()).toHaveText('store_lost');
    await phone.paste(await charge(10n));
    await expect(phone.at('error-code')).toHaveText('store_lost');
    await phone.goHome();
    await phone.at('start-over').click();
    await phone.loadOffline('3');
    await payAndSeePaid(20n);
    await expect.poll(async () => (await shop.state()).settlement.pendingCount, { timeout: 60_000 }).toBe(0);
    expect(await availableMinor(shop.stack)).toBe(paidMinor);
    expect(await reconcile(shop.stack)).toContain('The ledger is sound');
  });
});
