/** Text forms: the published examples, the way there and back, and refusal of everything else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  equalBytes,
  fromBase45,
  fromBase64Url,
  fromHex,
  fromUuid,
  toBase45,
  toBase64Url,
  toHex,
  toUuid,
} from './bytes.ts';
import { attempt } from './errors.ts';

const anyBytes = fc.uint8Array({ maxLength: 200 });
const text = (value: string) => new TextEncoder().encode(value);

describe('base45 follows RFC 9285', () => {
  it.each([
    ['AB', 'BB8'],
    ['Hello!!', '%69 VD92EX0'],
    ['base-45', 'UJCLQE7W581'],
    ['ietf!', 'QED8WEX0'],
    ['', ''],
  ])('%j is %j', (plain, encoded) => {
    expect(toBase45(text(plain))).toBe(encoded);
    expect(fromBase45(encoded)).toEqual(text(plain));
  });

  it('reads the largest pair and the largest triple', () => {
    expect(fromBase45('FGW')).toEqual(Uint8Array.of(0xff, 0xff));
    expect(fromBase45('U5')).toEqual(Uint8Array.of(0xff));
  });

  it.each([
    ['a lone character', 'A'],
    ['a remainder of one', 'BB8A'],
    ['lower case', 'bb8'],
    ['a character outside the alphabet', 'BB_'],
    ['a triple above 65535 (RFC 9285 section 6)', 'GGW'],
    ['the largest triple', ':::'],
    ['a pair above 255', '::'],
    ['a character beyond the basic plane', 'B\u{1f600}'],
    ['a line feed', 'BB8\n'],
  ])('refuses %s', (_what, encoded) => {
    expect(attempt(() => fromBase45(encoded))).toEqual({ ok: false, code: 'message_malformed' });
  });

  it('has one text for one value', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:') }),
        (encoded) => {
          const decoded = attempt(() => fromBase45(encoded));
          if (decoded.ok) expect(toBase45(decoded.value)).toBe(encoded);
        },
      ),
    );
  });
});

describe('base64url', () => {
  it.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('%j is %j (RFC 4648 section 10)', (plain, encoded) => {
    expect(toBase64Url(text(plain))).toBe(encoded);
    expect(fromBase64Url(encoded)).toEqual(text(plain));
  });

  it.each([
    ['padding', 'Zg=='],
    ['the other alphabet', 'Zm+v'],
    ['a remainder of one', 'Zm9vY'],
    ['a remainder of one that is zero', 'Zm9vA'],
    ['trailing bits that are not zero', 'Zh'],
    ['white space', 'Zm 9'],
    ['a surrogate pair', 'Z\u{1f600}'],
  ])('refuses %s', (_what, encoded) => {
    expect(attempt(() => fromBase64Url(encoded))).toEqual({ ok: false, code: 'message_malformed' });
  });
});

describe('every text form', () => {
  it('comes back as the same bytes', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(fromBase45(toBase45(bytes))).toEqual(bytes);
        expect(fromBase64Url(toBase64Url(bytes))).toEqual(bytes);
        expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
      }),
    );
  });

  it('refuses hostile text and throws nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { maxLength: 60 }), (units) => {
        const hostile = String.fromCharCode(...units);
        for (const decode of [fromBase45, fromBase64Url, fromHex, fromUuid]) attempt(() => decode(hostile));
      }),
    );
  });
});

describe('hex and UUIDs', () => {
  it.each(['0', 'AB', '0x00', 'zz', '00\n'])('refuses %j as hex', (hostile) => {
    expect(attempt(() => fromHex(hostile))).toEqual({ ok: false, code: 'message_malformed' });
  });

  it('writes a UUID for 16 bytes and nothing else', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    expect(toUuid(bytes)).toBe('00010203-0405-0607-0809-0a0b0c0d0e0f');
    expect(fromUuid(toUuid(bytes))).toEqual(bytes);
    expect(attempt(() => toUuid(bytes.subarray(1)))).toEqual({ ok: false, code: 'field_out_of_range' });
  });

  it.each([
    '00010203-0405-0607-0809-0A0B0C0D0E0F',
    '000102030405060708090a0b0c0d0e0f',
    'ff00010203-0405-0607-0809-0a0b0c0d0e0f',
    '00010203-0405-0607-0809-0a0b0c0d0e0fff',
    '{0}',
    '',
  ])('refuses %j as UUID', (hostile) => {
    expect(attempt(() => fromUuid(hostile))).toEqual({ ok: false, code: 'message_malformed' });
  });
});

it('equalBytes compares length and content', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
});
