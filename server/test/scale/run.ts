/**
 * `npm run test:scale`: a larger installation on this machine, and its processes killed under traffic.
 *
 * Two API processes behind HAProxy, one PostgreSQL with a streaming replica for reads, then the same through PgBouncer in
 * transaction mode; and a settlement stream through HAProxy and through nginx. Every wait in it ends (`waits.ts`), and so does it. Needs `haproxy`, `nginx` and `pgbouncer` (apt-get
 * install haproxy nginx-light pgbouncer). Takes two minutes, and never more than a quarter of an hour.
 * `npm run test:scale -- sizes` measures the figures of docs/scaling.md instead.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { readConfig } from '../../src/config.ts';
import { createContext } from '../../src/context-from-config.ts';
import { connect } from '../../src/db/client.ts';
import { listen } from '../../src/http/listen.ts';
import { reconcile } from '../../src/ledger/index.ts';
import { createLogger } from '../../src/log.ts';
import { createStripeStandIn } from '../../src/money/stand-in/stripe-stand-in.ts';
import { createTwilioStandIn, type SmsMessage } from '../../src/notify/stand-in/twilio-stand-in.ts';
import { freePort } from '../free-port.ts';
import { streamThrough } from '../proxied-stream.ts';
import { TestClock, TestServer } from '../test-server.ts';
import {
  type Cluster,
  type Machine,
  startApi,
  startCluster,
  startHaproxy,
  startNginx,
  startPgBouncer,
  killRest,
  stopMachine,
  wordsOfRunning,
} from './machines.ts';
import { mainJob, must, startTraffic } from './main-job.ts';
import { measureSizes } from './sizes.ts';
import { until, waitsNow, within } from './waits.ts';

const folder = mkdtempSync(join(tmpdir(), 'tiki-scale-'));
chmodSync(folder, 0o755);
const closers: (() => Promise<unknown>)[] = [];
const say = (line: string) => console.log(line);
const WHOLE_RUN_MS = 14 * 60_000;
let ownerUrl: string | null = null;

interface Installation {
  /** What a client sees. */
  readonly server: TestServer;
  readonly apis: Machine[];
  readonly ports: readonly number[];
  readonly env: Readonly<Record<string, string>>;
}

/** Stand-ins, two API processes, HAProxy. */
async function install(cluster: Cluster, database: Readonly<Record<string, string>>): Promise<Installation> {
  const clock = new TestClock();
  const sms: SmsMessage[] = [];
  const twilio = createTwilioStandIn({ stateFile: null, clock, onSms: (message) => sms.push(message) });
  const twilioServer = await listen({ fetch: twilio.fetch, host: '127.0.0.1', port: 0, setting: 'none' });
  closers.push(() => twilioServer.close(100));
  const ports = [await freePort(), await freePort()];
  const proxy = startHaproxy(folder, await freePort(), ports);
  closers.push(() => stopMachine(proxy.machine));
  const webhookSecret = `whsec_${randomUUID()}`;
  const stripePort = await freePort();
  const stripeOrigin = `http://127.0.0.1:${stripePort}`;
  const webhook = { url: `${proxy.origin}/v1/stripe/webhook`, secret: webhookSecret };
  const stripe = createStripeStandIn({ stateFile: null, publicOrigin: stripeOrigin, webhook, clock });
  const stripeServer = await listen({
    fetch: stripe.app.fetch,
    host: '127.0.0.1',
    port: stripePort,
    setting: 'none',
  });
  closers.push(
    async () => stripe.close(),
    () => stripeServer.close(100),
  );
  const env = {
    ...database,
    PUBLIC_ORIGIN: proxy.origin,
    STRIPE_API_BASE: stripeOrigin,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
    TWILIO_API_BASE: `http://127.0.0.1:${twilioServer.port}`,
    TIKI_WALLET_DIR: folder,
    TIKI_DATA_DIR: join(folder, 'keys'),
    TIKI_MIGRATE: 'never',
    TIKI_LEAVE_SECONDS: '4',
    TIKI_RATE_LIMIT_FACTOR: '10000',
    TIKI_TRUSTED_PROXIES: '127.0.0.1',
    LOG_LEVEL: 'warn',
  };
  const apis = await Promise.all(
    ports.map((port, index) => startApi({ name: `api ${index + 1}`, port, env })),
  );
  closers.push(() => Promise.all(apis.map((api) => stopMachine(api, 'SIGKILL'))));
  await until(
    'HAProxy serves',
    async () => (await fetch(`${proxy.origin}/readyz`).catch(() => null))?.status === 200,
  );
  const pool = connect({ url: cluster.appUrl, maxConnections: 2 });
  const owner = postgres(cluster.ownerUrl, { max: 1 });
  closers.push(
    () => pool.close(),
    () => owner.end({ timeout: 5 }),
  );
  const config = readConfig(env);
  const context = await createContext({ config, clock, db: pool.db, log: createLogger({ level: 'silent' }) });
  const fresh = {
    db: pool.db,
    appUrl: cluster.appUrl,
    ownerUrl: cluster.ownerUrl,
    owner,
    close: () => pool.close(),
  };
  const server = new TestServer(
    { origin: proxy.origin, context, clock, database: fresh, stripe, stripeOrigin, sms, webhookSecret },
    [],
  );
  return { server, apis, ports, env };
}

