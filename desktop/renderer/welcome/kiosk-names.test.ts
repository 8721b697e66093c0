import { expect, test } from 'vitest';
import { freeName, isTaken, MAX_KIOSK_NAME } from './kiosk-names.ts';

test.each([
  ['Counter', [], 'Counter'],
  ['Counter', ['Counter'], 'Counter 2'],
  ['counter 1 ', ['Counter 1', 'Counter 2'], 'counter 3'],
  ['12', ['12'], '13'],
  ['المحل', ['المحل'], 'المحل 2'],
])('%s beside %j is called %s', (name, taken, free) => {
  expect(freeName(name, taken)).toBe(free);
  expect(isTaken(free, taken)).toBe(false);
});

test('a name of the greatest length keeps to it', () => {
  const longest = 'x'.repeat(MAX_KIOSK_NAME);
  expect(freeName(longest, [longest])).toBe(`${'x'.repeat(MAX_KIOSK_NAME - 2)} 2`);
});
