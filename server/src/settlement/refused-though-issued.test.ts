import { randomUUID } from 'node:crypto';
import { toHex } from '@tikiwallet/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { leakIn } from '../../test/log-scan.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { refund } from '../../test/simulated-refunds.ts';
import { createLogger } from '../log.ts';
import { describeDamage, listDamage } from './damage.ts';
import { describeJournals, reconcileJournals } from './reconcile-journals.ts';

const lines: string[] = [];
let server: TestServer;
let kiosk: SimulatedKiosk;
let phone: SimulatedPhone;
let merchant: Person;
beforeAll(async () => {
  const log = createLogger({ level: 'error', destination: { write: (line: string) => lines.push(line) } });
  server = await startTestServer({ log });
  merchant = await server.register('merchant', { agent: true });
  kiosk = await SimulatedKiosk.open(server, merchant);
  phone = await SimulatedPhone.withMoney(server, 9_000n);
});
afterAll(() => server.close());

const store = (wallet: OfflineWallet, certificate: Uint8Array) => server.database.owner`
  update allowances set certificate = ${certificate} where id = ${wallet.allowance.allowanceId}`;
const issuedOf = (wallet: OfflineWallet) => wallet.allowance.bytes;
const bentOf = (wallet: OfflineWallet) => {
  const bytes = issuedOf(wallet);
  return bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);
};
const damagedCount = async () => {
  const metric = await server.context.metrics.registry
    .getSingleMetric('tikiwallet_allowance_certificates_damaged_total')
    ?.get();
  return metric?.values[0]?.value;
};
/** What came of the journal's newest sale. */
const settle = async () => (await kiosk.settle()).at(-1);
const refused = async () => (await reconcileJournals(server.context.db)).refusedThoughIssued;

test('a damaged certificate is an alarm, and its refused sale is named until the phone claims it under the mended one', async () => {
  const wallet = await phone.load(1_000n);
  expect(await damagedCount()).toBe(0);
  await store(wallet, bentOf(wallet));
  const request = kiosk.request(300n);
  const payment = pay(wallet, request);
  kiosk.write(request, wallet, payment);
  const claim = kiosk.claimFor(wallet, { request, payment });
  expect(await settle()).toBe('refused:issuer_unknown');

  const { allowanceId } = wallet.allowance;
  expect(await damagedCount()).toBe(1);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ allowanceId, reason: 'certificate_signature_invalid' }),
  ]);
  expect(lines.map(leakIn)).toEqual([null]);
  const found = await reconcileJournals(server.context.db);
  expect(found).toMatchObject({
    sound: false,
    faults: [],
    refusedThoughIssued: [{ allowanceId, sequence: 1, paymentKey: toHex(payment.hash) }],
  });
  expect(describeJournals(found).join('\n')).toMatch(
    new RegExp(`sale 1 \\(payment ${toHex(payment.hash)}\\).*${allowanceId} is ours`),
  );

  await store(wallet, issuedOf(wallet));
  const { token } = phone.person;
  const answer = await server.call('/v1/claims', { body: claim, token });
  expect(answer.body).toMatchObject({ state: 'paid' });
  expect(await kiosk.availableMinor()).toBe(300n);
  expect((await reconcileJournals(server.context.db)).sound).toBe(true);
  kiosk.sell(wallet, 50n);
  expect(await settle()).toBe('settled');
});

test('a certificate of another allowance in its place is damage, and spends from nobody else’s reserve', async () => {
  const [wallet, other] = [await phone.load(1_000n), await phone.load(1_000n)];
  const before = await damagedCount();
  await store(wallet, issuedOf(other));
  kiosk.sell(wallet, 100n);
  expect(await settle()).toBe('refused:issuer_unknown');
  expect(await damagedCount()).toBe((before ?? 0) + 1);
  kiosk.sell(other, 200n);
  expect(await settle()).toBe('settled');
  expect(await phone.allowance(other)).toMatchObject({ settledMinor: '200' });
  const { allowanceId } = wallet.allowance;
  expect(await refused()).toMatchObject([{ allowanceId }]);
});

test('a correction under the payment’s key ends the finding', async () => {
  const [{ paymentKey } = { paymentKey: null }] = await refused();
  expect(paymentKey).not.toBeNull();
  const { owner } = server.database;
  await owner.begin(async (tx) => {
    // The transfer's entries are another test's matter.
    await tx`set local session_replication_role = replica`;
    await tx`insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      values (gen_random_uuid(), 'correction', ${`refused_sale:${paymentKey}`}, '', '{}')`;
  });
  expect(await refused()).toEqual([]);
});

const damagePage = async (page: { limit: number; cursor?: string | undefined }) =>
  await listDamage(server.context.db, {
    ...page,
    issuers: await server.context.offline.trust.issuers(server.context.db),
    now: new Date(server.clock.nowMs()),
  });
const damage = async () => (await damagePage({ limit: 100 })).items;

