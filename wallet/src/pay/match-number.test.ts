/** Paying by the merchant's number: the number of the signed certificate decides. */
import { expect, test } from 'vitest';
import { makePhone, makeRequestText, makeShop, read } from '../test/world.ts';
import { askedBy, isNumberOf } from './match-number.ts';

test.each([
  ['+6591234567', true],
  ['91234567', true],
  ['9123 4567', true],
  ['091234567', true],
  ['006591234567', true],
  ['٩١٢٣٤٥٦٧', true],
  ['234567', true],
  ['34567', false],
  ['', false],
  ['0000000', false],
  ['+91234567', false],
  ['+6591234568', false],
  ['81234567', false],
  ['16591234567', false],
])('+6591234567 typed as %s: %s', (typed, matches) => {
  expect(isNumberOf('+6591234567', typed)).toBe(matches);
});

test('of several shops the one with the number is found, also when it cannot be paid; a stranger never is', async () => {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const offer = await read(await makeRequestText(shop), shop, phone);
  const tooMuch = await read(await makeRequestText(shop, { amountMinor: 9_000n }), shop, phone);
  const stranger = await read(await makeRequestText(await makeShop()), shop, phone);
  expect(askedBy([stranger, offer, tooMuch], '91234567')).toEqual([offer, tooMuch]);
  expect(askedBy([stranger, offer], '81234567')).toEqual([]);
});
