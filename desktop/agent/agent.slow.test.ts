import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  fromQrText,
  openRequestEnvelope,
  runSync,
  sealToKiosk,
  toHex,
  toQrText,
  verifyReceipt,
  verifyTrustBundle,
} from '@tikiwallet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Sale } from '../ipc/index.ts';
import { AgentProcess, EnrollingCloud } from './test/agent-process.ts';
import { crypto, ok, type TestPhone } from './test/world.ts';

let folder: string;
let cloud: EnrollingCloud;
let agent: AgentProcess;
let phone: TestPhone;
/** What this machine needs for an agent that has nothing to read yet. */
let firstStartMs: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-kill-'));
  cloud = new EnrollingCloud();
  agent = new AgentProcess(folder, await cloud.listen());
  phone = cloud.issuer.phone({ capMinor: 10_000_000n, hardCounterLimit: 10_000 });
  firstStartMs = await agent.start();
  await agent.client.call('kiosk.enrol', { code: 'abcd-efgh' });
});
afterEach(async () => {
  await agent.end();
  cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Posted {
  readonly sealed: Uint8Array;
  readonly delivery: Uint8Array;
  readonly paymentHash: string;
}

const open = (): Promise<Sale> =>
  agent.client.call('sale.open', { saleId: randomUUID(), amountMinor: '100' });

async function sign(sale: Sale): Promise<Posted> {
  const envelope = ok(fromQrText('request', sale.qrText));
  const { payment, delivery } = phone.pay(envelope);
  const trust = ok(runSync(verifyTrustBundle(cloud.issuer.bundle(), cloud.issuer.root.publicKey), crypto));
  const { kiosk } = ok(runSync(openRequestEnvelope(envelope, trust.issuers), crypto));
  return { sealed: await sealToKiosk(delivery, kiosk), delivery, paymentHash: toHex(payment.hash) };
}

/** Null when there was no answer. */
async function post(posted: Posted): Promise<{ status: number; body: Uint8Array } | null> {
  const state = await agent.client.call('agent.state', {}).catch(() => null);
  if (state === null) return null;
  try {
    const response = await fetch(`${state.addresses[0]}/v1/payments`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.tikipay.sealed', connection: 'close' },
      body: new Uint8Array(posted.sealed),
    });
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  } catch {
    return null;
  }
}

test('R40 killed at random moments: what was acknowledged is stored, and a repeat gets the same receipt', async () => {
  const promised = new Map<string, { posted: Posted; receipt: string }>();
  const unanswered: Posted[] = [];
  const rounds = 8;
  for (let round = 0; round < rounds; round += 1) {
    let isKilled = false;
    let killer: Promise<unknown> | undefined;
    while (!isKilled) {
      const sale = await open().catch(() => null);
      if (sale === null) break;
      const posted = await sign(sale);
      const answer = await post(posted);
      if (answer?.status === 200) promised.set(posted.paymentHash, { posted, receipt: toHex(answer.body) });
      else if (answer === null) unanswered.push(posted);
      // From the first promise on, so that there is something to lose on the slowest machine.
      killer ??= sleep(Math.random() * 250).then(() => {
        isKilled = true;
        return agent.kill('SIGKILL');
      });
    }
    await (killer ?? agent.kill('SIGKILL'));
    // What is there to read may make it no slower than three seconds, or three times a start with nothing to read.
    expect(await agent.start(), 'ready again').toBeLessThan(Math.max(3_000, 3 * firstStartMs));
    const last = [...promised.values()].at(-1);
    if (last !== undefined)
      expect(toHex((await post(last.posted))?.body ?? new Uint8Array(0))).toBe(last.receipt);
    // A phone that heard nothing asks again: either it was stored, or it is now, or its request is over for good.
    for (const posted of unanswered.splice(0)) {
      const again = await post(posted);
      if (again?.status === 200) promised.set(posted.paymentHash, { posted, receipt: toHex(again.body) });
    }
    const state = await agent.client.call('agent.state', {});
    if (state.sale?.state === 'open') await agent.client.call('sale.cancel', { saleId: state.sale.saleId });
  }
  expect(promised.size).toBeGreaterThanOrEqual(rounds);
  const stored = await listAll();
  for (const hash of promised.keys()) expect(stored).toContain(hash);
  expect(new Set(stored).size).toBe(stored.length);
  for (const { posted, receipt } of promised.values())
    expect(toHex((await post(posted))?.body ?? new Uint8Array(0))).toBe(receipt);
  expect((await agent.client.call('agent.state', {})).settlement.pendingCount).toBe(stored.length);
});

async function listAll(): Promise<string[]> {
  const hashes: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: { paymentHash: string }[]; nextCursor: string | null } = await agent.client.call(
      'activity.list',
      { cursor, limit: 100 },
    );
    hashes.push(...page.items.map((payment) => payment.paymentHash));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return hashes;
}

