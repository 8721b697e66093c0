import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromQrText, toQrText } from '@tikiwallet/protocol';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectAgent, type AgentClient } from '../ipc/agent-client.ts';
import type { Refund } from '../ipc/index.ts';
import { readConfig } from './config.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { startAgent, type RunningAgent } from './start-agent.ts';
import { EnrollingCloud } from './test/agent-process.ts';
import { ok } from './test/world.ts';

let path: string;
let folder: DataFolder;
let cloud: EnrollingCloud;
let client: AgentClient;
let starting: Promise<RunningAgent>;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'tiki-start-'));
  folder = openDataFolder(path);
  cloud = new EnrollingCloud();
});
afterEach(async () => {
  client.close();
  await (await starting).stop();
  cloud.close();
  folder.release();
  rmSync(path, { recursive: true, force: true });
});

async function start(): Promise<void> {
  const env = { TIKI_KIOSK_DATA: path, TIKI_API_URL: await cloud.listen(), TIKI_LISTEN_PORT: '0' };
  client = connectAgent({ socketPath: folder.socketPath, token: folder.token, maxBackoffMs: 5 });
  starting = startAgent({
    config: readConfig(env),
    folder,
    version: '0.0.0',
    log: pino({ level: 'silent' }),
    onFatal: (detail) => expect.unreachable(detail),
  });
  await client.whenConnected(20_000);
}

test('a call in the first moments is answered: the state says starting, everything else waits for the store', async () => {
  await start();
  const state = client.call('agent.state', {});
  const sale = client.call('sale.open', { saleId: randomUUID(), amountMinor: '100' });
  const enrolled = client.call('kiosk.enrol', { code: 'abcd-efgh' });
  expect((await state).phase).toBe('starting');
  await expect(sale).rejects.toMatchObject({ code: 'kiosk_not_enrolled' });
  expect((await enrolled).phase).toBe('ready');
});

test('a till that is suspended closes its open refund and says why to every window, also to one that comes later', async () => {
  await start();
  await client.call('kiosk.enrol', { code: 'abcd-efgh' });
  const sale = await client.call('sale.open', { saleId: randomUUID(), amountMinor: '1250' });
  const phone = cloud.issuer.phone();
  const { delivery } = phone.pay(ok(fromQrText('request', sale.qrText)));
  await client.call('delivery.submit', { text: toQrText('delivery', delivery) });
  const [payment] = (await client.call('activity.list', { cursor: null, limit: 1 })).items;
  const terms = { kind: 'refund', amountMinor: '500', reason: 'goods_returned' } as const;
  const opened = await client.call('refund.open', {
    refundId: randomUUID(),
    sequence: payment?.sequence ?? 0,
    ...terms,
  });
  if (opened.outcome === 'refused') return expect.unreachable(opened.code);
  const { refundId, qrText } = opened.refund;
  const other = connectAgent({ socketPath: folder.socketPath, token: folder.token, maxBackoffMs: 5 });
  const told = Promise.all([client, other].map(refundClosed));

  cloud.suspends = true;
  await client.call('settlement.now', {});

  const closed = { refundId, state: 'cancelled', lastRefusal: { code: 'kiosk_suspended' } };
  expect(await told).toMatchObject([closed, closed]);
  other.close();
  const later = connectAgent({ socketPath: folder.socketPath, token: folder.token, maxBackoffMs: 5 });
  expect(await refundClosed(later)).toMatchObject(closed);
  later.close();
  const acceptance = phone.acceptRefund(ok(fromQrText('refundOffer', qrText)));
  const late = await client.call('refund.submit', { text: toQrText('refundAcceptance', acceptance) });
  expect(late).toMatchObject({ outcome: 'refused', code: 'kiosk_suspended' });
  expect((await client.call('refund.list', { paymentHash: payment?.paymentHash ?? '' })).items).toEqual([]);
});

/** The refund as a window shows it once it is not open any more. */
function refundClosed(window: AgentClient): Promise<Refund> {
  return new Promise((resolve) => {
    const stop = window.onState(({ refund }) => {
      if (refund === null || refund.state === 'open') return;
      setImmediate(() => stop());
      resolve(refund);
    });
  });
}
