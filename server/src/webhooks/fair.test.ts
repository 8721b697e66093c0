/** Who is slow keeps nobody else waiting, and is asked for one answer at a time. */
import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebhookWithSecret } from '../../contract/index.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { type Queue, startQueue, TAKING_JOBS } from '../jobs/queue.ts';
import { deliver, handOver } from './index.ts';

const PATIENCE = { timeout: 50_000, interval: 50 };
/** Of the receiver that hangs. More than two processes have workers. */
const EVENTS = 20;

let server: TestServer;
let queues: Queue[];
beforeAll(async () => {
  server = await startTestServer();
  const { worker, log } = server.context;
  queues = await Promise.all([startQueue(worker, log), startQueue(worker, log)]);
});
afterAll(async () => {
  await Promise.all(queues.map((queue) => queue.stop()));
  await server.close();
});

interface Receiver {
  readonly merchantId: string;
  /** Ids of messages, in the order of their coming. */
  readonly told: string[];
  /** Answers what waits, and from now on at once. */
  readonly wakeUp: () => void;
  readonly close: () => void;
}

async function openReceiver(isHanging: boolean): Promise<Receiver> {
  const told: string[] = [];
  const waiting: ServerResponse[] = [];
  let hangs = isHanging;
  const http = createServer((request, response) => {
    told.push(String(request.headers['webhook-id']));
    request.resume();
    if (hangs) waiting.push(response);
    else response.writeHead(204).end();
  });
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const merchant = await server.register('merchant', { agent: true });
  const { id } = await server.expect(WebhookWithSecret, '/v1/merchant/webhooks', {
    body: { url: `http://127.0.0.1:${port}/`, events: ['kiosk.denied'] },
    token: merchant.token,
    key: randomUUID(),
  });
  const [row] = await server.database.owner<{ merchantId: string }[]>`
    select merchant_id as "merchantId" from webhook_endpoints where id = ${id}`;
  return {
    merchantId: row?.merchantId ?? '',
    told,
    wakeUp: () => {
      hangs = false;
      for (const response of waiting.splice(0)) response.writeHead(204).end();
    },
    close: () => {
      http.close();
      http.closeAllConnections();
    },
  };
}

/** Written as the triggers of the database write it. */
async function happen({ merchantId }: Receiver, count: number): Promise<void> {
  await server.database.owner`
    select webhook_tell(${merchantId}, 'kiosk.denied', n::text, '{}'::jsonb) from generate_series(1, ${count}) n`;
  const [queue] = queues;
  if (queue !== undefined) expect(await handOver(server.background, queue.enqueueWebhooks)).toBe(count);
}

test('a receiver that hangs holds one worker of all processes together; everybody else is told meanwhile', async () => {
  const slow = await openReceiver(true);
  const quick = await openReceiver(false);
  await happen(slow, EVENTS);
  await happen(quick, 3);
  const inFlight = new Map<string, number>();
  let most = 0;
  const counting = async (deliveryId: string) => {
    const [row] = await server.database.owner<{ merchantId: string }[]>`
      select merchant_id as "merchantId" from webhook_deliveries where id = ${deliveryId}`;
    const merchantId = row?.merchantId ?? '';
    const now = (inFlight.get(merchantId) ?? 0) + 1;
    inFlight.set(merchantId, now);
    most = Math.max(most, now);
    try {
      // Longer than the test waits: it hangs for as long as it is asked to.
      await deliver(server.background, deliveryId, { timeoutMs: 10 * 60_000 });
    } finally {
      inFlight.set(merchantId, (inFlight.get(merchantId) ?? 0) - 1);
    }
  };
  for (const queue of queues)
    await queue.workOnWebhooks({ deliver: counting, onDead: () => Promise.resolve() });

  await vi.waitFor(() => expect(quick.told).toHaveLength(3), PATIENCE);
  await vi.waitFor(() => expect(slow.told).toHaveLength(1), PATIENCE);
  expect({ most, slow: inFlight.get(slow.merchantId) }).toEqual({ most: 1, slow: 1 });

  slow.wakeUp();
  await vi.waitFor(() => expect(slow.told).toHaveLength(EVENTS), PATIENCE);
  expect({ most, events: new Set(slow.told).size }).toEqual({ most: 1, events: EVENTS });
  slow.close();
  quick.close();
});

test('who takes a job waits for whoever is taking one, at another process too', async () => {
  const { owner } = server.database;
  const waits = async () => {
    const rows = await owner`
      select 1 from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database()
      where l.locktype = 'advisory' and l.objid = ${TAKING_JOBS} and not l.granted`;
    // One of each process: those who wait leave the pool to others.
    expect(rows).toHaveLength(queues.length);
  };
  await owner.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${TAKING_JOBS})`;
    await vi.waitFor(waits, PATIENCE);
  });
});
