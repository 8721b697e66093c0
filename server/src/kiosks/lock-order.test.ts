/**
 * Who settles holds the machine and names the till; who denies or replaces a till holds the till and ends its machine. Neither
 * waits for the other in a circle: PostgreSQL would find that after a second and undo one of both.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KioskView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { listenTo } from '../observe/facts.ts';

const TILLS = 8;
const SALES = 6;

let server: TestServer;
let merchant: Person;
let phone: SimulatedPhone;
/** Transactions that PostgreSQL undid and that were run again, which nobody else is told of. */
let retried = 0;
let stopCounting = () => {};
beforeAll(async () => {
  server = await startTestServer({ maxConnections: 24 });
  merchant = await server.register('merchant', { agent: true });
  phone = await SimulatedPhone.withMoney(server, 20_000n);
  stopCounting = listenTo('transaction', ({ step }) => {
    if (step === 'retried') retried += 1;
  });
});
afterAll(async () => {
  stopCounting();
  await server.close();
});

const act = (kiosk: SimulatedKiosk, name: 'deny' | 'suspend' | 'resume' | 'code') =>
  server.call(`/v1/merchant/kiosks/${kiosk.kioskId}/${name}`, { method: 'POST', token: merchant.token });

/** Until so many sessions wait for a lock. */
async function waiting(count: number): Promise<void> {
  const [row] = await server.database.owner<{ n: number }[]>`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and backend_type = 'client backend'`;
  if (row?.n !== count) return waiting(count);
}

/** As PostgreSQL counts them. A session tells what it counted at its end, at the latest. */
async function deadlocks(): Promise<number> {
  const { owner } = server.database;
  await owner`
    select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'tiki_app'`;
  const gone = async (): Promise<void> => {
    const [row] = await owner<{ n: number }[]>`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and usename = 'tiki_app'`;
    if (row?.n !== 0) return gone();
  };
  await gone();
  const [row] = await owner<{ deadlocks: number }[]>`
    select deadlocks::int from pg_stat_database where datname = current_database()`;
  return row?.deadlocks ?? -1;
}

/** Settlement holds its machine and waits, with the till still to be named, until `act` waits behind it. */
async function settlesWhile<T>(kiosk: SimulatedKiosk, meet: () => Promise<T>): Promise<[string[], T]> {
  const wallet = await phone.load(100n);
  kiosk.sell(wallet, 100n);
  const holder = await server.database.owner.reserve();
  try {
    await holder`begin`;
    await holder`
      select from ledger_accounts a join kiosks k on k.merchant_id = a.owner_id
      where a.kind = 'merchant_available' and k.id = ${kiosk.kioskId} for update of a`;
    const settles = kiosk.settle();
    await waiting(1);
    const meets = meet();
    await waiting(2);
    await holder`commit`;
    return await Promise.all([settles, meets]);
  } finally {
    holder.release();
  }
}

const open = () => SimulatedKiosk.open(server, merchant);

test('a till that is denied while it settles is paid first, and neither waits in a circle', async () => {
  const kiosk = await open();
  const [settled, denied] = await settlesWhile(kiosk, () => act(kiosk, 'deny'));
  expect(settled).toEqual(['settled']);
  expect(KioskView.parse(denied.body).status).toBe('denied');
  expect((await kiosk.handIn()).problem).toMatchObject({ code: 'kiosk_denied' });
  expect(retried).toBe(0);
});

test('a till whose machine is replaced while it settles is paid first, and neither waits in a circle', async () => {
  const kiosk = await open();
  const { enrolment } = KioskView.parse((await act(kiosk, 'code')).body);
  const next = new SimulatedKiosk(server, merchant);
  const [settled, enrolled] = await settlesWhile(kiosk, () => next.enrol(enrolment?.code ?? ''));
  expect(settled).toEqual(['settled']);
  expect(enrolled.kioskId).toBe(kiosk.kioskId);
  expect((await kiosk.handIn()).problem).toMatchObject({ code: 'not_authenticated' });
  expect(retried).toBe(0);
});

test('tills that settle while they are suspended, given codes and denied lose nothing, without a deadlock', async () => {
  const other = await open();
  const before = await other.availableMinor();
  const settle = async (kiosk: SimulatedKiosk): Promise<number> => {
    for (let sequence = 1; sequence <= SALES; sequence += 1) {
      const { status } = await kiosk.handIn(kiosk.batch({ from: sequence, to: sequence }));
      if (status !== 200) return sequence - 1;
    }
    return SALES;
  };
  const meet = async (kiosk: SimulatedKiosk, place: number) => {
    for (let turn = 0; turn < place; turn += 1) {
      for (const name of ['suspend', 'resume', 'code'] as const) await act(kiosk, name);
    }
    return act(kiosk, 'deny');
  };
  // A phone for each: two tills of one allowance may overtake each other, which is another matter.
  const wallets = await Promise.all(
    Array.from({ length: TILLS }, async () => (await SimulatedPhone.withMoney(server, 200n)).load(100n)),
  );
  const taken = await Promise.all(
    wallets.map(async (wallet, place) => {
      const kiosk = await open();
      for (let sale = 0; sale < SALES; sale += 1) kiosk.sell(wallet, 10n);
      const [settled, denied] = await Promise.all([settle(kiosk), meet(kiosk, place)]);
      expect(KioskView.parse(denied.body).status).toBe('denied');
      return settled;
    }),
  );
  const paid = taken.reduce((sum, sales) => sum + sales * 10, 0);
  expect((await other.availableMinor()) - before).toBe(BigInt(paid));
  expect(retried).toBe(0);
  expect(await deadlocks()).toBe(0);
});
