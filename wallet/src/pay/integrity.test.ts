/** R34: a memory that was lost or went back is noticed, and nothing is signed with it. */
import { expect, test } from 'vitest';
import { ensureDeviceKey } from '../keys/device-key.ts';
import { getMeta, openWalletDatabase, putMeta } from '../store/database.ts';
import { checkIntegrity, ensureEpoch, startNewEpoch } from '../store/integrity.ts';
import { judgeMarkers } from '../store/marker.ts';
import { makeOffer, makePhone, makeShop, USER } from '../test/world.ts';
import { closeOnPhone } from './close-allowance.ts';
import { hasForgotten } from './reconcile.ts';
import { payOnce } from './sign-payment.ts';

test.each([
  [null, [null, null], 'intact'],
  [{ epoch: 1, count: 4 }, [{ epoch: 1, count: 4 }, null], 'intact'],
  // A crash between the commit and the mirror.
  [
    { epoch: 1, count: 5 },
    [
      { epoch: 1, count: 4 },
      { epoch: 1, count: 4 },
    ],
    'intact',
  ],
  [
    { epoch: 1, count: 3 },
    [
      { epoch: 1, count: 4 },
      { epoch: 1, count: 3 },
    ],
    'rolled_back',
  ],
  [{ epoch: 1, count: 9 }, [{ epoch: 2, count: 0 }, null], 'rolled_back'],
  [{ epoch: 2, count: 0 }, [{ epoch: 1, count: 9 }, null], 'intact'],
  [null, [{ epoch: 1, count: 0 }, null], 'lost'],
] as const)('stored %j against mirrors %j is %s', (stored, mirrored, verdict) => {
  expect(judgeMarkers(stored, mirrored)).toBe(verdict);
});

test('a database restored from yesterday refuses to sign, and says why', async () => {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const yesterday = await phone.database.getAll('allowances');
  await payOnce(await makeOffer(shop, phone), phone.needs);
  // The copy comes back: allowance, payments and marker as they were; the mirrors are elsewhere.
  await phone.database.clear('payments');
  for (const allowance of yesterday) await phone.database.put('allowances', allowance);
  await putMeta(phone.database, 'marker', { epoch: 1, count: 0 });
  const offer = await makeOffer(shop, phone, { fill: 0x54 });
  await expect(payOnce(offer, phone.needs)).rejects.toMatchObject({ code: 'store_rolled_back' });
  await expect(closeOnPhone(phone.allowance.id, phone.needs)).rejects.toMatchObject({
    code: 'store_rolled_back',
  });
});

test('an evicted database is noticed, and a new start freezes the old money and makes a new key', async () => {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const empty = await openWalletDatabase(`${phone.name}-evicted`);
  expect(await checkIntegrity(empty, phone.mirrors)).toBe('lost');

  await startNewEpoch(phone.database, phone.mirrors);
  expect(await checkIntegrity(phone.database, phone.mirrors)).toBe('intact');
  expect(await phone.database.getAll('allowances')).toMatchObject([{ state: 'frozen' }]);
  const epoch = await ensureEpoch(phone.database, phone.mirrors);
  expect(epoch).toBe(2);
  const fresh = await ensureDeviceKey(phone.database, { userId: USER, epoch, guard: 'open' });
  expect(fresh.id).not.toBe(phone.key.id);
});

test('one wiped mirror is written again from the others', async () => {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  await payOnce(await makeOffer(shop, phone), phone.needs);
  phone.mirrors[0].value = null;
  expect(await checkIntegrity(phone.database, phone.mirrors)).toBe('intact');
  expect(phone.mirrors[0].value).toEqual(await getMeta(phone.database, 'marker'));
});

test('a payment that settled and is not remembered freezes its allowance', async () => {
  const phone = await makePhone(await makeShop());
  expect(hasForgotten(phone.allowance, { settledCounter: 1 })).toBe(true);
  expect(hasForgotten(phone.allowance, { settledCounter: 0 })).toBe(false);
});

test('after the closing statement nothing is signed, and the statement is signed once', async () => {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const offer = await makeOffer(shop, phone);
  const closed = await closeOnPhone(phone.allowance.id, phone.needs);
  expect((await closeOnPhone(phone.allowance.id, phone.needs)).closingStatement).toEqual(
    closed.closingStatement,
  );
  await expect(payOnce(offer, phone.needs)).rejects.toMatchObject({ code: 'no_offline_money' });
});
