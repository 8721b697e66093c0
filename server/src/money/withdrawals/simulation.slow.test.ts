/**
 * Withdrawals and disputes under everything that goes wrong at once: processes that die between two steps, a provider that
 * fails or loses its answers, webhooks that are lost, doubled and out of order. In the end our books, the provider's and
 * the banks' are the same, and everybody has what they must have.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import { fc, test as property } from '@fast-check/vitest';
import { BankAccountView, WalletView, Withdrawal } from '../../../contract/index.ts';
import { type Person, startTestServer, type TestServer } from '../../../test/test-server.ts';
import { reconcile } from '../../ledger/index.ts';
import { catchUpWithEvents } from '../catch-up.ts';
import type { MoneyPort } from '../port.ts';
import { reconcileProvider } from '../reconcile-provider.ts';
import { advanceWithdrawals } from './advance.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    maxConnections: 16,
    env: { TIKI_FRESH_WITHDRAWAL_MINOR: '1000000', TIKI_WITHDRAWAL_CODE_ABOVE_MINOR: '1000000' },
  });
});
afterAll(() => server.close());

class Crash extends Error {}
type Trouble =
  | 'crash before'
  | 'crash after'
  | 'fail'
  | 'lose answer'
  | 'drop'
  | 'double'
  | 'reorder'
  | 'calm';
type Act = Trouble | 'advance' | 'two at once' | 'banks' | 'late failure' | 'catch up' | 'hour';

const act = fc.constantFrom<Act>(
  'crash before',
  'crash after',
  'fail',
  'lose answer',
  'drop',
  'double',
  'reorder',
  'calm',
  'advance',
  'advance',
  'advance',
  'two at once',
  'banks',
  'late failure',
  'catch up',
  'hour',
);
const BANKS = ['000123456789', '000111111113'] as const;

/** A money port in a process that dies at the next call that moves money. */
function dying(when: 'crash before' | 'crash after'): MoneyPort {
  const { money } = server.context;
  let isDead = false;
  const orDie =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (when === 'crash before' || isDead) throw new Crash();
      isDead = true;
      await call(...args);
      throw new Crash();
    };
  return {
    ...money,
    sendToAccount: orDie(money.sendToAccount),
    payOut: orDie(money.payOut),
    recall: orDie(money.recall),
  };
}

async function advanceAs(money: MoneyPort): Promise<void> {
  try {
    await advanceWithdrawals({ ...server.background, money });
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
}

async function play(one: Act): Promise<void> {
  const { webhooks, faults, bank } = server.stripe;
  const { money } = server.context;
  switch (one) {
    case 'crash before':
    case 'crash after':
      return advanceAs(dying(one));
    case 'fail':
      faults.knobs.failNext = 3;
      return;
    case 'lose answer':
      faults.knobs.loseAnswersNext = 3;
      return;
    case 'drop':
      webhooks.faults.dropNext = 2;
      return;
    case 'double':
      webhooks.faults.copies = 3;
      return;
    case 'reorder':
      if (webhooks.faults.reorderNext === 0) webhooks.faults.reorderNext = 3;
      return;
    case 'calm':
      Object.assign(webhooks.faults, { copies: 1, dropNext: 0 });
      Object.assign(faults.knobs, { failNext: 0, loseAnswersNext: 0 });
      return;
    case 'advance':
      return advanceAs(money);
    case 'two at once':
      await Promise.all([advanceAs(money), advanceAs(money)]);
      return;
    case 'banks':
      server.clock.advance(3_000);
      return bank.settleDue();
    case 'late failure': {
      const [row] = await server.database.owner`
        select payout_id from withdrawals where payout_id is not null and is_paid order by requested_at desc limit 1`;
      if (row !== undefined) await bank.failPayout(row['payout_id'], 'account_closed');
      return;
    }
    case 'catch up':
      await catchUpWithEvents(server.background).catch(() => undefined);
      return;
    case 'hour':
      server.clock.advance(2 * 60_000);
  }
}

/** The bad time is over: everything that is due happens, until nothing is due. */
async function settleDown(): Promise<void> {
  const { webhooks } = server.stripe;
  await play('calm');
  webhooks.faults.reorderNext = 0;
  for (let round = 0; round < 8; round += 1) {
    await advanceWithdrawals(server.background);
    await play('banks');
    server.clock.advance(10 * 60_000);
  }
  await catchUpWithEvents(server.background);
}

async function withBank(number: string): Promise<Person> {
  const person = await server.customerWith(10_000n);
  await server.linkBank(person, number);
  await server.expect(BankAccountView, '/v1/bank-account', { token: person.token });
  return person;
}

async function withdraw(person: Person, amountMinor: bigint): Promise<string> {
  const body = { amountMinor: amountMinor.toString(), feeMinor: '50' };
  const answer = await server.call('/v1/withdrawals', { body, token: person.token, key: randomUUID() });
  const asked = Withdrawal.parse(answer.body);
  if (asked.status === 'awaiting_code') {
    const code = { code: server.codeFor(person.phone) };
    await server.call(`/v1/withdrawals/${asked.id}/confirm`, { body: code, token: person.token });
  }
  return asked.id;
}

property.prop([fc.array(act, { minLength: 5, maxLength: 25 })], { numRuns: 12 })(
  'any order, repetition and loss of webhooks, any crash and any failure end in the same books',
  async (acts) => {
    await settleDown();
    const [good, bad] = [await withBank(BANKS[0]), await withBank(BANKS[1])];
    const ids = [await withdraw(good, 1_000n), await withdraw(bad, 2_000n)];
    for (const one of acts) await play(one);
    await settleDown();
    const rows = await server.database.owner<{ id: string; state: string; payout_id: string | null }[]>`
      select id, state, payout_id from withdrawals where id = any(${ids})`;
    const [first, second] = ids.map((id) => rows.find((row) => row.id === id));
    const isPaid = (await atBank(first?.payout_id ?? '')) === 'paid';
    expect(first?.state).toBe(isPaid ? 'paid' : 'returned');
    expect(second?.state).toBe('returned');
    const online = async (person: Person) => {
      const { token } = await server.signInAgain(person);
      return (await server.expect(WalletView, '/v1/wallet', { token })).onlineMinor;
    };
    expect(await online(good)).toBe(isPaid ? '9000' : '10000');
    expect(await online(bad)).toBe('10000');
    const { db, money } = server.context;
    expect(await reconcileProvider({ db, money }, 'SGD')).toEqual([]);
    expect((await reconcile(db)).sound).toBe(true);
  },
  120_000,
);

/** The bank's own word. */
async function atBank(payoutId: string): Promise<string> {
  const [row] = await server.database
    .owner`select provider_account_id from withdrawals where payout_id = ${payoutId}`;
  const answer = await fetch(`${server.stripeOrigin}/v1/payouts?limit=100`, {
    headers: { authorization: 'Bearer sk_test_x', 'stripe-account': String(row?.['provider_account_id']) },
  });
  const list: unknown = await answer.json();
  const found = JSON.stringify(list).includes(`"${payoutId}"`) ? list : null;
  return statusIn(found, payoutId);
}

function statusIn(list: unknown, id: string): string {
  if (typeof list !== 'object' || list === null || !('data' in list) || !Array.isArray(list.data))
    return 'none';
  const payout: unknown = list.data.find((one: { id?: unknown }) => one.id === id);
  return typeof payout === 'object' && payout !== null && 'status' in payout ? String(payout.status) : 'none';
}
