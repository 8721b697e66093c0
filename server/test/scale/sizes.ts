/**
 * `npm run test:scale -- sizes`: what one offline payment and one online transfer weigh on disk, indexes and all, and
 * how much of a processor they take, which a loaded machine changes little: the figures of docs/scaling.md. A minute or two.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { TransferResult } from '../../contract/index.ts';
import setup from '../global-setup.ts';
import { SimulatedKiosk } from '../simulated-kiosk.ts';
import { SimulatedPhone } from '../simulated-phone.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

const PHONES = 60;
const PAYMENTS_EACH = 50;
const BATCH = 500;
const SHOPS = 8;
const SALES_EACH = 10;
const TRANSFERS = 400;
const CALLERS = 16;
/** Clock ticks of Linux' /proc, a constant of its interface. */
const TICKS_A_SECOND = 100;

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
) {
  const grown = [...after].map(([name, bytes]) => ({
    name,
    bytes: (bytes - (before.get(name) ?? 0)) / count,
  }));
  const heavy = grown.filter(({ bytes }) => bytes >= 1).toSorted((a, b) => b.bytes - a.bytes);
  const sum = grown.reduce((total, { bytes }) => total + bytes, 0);
  console.log(`${what}: ${sum.toFixed(0)} bytes`);
  for (const { name, bytes } of heavy) console.log(`  ${name.padEnd(24)} ${bytes.toFixed(0).padStart(6)}`);
}

/** Microseconds of processor that this process (server and simulated clients) and PostgreSQL's sessions took so far. */
async function processorTime({ database }: TestServer): Promise<{ node: number; postgres: number }> {
  const { user, system } = process.cpuUsage();
  const sessions = await database.owner<{ pid: number }[]>`
    select pid from pg_stat_activity where application_name = 'tikiwallet' and datname = current_database()`;
  const ticks = sessions.map(({ pid }) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  const sum = ticks.reduce((total, one) => total + one, 0);
  return { node: user + system, postgres: (sum / TICKS_A_SECOND) * 1_000_000 };
}

interface Measured {
  readonly count: number;
  readonly work: () => Promise<void>;
}

async function timed(server: TestServer, what: string, { count, work }: Measured): Promise<void> {
  const before = await processorTime(server);
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await processorTime(server);
  const each = (part: 'node' | 'postgres') => ((after[part] - before[part]) / count).toFixed(0);
  console.log(
    `${what}: each ${each('node')} us of Node, its client included, and ${each('postgres')} us of PostgreSQL; ${(count / seconds).toFixed(0)} a second here and now`,
  );
}

/** A thousand sales and more of one shop, handed in as after a day without internet. */
async function settleBatches(server: TestServer): Promise<void> {
  const kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
  for (let phone = 0; phone < PHONES; phone += 1) {
    const wallet = await (await SimulatedPhone.withMoney(server, 20_000n)).load(10_000n);
    for (let sale = 0; sale < PAYMENTS_EACH; sale += 1) kiosk.sell(wallet, 100n);
  }
  const before = await tableBytes(server);
  const count = PHONES * PAYMENTS_EACH;
  const work = async () => {
    for (let from = 1; from <= count; from += BATCH)
      await kiosk.settle(kiosk.batch({ from, to: Math.min(count, from + BATCH - 1) }));
  };
  await timed(server, `offline payments in batches of ${BATCH}`, { count, work });
  print('an offline payment', count, { before, after: await tableBytes(server) });
}

/** Shops that are on line hand in every sale by itself: a commit, an acknowledgement and a round trip each. */
async function settleOneByOne(server: TestServer): Promise<void> {
  const shops: SimulatedKiosk[] = [];
  for (let shop = 0; shop < SHOPS; shop += 1) {
    const kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
    const wallet = await (await SimulatedPhone.withMoney(server, 20_000n)).load(10_000n);
    for (let sale = 0; sale < SALES_EACH; sale += 1) kiosk.sell(wallet, 1n);
    shops.push(kiosk);
  }
  const settle = async (kiosk: SimulatedKiosk) => {
    for (let at = 1; at <= SALES_EACH; at += 1) await kiosk.settle(kiosk.batch({ from: at, to: at }));
  };
  const work = async () => {
    await Promise.all(shops.map(settle));
  };
  await timed(server, `offline payments one by one, ${SHOPS} kiosks`, { count: SHOPS * SALES_EACH, work });
}

async function sendTransfers(server: TestServer): Promise<void> {
  const sender = await server.customerWith(50_000n);
  const { phone } = await server.register('customer');
  const before = await tableBytes(server);
  const { token } = sender;
  let left = TRANSFERS;
  const send = async () => {
    for (; left > 0; ) {
      left -= 1;
      const body = { phone, amountMinor: '1' };
      await server.expect(TransferResult, '/v1/transfers', { body, token, key: randomUUID() });
    }
  };
  const work = async () => {
    await Promise.all(Array.from({ length: CALLERS }, send));
  };
  await timed(server, `online transfers, ${CALLERS} callers`, { count: TRANSFERS, work });
  print('an online transfer', TRANSFERS, { before, after: await tableBytes(server) });
}

export async function measureSizes(): Promise<void> {
  const stop = await setup();
  const env = { TIKI_KIOSK_STORED_COUNT: '10000', TIKI_KIOSK_STORED_SUM_MINOR: '100000000' };
  const server = await startTestServer({ maxConnections: 16, env });
  try {
    await settleBatches(server);
    await settleOneByOne(server);
    await sendTransfers(server);
  } finally {
    await server.close();
    await stop();
  }
}
