/** Money that a card's holder can still take back: online at once, elsewhere within limits. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fc, test as property } from '@fast-check/vitest';
import { BankAccountView, Withdrawal } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { inTransaction } from '../db/retry.ts';
import { findAccount, postTransfers } from '../ledger/index.ts';
import { type FreshMoney, freshOffline, withdrawableMinor } from './fresh-money.ts';

const HOUR_MS = 3_600_000;
const minor = fc.bigInt({ min: 0n, max: 10_000n });
const anyFresh = fc.record({
  onlineMinor: minor,
  reservedMinor: minor,
  inflowMinor: minor,
  spentOfflineMinor: minor,
  withdrawnMinor: minor,
});

describe('the count', () => {
  const none: FreshMoney = {
    onlineMinor: 0n,
    reservedMinor: 0n,
    inflowMinor: 0n,
    spentOfflineMinor: 0n,
    withdrawnMinor: 0n,
  };

  test('takes older money to leave first', () => {
    const fresh = { ...none, onlineMinor: 800n, inflowMinor: 500n };
    expect([300n, 301n, 800n].map((amount) => freshOffline(fresh, amount))).toEqual([0n, 1n, 500n]);
    expect(withdrawableMinor(fresh, 0n)).toBe(300n);
    expect(withdrawableMinor(fresh, 100n)).toBe(400n);
  });

  property.prop([anyFresh, minor, minor])(
    'never asks for more than came in lately, nor falls as more is loaded',
    (fresh, a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      expect(freshOffline(fresh, less) <= freshOffline(fresh, more)).toBe(true);
      if (fresh.inflowMinor === 0n && more <= fresh.onlineMinor) expect(freshOffline(fresh, more)).toBe(0n);
    },
  );

  property.prop([anyFresh, minor])('never lets more go to a bank than is online', (fresh, limit) => {
    const allowed = withdrawableMinor(fresh, limit);
    expect(allowed >= 0n && allowed <= fresh.onlineMinor).toBe(true);
  });
});

describe('with a hold of 72 hours', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      env: {
        TIKI_FRESH_OFFLINE_MINOR: '3000',
        TIKI_FRESH_WITHDRAWAL_MINOR: '1000',
        TIKI_KIOSK_FIRST_PAYMENT_MAX_MINOR: '20000',
      },
    });
  });
  afterAll(() => server.close());

  const load = async (phone: SimulatedPhone, amountMinor: bigint) => {
    const key = randomUUID();
    const body = phone.allowanceBody(amountMinor, key);
    return (await server.call('/v1/allowances', { body, token: phone.person.token, key })).code ?? 'loaded';
  };
  const terms = async ({ token }: Person) =>
    (await server.expect(BankAccountView, '/v1/bank-account', { token })).terms;

  test('spending offline and topping up again gives no new room within the hold', async () => {
    const kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
    const phone = await SimulatedPhone.withMoney(server, 3_000n);
    kiosk.sell(await phone.load(3_000n), 3_000n);
    await kiosk.settle();
    await server.topUp(phone.person, 3_000n);
    expect(await load(phone, 500n)).toBe('money_on_hold');
  });

  test('sending fresh money to somebody does not make it older', async () => {
    const [from, phone] = [await server.customerWith(6_000n), await SimulatedPhone.withMoney(server, 100n)];
    const body = { phone: phone.person.phone, amountMinor: '6000' };
    await server.call('/v1/transfers', { body, token: from.token, key: randomUUID() });
    expect(await load(phone, 3_200n)).toBe('money_on_hold');
    expect((await terms(phone.person)).maxMinor).toBe('1000');
  });

  /** As if the hold had passed since. The ledger is append-only for everybody but its owner. */
  const age = async ({ session }: Person) => {
    await server.database.owner.begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`update ledger_transfers set created_at = created_at - interval '80 hours' where id in (
        select transfer_id from ledger_entries e join ledger_accounts a on a.id = e.account_id
        where a.holder_id = ${session.user.id})`;
    });
  };
  /** Money of both kinds, 50.00 each. */
  const withOlder = async () => {
    const phone = await SimulatedPhone.withMoney(server, 5_000n);
    await age(phone.person);
    await server.topUp(phone.person, 5_000n);
    return phone;
  };
  /** Begins to send 50.00 away; they arrive when `end` is called, and what is asked meanwhile waits for them. */
  async function sendSlowly(from: Person) {
    const { db } = server.context;
    const to = await server.register('customer');
    const accountOf = ({ session }: Person) =>
      findAccount(db, { kind: 'user_online', ownerId: session.user.id, currency: 'SGD' });
    const entries = [
      { accountId: await accountOf(from), amountMinor: -5_000n },
      { accountId: await accountOf(to), amountMinor: 5_000n },
    ];
    const [moved, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const id = randomUUID();
    const sending = inTransaction(db, async (tx) => {
      const idempotencyKey = `user_transfer:${id}`;
      await postTransfers(tx, [{ id, kind: 'user_transfer', idempotencyKey, reference: {}, entries }]);
      moved.resolve();
      await ended.promise;
    });
    await moved.promise;
    const waiting = async () => {
      const [row] = await server.database.owner`select count(*)::int as n from pg_locks where not granted`;
      return row?.n;
    };
    return {
      end: async () => {
        await expect.poll(waiting).toBeGreaterThan(0);
        ended.resolve();
        await sending;
      },
    };
  }

  test('older money that is being sent away is not counted for a load', async () => {
    const phone = await withOlder();
    const sending = await sendSlowly(phone.person);
    const loading = load(phone, 5_000n);
    await sending.end();
    expect(await loading).toBe('money_on_hold');
  });

  test('nor for a withdrawal', async () => {
    const { person } = await withOlder();
    await server.linkBank(person);
    const { token, phone } = person;
    const body = { amountMinor: '5000', feeMinor: '50' };
    const { id } = await server.expect(Withdrawal, '/v1/withdrawals', { body, token, key: randomUUID() });
    const sending = await sendSlowly(person);
    const confirming = server.call(`/v1/withdrawals/${id}/confirm`, {
      body: { code: server.codeFor(phone) },
      token,
    });
    await sending.end();
    expect((await confirming).code).toBe('money_on_hold');
  });

  test('a card payment of long ago that is taken back makes fresh money no older', async () => {
    const { person } = await withOlder();
    const [row] = await server.database
      .owner`select payment_id from top_ups where user_id = ${person.session.user.id} order by created_at limit 1`;
    await fetch(`${server.stripeOrigin}/v1/refunds`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_x' },
      body: new URLSearchParams({ payment_intent: row?.payment_id }),
    });
    expect(await terms(person)).toMatchObject({ maxMinor: '1000', heldMinor: '4000' });
  });

  test('what came back from a refund that failed is as fresh as it was', async () => {
    const { person } = await SimulatedPhone.withMoney(server, 5_000n);
    const [row] = await server.database
      .owner`select payment_id from top_ups where user_id = ${person.session.user.id}`;
    const order = (path: string, body: string | URLSearchParams) =>
      fetch(`${server.stripeOrigin}${path}`, {
        method: 'POST',
        headers: { authorization: 'Bearer sk_test_x' },
        body,
      });
    const made: unknown = await (
      await order('/v1/refunds', new URLSearchParams({ payment_intent: row?.payment_id }))
    ).json();
    const { id } = z.object({ id: z.string() }).parse(made);
    await order(`/stand-in/refunds/${id}/fail`, '{}');
    expect(await terms(person)).toMatchObject({ maxMinor: '1000', heldMinor: '4000' });
  });

  // Last: entries bear the database's time, so what comes in after the clock was moved is old already.
  test('fresh card money is online at once, elsewhere up to the limits, and after the hold everywhere', async () => {
    const phone = await SimulatedPhone.withMoney(server, 8_000n);
    expect(await terms(phone.person)).toMatchObject({ maxMinor: '1000', heldMinor: '7000', holdHours: 72 });
    expect(await load(phone, 3_001n)).toBe('money_on_hold');
    expect(await load(phone, 2_000n)).toBe('loaded');
    expect(await load(phone, 1_001n)).toBe('money_on_hold');
    expect(await load(phone, 1_000n)).toBe('loaded');
    server.clock.advance(73 * HOUR_MS);
    const later = new SimulatedPhone(server, await server.signInAgain(phone.person));
    expect(await terms(later.person)).toMatchObject({ maxMinor: '5000', heldMinor: '0' });
    expect(await load(later, 5_000n)).toBe('loaded');
  });
});
