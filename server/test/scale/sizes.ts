/**
 * `npm run test:scale -- sizes`: what one offline payment and one online transfer weigh on disk, indexes and all, and
 * how quickly one process takes them: the figures of docs/scaling.md. Takes a minute or two.
 */
import { randomUUID } from 'node:crypto';
import { TransferResult } from '../../contract/index.ts';
import setup from '../global-setup.ts';
import { SimulatedKiosk } from '../simulated-kiosk.ts';
import { SimulatedPhone } from '../simulated-phone.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

const PHONES = 60;
const PAYMENTS_EACH = 50;
const BATCH = 500;
const SHOPS = 8;
const SALES_EACH = 50;
const TRANSFERS = 2_000;
const CALLERS = 16;

async function tableBytes({ database }: TestServer): Promise<Map<string, number>> {
  await database.owner`vacuum analyze`;
  const rows = await database.owner<{ name: string; bytes: string }[]>`
    select relname as name, pg_total_relation_size(oid)::text as bytes from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'`;
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]));
}

function print(
  what: string,
  count: number,
  { before, after }: Record<'before' | 'after', Map<string, number>>,
): void {
  const grown = [...after].map(([name, bytes]) => ({
    name,
    bytes: (bytes - (before.get(name) ?? 0)) / count,
  }));
  const heavy = grown.filter(({ bytes }) => bytes >= 1).toSorted((a, b) => b.bytes - a.bytes);
  const sum = grown.reduce((total, { bytes }) => total + bytes, 0);
  console.log(`${what}: ${sum.toFixed(0)} bytes each`);
  for (const { name, bytes } of heavy) console.log(`  ${name.padEnd(24)} ${bytes.toFixed(0).padStart(6)}`);
}

/** Shops that are on line hand in every sale by itself: a commit, an acknowledgement and a round trip each. */
async function settleOneByOne(server: TestServer): Promise<void> {
  const shops = [];
  for (let index = 0; index < SHOPS; index += 1) {
    const kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
    const wallet = await (await SimulatedPhone.withMoney(server, 20_000n)).load(10_000n);
    for (let sale = 0; sale < SALES_EACH; sale += 1) kiosk.sell(wallet, 1n);
    shops.push(kiosk);
  }
  const startedAt = performance.now();
  await Promise.all(
    shops.map(async (kiosk) => {
      for (let at = 1; at <= SALES_EACH; at += 1) await kiosk.settle(kiosk.batch({ from: at, to: at }));
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `settled ${((SHOPS * SALES_EACH) / seconds).toFixed(0)} a second, ${SHOPS} kiosks at once, one sale a batch, client in the same process`,
  );
}

export async function measureSizes(): Promise<void> {
  const stop = await setup();
  const env = { TIKI_KIOSK_STORED_COUNT: '10000', TIKI_KIOSK_STORED_SUM_MINOR: '100000000' };
  const server = await startTestServer({ maxConnections: 16, env });
  try {
    const kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
    const wallets = [];
    for (let index = 0; index < PHONES; index += 1)
      wallets.push(await (await SimulatedPhone.withMoney(server, 20_000n)).load(10_000n));
    for (const wallet of wallets)
      for (let index = 0; index < PAYMENTS_EACH; index += 1) kiosk.sell(wallet, 100n);
    const before = await tableBytes(server);
    const payments = PHONES * PAYMENTS_EACH;
    const startedAt = performance.now();
    for (let from = 1; from <= payments; from += BATCH)
      await kiosk.settle(kiosk.batch({ from, to: Math.min(payments, from + BATCH - 1) }));
    const seconds = (performance.now() - startedAt) / 1000;
    const after = await tableBytes(server);
    print('an offline payment', payments, { before, after });
    console.log(
      `settled ${(payments / seconds).toFixed(0)} a second, one kiosk after the other, ${BATCH} a batch`,
    );

    await settleOneByOne(server);

    const sender = await server.customerWith(50_000n);
    const friend = await server.register('customer');
    const beforeTransfers = await tableBytes(server);
    const sentAt = performance.now();
    let left = TRANSFERS;
    const send = async () => {
      while (left-- > 0) {
        const body = { phone: friend.phone, amountMinor: '1' };
        await server.expect(TransferResult, '/v1/transfers', {
          body,
          token: sender.token,
          key: randomUUID(),
        });
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, send));
    const took = (performance.now() - sentAt) / 1000;
    print('an online transfer', TRANSFERS, { before: beforeTransfers, after: await tableBytes(server) });
    console.log(
      `sent ${(TRANSFERS / took).toFixed(0)} a second, ${CALLERS} callers, one pair of people, client in the same process`,
    );
  } finally {
    await server.close();
    await stop();
  }
}
