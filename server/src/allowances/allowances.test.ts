import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  ASSURANCE,
  fromBase64Url,
  opensPhoneCommitment,
  readAllowanceCertificate,
  STANDING,
  verifyAllowanceCertificate,
} from '@tikiwallet/protocol';
import { Allowance, HistoryItem, pageOf } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { newKey, type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';
import { must } from '../trust/index.ts';
import { giveBackAll } from './index.ts';

const HOUR_MS = 3_600_000;

let server: TestServer;
let phone: SimulatedPhone;
beforeEach(async () => {
  phone = await SimulatedPhone.withMoney(server, 10_000n);
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});

const giveBackRound = () =>
  giveBackAll({ db: server.context.worker, clock: server.clock, policy: server.context.offline.policy });

async function loadAs(who: SimulatedPhone, amountMinor: bigint, changes: Record<string, unknown> = {}) {
  const key = randomUUID();
  const body = { ...who.allowanceBody(amountMinor, key), ...changes };
  return server.call('/v1/allowances', { body, key, token: who.person.token });
}

describe('issuing', () => {
  beforeAll(async () => {
    server = await startTestServer({ maxConnections: 16 });
  });
  afterAll(() => server.close());

  test('moves the money and certifies the key in one step', async () => {
    const key = randomUUID();
    const view = await server.expect(Allowance, '/v1/allowances', {
      body: phone.allowanceBody(4_000n, key),
      key,
      token: phone.person.token,
    });
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '6000', offlineMinor: '4000' });
    const issuers = await server.context.offline.trust.issuers(server.context.db);
    const certificate = must(verifyAllowanceCertificate(fromBase64Url(view.certificate), issuers));
    expect(certificate).toMatchObject({
      allowanceId: view.id,
      capMinor: 4_000n,
      perPaymentMinor: 4_000n,
      currency: 'SGD',
      firstCounter: 1,
      assurance: ASSURANCE.software,
      standing: STANDING.new,
      payeeLock: null,
    });
    expect(certificate.devicePublicKey).toEqual(phone.key.publicKey);
    expect(certificate.notAfter - certificate.notBefore).toBe(72 * 3600);
    const opens = opensPhoneCommitment(
      certificate.phoneCommitment,
      phone.person.phone,
      fromBase64Url(view.phoneSalt),
    );
    expect(must(opens)).toBe(true);
    const history = await server.expect(pageOf(HistoryItem), '/v1/history', { token: phone.person.token });
    expect(history.items[0]).toMatchObject({ kind: 'allowance_loaded', amountMinor: '-4000' });
  });

  test('R48: the same key and body answer the same certificate, moved once, however often and at once', async () => {
    const key = randomUUID();
    const body = phone.allowanceBody(1_000n, key);
    const asks = Array.from({ length: 8 }, () =>
      server.expect(Allowance, '/v1/allowances', { body, key, token: phone.person.token }),
    );
    const answers = await Promise.all(asks);
    expect(new Set(answers.map((answer) => answer.certificate)).size).toBe(1);
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '9000', offlineMinor: '1000' });
  });

  test('R48: a crash between the commit and the stored answer issues no second allowance', async () => {
    const key = randomUUID();
    const body = phone.allowanceBody(1_000n, key);
    const ask = () => server.expect(Allowance, '/v1/allowances', { body, key, token: phone.person.token });
    const first = await ask();
    await server.database.owner`delete from idempotency_keys where key = ${key}`;
    expect((await ask()).certificate).toBe(first.certificate);
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '9000' });
  });

  test('R48: the same key for another amount is refused', async () => {
    const key = randomUUID();
    await server.call('/v1/allowances', {
      body: phone.allowanceBody(1_000n, key),
      key,
      token: phone.person.token,
    });
    const body = phone.allowanceBody(2_000n, key);
    expect((await server.call('/v1/allowances', { body, key, token: phone.person.token })).code).toBe(
      'idempotency_key_reused',
    );
    await server.database.owner`delete from idempotency_keys where key = ${key}`;
    expect((await server.call('/v1/allowances', { body, key, token: phone.person.token })).code).toBe(
      'idempotency_key_reused',
    );
  });

  test('a key whose holder did not sign for this very request is not certified', async () => {
    const other = new SimulatedPhone(server, phone.person);
    const key = randomUUID();
    const { proof } = other.allowanceBody(1_000n, key);
    expect((await loadAs(phone, 1_000n, { proof })).code).toBe('device_key_invalid');
    // Signed by the right key, for another occasion.
    expect((await loadAs(phone, 1_000n, { proof: phone.allowanceBody(1_000n, key).proof })).code).toBe(
      'device_key_invalid',
    );
    expect((await loadAs(phone, 1_000n, { devicePublicKey: 'AAAA' })).code).toBe('device_key_invalid');
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '10000', offlineMinor: '0' });
  });

  test('limits have a code each, and a refusal moves nothing', async () => {
    expect((await loadAs(phone, 99n)).code).toBe('amount_below_minimum');
    expect((await loadAs(phone, 20_001n)).code).toBe('amount_above_maximum');
    expect((await loadAs(phone, 10_001n)).code).toBe('insufficient_funds');
    for (let i = 0; i < 5; i += 1) await phone.load(100n);
    expect((await loadAs(phone, 100n)).code).toBe('allowance_limit_reached');
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '9500', offlineMinor: '500' });
  });

  test('the limit on money out at once holds against concurrent requests', async () => {
    const rich = await SimulatedPhone.withMoney(server, 90_000n);
    const answers = await Promise.all(Array.from({ length: 4 }, () => loadAs(rich, 20_000n)));
    expect(answers.map((answer) => answer.code ?? 'issued').sort((a, b) => a.localeCompare(b))).toEqual([
      'allowance_limit_reached',
      'allowance_limit_reached',
      'issued',
      'issued',
    ]);
    expect(await rich.wallet()).toMatchObject({ onlineMinor: '50000', offlineMinor: '40000' });
  });

  test('nobody without a session, no merchant, and no kiosk may load (R52)', async () => {
    const merchant = await server.register('merchant');
    expect((await loadAs(new SimulatedPhone(server, merchant), 1_000n)).code).toBe('not_permitted');
    const key = randomUUID();
    expect((await server.call('/v1/allowances', { body: phone.allowanceBody(1_000n, key), key })).code).toBe(
      'not_authenticated',
    );
    expect(
      (
        await server.call('/v1/allowances', {
          body: phone.allowanceBody(1_000n, key),
          token: phone.person.token,
        })
      ).code,
    ).toBe('idempotency_key_required');
  });
});

