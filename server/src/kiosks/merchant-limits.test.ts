/** What a merchant wants of all its kiosks, from the route to the signed word that a kiosk believes. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkMerchantLimits, fromBase64Url, verifyMerchantLimits } from '@tikiwallet/protocol';
import { KioskTrust, MerchantLimitsView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { must } from '../trust/index.ts';

const PATH = '/v1/merchant/limits';
let server: TestServer;
let merchant: Person;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  merchant = await server.register('merchant');
});

const read = () => server.expect(MerchantLimitsView, PATH, { token: merchant.token });
const put = (body: unknown) => server.call(PATH, { method: 'PUT', body, token: merchant.token });

test('nothing is limited until the merchant says so, and then it is as it was said', async () => {
  expect(await read()).toMatchObject({ version: 0, limits: {}, setAt: null });
  // The window is the service's alone; without its number nobody knows what a split sale is.
  expect((await read()).splitWindowSeconds).toBe(server.context.offline.policy.kiosk.splitWindowSeconds);
  const limits = { perPaymentMinor: '5000', dayCount: '12' };
  expect((await put({ basedOn: 0, limits })).body).toMatchObject({ version: 1, limits });
  expect(await read()).toMatchObject({ version: 1, limits });
  expect((await put({ basedOn: 1, limits: {} })).body).toMatchObject({ version: 2, limits: {} });
});

test('two writers do not undo each other unseen; a repeat after a lost answer changes nothing (R48)', async () => {
  const limits = { perPaymentMinor: '5000' };
  await put({ basedOn: 0, limits });
  expect((await put({ basedOn: 0, limits })).body).toMatchObject({ version: 1 });
  expect(await put({ basedOn: 0, limits: { perPaymentMinor: '9000' } })).toMatchObject({
    status: 409,
    code: 'limits_changed',
  });
  const both = await Promise.all(
    ['6000', '7000'].map((perPaymentMinor) => put({ basedOn: 1, limits: { perPaymentMinor } })),
  );
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  expect((await read()).version).toBe(2);
});

test('what no limit can be is refused, and sets nothing (R52)', async () => {
  for (const limits of [
    { perPaymentMinor: '0' },
    { perPaymentMinor: '-1' },
    { perPaymentMinor: '1.5' },
    { perPaymentMinor: '1000000000000001' },
    { dayCount: '2147483648' },
    { splitWindowSeconds: '5' },
    { merchantId: '1' },
    { perPaymentMinor: 5000 },
  ])
    expect((await put({ basedOn: 0, limits })).code, JSON.stringify(limits)).toBe('request_invalid');
  for (const body of [{ limits: {} }, { basedOn: 0 }, { basedOn: -1, limits: {} }, {}])
    expect((await put(body)).code).toBe('request_invalid');
  expect((await read()).version).toBe(0);
});

test('is for merchants, each for their own (R52)', async () => {
  const customer = await server.register('customer');
  const stranger = await server.register('merchant');
  await put({ basedOn: 0, limits: { dayCount: '3' } });
  const body = { basedOn: 0, limits: {} };
  expect((await server.call(PATH, { method: 'PUT', body })).code).toBe('not_authenticated');
  expect((await server.call(PATH, { method: 'PUT', body, token: customer.token })).code).toBe(
    'not_permitted',
  );
  expect(await server.expect(MerchantLimitsView, PATH, { token: stranger.token })).toMatchObject({
    version: 0,
  });
});

test('every kiosk of the merchant gets them signed with its trust, and nobody else does', async () => {
  const kiosk = await SimulatedKiosk.open(server, merchant);
  const fetchLimits = async (of: SimulatedKiosk) => {
    const headers = { authorization: `Kiosk ${of.token}` };
    return (await server.expect(KioskTrust, '/v1/kiosk/trust-bundle', { headers })).merchantLimits ?? null;
  };
  expect(await fetchLimits(kiosk)).toBeNull();
  await put({ basedOn: 0, limits: { perPaymentMinor: '5000', storedCount: '40' } });
  const text = await fetchLimits(kiosk);
  const limits = must(verifyMerchantLimits(fromBase64Url(text ?? ''), kiosk.trust.issuers));
  expect(limits).toMatchObject({ version: 1, limits: { perPaymentMinor: 5_000n, storedCount: 40 } });
  checkMerchantLimits(limits, {
    kiosk: kiosk.certificate,
    trust: kiosk.trust,
    known: null,
    nowSeconds: Math.floor(server.clock.nowMs() / 1000),
  });
  const other = await SimulatedKiosk.open(server, await server.register('merchant'));
  expect(await fetchLimits(other)).toBeNull();
});