const settledMoney = (installation: Installation) =>
  within('the ledger is counted', 120_000, countMoney(installation));

async function countMoney({ server }: Installation) {
  const books = await reconcile(server.context.db);
  must(
    books.sound,
    `the ledger is not sound: ${JSON.stringify(books, (_key, value: unknown) => String(value))}`,
  );
  const [counts] = await server.database.owner<{ sent: number; offline: number }[]>`
    select count(*) filter (where kind = 'user_transfer')::int as sent,
           (select count(*)::int from payments where outcome in ('settled', 'settled_by_guarantee')) as offline from ledger_transfers`;
  return { sent: counts?.sent ?? 0, offline: counts?.offline ?? 0 };
}

/** Kills each process in turn, the other carries on; then each is asked to leave, and no client notices. */
async function survive(installation: Installation, label: string): Promise<void> {
  const { server, apis, ports, env } = installation;
  await mainJob(server);
  const before = await settledMoney(installation);
  const traffic = await startTraffic(server, { senders: 6, kiosks: 3 });
  const progress = async (what: string) => {
    const goal = traffic.sent.size + 60;
    await until(what, () => {
      if (traffic.failure !== null) throw traffic.failure;
      return Promise.resolve(traffic.sent.size >= goal);
    });
  };
  await progress('traffic before the first kill');
  for (const index of [0, 1]) {
    const api = apis[index];
    if (api === undefined) throw new Error('no such process');
    const { retries } = traffic;
    await stopMachine(api, 'SIGKILL');
    await progress(`traffic with process ${index + 1} killed`);
    await mainJob(server);
    apis[index] = await startApi({ name: `api ${index + 1}`, port: ports[index] ?? 0, env });
    await progress('traffic with both again');
    say(
      `${label}: process ${index + 1} killed under traffic, main job done by the other, ${traffic.retries - retries} attempts tried again`,
    );
  }
  await until('what the kills cut is answered', () => Promise.resolve(traffic.cut === 0));
  const { retries } = traffic;
  for (const index of [0, 1]) {
    const api = apis[index];
    if (api === undefined) throw new Error('no such process');
    const code = await stopMachine(api, 'SIGTERM');
    must(code === 0, `process ${index + 1} left with ${String(code)}: ${api.output.join('')}`);
    apis[index] = await startApi({ name: `api ${index + 1}`, port: ports[index] ?? 0, env });
    await progress('traffic after a restart');
  }
  const noticed = traffic.retries - retries;
  await traffic.stop();
  const after = await settledMoney(installation);
  const mainJobs = 2;
  must(
    after.sent - before.sent === traffic.sent.size + mainJobs,
    `answered ${traffic.sent.size} transfers, the ledger has ${after.sent - before.sent - mainJobs}`,
  );
  must(
    after.offline - before.offline === traffic.settledSales + 3 * mainJobs,
    `answered ${traffic.settledSales} sales, the ledger has ${after.offline - before.offline - 3 * mainJobs}`,
  );
  must(noticed === 0, `${noticed} attempts failed while processes were restarted one after the other`);
  say(`${label}: both restarted one after the other by SIGTERM, 0 attempts failed`);
  say(
    `${label}: ${traffic.sent.size} transfers and ${traffic.settledSales} sales answered, as many in the ledger, sum zero`,
  );
}