describe('closing', () => {
  beforeAll(async () => {
    server = await startTestServer({ maxConnections: 16 });
  });
  afterAll(() => server.close());

  let kiosk: SimulatedKiosk;
  let wallet: OfflineWallet;
  beforeEach(async () => {
    // Machines of earlier tests stay silent for ever: only a deny or a replacement ends them.
    await server.database
      .owner`update kiosk_enrolments set ended_at = now(), ended_reason = 'replaced' where ended_at is null`;
    kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
    wallet = await phone.load(5_000n);
  });

  test('returns the rest at once when every kiosk has reported, and not before', async () => {
    const second = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    kiosk.sell(wallet, 1_200n);
    const closing = await phone.close(wallet);
    expect(closing).toMatchObject({ status: 'closing', reservedMinor: '5000', returnedMinor: '0' });
    expect(Date.parse(closing.returnsBy ?? '')).toBe(Date.parse(closing.notAfter) + 7 * 24 * HOUR_MS);

    // The payment settles, but under the deny list from before: both may hold more.
    await kiosk.settle();
    expect(await phone.allowance(wallet)).toMatchObject({
      status: 'closing',
      settledMinor: '1200',
      reservedMinor: '3800',
    });
    await kiosk.syncTrust();
    await kiosk.settle(kiosk.heartbeat());
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closing', returnedMinor: '0' });
    await second.syncTrust();
    await second.settle(second.heartbeat());
    expect(await phone.allowance(wallet)).toMatchObject({
      status: 'closed',
      returnedMinor: '3800',
      reservedMinor: '0',
      returnsBy: null,
    });
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '8800', offlineMinor: '0' });
    const history = await server.expect(pageOf(HistoryItem), '/v1/history', { token: phone.person.token });
    expect(history.items[0]).toMatchObject({ kind: 'allowance_returned', amountMinor: '3800' });
  });

  test('waits for a payment that the phone reported and no kiosk has handed in', async () => {
    const other = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    kiosk.sell(wallet, 1_000n);
    other.sell(wallet, 500n);
    await phone.close(wallet);
    for (const one of [kiosk, other]) await one.syncTrust();
    await kiosk.settle();
    // The other one claims to be at its end while it still holds a sale: only its own word is missing, not its money.
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closing', settledMinor: '1000' });
    await other.settle();
    expect(await phone.allowance(wallet)).toMatchObject({
      status: 'closed',
      settledMinor: '1500',
      returnedMinor: '3500',
    });
  });

  test('waits for a payment that the phone signed and that never reached anybody', async () => {
    kiosk.sell(wallet, 1_000n);
    pay(wallet, kiosk.request(500n));
    await phone.close(wallet);
    await kiosk.syncTrust();
    await kiosk.settle();
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closing', settledMinor: '1000' });
    server.clock.advance((72 + 7 * 24) * HOUR_MS);
    expect(await giveBackRound()).toBeGreaterThan(0);
    const [sum] = await server.database.owner<{ returned: string }[]>`
      select returned_minor as returned from allowances where id = ${wallet.allowance.allowanceId}`;
    expect(sum?.returned).toBe('4000');
  });

  test("the phone's word that it spent nothing frees nothing", async () => {
    kiosk.sell(wallet, 5_000n);
    const lie = phone.closingStatement(wallet, { lastCounter: 0, cumulativeMinor: 0n });
    expect(await phone.close(wallet, lie)).toMatchObject({
      status: 'closing',
      returnedMinor: '0',
      reservedMinor: '5000',
    });
    // The shop took the payment before it could know: it is honoured, and the lie is on record.
    expect(await kiosk.settle()).toEqual(['settled']);
    expect(await kiosk.availableMinor()).toBe(5_000n);
    const [evidence] = await server.database.owner<{ rule: string }[]>`
      select rule from double_spend_cases where allowance_id = ${wallet.allowance.allowanceId}`;
    expect(evidence?.rule).toBe('closing_statement');
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'denied', reservedMinor: '0' });
  });

  test('with nothing spent and every kiosk silent returns at the end of the claim window, exactly once', async () => {
    await phone.close(wallet);
    server.clock.advance((72 + 7 * 24) * HOUR_MS - 60_000);
    expect(await giveBackRound()).toBe(0);
    server.clock.advance(60_000);
    const rounds = await Promise.all(Array.from({ length: 5 }, giveBackRound));
    expect(rounds.reduce((sum, closed) => sum + closed, 0)).toBe(1);
    const [sum] = await server.database.owner<{ returned: string }[]>`
      select returned_minor as returned from allowances where id = ${wallet.allowance.allowanceId}`;
    expect(sum?.returned).toBe('5000');
  });

  test('a kiosk that says it knows of the closing gets no later payment honoured', async () => {
    const copy = { ...wallet };
    await phone.close(wallet);
    await kiosk.syncTrust();
    const request = kiosk.request(100n);
    expect(kiosk.judge(copy, request, pay(copy, request))).toBe('allowance_denied');
    await kiosk.settle(kiosk.heartbeat());
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closed', returnedMinor: '5000' });
    const late = { ...wallet };
    kiosk.write(request, late, pay(late, request));
    expect(await kiosk.settle()).toEqual(['refused:allowance_denied']);
    expect(await kiosk.availableMinor()).toBe(0n);
  });

  test('nor does it with a request that it dates back, once it has closed its journal under the list', async () => {
    const before = kiosk.request(100n);
    await phone.close(wallet);
    await kiosk.syncTrust();
    await kiosk.settle(kiosk.heartbeat());
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closed', returnedMinor: '5000' });
    kiosk.write(before, wallet, pay(wallet, before));
    expect(await kiosk.settle()).toEqual(['refused:allowance_denied']);
    expect(await kiosk.availableMinor()).toBe(0n);
  });

  test('a kiosk that enrols after the closing is not waited for', async () => {
    await phone.close(wallet);
    await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    await kiosk.syncTrust();
    await kiosk.settle(kiosk.heartbeat());
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closed' });
  });

  test('a kiosk without a trust bundle that could reach this allowance is not waited for', async () => {
    server.clock.advance(16 * 24 * HOUR_MS);
    const later = await SimulatedPhone.withMoney(server, 10_000n);
    const fresh = await later.load(1_000n);
    expect(await later.close(fresh)).toMatchObject({ status: 'closed', returnedMinor: '1000' });
  });

  test('an old batch, handed in again under a newer list, says nothing about what came after it', async () => {
    kiosk.sell(wallet, 100n);
    kiosk.sell(wallet, 100n);
    await kiosk.settle();
    await phone.close(wallet);
    kiosk.append('stop');
    await kiosk.settle();
    const { denyListVersion } = await kiosk.syncTrust();
    await kiosk.settle(kiosk.batch({ from: 1, to: 2 }, denyListVersion));
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closing' });
    await kiosk.settle();
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closed', returnedMinor: '4800' });
  });

  test('is repeatable with the same words in another signature, and not with other words', async () => {
    const first = await phone.close(wallet);
    expect(await phone.close(wallet)).toEqual(first);
    const statement = phone.closingStatement(wallet, { lastCounter: 1, cumulativeMinor: 5n });
    const path = `/v1/allowances/${wallet.allowance.allowanceId}/close`;
    expect((await server.call(path, { body: { statement }, token: phone.person.token })).code).toBe(
      'allowance_not_active',
    );
  });

  test('needs a statement of this phone about this allowance, and no less than what has settled', async () => {
    kiosk.sell(wallet, 700n);
    await kiosk.settle();
    const path = `/v1/allowances/${wallet.allowance.allowanceId}/close`;
    const ask = async (statement: string) =>
      (await server.call(path, { body: { statement }, token: phone.person.token })).code;
    expect(await ask('AAAA')).toBe('closing_statement_invalid');
    expect(await ask(phone.closingStatement({ ...wallet, key: newKey() }))).toBe('closing_statement_invalid');
    expect(await ask(phone.closingStatement(await phone.load(100n)))).toBe('closing_statement_invalid');
    expect(await ask(phone.closingStatement(wallet, { lastCounter: 0, cumulativeMinor: 0n }))).toBe(
      'closing_statement_invalid',
    );
    expect(await ask(phone.closingStatement(wallet, { lastCounter: 1, cumulativeMinor: 9_999n }))).toBe(
      'closing_statement_invalid',
    );
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'active' });
  });

  test('waits while the deny list is full: a denial that kiosks cannot see would cost them money', async () => {
    const wallet = await phone.load(2_000n);
    await server.database.owner`insert into denied_subjects (kind, subject_id, version, reason, listed_until)
      select 'allowance', gen_random_uuid(), 0, 'closing', now() + interval '9 years' from generate_series(1, 36000)`;
    const path = `/v1/allowances/${wallet.allowance.allowanceId}/close`;
    const body = { statement: phone.closingStatement(wallet) };
    expect((await server.call(path, { body, token: phone.person.token })).code).toBe('service_unavailable');
    expect((await phone.allowance(wallet)).status).toBe('active');
    await server.database.owner`delete from denied_subjects where version = 0`;
    expect((await phone.close(wallet)).status).toBe('closing');
  });

  test('of somebody else is not found (R52)', async () => {
    const stranger = await server.register('customer');
    const path = `/v1/allowances/${wallet.allowance.allowanceId}/close`;
    const body = { statement: phone.closingStatement(wallet) };
    expect((await server.call(path, { body, token: stranger.token })).code).toBe('allowance_not_found');
    expect(
      (await server.call(`/v1/allowances/${randomUUID()}/close`, { body, token: phone.person.token })).code,
    ).toBe('allowance_not_found');
    expect(
      (await server.call('/v1/allowances/nonsense/close', { body, token: phone.person.token })).code,
    ).toBe('request_invalid');
  });
});

