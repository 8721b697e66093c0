/** Money to the bank through the API, the provider's stand-in beside it. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  BankAccountView,
  HistoryItem,
  MerchantSummary,
  pageOf,
  WalletView,
  Withdrawal,
} from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';
import { lookAtBankAccount } from '../money/bank-accounts.ts';
import { catchUpWithEvents } from '../money/catch-up.ts';
import { advanceWithdrawals } from '../money/withdrawals/advance.ts';

let server: TestServer;
beforeAll(async () => {
  // What is fresh is a matter of its own test.
  server = await startTestServer({ maxConnections: 16, env: { TIKI_FRESH_WITHDRAWAL_MINOR: '1000000' } });
  server.stripe.bank.knobs.settleAfterMs = 0;
});
afterEach(() => {
  Object.assign(server.stripe.webhooks.faults, { copies: 1, loseNext: 0, delayMs: 0, dropNext: 0 });
  Object.assign(server.stripe.faults.knobs, { failNext: 0, loseAnswersNext: 0 });
  Object.assign(server.stripe.bank.knobs, { failNext: 0, refuseNext: 0 });
});
afterAll(() => server.close());

const History = pageOf(HistoryItem);
const onlineOf = async ({ token }: Person) =>
  (await server.expect(WalletView, '/v1/wallet', { token })).onlineMinor;
const bankOf = ({ token }: Person) => server.expect(BankAccountView, '/v1/bank-account', { token });
const ask = ({ token }: Person, amountMinor: bigint, feeMinor = 50n, key = randomUUID()) => {
  const body = { amountMinor: amountMinor.toString(), feeMinor: feeMinor.toString() };
  return server.call('/v1/withdrawals', { body, token, key });
};
const look = ({ token }: Person, id: string) => server.expect(Withdrawal, `/v1/withdrawals/${id}`, { token });
const confirm = ({ token }: Person, id: string, code: string) =>
  server.call(`/v1/withdrawals/${id}/confirm`, { body: { code }, token });

/** Somebody with money and a bank account, and one withdrawal that its code confirmed. */
async function withdrawn(amountMinor = 1_000n, number?: string): Promise<{ person: Person; id: string }> {
  const person = await server.customerWith(10_000n);
  await server.linkBank(person, number);
  const { id } = Withdrawal.parse((await ask(person, amountMinor)).body);
  expect((await confirm(person, id, server.codeFor(person.phone))).status).toBe(200);
  return { person, id };
}

/** Everything that is due, and the banks' word on it. */
async function carryOut(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    await advanceWithdrawals(server.background);
    await server.stripe.bank.settleDue();
    server.clock.advance(5_000);
  }
}