test('a refund that was refused for a damaged certificate is named, with shop, till and the sale that it is of', async () => {
  const till = await SimulatedKiosk.open(server, merchant, 'Back door');
  const wallet = await phone.load(500n);
  const sale = till.sell(wallet, 200n);
  await store(wallet, bentOf(wallet));
  refund(till, wallet, { payment: sale, amountMinor: 50n });
  await till.settle();
  const { allowanceId } = wallet.allowance;
  expect(await damage()).toContainEqual(
    expect.objectContaining({
      ...{ what: 'refund', damaged: 'allowance', kioskName: 'Back door', receipt: 2 },
      ...{ allowanceId, paymentHash: toHex(sale.hash) },
    }),
  );
  const named = (await damage()).find(({ what }) => what === 'refund');
  expect(named && describeDamage(named)).toMatch(
    new RegExp(
      `Back door.*entry 2 \\(refund, payment ${toHex(sale.hash)}.*certificate of the allowance  <- DIFFER$`,
    ),
  );
  await store(wallet, issuedOf(wallet));
});

test('damage is told in pages: all of it, each once, in the same order', async () => {
  const { owner } = server.database;
  const till = await SimulatedKiosk.open(server, merchant, 'Market');
  const another = await SimulatedPhone.withMoney(server, 9_000n);
  const wallets = [await another.load(300n), await another.load(300n)];
  for (const wallet of wallets) {
    const sale = till.sell(wallet, 200n);
    await store(wallet, bentOf(wallet));
    refund(till, wallet, { payment: sale, amountMinor: 50n });
    await till.settle();
    till.sell(wallet, 10n);
    await till.settle();
  }
  const bend = (by: number) => owner`
    update kiosk_certificates set certificate = set_byte(certificate, 9, get_byte(certificate, 9) # ${by})`;
  await bend(1);
  const whole = await damage();
  expect(new Set(whole.map(({ what }) => what))).toEqual(new Set(['kiosk_certificate', 'sale', 'refund']));
  const paged: unknown[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const { items, nextCursor } = await damagePage({ limit: 1, cursor });
    expect(items.length).toBeLessThanOrEqual(1);
    paged.push(...items);
    cursor = nextCursor;
  }
  expect(paged).toEqual(whole);
  expect(new Set(paged.map((one) => JSON.stringify(one))).size).toBe(paged.length);
  for (const cursor of ['kiosk', `2_${randomUUID()}_9999999999`])
    await expect(damagePage({ limit: 1, cursor })).rejects.toMatchObject({ code: 'request_invalid' });
  await bend(1);
  for (const wallet of wallets) await store(wallet, issuedOf(wallet));
});

test('what a journal has lost hides nothing that comes behind it', async () => {
  const before = await damage();
  const till = await SimulatedKiosk.open(server, merchant, 'Pier');
  const wallet = await (await SimulatedPhone.withMoney(server, 1_000n)).load(300n);
  const sale = till.sell(wallet, 200n);
  await store(wallet, bentOf(wallet));
  refund(till, wallet, { payment: sale, amountMinor: 50n });
  await till.settle();
  const whole = await damage();
  // The sale and the refund.
  expect(whole.length).toBe(before.length + 2);
  // More than are looked at in one round trip, of a machine before all others.
  await server.database.owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`insert into refund_entries (enrolment_id, sequence, kiosk_id, merchant_id, code, recorded_at, received_at)
      select '00000000-0000-0000-0000-000000000000', n, kiosk_id, merchant_id, 'issuer_unknown', recorded_at, received_at
      from (select * from refund_entries limit 1) r, generate_series(1, 600) n`;
  });
  expect(await damage()).toEqual(whole);
  await store(wallet, issuedOf(wallet));
});

test('a kiosk’s damaged certificate is an alarm, and the till is named until it is mended', async () => {
  const till = await SimulatedKiosk.open(server, merchant, 'Corner');
  const { owner } = server.database;
  const [row] = await owner<{ hash: Uint8Array; certificate: Uint8Array }[]>`
    select c.hash, c.certificate from kiosk_certificates c join kiosk_enrolments e on e.id = c.enrolment_id
    where e.kiosk_id = ${till.kioskId}`;
  if (row === undefined) throw new Error('the till has no certificate');
  const put = (certificate: Uint8Array) =>
    owner`update kiosk_certificates set certificate = ${certificate} where hash = ${row.hash}`;
  const whole = new Uint8Array(row.certificate);
  await put(whole.with(whole.length - 1, (whole.at(-1) ?? 0) ^ 1));
  lines.length = 0;
  till.sell(await phone.load(100n), 60n);
  await expect(till.settle()).rejects.toThrow();
  expect(lines.join('')).toContain('certificate of a kiosk does not verify');
  const ofTill = async () => (await damage()).filter(({ kioskId }) => kioskId === till.kioskId);
  expect(await ofTill()).toMatchObject([
    { what: 'kiosk_certificate', damaged: 'kiosk', kioskName: 'Corner' },
  ]);
  await put(whole);
  expect(await ofTill()).toEqual([]);
  expect((await till.settle()).at(-1)).toBe('settled');
});
