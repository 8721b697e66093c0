/** The phone number: shown masked, proved in full only by who has the salt. */
import { describe, expect, it } from 'vitest';
import { crypto, id, ok } from '../test/world.ts';
import { commitToPhone, maskPhone, opensPhoneCommitment, runSync, shownMask } from './index.ts';

const commit = (phone: string, salt = id(1)) => ok(runSync(commitToPhone(phone, salt), crypto));
const opens = (commitment: Uint8Array, phone: string, salt = id(1)) =>
  ok(runSync(opensPhoneCommitment(commitment, phone, salt), crypto));

describe('a commitment', () => {
  const commitment = commit('+6591234567');

  it('is 16 bytes and opens with its number and salt only', () => {
    expect(commitment).toHaveLength(16);
    expect(opens(commitment, '+6591234567')).toBe(true);
    expect(opens(commitment, '+6591234568')).toBe(false);
    expect(opens(commitment, '6591234567')).toBe(false);
    expect(opens(commitment, '+6591234567', id(2))).toBe(false);
    expect(opens(commitment.subarray(0, 15), '+6591234567')).toBe(false);
  });

  it('of one number under two salts has nothing in common', () => {
    expect(commit('+6591234567', id(2))).not.toEqual(commitment);
  });
});

describe('a masked number', () => {
  it.each([
    ['+6591234567', '+65****4567'],
    ['+628123456789', '+62****6789'],
    ['+12345678', '+12****5678'],
    ['+1234567', '+1****'],
    ['', '****'],
  ])('%j shows %j', (phone, masked) => {
    expect(maskPhone(phone)).toBe(masked);
  });

  it.each([
    ['+65****4567', '+65 •••• 4567'],
    ['+1****', '+1 ••••'],
    ['****4567', '•••• 4567'],
    ['****', '••••'],
    ['', ''],
    ['+6591234567', '+6591234567'],
    ['+65 •••• 4567', '+65 •••• 4567'],
    ['Sa•• +65****4567', 'Sa•• +65****4567'],
    ['+65***4567', '+65***4567'],
    ['+65****45678', '+65****45678'],
    ['+1234****5678', '+1234****5678'],
    ['+65****4567\n', '+65****4567\n'],
  ])('%j is read by people as %j', (masked, shown) => {
    expect(shownMask(masked)).toBe(shown);
  });
});
