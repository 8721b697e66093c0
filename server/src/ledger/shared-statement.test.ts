/** The statement of a shop whose batches, each one transfer, are many and large: it is read in pages, and no payment is lost between two. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Payment, toHex } from '@tikiwallet/protocol';
import { ClaimView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { refund } from '../../test/simulated-refunds.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import type { Executor } from '../db/client.ts';
import { reconcileJournals } from '../settlement/reconcile-journals.ts';
import { reconcile, statementCsv } from './index.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let phones: SimulatedPhone[];
let wallets: OfflineWallet[];
beforeAll(async () => {
  // Two phones pay for all of it.
  server = await startTestServer({ env: { TIKI_ALLOWANCE_HARD_COUNTER_LIMIT: '2000' } });
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'), 'Door');
  phones = [await SimulatedPhone.withMoney(server, 5_000n), await SimulatedPhone.withMoney(server, 5_000n)];
  wallets = await Promise.all(phones.map((phone) => phone.load(4_000n)));
}, 60_000);
afterAll(() => server.close());

interface Line {
  readonly amountMinor: bigint;
  readonly payment: Payment;
  readonly kind: 'offline_payment' | 'offline_refund';
}
const expected: Line[] = [];
const walletAt = (at: number) => {
  const wallet = wallets[at % wallets.length];
  if (wallet === undefined) throw new Error('there is no wallet');
  return wallet;
};

function sell(count: number): Payment[] {
  return Array.from({ length: count }, (_, n) => {
    const amountMinor = BigInt((n % 5) + 1);
    const payment = kiosk.sell(walletAt(n), amountMinor);
    expected.push({ amountMinor, payment, kind: 'offline_payment' });
    return payment;
  });
}

/** Hands in what was not yet. */
let handedIn = 0;
async function settle() {
  const range = { from: handedIn + 1, to: kiosk.journal.length };
  const outcomes = await kiosk.settle(kiosk.batch(range));
  handedIn = range.to;
  return outcomes;
}

test('has each payment once, in order, over all pages, and leads from its opening to its closing', async () => {
  sell(3);
  await settle();
  // That was yesterday's.
  await server.database.owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update ledger_transfers set created_at = created_at - interval '1 day' where kind = 'offline_payments'`;
  });
  const openingMinor = expected.splice(0).reduce((sum, { amountMinor }) => sum + amountMinor, 0n);

  sell(400);
  await settle();
  const returned = sell(449)[7];
  if (returned === undefined) throw new Error('nothing was sold');
  refund(kiosk, walletAt(7), { payment: returned, amountMinor: 2n });
  await settle();
  expected.push({ amountMinor: -2n, payment: returned, kind: 'offline_refund' });
  sell(1);
  await settle();
  // In the middle of the next batch is a sale that its customer claims before the till hands it in: it was paid by a transfer of its own.
  const before = expected.length;
  sell(100);
  const request = kiosk.request(9n);
  const claimed = pay(walletAt(0), request);
  kiosk.write(request, walletAt(0), claimed);
  const body = kiosk.claimFor(walletAt(0), { request, payment: claimed });
  await server.expect(ClaimView, '/v1/claims', { body, token: phones[0]?.person.token ?? '' });
  sell(320);
  expected.splice(before, 0, { amountMinor: 9n, payment: claimed, kind: 'offline_payment' });
  await settle();
  sell(300);
  await settle();

  const kinds = await server.database.owner`
    select kind, count(*)::int as n from ledger_transfers where kind like 'offline_payment%' group by 1 order by 1`;
  expect([...kinds]).toEqual([
    { kind: 'offline_payment', n: 2 },
    { kind: 'offline_payments', n: 5 },
  ]);
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
  expect(await reconcileJournals(server.context.db)).toMatchObject({ sound: true });

  const { timeZone } = server.context.offline.policy;
  const period = new Intl.DateTimeFormat('en-CA', { timeZone }).format(new Date());
  const [shop] = await server.database.owner<{ owner_id: string }[]>`
    select owner_id from ledger_accounts where kind = 'merchant_available' and balance_minor > 0`;
  const query = {
    kind: 'merchant_available',
    ownerId: shop?.owner_id ?? randomUUID(),
    currency: 'SGD',
    period,
    timeZone,
  } as const;
  const pieces: string[][] = [];
  const read = <T>(work: (tx: Executor) => Promise<T>) => server.context.db.transaction(work);
  for await (const piece of statementCsv(read, query)) pieces.push(piece.trimEnd().split('\r\n'));
  // A page ends with the batch with which it would be too long: 400 + 449 and what was given back, one alone, one claimed; 420 + 300.
  expect(pieces.map((piece) => piece.length)).toEqual([2, 852, 720, 1]);
  let balance = openingMinor;
  expect(pieces[0]?.[1]).toContain(`opening_balance,,SGD,${decimal(balance)}`);
  const cells = pieces.slice(1, -1).flatMap((piece) => piece.map((line) => line.split(',')));
  expect(cells.map((line) => [line[1], line[2], line[4], line[8], line[9], line[10]])).toEqual(
    expected.map(({ amountMinor, payment, kind }) => {
      balance += amountMinor;
      const receipt = kind === 'offline_payment' ? String(kiosk.placeOf(payment)) : expect.any(String);
      return [kind, decimal(amountMinor), decimal(balance), receipt, 'Door', toHex(payment.hash)];
    }),
  );
  expect(pieces.at(-1)?.[0]).toContain(`closing_balance,,SGD,${decimal(balance)}`);
  expect(balance).toBe(await kiosk.availableMinor());
  // What the shop itself gets is the same, as its tenant.
  const { token } = kiosk.merchant;
  const answer = await server.call(`/v1/statement?day=${period}`, { token });
  expect(String(answer.body).trimEnd().split('\r\n')).toEqual(pieces.flat());
  const month = await server.call(`/v1/statement?month=${period.slice(0, 7)}`, { token });
  expect(String(month.body)).toContain(pieces.slice(1, -1).flat().join('\r\n'));
}, 120_000);

function decimal(minor: bigint): string {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(3, '0');
  return `${minor < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