test('R39 the screen says paid and the phone holds a receipt that verifies, and a restart shows it still', async () => {
  const sale = await open();
  const posted = await sign(sale);
  const answer = await post(posted);
  expect(answer?.status).toBe(200);
  expect((await agent.client.call('agent.state', {})).sale?.state).toBe('paid');
  const trust = ok(runSync(verifyTrustBundle(cloud.issuer.bundle(), cloud.issuer.root.publicKey), crypto));
  const { kiosk } = ok(
    runSync(openRequestEnvelope(ok(fromQrText('request', sale.qrText)), trust.issuers), crypto),
  );
  const expected = { paymentHash: Buffer.from(posted.paymentHash, 'hex'), amountMinor: 100n };
  expect(runSync(verifyReceipt(answer?.body ?? new Uint8Array(0), kiosk, expected), crypto).ok).toBe(true);
  await agent.kill('SIGKILL');
  await agent.start();
  const again = (await agent.client.call('agent.state', {})).sale;
  expect(again).toMatchObject({
    saleId: sale.saleId,
    state: 'paid',
    payment: { paymentHash: posted.paymentHash },
  });
});

test('R8 the same bytes over HTTP and by the camera count once, in either order, with the same receipt', async () => {
  for (const cameraFirst of [true, false]) {
    const posted = await sign(await open());
    const scan = () => agent.client.call('delivery.submit', { text: toQrText('delivery', posted.delivery) });
    if (cameraFirst) expect(await scan()).toMatchObject({ outcome: 'accepted' });
    const answer = await post(posted);
    expect(answer?.status).toBe(200);
    expect(await scan()).toEqual({ outcome: 'repeated', paymentHash: posted.paymentHash });
    const { qrText } = await agent.client.call('payment.receipt', { paymentHash: posted.paymentHash });
    expect(ok(fromQrText('receipt', qrText ?? ''))).toEqual(answer?.body);
  }
  expect((await agent.client.call('agent.state', {})).settlement.pendingCount).toBe(2);
  const unknown = await agent.client.call('payment.receipt', { paymentHash: 'ab'.repeat(32) });
  expect(unknown).toEqual({ qrText: null });
});

test('one agent a folder, private files, and a clean end', async () => {
  const second = new AgentProcess(folder, 'http://127.0.0.1:1');
  // The first one answers on the socket; the second must end by itself and say why.
  await second.start();
  await expect.poll(() => second.output).toContain('is in use by another agent');
  await second.end();
  for (const name of ['kiosk.sqlite', 'signing-key.pem', 'sealing-key.pem', 'agent.token', 'agent.lock']) {
    expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
  }
  expect(await agent.kill('SIGTERM')).toBe(0);
  expect(() => statSync(join(folder, 'agent.lock'))).toThrow('ENOENT');
});

test('R44 a damaged database is said loudly and nothing is sold', async () => {
  await agent.kill('SIGTERM');
  const path = join(folder, 'kiosk.sqlite');
  const damaged = readFileSync(path).fill(0x5a, 8_192);
  writeFileSync(path, damaged);
  await agent.start();
  expect((await agent.client.call('agent.state', {})).phase).toBe('quarantined');
  await expect(open()).rejects.toMatchObject({ code: 'journal_quarantined' });
  expect(readFileSync(path).equals(damaged)).toBe(true);
  expect(readFileSync(`${path}.quarantined`).equals(damaged)).toBe(true);
});

test('R59 the log holds no token, no key and no phone number', async () => {
  await post(await sign(await open()));
  const token = readFileSync(join(folder, 'agent.token'), 'utf8');
  for (const secret of [token, 'kiosk-token', 'PRIVATE KEY', '+6591234567'])
    expect(agent.output).not.toContain(secret);
});
