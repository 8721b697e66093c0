import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Session } from '../contract/index.ts';
import { freePort } from '../test/free-port.ts';
import { type Person, startTestServer, type TestServer } from '../test/test-server.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const MIGRATE = fileURLToPath(new URL('./migrate.ts', import.meta.url));

let server: TestServer;
let sender: Person;
let recipient: Person;
const children: ChildProcess[] = [];
beforeAll(async () => {
  server = await startTestServer();
  sender = await server.customerWith(50_000n);
  recipient = await server.register('customer');
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server.close();
});

function run(script: string, env: Record<string, string>) {
  const settings = {
    DATABASE_URL: server.database.appUrl,
    TIKI_DATA_DIR: server.context.config.dataDir,
    TIKI_RATE_LIMIT_FACTOR: '10000',
    STRIPE_WEBHOOK_SECRET: server.webhookSecret,
    LOG_LEVEL: 'info',
  };
  const child = spawn(process.execPath, [script], { env: { ...process.env, ...settings, ...env } });
  children.push(child);
  const started = { child, output: '', exited: new Promise<number | null>((end) => child.once('exit', end)) };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (started.output += chunk.toString('utf8')));
  return started;
}

test('the migration job migrates and ends; a process that does not migrate needs no right of the owner', async () => {
  const job = run(MIGRATE, { DATABASE_URL: '', DATABASE_OWNER_URL: server.database.ownerUrl });
  expect(await job.exited).toBe(0);
  expect(job.output).toMatch(/^The database has all \d+ migrations\.$/m);
  const nowhere = run(MIGRATE, { DATABASE_URL: '', DATABASE_OWNER_URL: '' });
  expect(await nowhere.exited).toBe(2);
});

test('a process that is told to end drops no request and answers nothing that is not committed', async () => {
  const port = await freePort();
  const metricsPort = await freePort();
  const process_ = run(MAIN, {
    PORT: String(port),
    TIKI_MIGRATE: 'never',
    TIKI_METRICS_PORT: String(metricsPort),
    TIKI_LEAVE_SECONDS: '5',
  });
  await expect.poll(() => process_.output, { timeout: 60_000 }).toContain('is ready at');
  const origin = `http://127.0.0.1:${port}`;
  const answer = await fetch(`${origin}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ phone: sender.phone, password: sender.password }),
  });
  const { accessToken } = Session.parse(await answer.json());
  expect(await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()).toContain(
    'tikiwallet_db_up 1',
  );

  const answered = new Set<string>();
  const unexpected: string[] = [];
  let readiness = 0;
  // As a load balancer, which sends here until it has heard that the process leaves. Whoever goes on after the listening
  // ended is refused or, waiting to be taken, reset: nothing was begun for it, and no server can help that.
  const callUntilToldToLeave = async () => {
    while (readiness !== 503) {
      const key = randomUUID();
      try {
        const response = await fetch(`${origin}/v1/transfers`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${accessToken}`,
            'idempotency-key': key,
          },
          body: JSON.stringify({ phone: recipient.phone, amountMinor: '1' }),
        });
        if (response.status === 200) answered.add(key);
        else unexpected.push(`${response.status} ${await response.text()}`);
        await response.arrayBuffer().catch(() => undefined);
      } catch (error) {
        const cause = error instanceof Error ? error.cause : null;
        unexpected.push(cause instanceof Error && 'code' in cause ? String(cause.code) : String(error));
      }
    }
  };
  const callers = Array.from({ length: 8 }, callUntilToldToLeave);
  await expect.poll(() => answered.size, { timeout: 60_000 }).toBeGreaterThan(40);
  process_.child.kill('SIGTERM');
  await expect
    .poll(
      async () => {
        const response = await fetch(`${origin}/readyz`).catch(() => null);
        readiness = response?.status ?? readiness;
        return readiness;
      },
      { timeout: 10_000, interval: 20 },
    )
    .toBe(503);
  await Promise.all(callers);
  expect(await process_.exited).toBe(0);
  expect(unexpected).toEqual([]);
  // What stands in the ledger is what was answered, one for one.
  const rows = await server.database.owner<{ keys: number }[]>`
    select count(*)::int as keys from ledger_transfers where kind = 'user_transfer'`;
  expect(rows[0]?.keys).toBe(answered.size);
});
