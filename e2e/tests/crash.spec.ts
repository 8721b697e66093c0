// Real cloud, real agent, real SQLite and PostgreSQL; phones without a screen. Processes
// are killed with SIGKILL while payments are under way. The law: what was acknowledged
// is there afterwards, counts once, and the ledger agrees to the cent.

import { expect, test } from '@playwright/test';
import type { Session } from '@tikiwallet/server/contract';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import { type Answer, HeadlessPhone, nameOf, type SignedPayment } from '../story/headless-phone.ts';
import { customer, Shop } from '../story/shop.ts';
import { availableMinor, reconcile } from '../story/money.ts';

const amountMinor = 125n;

test.describe('killing any process loses nothing and pays nobody twice', () => {
  let shop: Shop;
  let phone: HeadlessPhone;
  /** A second customer: so many payments of one phone in so short a time would look like one sale split up. */
  let other: HeadlessPhone;
  let session: Session;
  /** Payments for which the phone holds a receipt, by hash, with the receipt's bytes. */
  const acknowledged = new Map<string, Uint8Array>();

  test.beforeAll(async () => {
    shop = await Shop.open();
    await shop.openKiosk();
    phone = new HeadlessPhone();
    session = await phone.prepare(shop.stack, customer(1), 5_000n);
    other = new HeadlessPhone();
    await other.prepare(shop.stack, customer(2), 5_000n);
  });

  test.afterAll(async () => {
    await shop.close();
  });

  async function paidOrThrow(payer: HeadlessPhone, signed: SignedPayment): Promise<void> {
    const answer = await payer.deliver(signed);
    expect(answer.kind === 'refused' ? answer.code : answer.kind).toBe('receipt');
    if (answer.kind === 'receipt') acknowledged.set(nameOf(signed.payment), answer.bytes);
  }

  /** The wallet's rule: the same bytes again until the kiosk has answered. */
  async function deliverUntilAnswered(signed: SignedPayment): Promise<Answer> {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const answer = await phone.deliver(signed);
      if (answer.kind !== 'unreachable') return answer;
      if (shop.stack.agent?.isRunning !== true) await shop.stack.startAgent();
    }
    throw new Error('the kiosk never answered');
  }

  test('a payment that was acknowledged survives SIGKILL of the agent, and a resend gets the same receipt', async () => {
    const sale = await shop.charge(amountMinor);
    const signed = await phone.sign(sale.qrText);
    await paidOrThrow(phone, signed);
    await shop.stack.killAgent();
    await shop.stack.startAgent();
    const before = await shop.state();
    expect(before.settlement.pendingCount + before.today.count).toBeGreaterThan(0);
    const again = await phone.deliver(signed);
    expect(again.kind).toBe('receipt');
    if (again.kind === 'receipt') {
      expect(
        Buffer.from(again.bytes).equals(Buffer.from(acknowledged.get(nameOf(signed.payment)) ?? [])),
      ).toBe(true);
    }
    const after = await shop.state();
    expect(after.today).toEqual(before.today);
  });

  for (const killAfterMs of [0, 1, 2, 4, 8, 16]) {
    test(`the agent killed ${String(killAfterMs)} ms into a delivery: the resend settles it either way, once`, async () => {
      const sale = await shop.charge(amountMinor);
      const signed = await phone.sign(sale.qrText);
      const first = phone.deliver(signed);
      await new Promise((resolve) => setTimeout(resolve, killAfterMs));
      await shop.stack.killAgent();
      const firstAnswer = await first;
      await shop.stack.startAgent();
      const answer = await deliverUntilAnswered(signed);
      // Committed before the kill: the same receipt. Not committed: the request died with the process that made it,
      // the customer is told so and nothing was taken.
      if (firstAnswer.kind === 'receipt') expect(answer.kind).toBe('receipt');
      if (answer.kind === 'receipt') acknowledged.set(nameOf(signed.payment), answer.bytes);
      else expect(answer).toEqual({ kind: 'refused', code: 'request_expired' });
    });
  }

  test('the server killed again and again while the kiosk settles: each payment counts once', async () => {
    await shop.stack.killServer();
    for (let n = 0; n < 5; n += 1) {
      const sale = await shop.charge(amountMinor);
      await paidOrThrow(other, await other.sign(sale.qrText));
    }
    for (let n = 0; n < 3; n += 1) {
      await shop.stack.startServer();
      await shop.withAgent(async (agent) => await agent.call('settlement.now', {})).catch(() => undefined);
      await shop.stack.killServer();
    }
    await shop.stack.startServer();
    await expect.poll(async () => (await shop.state()).settlement.pendingCount, { timeout: 60_000 }).toBe(0);
    const paid = BigInt(acknowledged.size) * amountMinor;
    expect(await availableMinor(shop.stack)).toBe(paid);
    const cloud = new CloudClient(shop.stack);
    const fresh = await cloud.signInOrRegister(customer(1));
    expect(fresh.user.id).toBe(session.user.id);
    const second = await cloud.signInOrRegister(customer(2));
    const reserved =
      BigInt((await cloud.wallet(fresh)).offlineMinor) + BigInt((await cloud.wallet(second)).offlineMinor);
    expect(reserved).toBe(10_000n - paid);
    expect(await reconcile(shop.stack)).toContain('The ledger is sound');
  });
});