/** Each acknowledgement before the next batch is written: a proxy that keeps the request would bring this to a stop. */
async function streamBatches({ server, ports }: Installation): Promise<void> {
  const nginx = await startNginx(folder, ports);
  try {
    for (const [name, origin] of [
      ['HAProxy', server.origin],
      ['nginx', nginx.origin],
    ] as const) {
      const stream = streamThrough(server, origin);
      const settled = await within(`a stream through ${name} is acknowledged`, 120_000, stream);
      say(`${name}: a stream of ${settled} batches, each acknowledged before the next was written`);
    }
  } finally {
    await stopMachine(nginx.machine, 'SIGQUIT');
  }
}

async function replicaReads(cluster: Cluster): Promise<number> {
  const sql = postgres(cluster.replicaUrl, { max: 1 });
  const [row] = await sql<{ reads: number; standby: boolean }[]>`
    select xact_commit::int as reads, pg_is_in_recovery() as standby from pg_stat_database where datname = current_database()`;
  await sql.end({ timeout: 5 });
  must(row?.standby === true, 'the replica is no replica');
  return row?.reads ?? 0;
}

async function main(): Promise<void> {
  const starting = startCluster(folder, (close) => closers.push(close));
  const cluster = await within('a primary and its replica stand', 240_000, starting);
  ownerUrl = cluster.ownerUrl;
  const direct = await install(cluster, {
    DATABASE_URL: cluster.appUrl,
    DATABASE_REPLICA_URL: cluster.replicaUrl,
  });
  await survive(direct, 'two processes');
  await streamBatches(direct);
  const reads = await replicaReads(cluster);
  must(reads > 10, `the replica answered only ${reads} reads`);
  say(`two processes: the replica answered ${reads} transactions`);
  for (const api of direct.apis) await stopMachine(api);

  const bouncer = await startPgBouncer(folder, cluster);
  closers.push(() => stopMachine(bouncer.machine));
  const pooled = await install(cluster, {
    DATABASE_URL: bouncer.appUrl,
    TIKI_DATABASE_POOLER: 'transaction',
  });
  await survive(pooled, 'through PgBouncer');
}

/** What stands still when something does, to be read by who mends it. */
async function saySituation(): Promise<void> {
  for (const wait of waitsNow()) console.error(`waited for: ${wait}`);
  for (const words of wordsOfRunning()) console.error(words);
  if (ownerUrl === null) return;
  const sql = postgres(ownerUrl, { max: 1, connect_timeout: 5 });
  const sessions = sql<{ line: string }[]>`
    select concat_ws(' | ', pid, state, wait_event_type, wait_event, now() - state_change, left(query, 120)) as line
    from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid()`;
  const lines = await within('PostgreSQL says who is at work', 10_000, sessions);
  for (const { line } of lines) console.error(line);
  await sql.end({ timeout: 1 });
}

try {
  const work = process.argv[2] === 'sizes' ? measureSizes() : main();
  await within('the whole run', WHOLE_RUN_MS, work);
  say('test:scale: everything held');
} catch (error) {
  console.error(error);
  process.exitCode = 1;
  await saySituation().catch((failed: unknown) => console.error(failed));
} finally {
  for (const close of closers.reverse())
    await within('the last of it ends', 100_000, close()).catch((error: unknown) => console.error(error));
  killRest();
  rmSync(folder, { recursive: true, force: true });
}
// A process or a connection that was left somewhere would keep this one alive for ever, with everything said.
process.exit();