describe('a withdrawal', () => {
  test('goes by code, transfer and pay-out to the bank, and history and ledger tell it', async () => {
    const person = await server.customerWith(10_000n);
    expect(await bankOf(person)).toMatchObject({ state: 'none', terms: { maxMinor: '10000' } });
    expect((await ask(person, 1_000n)).code).toBe('bank_account_not_ready');
    await server.linkBank(person);
    expect(await bankOf(person)).toMatchObject({ state: 'ready', bankName: 'Test Bank', last4: '6789' });
    const asked = Withdrawal.parse((await ask(person, 1_000n)).body);
    expect(asked).toMatchObject({ status: 'awaiting_code', netMinor: '950', last4: '6789' });
    expect(await onlineOf(person)).toBe('10000');
    expect((await confirm(person, asked.id, '000000')).code).toBe('otp_incorrect');
    const confirmed = await confirm(person, asked.id, server.codeFor(person.phone));
    expect(Withdrawal.parse(confirmed.body).status).toBe('on_its_way');
    expect(await onlineOf(person)).toBe('9000');
    await carryOut();
    expect(await look(person, asked.id)).toMatchObject({ status: 'paid', failure: null });
    expect(await onlineOf(person)).toBe('9000');
    const { items } = await server.expect(History, '/v1/history', { token: person.token });
    expect(items[0]).toMatchObject({ kind: 'withdrawal', amountMinor: '-1000' });
    expect(items[0]?.counterparty).toBe('Test Bank •••• 6789');
    expect((await reconcile(server.context.db)).sound).toBe(true);
  });

  test('asked for twice with one key is one, and its code given twice is one, too', async () => {
    const person = await server.customerWith(10_000n);
    await server.linkBank(person);
    const key = randomUUID();
    const answers = await Promise.all([ask(person, 1_000n, 50n, key), ask(person, 1_000n, 50n, key)]);
    const [first, twin] = answers.map(({ body }) => Withdrawal.parse(body));
    expect(twin?.id).toBe(first?.id);
    expect((await ask(person, 2_000n, 50n, key)).code).toBe('idempotency_key_reused');
    const code = server.codeFor(person.phone);
    await confirm(person, first?.id ?? '', code);
    expect((await confirm(person, first?.id ?? '', code)).status).toBe(200);
    expect(await onlineOf(person)).toBe('9000');
  });

  test('to a bank that was confirmed needs no code again, unless it is large or the bank is another one', async () => {
    const { person } = await withdrawn(1_000n);
    const statusOf = async (amountMinor: bigint) => {
      const answer = await ask(person, amountMinor);
      return answer.code ?? Withdrawal.parse(answer.body).status;
    };
    expect(await statusOf(1_000n)).toBe('on_its_way');
    await server.topUp(person, 50_000n);
    expect(await statusOf(20_000n)).toBe('awaiting_code');
    await server.linkBank(person, '000999999999');
    expect(await statusOf(600n)).toBe('awaiting_code');
  });

  test('that its bank refuses comes back whole, fee included, and says why', async () => {
    const { person, id } = await withdrawn(1_000n, '000111111113');
    expect(await onlineOf(person)).toBe('9000');
    await carryOut();
    expect(await look(person, id)).toMatchObject({ status: 'returned', failure: 'bank_account_closed' });
    expect(await onlineOf(person)).toBe('10000');
    const { items } = await server.expect(History, '/v1/history', { token: person.token });
    expect(items.slice(0, 2).map(({ kind }) => kind)).toEqual(['withdrawal_returned', 'withdrawal']);
  });

  test('that a bank sends back days after it took it comes back, too', async () => {
    const { person, id } = await withdrawn();
    await carryOut();
    expect((await look(person, id)).status).toBe('paid');
    const [row] = await server.database.owner`select payout_id from withdrawals where id = ${id}`;
    await server.stripe.bank.failPayout(row?.payout_id, 'account_closed');
    await carryOut();
    expect((await look(person, id)).status).toBe('returned');
    expect(await onlineOf(person)).toBe('10000');
  });

  test('whose pay-out is refused at once comes back', async () => {
    server.stripe.bank.knobs.refuseNext = 1;
    const { person, id } = await withdrawn();
    await carryOut();
    expect(await look(person, id)).toMatchObject({ status: 'returned', failure: 'account_not_ready' });
    expect(await onlineOf(person)).toBe('10000');
  });

  test.each([
    ['fails and does nothing', { failNext: 6 }],
    ['does what it was asked and loses the answer', { loseAnswersNext: 6 }],
  ])('is paid once when the provider %s', async (_, knobs) => {
    const { person, id } = await withdrawn();
    Object.assign(server.stripe.faults.knobs, knobs);
    for (let round = 0; round < 6; round += 1) {
      await carryOut();
      server.clock.advance(60_000);
    }
    expect((await look(person, id)).status).toBe('paid');
    const { db } = server.context;
    const [row] = await server.database.owner`select provider_account_id from withdrawals where id = ${id}`;
    const left = await server.context.money.readAccountBalance(row?.provider_account_id, 'SGD');
    expect(left).toBe(0n);
    expect((await reconcile(db)).sound).toBe(true);
  });

  test('ends the same without a single webhook: what is lost is asked for', async () => {
    Object.assign(server.stripe.webhooks.faults, { dropNext: 1000 });
    const person = await server.register('customer');
    await server.topUp(person, 10_000n);
    await catchUpWithEvents(server.background);
    expect(await onlineOf(person)).toBe('10000');
    await server.linkBank(person, '000111111116');
    const { id } = Withdrawal.parse((await ask(person, 1_000n)).body);
    await confirm(person, id, server.codeFor(person.phone));
    for (let round = 0; round < 5; round += 1) {
      await carryOut();
      server.clock.advance(120_000);
    }
    expect(await look(person, id)).toMatchObject({ status: 'returned', failure: 'bank_account_not_found' });
    expect(await onlineOf(person)).toBe('10000');
  });
});

describe('what may not be withdrawn', () => {
  test('amounts out of bounds, fees that were not agreed to, and more than there is', async () => {
    const { person } = await withdrawn(1_000n);
    const code = async (amountMinor: bigint, feeMinor?: bigint) =>
      (await ask(person, amountMinor, feeMinor)).code;
    expect(await code(499n)).toBe('amount_below_minimum');
    expect(await code(1_000n, 0n)).toBe('fee_changed');
    expect(await code(9_001n)).toBe('insufficient_funds');
  });

  test('more than the day allows, counted over the last 24 hours and without what came back', async () => {
    const person = await server.customerWith(100_000n);
    await server.topUp(person, 90_000n);
    await server.linkBank(person);
    const first = Withdrawal.parse((await ask(person, 60_000n)).body);
    await confirm(person, first.id, server.codeFor(person.phone));
    expect((await ask(person, 40_001n)).code).toBe('withdrawal_limit_reached');
    expect((await bankOf(person)).terms.maxMinor).toBe('40000');
    server.clock.advance(25 * 3_600_000);
    const later = await server.signInAgain(person);
    expect((await bankOf(later)).terms.maxMinor).toBe('100000');
  });

  test('what lies offline: the reserve is not the online wallet', async () => {
    const phone = await SimulatedPhone.withMoney(server, 5_000n);
    await phone.load(3_000n);
    await server.linkBank(phone.person);
    expect((await ask(phone.person, 2_001n)).code).toBe('insufficient_funds');
    expect((await bankOf(phone.person)).terms.maxMinor).toBe('2000');
  });

  test('what was spent between asking and the code', async () => {
    const [person, friend] = [await server.customerWith(2_000n), await server.register('customer')];
    await server.linkBank(person);
    const { id } = Withdrawal.parse((await ask(person, 2_000n)).body);
    const body = { phone: friend.phone, amountMinor: '500' };
    await server.call('/v1/transfers', { body, token: person.token, key: randomUUID() });
    expect((await confirm(person, id, server.codeFor(person.phone))).code).toBe('insufficient_funds');
    expect(await onlineOf(person)).toBe('1500');
  });
});

