/** Loading: an order is repeated word by word, and only what was ordered and signed by the issuer is kept. */
import { expect, test } from 'vitest';
import {
  ASSURANCE,
  commitToPhone,
  fromBase64Url,
  type PayeeLock,
  signAllowanceCertificate,
  STANDING,
  toBase64Url,
  toUuid,
  verifyProofOfPossession,
} from '@tikiwallet/protocol';
import type { Allowance } from '@tikiwallet/server/contract';
import { ensureDeviceKey } from '../keys/device-key.ts';
import { Vault } from '../keys/vault.ts';
import { ApiError } from '../api/problems.ts';
import { getMeta, putMeta } from '../store/database.ts';
import { checkIntegrity, startNewEpoch } from '../store/integrity.ts';
import {
  id,
  makeLock,
  makeOffer,
  makePhone,
  makeShop,
  NOW,
  ok,
  PHONE,
  USER,
  type Shop,
} from '../test/world.ts';
import { finishLoad, orderLoad, type LoadIntent, type LoadNeeds } from './load-allowance.ts';
import { payOnce } from './sign-payment.ts';

const PROFILE = {
  id: USER,
  role: 'customer',
  phone: PHONE,
  username: 'ayu',
  currency: 'SGD',
  merchant: null,
} as const;
const ALLOWANCE_ID = '77777777-7777-7777-7777-777777777777';

interface Cloud {
  readonly sent: LoadIntent[];
  fail: ApiError | null;
  capMinor: bigint | null;
  phone: string;
  issuer: Shop['issuer'] | null;
  /** What is certified instead of what was ordered. */
  payeeLock: PayeeLock | null | undefined;
}

async function setUp() {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  await phone.database.clear('allowances');
  const cloud: Cloud = {
    sent: [],
    fail: null,
    capMinor: null,
    phone: PHONE,
    issuer: null,
    payeeLock: undefined,
  };
  const issueAllowance: LoadNeeds['api']['issueAllowance'] = async (order) => {
    cloud.sent.push(order as LoadIntent);
    if (cloud.fail !== null) throw cloud.fail;
    return await issue(shop, cloud, order);
  };
  const needs: LoadNeeds = {
    ...phone.needs,
    ensureKey: (owner) => ensureDeviceKey(phone.database, owner),
    api: { issueAllowance },
    profile: PROFILE,
    trust: shop.trust,
  };
  return { shop, phone, cloud, needs };
}

const LOCK = { merchantId: toUuid(id(0x11)), kioskId: toUuid(id(0x22)) };
const PAYEE = { lock: LOCK, name: 'Warung Sari' };

async function issue(
  shop: Shop,
  cloud: Cloud,
  order: Pick<LoadIntent, 'amountMinor' | 'devicePublicKey' | 'payee'>,
): Promise<Allowance> {
  const payeeLock = cloud.payeeLock === undefined ? (order.payee?.lock ?? null) : cloud.payeeLock;
  const capMinor = cloud.capMinor ?? BigInt(order.amountMinor);
  const bytes = await ok(
    signAllowanceCertificate(
      {
        devicePublicKey: fromBase64Url(order.devicePublicKey),
        currency: 'SGD',
        capMinor,
        perPaymentMinor: capMinor,
        firstCounter: 1,
        softCounterLimit: 20,
        hardCounterLimit: 30,
        notBefore: NOW,
        notAfter: NOW + 86_400,
        assurance: ASSURANCE.software,
        standing: STANDING.new,
        maskedPhone: '+65****5432',
        phoneCommitment: await ok(commitToPhone(cloud.phone, id(0x55))),
      },
      { issuerKeyId: shop.issuerKeyId, allowanceId: id(0x77), payeeLock },
    ),
    (cloud.issuer ?? shop.issuer).sign,
  );
  return {
    id: ALLOWANCE_ID,
    status: 'active',
    deniedFor: null,
    currency: 'SGD',
    capMinor: capMinor.toString(),
    settledMinor: '0',
    reservedMinor: capMinor.toString(),
    returnedMinor: '0',
    settledCounter: 0,
    notBefore: new Date(NOW * 1000).toISOString(),
    notAfter: new Date((NOW + 86_400) * 1000).toISOString(),
    certificate: toBase64Url(bytes),
    phoneSalt: toBase64Url(id(0x55)),
    devicePublicKey: order.devicePublicKey,
    returnsBy: null,
  };
}

test('the proof is bound to the order’s own idempotency key', async () => {
  const { needs } = await setUp();
  const intent = await orderLoad({ amountMinor: 3_000n, currency: 'SGD', payee: null, guard: 'open' }, needs);
  const expected = {
    publicKey: fromBase64Url(intent.devicePublicKey),
    context: 'allowance',
    occasion: intent.key,
  } as const;
  await ok(verifyProofOfPossession(fromBase64Url(intent.proof), expected));
});

test('an answer lost on the way: after a restart the stored order is sent again word by word, and kept once', async () => {
  const { phone, cloud, needs } = await setUp();
  const intent = await orderLoad({ amountMinor: 3_000n, currency: 'SGD', payee: null, guard: 'open' }, needs);
  cloud.fail = new ApiError('network_unreachable', { status: 0 });
  await expect(finishLoad(intent, needs)).rejects.toMatchObject({ code: 'network_unreachable' });
  cloud.fail = null;
  const [remembered] = await phone.database.getAll('intents');
  if (remembered?.kind !== 'load') throw new Error('the order was forgotten');
  await finishLoad(remembered, needs);
  expect(cloud.sent[1]).toEqual(cloud.sent[0]);
  expect(await phone.database.getAll('allowances')).toMatchObject([
    { id: ALLOWANCE_ID, capMinor: 3_000n, lastCounter: 0 },
  ]);
  expect(await phone.database.count('intents')).toBe(0);
});

