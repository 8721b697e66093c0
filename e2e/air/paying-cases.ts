// Customers come in, pay and go.

import assert from 'node:assert/strict';
import { withRadio, type LabCase } from '../../native/lab/guest/stage.ts';
import { KIOSK_ADDRESS, KIOSK_ORIGIN } from './kiosk.ts';
import { openShop } from './shop.ts';

/** Of the DHCP server; what comes inside the handshake of Wi-Fi Direct is another pool. */
const LEASED = /^192\.168\.49\.1\d\d$/;

export const payingCases: readonly LabCase[] = [
  {
    name: 'R16 a phone joins by the code on the screen, gets a lease without a router, pays, gets its receipt and leaves',
    timeoutMs: 240_000,
    run: async (stage, { step, figure }) => {
      step('the shop opens');
      const opening = performance.now();
      const { kiosk, customers } = await openShop(stage);
      await kiosk.radioIs('up');
      figure(
        'the shop opens: five programs start, the agent is enrolled and hosts',
        performance.now() - opening,
      );
      const [customer] = customers;
      step('the phone scans the code and joins');
      const code = await kiosk.joinCode();
      assert.match(code.ssid, /^DIRECT-..-/);
      assert.ok(code.passphrase.length >= 16);
      const sale = await kiosk.charge(1_250n);
      const arriving = performance.now();
      await customer.phone.join(code.ssid, code.passphrase);
      figure('join by the code', performance.now() - arriving);
      step('the phone gets a lease');
      const asking = performance.now();
      const lease = await customer.takeLease();
      figure('lease', performance.now() - asking);
      assert.match(lease.address, LEASED);
      assert.equal(lease.router, '', 'a router is offered');
      assert.equal(lease.dns, KIOSK_ADDRESS);
      step('the kiosk’s name is answered, and no other');
      const lookup = ['busybox', 'nslookup', '-type=a'] as const;
      assert.match(await customer.phone.exec(...lookup, 'kiosk.tiki', KIOSK_ADDRESS), /192\.168\.49\.1\b/);
      assert.equal(await customer.phone.tryExec(...lookup, 'example.com', KIOSK_ADDRESS), false);
      step('the phone pays');
      const paying = performance.now();
      const outcome = await customer.pay(sale.qrText);
      figure('from the scan to the receipt', performance.now() - paying);
      figure('first join and pay', performance.now() - arriving);
      assert.equal(outcome.verdict, 'paid', String(outcome.code));
      await kiosk.seen('the screen says paid', (state) => state.sale?.state === 'paid');
      assert.deepEqual(await kiosk.payments(), [outcome.paymentId]);
      step('the kiosk shows its phone');
      await kiosk.seen('one phone', ({ radio }) => radio.phones.count === 1);
      step('the phone leaves');
      await customer.leave();
      await kiosk.seen('no phone', ({ radio }) => radio.phones.count === 0);
    },
  },
  {
    name: 'the kiosk is found by the service that it offers, before anybody joins',
    run: async (stage, { step }) => {
      const { kiosk, customers } = await openShop(stage);
      await kiosk.radioIs('up');
      step('the phone asks who takes payments here');
      await withRadio(customers[1].phone, async (radio) => {
        for await (const found of radio.services('_tikipay._tcp', { signal: AbortSignal.timeout(60_000) })) {
          assert.notEqual(found.instance, '');
          return;
        }
        assert.fail('nobody answers');
      });
    },
  },
  {
    name: 'twenty payments from four phones',
    timeoutMs: 240_000,
    run: async (stage, { step, figure }) => {
      const { kiosk, customers } = await openShop(stage);
      await kiosk.radioIs('up');
      step('all four join');
      const code = await kiosk.joinCode();
      const leases = await Promise.all(customers.map(async (customer) => customer.enter(code)));
      assert.equal(new Set(leases.map(({ address }) => address)).size, 4, 'two phones have one address');
      await kiosk.seen('four phones', ({ radio }) => radio.phones.count === 4);
      const before = await kiosk.payments();
      const paid: string[] = [];
      const times: number[] = [];
      for (let payment = 0; payment < 20; payment += 1) {
        const customer = customers[payment % customers.length] ?? customers[0];
        step(`payment ${String(payment + 1)} of 20, by ${customer.phone.name}`);
        const sale = await kiosk.charge(BigInt(100 + payment));
        const shown = performance.now();
        // Every other one without a camera: the phone asks the kiosk what is to be paid.
        const outcome =
          payment % 8 < 4 ? await customer.pay(sale.qrText) : await customer.payNearby(KIOSK_ORIGIN);
        times.push(performance.now() - shown);
        assert.equal(outcome.verdict, 'paid', String(outcome.code));
        paid.push(outcome.paymentId ?? '');
      }
      const sorted = times.toSorted((one, other) => one - other);
      figure('request shown to receipt, median', sorted[10] ?? 0);
      figure('request shown to receipt, slowest', sorted[19] ?? 0);
      step('the books agree');
      const stored = (await kiosk.payments()).filter((hash) => !before.includes(hash));
      assert.deepEqual(stored.toSorted(), paid.toSorted());
      for (const customer of customers) {
        const payments = await customer.payments();
        assert.ok(payments.every(({ state, receipt }) => state === 'paid' && receipt !== null));
      }
      step('all leave');
      await Promise.all(customers.map(async (customer) => customer.leave()));
    },
  },
];