describe('the code of a withdrawal (R53)', () => {
  const awaiting = async () => {
    const person = await server.customerWith(5_000n);
    await server.linkBank(person);
    return { person, id: Withdrawal.parse((await ask(person, 1_000n)).body).id };
  };

  test('ends after five wrong ones, whatever comes then', async () => {
    const { person, id } = await awaiting();
    const right = server.codeFor(person.phone);
    const wrong = right === '111111' ? '222222' : '111111';
    for (let guess = 0; guess < 5; guess += 1)
      expect((await confirm(person, id, wrong)).status).toBeGreaterThan(399);
    expect((await confirm(person, id, right)).code).toBe('otp_too_many_attempts');
    expect(await onlineOf(person)).toBe('5000');
  });

  test('ends after ten minutes, and when another withdrawal is asked for', async () => {
    const { person, id } = await awaiting();
    const other = Withdrawal.parse((await ask(person, 700n)).body);
    const code = server.codeFor(person.phone);
    expect((await confirm(person, id, code)).code).toBe('withdrawal_not_awaiting_code');
    server.clock.advance(11 * 60_000);
    expect((await confirm(person, other.id, code)).code).toBe('withdrawal_not_awaiting_code');
    expect((await look(person, other.id)).status).toBe('expired');
    expect(await onlineOf(person)).toBe('5000');
  });

  test('is sent again no sooner than after half a minute', async () => {
    const { person, id } = await awaiting();
    const again = () => server.call(`/v1/withdrawals/${id}/resend`, { method: 'POST', token: person.token });
    expect((await again()).code).toBe('rate_limited');
    server.clock.advance(31_000);
    expect((await again()).status).toBe(200);
  });

  test('does not pay a bank account that was changed after it was sent', async () => {
    const { person, id } = await awaiting();
    await server.linkBank(person, '000888888888');
    // The code for the change has ended the one for the withdrawal.
    expect((await confirm(person, id, server.codeFor(person.phone))).code).toBe('otp_expired');
    server.clock.advance(31_000);
    await server.call(`/v1/withdrawals/${id}/resend`, { method: 'POST', token: person.token });
    expect((await confirm(person, id, server.codeFor(person.phone))).code).toBe('bank_account_not_ready');
    expect(await onlineOf(person)).toBe('5000');
  });
});

test('looking at the bank account again and again asks the provider so often and no more', async () => {
  const limited = await startTestServer({ rateLimitFactor: 1 });
  try {
    const person = await limited.register('customer');
    await limited.linkBank(person);
    let asked = 0;
    const { readAccount } = limited.context.money;
    const counting = (accountId: string) => {
      asked += 1;
      return readAccount(accountId);
    };
    const needs = { ...limited.context, money: { ...limited.context.money, readAccount: counting } };
    const look = () => lookAtBankAccount(needs, person.session.user.id, { mustBeFresh: false });
    const seen = await Promise.all(Array.from({ length: 80 }, look));
    expect(asked).toBe(60);
    expect(seen.every((row) => row?.bankLast4 === '6789')).toBe(true);
  } finally {
    await limited.close();
  }
});

test("a merchant's pay-out takes the balance less refunds that wait, by the same steps", async () => {
  const merchant = await server.register('merchant', { agent: true });
  const kiosk = await SimulatedKiosk.open(server, merchant);
  const phone = await SimulatedPhone.withMoney(server, 9_000n);
  kiosk.sell(await phone.load(8_000n), 6_000n);
  await kiosk.settle();
  await server.linkBank(merchant);
  // Half a percent, rounded up.
  const { id } = Withdrawal.parse((await ask(merchant, 5_001n, 26n)).body);
  await confirm(merchant, id, server.codeFor(merchant.phone));
  await carryOut();
  expect(await look(merchant, id)).toMatchObject({ status: 'paid', netMinor: '4975' });
  const { token } = merchant;
  const summary = await server.expect(MerchantSummary, '/v1/merchant/summary', { token });
  expect(summary.availableMinor).toBe('999');
  const { items } = await server.expect(History, '/v1/history', { token });
  expect(items[0]).toMatchObject({ kind: 'pay_out', amountMinor: '-5001' });
});