test('an order answered twice never puts a counter back', async () => {
  const { phone, needs } = await setUp();
  const intent = await orderLoad({ amountMinor: 3_000n, currency: 'SGD', payee: null, guard: 'open' }, needs);
  const loaded = await finishLoad(intent, needs);
  await phone.database.put('allowances', { ...loaded, lastCounter: 4, cumulativeMinor: 900n });
  await finishLoad(intent, needs);
  expect(await phone.database.get('allowances', loaded.id)).toMatchObject({
    lastCounter: 4,
    cumulativeMinor: 900n,
  });
});

test('R34: after a new start an order from before brings its money back frozen, so that no counter is signed twice', async () => {
  const { shop, phone, needs } = await setUp();
  const intent = await orderLoad({ amountMinor: 3_000n, currency: 'SGD', payee: null, guard: 'open' }, needs);
  const before = await getMeta(phone.database, 'marker');
  const loaded = await finishLoad(intent, needs);
  const offer = await makeOffer(shop, phone, { amountMinor: 1_000n });
  expect((await payOnce(offer, phone.needs)).counter).toBe(1);
  // Prepared while the money can be paid with: what comes back has the same id.
  const next = await makeOffer(shop, phone, { amountMinor: 1_000n, fill: 0x54 });
  // The database goes back to the open order, the mirrors do not.
  await phone.database.clear('allowances');
  await phone.database.clear('payments');
  await phone.database.put('intents', intent);
  await putMeta(phone.database, 'marker', before ?? { epoch: 1, count: 0 });
  expect(await checkIntegrity(phone.database, phone.mirrors)).toBe('rolled_back');
  await startNewEpoch(phone.database, phone.mirrors);
  expect(await finishLoad(intent, needs)).toMatchObject({ id: loaded.id, state: 'frozen' });
  expect(await phone.database.getAll('allowances')).toMatchObject([{ id: loaded.id, state: 'frozen' }]);
  expect(await phone.database.count('intents')).toBe(0);
  await expect(payOnce(next, phone.needs)).rejects.toMatchObject({ code: 'no_offline_money' });
});

test('R35: money whose key was deleted while its order was open arrives frozen', async () => {
  const { phone, needs } = await setUp();
  const intent = await orderLoad({ amountMinor: 3_000n, currency: 'SGD', payee: null, guard: 'open' }, needs);
  const { database } = phone;
  await new Vault({ database, monotonicMs: () => 0, withLock: makeLock(), iterations: 10 }).giveUp(USER);
  expect(await finishLoad(intent, needs)).toMatchObject({ state: 'frozen' });
  expect(await database.getAll('allowances')).toMatchObject([{ id: ALLOWANCE_ID, state: 'frozen' }]);
});

test('a definite refusal forgets the order, so that the next one is a new decision', async () => {
  const { phone, cloud, needs } = await setUp();
  cloud.fail = new ApiError('insufficient_funds', { status: 422 });
  await expect(
    finishLoad(
      await orderLoad({ amountMinor: 3_000n, currency: 'SGD', payee: null, guard: 'open' }, needs),
      needs,
    ),
  ).rejects.toMatchObject({ code: 'insufficient_funds' });
  expect(await phone.database.count('intents')).toBe(0);
});

test('another amount, another person’s number or another issuer: not kept', async () => {
  const changes: ((cloud: Cloud, stranger: Shop) => void)[] = [
    (cloud) => (cloud.capMinor = 2_999n),
    (cloud) => (cloud.phone = '+6500000000'),
    (cloud, stranger) => (cloud.issuer = stranger.issuer),
  ];
  const stranger = await makeShop();
  for (const change of changes) {
    const { phone, cloud, needs } = await setUp();
    change(cloud, stranger);
    const intent = await orderLoad(
      { amountMinor: 3_000n, currency: 'SGD', payee: null, guard: 'open' },
      needs,
    );
    await expect(finishLoad(intent, needs)).rejects.toMatchObject({
      code: expect.stringMatching(/^(certificate_differs_from_order|certificate_signature_invalid)$/),
    });
    expect(await phone.database.count('allowances')).toBe(0);
  }
});

test('money ordered for one till is locked to that till, and the phone keeps whose it is', async () => {
  const { phone, cloud, needs } = await setUp();
  const intent = await orderLoad(
    { amountMinor: 3_000n, currency: 'SGD', payee: PAYEE, guard: 'open' },
    needs,
  );
  const loaded = await finishLoad(intent, needs);
  expect(cloud.sent[0]?.payee).toEqual(PAYEE);
  expect(loaded).toMatchObject({ payeeLock: LOCK, payeeName: 'Warung Sari' });
  expect(await phone.database.get('allowances', loaded.id)).toMatchObject({ payeeLock: LOCK });
});

test.each<[string, typeof PAYEE | null, PayeeLock | null]>([
  ['no lock where one was ordered', PAYEE, null],
  ['the whole shop instead of the till', PAYEE, { ...LOCK, kioskId: null }],
  ['another till', PAYEE, { ...LOCK, kioskId: toUuid(id(0x23)) }],
  ['another shop', PAYEE, { ...LOCK, merchantId: toUuid(id(0x12)) }],
  ['a lock that nobody ordered', null, LOCK],
])('%s: not kept', async (_what, payee, payeeLock) => {
  const { phone, cloud, needs } = await setUp();
  cloud.payeeLock = payeeLock;
  const intent = await orderLoad({ amountMinor: 3_000n, currency: 'SGD', payee, guard: 'open' }, needs);
  await expect(finishLoad(intent, needs)).rejects.toMatchObject({ code: 'certificate_differs_from_order' });
  expect(await phone.database.count('allowances')).toBe(0);
});
