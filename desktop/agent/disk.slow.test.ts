import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  fromQrText,
  openRequestEnvelope,
  runSync,
  sealToKiosk,
  verifyTrustBundle,
} from '@tikiwallet/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { AgentProcess, EnrollingCloud } from './test/agent-process.ts';
import { crypto, ok, type TestPhone } from './test/world.ts';

/** A disk whose syncs are counted and can be made to fail: real system calls of the real agent. */
let tools: string;
let shim: string | null = null;
let folder: string;
let log: string;
let cloud: EnrollingCloud;
let agent: AgentProcess;
let phone: TestPhone;

beforeAll(() => {
  tools = mkdtempSync(join(tmpdir(), 'tiki-shim-'));
  const source = join(import.meta.dirname, 'test', 'sync-shim.cc');
  try {
    const built = join(tools, 'sync-shim.so');
    execFileSync('/usr/bin/g++', ['-std=c++17', '-shared', '-fPIC', '-o', built, source, '-ldl'], {
      stdio: 'ignore',
    });
    shim = process.platform === 'linux' ? built : null;
  } catch {
    shim = null;
  }
});
afterAll(() => rmSync(tools, { recursive: true, force: true }));

beforeEach(async (context) => {
  if (shim === null) return context.skip('needs Linux and g++: apt-get install g++');
  folder = mkdtempSync(join(tmpdir(), 'tiki-disk-'));
  log = join(folder, 'syncs');
  cloud = new EnrollingCloud();
  agent = new AgentProcess(folder, await cloud.listen(), { LD_PRELOAD: shim, SYNC_SHIM_LOG: log });
  phone = cloud.issuer.phone({ capMinor: 10_000_000n, hardCounterLimit: 10_000 });
  await agent.start();
  await agent.client.call('kiosk.enrol', { code: 'abcd-efgh' });
});
afterEach(async () => {
  if (shim === null) return;
  await agent.end();
  cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

const syncs = (): readonly string[] => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);
const walSyncs = () => syncs().filter((line) => line === 'ok kiosk.sqlite-wal').length;

async function sign(): Promise<Uint8Array> {
  const sale = await agent.client.call('sale.open', { saleId: randomUUID(), amountMinor: '100' });
  const envelope = ok(fromQrText('request', sale.qrText));
  const { delivery } = phone.pay(envelope);
  const trust = ok(runSync(verifyTrustBundle(cloud.issuer.bundle(), cloud.issuer.root.publicKey), crypto));
  const { kiosk } = ok(runSync(openRequestEnvelope(envelope, trust.issuers), crypto));
  return sealToKiosk(delivery, kiosk);
}

/** The status, or null when there was no answer. */
async function post(sealed: Uint8Array): Promise<number | null> {
  const { addresses } = await agent.client.call('agent.state', {});
  try {
    const response = await fetch(`${addresses[0]}/v1/payments`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.tikipay.sealed', connection: 'close' },
      body: new Uint8Array(sealed),
    });
    return response.status;
  } catch {
    return null;
  }
}

test('R37 every receipt comes after a sync of its own commit', async () => {
  for (let i = 0; i < 25; i += 1) {
    const sealed = await sign();
    const before = walSyncs();
    expect(await post(sealed)).toBe(200);
    expect(walSyncs()).toBeGreaterThan(before);
  }
});

test('R41 a sync that fails ends the agent at once: no receipt, no second try, and nothing counts twice after', async () => {
  expect(await post(await sign())).toBe(200);
  const sealed = await sign();
  writeFileSync(`${log}.fail`, 'kiosk.sqlite-wal');
  expect(await post(sealed)).toBeNull();
  await agent.ended();
  expect(syncs().at(-1)).toBe('failed kiosk.sqlite-wal');
  await agent.start();
  expect(await post(sealed)).toBe(200);
  expect((await agent.client.call('agent.state', {})).settlement).toMatchObject({
    pendingCount: 2,
    pendingMinor: '200',
  });
});

test('R41 a sync that fails while the log is written back ends the agent too, and loses nothing', async () => {
  writeFileSync(`${log}.fail`, 'kiosk.sqlite');
  let accepted = 0;
  // Whoever pays at the moment of the failure gets a receipt or none: it is not the commit that fails.
  while (accepted < 400 && existsSync(`${log}.fail`)) {
    const status = await sign()
      .then(post)
      .catch(() => null);
    if (status === 200) accepted += 1;
  }
  await agent.ended();
  expect(syncs().at(-1)).toBe('failed kiosk.sqlite');
  await agent.start();
  const { pendingCount } = (await agent.client.call('agent.state', {})).settlement;
  expect(pendingCount).toBeGreaterThanOrEqual(accepted);
});

test('a log that has grown is written back after a rush, and what is stored is there after an end without goodbye', async () => {
  const writtenBack = (): number => syncs().filter((line) => line === 'ok kiosk.sqlite').length;
  const before = writtenBack();
  let sold = 0;
  for (; sold < 400; sold += 1) expect(await post(await sign())).toBe(200);
  await vi.waitFor(() => expect(writtenBack()).toBeGreaterThan(before), { timeout: 60_000 });
  expect(statSync(join(folder, 'kiosk.sqlite-wal')).size).toBeLessThan(32 * 1024 * 1024);
  await agent.kill('SIGKILL');
  await agent.start();
  expect((await agent.client.call('agent.state', {})).settlement.pendingCount).toBe(sold);
});
