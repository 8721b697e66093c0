/** Which money pays: what is locked to the asking till first, then to its shop, and never what is locked elsewhere. */
import { expect, test } from 'vitest';
import { toUuid } from '@tikiwallet/protocol';
import { id, makePhone, makeShop, NOW } from '../test/world.ts';
import { chooseAllowance, fewPaymentsLeft, isTillOutOfUse } from './allowance-choice.ts';

const merchantId = toUuid(id(0x11));
const kioskId = toUuid(id(0x22));
const purchase = { amountMinor: 500n, currency: 'SGD', merchantId, kioskId };

async function loads() {
  const { allowance } = await makePhone(await makeShop());
  const open = { ...allowance, id: 'open', notAfter: NOW + 100 };
  const toShop = { ...allowance, id: 'shop', payeeLock: { merchantId, kioskId: null } };
  const toTill = { ...allowance, id: 'till', payeeLock: { merchantId, kioskId } };
  const otherTill = { ...toTill, id: 'other till', payeeLock: { merchantId, kioskId: toUuid(id(0x23)) } };
  const elsewhere = {
    ...toShop,
    id: 'elsewhere',
    payeeLock: { merchantId: toUuid(id(0x12)), kioskId: null },
  };
  return { open, toShop, toTill, otherTill, elsewhere };
}
const chosen = (allowances: Parameters<typeof chooseAllowance>[0]) => {
  const choice = chooseAllowance(allowances, purchase, NOW);
  return choice.ok ? choice.allowance.id : choice.code;
};

test('the narrowest lock pays first, before what ends soonest', async () => {
  const { open, toShop, toTill, otherTill, elsewhere } = await loads();
  expect(chosen([elsewhere, open, otherTill, toShop, toTill])).toBe('till');
  expect(chosen([elsewhere, open, otherTill, toShop])).toBe('shop');
  expect(chosen([elsewhere, open, otherTill])).toBe('open');
});

test('money that is locked elsewhere is said to be so, and does not count as too little', async () => {
  const { open, otherTill, elsewhere } = await loads();
  expect(chosen([otherTill, elsewhere])).toBe('payment_is_for_another_shop');
  expect(chosen([otherTill, elsewhere, { ...open, capMinor: 400n }])).toBe('offline_money_too_little');
});

test('what is locked to the till and too little leaves the payment to open money', async () => {
  const { open, toTill } = await loads();
  expect(chosen([{ ...toTill, capMinor: 499n }, open])).toBe('open');
});

test('the phone asks for internet from the soft limit on, by the load with the fewest payments left', async () => {
  const { open, toTill } = await loads();
  const after = (made: number) => ({ ...open, lastCounter: open.firstCounter + made - 1 });
  expect(fewPaymentsLeft([])).toBe(null);
  expect(fewPaymentsLeft([after(19), toTill])).toBe(null);
  expect(fewPaymentsLeft([after(20), toTill])).toBe(10);
  expect(fewPaymentsLeft([after(21), after(29)])).toBe(1);
});

test('a till that may not sell is not asked again, any other refusal may be', () => {
  const isOut = (refusalCode: string | null, state: 'refused' | 'unconfirmed' = 'refused') =>
    isTillOutOfUse({ state, refusalCode });
  expect([isOut('kiosk_denied'), isOut('kiosk_suspended')]).toEqual([true, true]);
  expect([isOut('insufficient_allowance'), isOut(null), isOut('kiosk_denied', 'unconfirmed')]).toEqual([
    false,
    false,
    false,
  ]);
});
