import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectAgent, type AgentClient } from '../ipc/agent-client.ts';
import { readConfig } from './config.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { startAgent, type RunningAgent } from './start-agent.ts';
import { EnrollingCloud } from './test/agent-process.ts';

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
