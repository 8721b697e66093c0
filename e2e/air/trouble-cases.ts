// What goes wrong in the middle: a killed agent, a killed supplicant, a radio that is switched off, a new shift.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOG_FOLDER } from '../../native/lab/guest/run-case.ts';
import type { LabCase } from '../../native/lab/guest/stage.ts';
import type { Supplicant } from '../../native/lab/guest/supplicant.ts';
import { until } from '../../native/lab/guest/until.ts';
import type { Customer } from './customer.ts';
import type { JoinCode } from './join-code.ts';
import { openShop } from './shop.ts';

/** When the agent dies, counted from the customer's confirmation. */
const KILLED_AFTER_MS = [0, 80, 200, 450];
/** Every passphrase that was on the screen so far. */
const shown = new Set<string>();

export const troubleCases: readonly LabCase[] = [
  {
    name: 'R40 the agent killed in the middle of payments: what was acknowledged is there, once, and resends get the same receipt',
    timeoutMs: 400_000,
    run: async (stage, { step, figure }) => {
      const { kiosk, customers } = await openShop(stage);
      await kiosk.radioIs('up');
      step('all four join');
      const code = noted(await kiosk.joinCode());
      await Promise.all(customers.map(async (customer) => customer.enter(code)));
      const before = await kiosk.payments();
      const receipts = new Map<string, { readonly customer: Customer; readonly receipt: string }>();
      const refused: string[] = [];
      let slowestMs = 0;
      for (const [round, delayMs] of KILLED_AFTER_MS.entries()) {
        const customer = customers[round % customers.length] ?? customers[0];
        step(`${customer.phone.name} pays, killed after ${String(delayMs)} ms`);
        const sale = await kiosk.charge(BigInt(300 + round));
        const paying = customer.pay(sale.qrText);
        await sleep(delayMs);
        await kiosk.kill();
        const died = performance.now();
        step(`${customer.phone.name} pays, started again after ${String(delayMs)} ms`);
        await kiosk.start();
        // It asks by itself, again and again, while the group is built anew under it.
        const outcome = await paying;
        slowestMs = Math.max(slowestMs, performance.now() - died);
        const { paymentId } = outcome;
        assert.ok(paymentId !== null, 'nothing was signed');
        if (outcome.verdict === 'paid') receipts.set(paymentId, { customer, receipt: outcome.receipt ?? '' });
        else refused.push(`${outcome.verdict} ${String(outcome.code)} ${paymentId}`);
        await kiosk.cancelOpenSale();
      }
      figure('from the kill to the verdict on the phone, slowest', slowestMs);
      step('nothing is missing and nothing is twice');
      const stored = (await kiosk.payments()).filter((hash) => !before.includes(hash));
      assert.equal(new Set(stored).size, stored.length, 'a payment is there twice');
      assert.deepEqual(stored.toSorted(), [...receipts.keys()].toSorted(), refused.join(', '));
      assert.ok(receipts.size > 0, `none was paid: ${refused.join(', ')}`);
      step('a resend gets the same receipt');
      await kiosk.radioIs('up');
      for (const [paymentId, { customer, receipt }] of receipts)
        assert.equal((await customer.sendAgain(paymentId)).receipt, receipt);
      assert.equal((await kiosk.payments()).length, before.length + stored.length);
      await Promise.all(customers.map(async (customer) => customer.leave()));
    },
  },
  {
    name: 'R12 R16 the supplicant killed and started again: the same group is there again, with one DHCP server, and phones pay',
    timeoutMs: 240_000,
    run: async (stage, { step, figure }) => {
      const { kiosk, customers } = await openShop(stage);
      const [customer] = customers;
      await kiosk.radioIs('up');
      const code = noted(await kiosk.joinCode());
      await customer.enter(code);
      await until('one DHCP server', async () => (await dnsmasqs(kiosk.supplicant)).length === 1);
      step('the supplicant is killed');
      await kiosk.supplicant.kill();
      await kiosk.seen('the group is gone', ({ radio }) => radio.state !== 'up');
      await until(
        'no DHCP server without a group',
        async () => (await dnsmasqs(kiosk.supplicant)).length === 0,
      );
      step('the supplicant is started again');
      await kiosk.supplicant.start();
      const startedAt = performance.now();
      await kiosk.radioIs('up', 30_000);
      figure('from its answer to the group', performance.now() - startedAt);
      assert.deepEqual(await kiosk.joinCode(), code, 'it is another group');
      assert.equal((await dnsmasqs(kiosk.supplicant)).length, 1);
      step('the phone comes back by itself and pays');
      const sale = await kiosk.charge(410n);
      assert.equal((await customer.pay(sale.qrText)).verdict, 'paid');
      figure('from its answer to a receipt', performance.now() - startedAt);
      await customer.leave();
    },
  },
  {
    name: 'R18 the radio switched off: the kiosk says so, a code still pays, and the group is there again once it is on',
    timeoutMs: 240_000,
    run: async (stage, { step, figure }) => {
      const { kiosk, customers } = await openShop(stage);
      const [, customer] = customers;
      await kiosk.radioIs('up');
      const code = noted(await kiosk.joinCode());
      step('the switch is off');
      const off = performance.now();
      await kiosk.supplicant.switchRadio('off');
      await kiosk.radioIs('blocked_by_rfkill', 60_000);
      figure('from the switch to the word on the screen', performance.now() - off);
      step('a customer pays by code');
      const sale = await kiosk.charge(520n);
      const scanned = await kiosk.scan(await customer.payByCode(sale.qrText));
      assert.equal(scanned.outcome, 'accepted');
      step('the switch is on');
      const on = performance.now();
      await kiosk.supplicant.switchRadio('on');
      await kiosk.radioIs('up', 90_000);
      figure('from the switch to the group', performance.now() - on);
      assert.deepEqual(await kiosk.joinCode(), code);
      // Its P2P device stays deaf to searches until the supplicant (2.10) starts anew.
      step('the supplicant starts anew');
      await kiosk.supplicant.kill();
      await kiosk.seen('the group is gone', ({ radio }) => radio.state !== 'up');
      await kiosk.supplicant.start();
      await kiosk.radioIs('up');
    },
  },
  {
    name: 'R16 phones that stumble over Wi-Fi Direct: by a setting the kiosk hosts plain Wi-Fi, and they join, pay and leave as ever',
    timeoutMs: 240_000,
    run: async (stage, { step }) => {
      const { kiosk, customers } = await openShop(stage);
      const [, , customer] = customers;
      await kiosk.radioIs('up');
      step('the setting is changed');
      const plain = noted(await kiosk.hostAs('access_point'));
      step('a phone joins and pays');
      const lease = await customer.enter(plain);
      assert.equal(lease.router, '', 'a router is offered');
      const sale = await kiosk.charge(630n);
      assert.equal((await customer.pay(sale.qrText)).verdict, 'paid');
      assert.equal((await dnsmasqs(kiosk.supplicant)).length, 1);
      await customer.leave();
      step('the setting is changed back');
      const direct = noted(await kiosk.hostAs('wifi_direct'));
      assert.match(direct.ssid, /^DIRECT-..-/);
      assert.equal((await dnsmasqs(kiosk.supplicant)).length, 1);
    },
  },
  {
    name: 'R14 a new shift: another name and passphrase, the old one lets nobody in, and none is in any log',
    timeoutMs: 240_000,
    run: async (stage, { step }) => {
      const { kiosk, customers } = await openShop(stage);
      const [customer, another] = customers;
      await kiosk.radioIs('up');
      const old = noted(await kiosk.joinCode());
      step('the shift changes');
      const fresh = noted(await kiosk.rotate());
      assert.notEqual(fresh.passphrase, old.passphrase);
      step('the new passphrase');
      await customer.enter(fresh);
      step('the old one');
      const refused = another.phone.logs(/4-Way Handshake failed|WRONG_KEY/, 60_000);
      await another.phone.knows(fresh.ssid, old.passphrase);
      await refused;
      await Promise.all([customer.leave(), another.leave()]);
      step('the logs of the agent');
      const logs = (await readdir(LOG_FOLDER)).filter((name) => /^agent|wallet/.test(name));
      assert.ok(logs.includes('agent.log'));
      for (const name of logs) {
        const text = await readFile(join(LOG_FOLDER, name), 'utf8');
        for (const passphrase of shown) assert.ok(!text.includes(passphrase), `a passphrase is in ${name}`);
      }
    },
  },
];

function noted(code: JoinCode): JoinCode {
  shown.add(code.passphrase);
  return code;
}

/** The numbers of the DHCP servers that run in this network. */
async function dnsmasqs(supplicant: Supplicant): Promise<readonly string[]> {
  const pids = (await supplicant.exec('ip', 'netns', 'pids', supplicant.name)).split('\n').filter(Boolean);
  const names = await Promise.all(
    // What has ended meanwhile is none.
    pids.map(async (pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')),
  );
  return pids.filter((_, at) => names[at]?.trim() === 'dnsmasq');
}
