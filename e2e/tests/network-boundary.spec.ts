// The ways of a payment over a real network boundary: the wallet at a public https address, the kiosk at
// 192.168.49.1 in a network of its own, a real Chromium that guards the one from the other. The cloud is down when
// somebody pays, as in a shop without internet: the wallet's page comes from its service worker.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Request, test } from '@playwright/test';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { watchForCode } from '../story/in-time.ts';
import { Phone } from '../story/phone.ts';
import {
  KIOSK_ADDRESS,
  REBOUND,
  SeparateNetworks,
  STRANGER_ORIGIN,
  WALLET_ORIGIN,
  whyNoNetworks,
} from '../story/separate-networks.ts';
import { customer, Shop } from '../story/shop.ts';

test.describe.configure({ mode: 'serial' });

test.describe('paying over a network boundary', () => {
  const missing = whyNoNetworks();
  test.skip(missing !== null, missing ?? '');

  let networks: SeparateNetworks;
  let shop: Shop;
  let phone: Phone;
  /** What the kiosk must have taken so far. */
  const taken = { count: 0, minor: 0n };

  test.beforeAll(async () => {
    networks = SeparateNetworks.open();
    shop = await Shop.open({ PUBLIC_ORIGIN: WALLET_ORIGIN, LOG_LEVEL: 'trace' }, networks);
    await shop.openKiosk();
    await networks.openCloud(shop.stack.options.ports.server);
    const cloud = new CloudClient(shop.stack);
    const person = customer(1);
    await cloud.topUp(await cloud.register(person), 9_000n);
    phone = await Phone.open({
      url: WALLET_ORIGIN,
      executablePath: networks.browser,
      flags: networks.browserFlags,
    });
    await phone.at('welcome-login').click();
    await phone.at('login-phone').fill(person.phone);
    await phone.at('login-password').fill(person.password);
    await phone.at('login-submit').click();
    await phone.at('home').waitFor();
    await phone.loadOffline('80');
  });

  test.afterAll(async () => {
    await phone?.close();
    await shop?.close();
    networks?.close();
  });

  async function setPermission(setting: 'granted' | 'denied' | 'prompt'): Promise<void> {
    const session = await phone.context.newCDPSession(phone.page);
    for (const name of ['local-network', 'local-network-access']) {
      const permission = { permission: { name }, setting, origin: WALLET_ORIGIN };
      await session.send('Browser.setPermission', permission);
    }
    await session.detach();
  }

  /** The cashier charges, the phone has read the code and shows what is to be paid. */
  async function offer(amountMinor: bigint): Promise<string> {
    await phone.goHome();
    const sale = await shop.charge(amountMinor);
    await phone.paste(sale.qrText);
    await phone.waitForPayState('confirm');
    return sale.saleId;
  }

  /** Watched for from before it: the kiosk's page answers and leads back sooner than a busy machine looks. */
  async function confirmByPage(): Promise<void> {
    await Promise.all([phone.page.waitForURL(`${KIOSK_ADDRESS}/**`), phone.confirm()]);
  }

  async function expectPaid(amountMinor: bigint, text: string): Promise<void> {
    await phone.waitForPayState('paid');
    await expect(phone.at('paid-amount')).toContainText(text);
    await expectTaken(amountMinor);
  }

  async function expectTaken(amountMinor: bigint): Promise<void> {
    taken.count += 1;
    taken.minor += amountMinor;
    const { settlement } = await shop.state();
    expect(settlement).toMatchObject({ pendingCount: taken.count, pendingMinor: taken.minor.toString() });
  }

  /** Requests to the kiosk from now on. */
  function watchKiosk(): Request[] {
    const seen: Request[] = [];
    phone.context.on('request', (request) => {
      if (request.url().startsWith(KIOSK_ADDRESS)) seen.push(request);
    });
    return seen;
  }

  test('R6 the page’s policy names the kiosk exactly, upgrades nothing, runs nothing inline', async () => {
    const response = await phone.page.goto(`${WALLET_ORIGIN}/v1-is-not-this-page`);
    const policy = (await response?.headerValue('content-security-policy')) ?? '';
    const directive = (name: string) => new RegExp(`(?:^|; )${name} ([^;]*)`).exec(policy)?.[1] ?? '';
    expect(directive('connect-src').split(' ')).toContain(KIOSK_ADDRESS);
    expect(directive('connect-src')).not.toMatch(/\*|http:(?!\/\/\d)/);
    expect(directive('script-src')).toBe("'self' 'wasm-unsafe-eval'");
    expect(policy).not.toContain('upgrade-insecure-requests');
  });

  test('R7 another site’s page learns nothing from the kiosk, also with the browser’s permission', async () => {
    await phone.context.grantPermissions(['local-network-access'], { origin: STRANGER_ORIGIN });
    await phone.page.goto(STRANGER_ORIGIN);
    const outcome = await phone.page.evaluate(async (url) => {
      const ask = async (mode: RequestMode) =>
        await fetch(url, { mode }).then(
          (response) => response.type,
          () => 'refused',
        );
      return { blind: await ask('no-cors'), reading: await ask('cors') };
    }, `${KIOSK_ADDRESS}/v1/hello`);
    // The browser let it through, so it was the kiosk that showed it nothing.
    expect(outcome).toEqual({ blind: 'opaque', reading: 'refused' });
  });

  test('R7 a name that somebody points at the kiosk shows no page of it (DNS rebinding)', async () => {
    const answer = await phone.page.goto(`${REBOUND}/pay`);
    expect(answer?.status()).toBe(403);
    expect(await answer?.json()).toEqual({ code: 'host_not_allowed' });
  });

  test('R7 the kiosk’s page sends nobody to a place that the cloud did not name', async () => {
    const fragment = `v=1&s=${'A'.repeat(22)}&o=${encodeURIComponent(STRANGER_ORIGIN)}&d=AQID`;
    await phone.page.goto(`${KIOSK_ADDRESS}/pay#${fragment}`);
    await expect(phone.page.locator('body')).toHaveAttribute('data-step', 'stranger');
    await expect(phone.page.locator('#back')).toBeHidden();
    expect(phone.page.url()).toBe(`${KIOSK_ADDRESS}/pay`);
  });

  test('R3 R4 allowed, with the cloud down: the page of the service worker calls the kiosk itself', async () => {
    networks.closeCloud();
    await shop.stack.stopServer();
    await setPermission('granted');
    await phone.reopen();
    const wasWorker = await phone.page.evaluate(() => {
      const [entry] = performance.getEntriesByType('navigation');
      return entry instanceof PerformanceNavigationTiming && entry.workerStart > 0;
    });
    expect(wasWorker).toBe(true);
    await offer(500n);
    const answered = phone.page.waitForResponse(`${KIOSK_ADDRESS}/v1/payments`);
    await phone.confirm();
    await expectPaid(500n, '5.00');
    const answer = await answered;
    expect(answer.fromServiceWorker()).toBe(false);
    expect(await phone.page.evaluate(() => navigator.serviceWorker.controller?.state)).toBe('activated');
  });

  test('R6 the browser keeps the service worker’s page from any other address in the shop', async () => {
    const blocked = await phone.page.evaluate(
      async () =>
        await new Promise<string>((resolve) => {
          addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
          fetch('http://192.168.49.1:7071/').catch(() => undefined);
        }),
    );
    expect(blocked).toBe('connect-src');
  });

  test('R2 R5 forbidden: by the kiosk’s page and back, and the fragment is nowhere afterwards', async () => {
    await setPermission('denied');
    await offer(610n);
    const seen = watchKiosk();
    // How soon is said by the wallet's own tests, with its own clock.
    await Promise.all([
      phone.page.locator('[data-testid=pay-state][data-way=page]').waitFor(),
      confirmByPage(),
    ]);
    await expectPaid(610n, '6.10');
    expect(new URL(phone.page.url()).origin).toBe(WALLET_ORIGIN);
    expect(phone.page.url()).not.toMatch(/[?&#]r=/);

    const [visit, post] = seen.filter((one) => one.method() !== 'OPTIONS' && !one.url().includes('favicon'));
    expect([visit?.method(), visit?.isNavigationRequest(), post?.method(), post?.resourceType()]).toEqual([
      'GET',
      true,
      'POST',
      'fetch',
    ]);
    expect(await visit?.headerValue('referer')).toBeNull();
    expect(await post?.headerValue('referer')).toBeNull();
    expect(await post?.headerValue('origin')).toBe(KIOSK_ADDRESS);
    expect(await post?.headerValue('content-type')).toBe('application/vnd.tikipay.sealed');

    const sealed = post?.postDataBuffer()?.toString('base64url') ?? '';
    expect(sealed.length).toBeGreaterThan(400);
    const logs = ['agent', 'server'].map((name) =>
      readFileSync(join(shop.folder, 'logs', `${name}.log`), 'utf8'),
    );
    expect(logs[0]).toContain('a payment was accepted');
    for (const log of logs) {
      expect(log).not.toContain(sealed.slice(0, 40));
      expect(log).not.toContain(sealed.slice(-40));
    }
    const session = await phone.context.newCDPSession(phone.page);
    const { entries } = await session.send('Page.getNavigationHistory');
    expect(entries.map(({ url }) => url).join(' ')).not.toMatch(/[?&#][drs]=/);
  });

  test('R5 waved away: the browser’s question is not answered, and the kiosk’s page takes it', async () => {
    await setPermission('prompt');
    await offer(120n);
    await confirmByPage();
    await expectPaid(120n, '1.20');
  });

  test('R2 R5 a refusal at the kiosk’s page comes back with its code, and the money stays held', async () => {
    await setPermission('denied');
    const saleId = await offer(130n);
    await shop.withAgent(async (agent) => await agent.call('sale.cancel', { saleId }));
    await phone.confirm();
    await phone.waitForPayState('refused');
    await expect(phone.at('error-code').first()).toHaveText('request_not_open');
  });

  test('R5 R8 page out of reach: the code within 3 s, of the same payment, which counts once by every way', async () => {
    await setPermission('denied');
    await offer(240n);
    networks.setReachable(false);
    // Asked in the page itself: what drives the browser waits for every navigation to end, and this one never does.
    const codeInTime = await watchForCode(phone);
    await phone.confirm();
    expect(await codeInTime()).toBe(true);
    const text = (await phone.at('payment-code').getAttribute('data-qr-text')) ?? '';
    const scanned = await shop.withAgent(async (agent) => await agent.call('delivery.submit', { text }));
    expect(scanned).toMatchObject({ outcome: 'accepted' });
    networks.setReachable(true);
    // The same bytes again, over the network this time: the first receipt comes back.
    await phone.at('page-way').click();
    await expectPaid(240n, '2.40');
  });

  test('R2 back with the "back" button: the code is there, and the payment ends as one', async () => {
    await offer(350n);
    await phone.page.route('**/v1/payments', () => undefined);
    await confirmByPage();
    await expect(phone.page.locator('body')).toHaveAttribute('data-step', 'handing');
    await phone.page.goBack({ waitUntil: 'commit' });
    await phone.at('payment-code').waitFor();
    await phone.page.unroute('**/v1/payments');
    await phone.page.reload();
    await expect(phone.at('show-code')).toBeVisible();
    await phone.at('code-ask-again').click();
    await phone.at('ask-again').click();
    await expectPaid(350n, '3.50');
  });

  test('R2 the wallet is closed while the kiosk’s page is open: opened again, it knows, and pays once', async () => {
    await offer(460n);
    await phone.page.route('**/v1/payments', () => undefined);
    await confirmByPage();
    await phone.restart();
    await phone.page.goto(`${WALLET_ORIGIN}/#/activity`);
    await phone.page.locator('[data-testid=history-item][data-state=unconfirmed]').click();
    await phone.at('ask-again').click();
    await expectPaid(460n, '4.60');
  });

  test('R5 absent: a browser without the permission, as before it was invented, goes by the page', async () => {
    await phone.restart({
      flags: [...networks.browserFlags, '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccess'],
    });
    await phone.page.addInitScript(() => {
      const known = navigator.permissions.query.bind(navigator.permissions);
      navigator.permissions.query = async (wanted) => {
        if (wanted.name.startsWith('local-network')) throw new TypeError('not a known permission');
        return await known(wanted);
      };
    });
    await offer(170n);
    await confirmByPage();
    await expectPaid(170n, '1.70');
  });

  test('R9 a slowloris in the shop’s network keeps nobody from paying', async () => {
    const attack = `
      const { connect } = require('node:net');
      let open = 0;
      for (let n = 0; n < 120; n += 1) {
        const socket = connect(7070, '192.168.49.1', () => {
          socket.write('POST /v1/payments HTTP/1.1\\r\\nHost: 192.168.49.1:7070\\r\\nX-A: ');
          setInterval(() => socket.write('a'), 500).unref();
          if ((open += 1) === 50) console.log('holding');
        });
        socket.on('error', () => undefined);
      }
      setTimeout(() => process.exit(0), 30000);`;
    const attacker = networks.runOnPhone(attack);
    await new Promise((resolve) => attacker.stdout?.once('data', resolve));
    await offer(180n);
    await phone.confirm();
    await expectPaid(180n, '1.80');
    attacker.kill('SIGKILL');
  });
});
