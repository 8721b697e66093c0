import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_PHONE_BYTES, shownMask } from '@tikiwallet/protocol';
import { hashPassword, verifyPassword } from './password.ts';
import { maskForCertificate, maskName, maskPhone, normalisePhone } from './phone.ts';

describe('passwords', () => {
  test('are kept as argon2id PHC strings with a salt of their own', async () => {
    const [first, second] = await Promise.all([
      hashPassword('a fine password'),
      hashPassword('a fine password'),
    ]);
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
    expect(await verifyPassword('a fine password', first)).toBe(true);
    expect(await verifyPassword('a fine passwore', first)).toBe(false);
    expect(await verifyPassword('', first)).toBe(false);
  });

  test('letters that keyboards compose differently are the same password', async () => {
    expect(await verifyPassword('cafe\u0301 noir', await hashPassword('caf\u00e9 noir'))).toBe(true);
  });

  test('a string that is no hash is an error of ours, not a wrong password', async () => {
    await expect(verifyPassword('x', '')).rejects.toThrow(TypeError);
  });
});

describe('phone numbers', () => {
  test.each([
    ['8123 4567', 'SG', '+6581234567'],
    ['+65 8123 4567', 'ID', '+6581234567'],
    ['0812-3456-7890', 'ID', '+6281234567890'],
    ['0912 345 678', 'VN', '+84912345678'],
    ['0712 345678', 'KE', '+254712345678'],
  ])('%s in %s is %s', (typed, region, expected) => {
    expect(normalisePhone(typed, region)).toBe(expected);
  });

  test('whatever is typed is a valid number or refused by its code', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 32 }), (typed) => {
        try {
          expect(normalisePhone(typed, 'SG')).toMatch(/^\+[1-9][0-9]{6,14}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'phone_number_invalid' });
        }
      }),
    );
  });

  test('masks show the country and the last four digits, and the beginning of names', () => {
    expect(maskPhone('+6581234567')).toBe('+65 •••• 4567');
    expect(maskName('Ayu')).toBe('A••');
    expect(maskName('Nguyễn Văn An')).toBe('Ng•••• V•• A•');
  });

  test.each([
    ['+6581234567', '+65****4567', '+65 •••• 4567'],
    ['+12025550123', '+1****0123', '+1 •••• 0123'],
    ['+8801712345678', '+880****5678', '+880 •••• 5678'],
    ['+6834002', '+683****02', '+683 •••• 02'],
  ])('%s stands in a certificate as %s, and every screen says %s', (phone, certified, shown) => {
    expect([maskForCertificate(phone), maskPhone(phone), shownMask(certified)]).toEqual([
      certified,
      shown,
      shown,
    ]);
  });

  test('whichever way a number went, people see one mask of it, which fits a certificate and shows four digits at most', () => {
    const numbers = fc.tuple(
      fc.constantFrom('65', '62', '1', '880', '683', '999'),
      fc.stringMatching(/^[0-9]{4,12}$/),
    );
    fc.assert(
      fc.property(numbers, ([country, national]) => {
        const phone = `+${country}${national}`;
        expect(shownMask(maskForCertificate(phone))).toBe(maskPhone(phone));
        expect(new TextEncoder().encode(maskForCertificate(phone)).length).toBeLessThanOrEqual(
          MAX_PHONE_BYTES,
        );
        expect(maskPhone(phone).replaceAll(/[^0-9]/g, '').length).toBeLessThanOrEqual(country.length + 4);
      }),
    );
  });

  test('a mask never contains a whole name of two letters or more', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 2, maxLength: 32 }), (name) => {
        const words = name.split(/\s+/).filter((word) => Array.from(word).length > 1 && !word.includes('•'));
        for (const word of words) expect(maskName(name)).not.toContain(word);
      }),
    );
  });
});