describe('an allowance that expired', () => {
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  test('shows so, is still claimed in its window, and returns by itself when the wallet is next looked at', async () => {
    const kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
    const wallet = await phone.load(3_000n);
    kiosk.sell(wallet, 400n);
    server.clock.advance(73 * HOUR_MS);
    const body = { phone: phone.person.phone, password: phone.person.password };
    const again = async () => {
      const login = await server.call('/v1/auth/login', { body });
      return new SimulatedPhone(server, { ...phone.person, token: String(Object(login.body).accessToken) });
    };
    const expired = await (await again()).allowance(wallet);
    expect(expired).toMatchObject({ status: 'expired', reservedMinor: '3000' });
    expect(expired.returnsBy).not.toBeNull();
    // Four days offline: accepted in time, presented within the window.
    expect(await kiosk.settle()).toEqual(['settled']);
    server.clock.advance(7 * 24 * HOUR_MS);
    const home = await again();
    expect(await home.allowance(wallet)).toMatchObject({
      status: 'closed',
      settledMinor: '400',
      returnedMinor: '2600',
    });
    expect(await home.wallet()).toMatchObject({ onlineMinor: '9600', offlineMinor: '0' });
    expect(must(readAllowanceCertificate(wallet.allowance.bytes)).certificate.allowanceId).toBe(
      wallet.allowance.allowanceId,
    );
  });
});
