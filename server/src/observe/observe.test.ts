import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { createApp } from '../app.ts';
import { serveMetrics } from './serve-metrics.ts';
import { startTracing } from './tracing.ts';

let server: TestServer;
let collector: Server;
let customer: Person;
let recipient: Person;
let kiosk: SimulatedKiosk;
let endTracing: () => Promise<void>;
const exported: string[] = [];

/** Everything once: people, money in, money sent, a sale, a settlement. */
beforeAll(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      exported.push(Buffer.concat(chunks).toString('utf8'));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${port}`;
  endTracing = startTracing(process.env);
  // Whoever speaks over a socket is one of our proxies here; whoever is handed to the app directly is not.
  server = await startTestServer({ env: { TIKI_TRUSTED_PROXIES: '127.0.0.1' } });
  const phone = await SimulatedPhone.withMoney(server, 5_000n);
  customer = phone.person;
  recipient = await server.register('customer');
  const body = { phone: recipient.phone, amountMinor: '250' };
  await server.call('/v1/transfers', { body, token: customer.token, key: randomUUID() });
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
  const wallet = await phone.load(1_000n);
  kiosk.sell(wallet, 100n);
  kiosk.sell(wallet, 50n);
  expect(await kiosk.settle()).toEqual(['settled', 'settled']);
  await server.call('/v1/nothing-here');
  await server.call(`/v1/history?cursor=${recipient.phone}`, { token: customer.token });
});
afterAll(async () => {
  await server.close();
  server.context.metrics.stop();
  collector.close();
});

/** What would name somebody. */
const secrets = () => [customer, recipient].flatMap(({ phone, token }) => [phone, phone.slice(1), token]);

test('metrics count requests by route template, money by kind, settlement, providers and budgets, and name nobody', async () => {
  const { registry } = server.context.metrics;
  const listening = await serveMetrics({ host: '127.0.0.1', port: 0, registry });
  const text = await (await fetch(`http://127.0.0.1:${listening.port}/metrics`)).text();
  await listening.close();
  const valueOf = (series: string) => {
    const line = text.split('\n').find((one) => one.startsWith(`${series} `));
    return line === undefined ? null : Number(line.slice(series.length + 1));
  };
  const request = (method: string, route: string, status: number) =>
    valueOf(
      `tikiwallet_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`,
    );
  expect(request('POST', '/v1/transfers', 200)).toBe(1);
  expect(request('POST', '/v1/kiosk/settlements', 200)).toBe(1);
  expect(text).not.toContain('nothing-here');
  expect(valueOf('tikiwallet_settlement_batch_entries_sum')).toBe(2);
  expect(valueOf('tikiwallet_settlement_lag_seconds_count')).toBe(2);
  expect(valueOf('tikiwallet_offline_payments_paid_total')).toBe(2);
  expect(valueOf('tikiwallet_ledger_transfers_posted_total{kind="offline_payments"}')).toBe(1);
  expect(valueOf('tikiwallet_ledger_transfers_posted_total{kind="user_transfer"}')).toBe(1);
  expect(valueOf('tikiwallet_provider_requests_total{provider="stripe",outcome="answered"}')).toBeGreaterThan(
    0,
  );
  expect(valueOf('tikiwallet_provider_requests_total{provider="twilio",outcome="failed"}')).toBe(0);
  expect(valueOf('tikiwallet_db_up')).toBe(1);
  expect(valueOf('tikiwallet_sms_budget_used')).toBe(3);
  expect(valueOf('tikiwallet_sms_budget_max')).toBe(5_000);
  expect(valueOf('tikiwallet_db_transactions_in_flight')).toBe(0);
  expect(text).toContain('nodejs_eventloop_lag_seconds');
  for (const secret of secrets()) expect(text).not.toContain(secret);
});

test('traces go to the collector with route templates and no personal data, go on from our proxies, and link strangers', async () => {
  const traceId = 'ab'.repeat(16);
  const ofStranger = 'ef'.repeat(16);
  const asks = { headers: { traceparent: `00-${ofStranger}-${'cd'.repeat(8)}-01` } };
  await createApp(server.context).request('/v1/config', asks);
  const id = randomUUID();
  await server.call(`/v1/topups/${id}`, {
    token: customer.token,
    headers: { traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` },
  });
  await endTracing();
  const text = exported.join('\n');
  expect(text).toContain('"POST /v1/transfers"');
  expect(text).toContain('"POST /v1/kiosk/settlements"');
  expect(text).toContain('"transaction"');
  expect(text).toContain(`"traceId":"${traceId}"`);
  // Kept, and nothing of ours is recorded because a stranger wants it: no span is in that trace.
  expect(text.split(ofStranger)).toHaveLength(2);
  expect(text).toMatch(new RegExp(`"links":\\[\\{[^{}]*${ofStranger}`));
  for (const secret of [...secrets(), id, customer.session.user.id]) expect(text).not.toContain(secret);
  expect(text).not.toMatch(/127\.0\.0\.1|user.?agent/i);
});
