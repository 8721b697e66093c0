/** Strictness of the decoder: one value, one form; everything else is refused and nothing is thrown. */
import { decode as decodeWithCbor2 } from 'cbor2';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from './bytes.ts';
import {
  byteStringSize,
  decodeAnyForm,
  decodeCbor,
  decodeCborAsViews,
  encodeCbor,
  endOfByteString,
  FieldReader,
  headBytes,
  putByteString,
  UsualReader,
  type CborValue,
} from './cbor.ts';
import { attempt } from './errors.ts';
import { MAX_AMOUNT_MINOR, MAX_NESTING } from './limits.ts';

const read = (hex: string, maxBytes = 1_000_000) => attempt(() => decodeCbor(fromHex(hex), maxBytes));
const refused = (code: string) => ({ ok: false, code });
const nested = (depth: number, opening = 0x81, innermost = 0x80) =>
  Uint8Array.from({ length: depth }, (_, i) => (i === depth - 1 ? innermost : opening));

describe('decodeCbor refuses', () => {
  it.each([
    ['an integer in two bytes where one does', '1800'],
    ['an integer in three bytes where two do', '190018'],
    ['an integer in five bytes where three do', '1a00000100'],
    ['an integer in nine bytes where five do', '1b0000000000000001'],
    ['a byte string with a long length', '580100'],
    ['a text with a long length', '780161'],
    ['an array with a long length', '980100'],
    ['an indefinite byte string', '5f4100ff'],
    ['an indefinite text', '7f6161ff'],
    ['an indefinite array', '9f00ff'],
    ['an indefinite map', 'bf0000ff'],
    ['a break without a beginning', 'ff'],
    ['undefined', 'f7'],
    ['a simple value', 'e0'],
    ['a simple value in two bytes', 'f820'],
    ['a half float', 'f93e00'],
    ['a float', 'fa3dcccccd'],
    ['a double', 'fb3ff199999999999a'],
    ['a float that is a large whole number', 'fa5a000000'],
    ['infinity', 'f97c00'],
    ['not a number', 'f97e00'],
    ['a negative integer', '20'],
    ['a large negative integer', '3bffffffffffffffff'],
    ['a tag', 'c001'],
    ['a tagged COSE_Sign1', 'd28443a10126a04080'],
    ['a bignum', 'c249010000000000000000'],
    ['a map with one key', 'a10102'],
    ['a map with keys out of order', 'a202010102'],
    ['a map with a key twice', 'a201010102'],
    ['a map with two array keys', 'a28000810000'],
    ['a map with two map keys', 'a2a000a1000000'],
    ['a map that names a prototype', 'a1695f5f70726f746f5f5f00'],
    ['reserved additional information', '1c'],
    ['nothing at all', ''],
    ['a cut integer', '19'],
    ['a cut byte string', '4201'],
    ['a cut array', '8200'],
    ['trailing bytes', '0000'],
    ['a huge byte string', '5bffffffffffffffff'],
    ['a huge text', '7bffffffffffffffff'],
    ['a huge array', '9bffffffffffffffff00'],
    ['an array of 2^32 - 1', '9affffffff00'],
  ])('%s', (_what, hex) => {
    expect(read(hex)).toEqual(refused('message_malformed'));
  });

  it.each([
    ['a half float that is a whole number', 'f93c00'],
    ['a float that is a whole number', 'fa47c35000'],
    ['minus zero', 'f98000'],
    ['text that is not UTF-8', '61ff'],
    ['text with a lone surrogate', '63eda080'],
    ['text that begins with a byte order mark', '63efbbbf'],
  ])('%s as not canonical', (_what, hex) => {
    expect(read(hex)).toEqual(refused('object_not_canonical'));
  });

  it('more bytes than the caller allows, before reading them', () => {
    expect(read('820000', 2)).toEqual(refused('message_too_large'));
  });

  it('text that is not UTF-8, however much of it', () => {
    for (const length of [4_093, 4_094, 9_000])
      expect(
        attempt(() =>
          decodeCbor(Uint8Array.of(0x79, length >> 8, length & 0xff, ...Array(length).fill(0xff)), 10_000),
        ),
      ).toEqual(refused('object_not_canonical'));
  });

  it('nesting beyond the limit, however deep', () => {
    expect(attempt(() => decodeCbor(nested(MAX_NESTING), 100)).ok).toBe(true);
    for (const depth of [MAX_NESTING + 1, 100, 2_000, 3_700, 3_900, 10_000, 500_000]) {
      expect(attempt(() => decodeCbor(nested(depth), 1_000_000))).toEqual(refused('message_malformed'));
      expect(attempt(() => decodeCbor(nested(depth, 0xa1, 0xa0), 1_000_000))).toEqual(
        refused('message_malformed'),
      );
    }
  });
});

const anyValue: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.maxSafeNat(),
    fc.uint8Array({ maxLength: 300 }),
    // A leading byte order mark is refused by design, see above.
    fc.string({ unit: 'grapheme' }).filter((text) => !text.startsWith('\ufeff')),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 30 }),
  ),
})).value;

describe('a byte string by the short way', () => {
  it.each([0, 23, 24, 255, 256, 65_535, 65_536])('of %i bytes is what the encoder writes', (length) => {
    const string = new Uint8Array(length).fill(7);
    const encoded = encodeCbor(string);
    expect(byteStringSize(string)).toBe(encoded.length);
    const target = new Uint8Array(encoded.length + 2).fill(1);
    expect(putByteString(target, 1, string)).toBe(encoded.length + 1);
    expect(target).toEqual(Uint8Array.of(1, ...encoded, 1));
    const isKnown = length >= 24 && length < 65_536;
    expect(endOfByteString(encoded, 0)).toBe(isKnown ? encoded.length : null);
    if (isKnown) expect(headBytes(encoded, 0)).toBe(encoded.length - length);
    expect(endOfByteString(encoded.subarray(0, -1), 0)).toBe(null);
  });
});

describe('what is encoded', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(decodeCbor(encodeCbor(value), 10_000_000)).toEqual(value);
      }),
    );
  });

  it('is deterministic CBOR in the eyes of another library', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeCbor(value);
        expect(encodeCbor(decodeWithCbor2<CborValue>(bytes, { cde: true }))).toEqual(bytes);
      }),
    );
  });

  it('writes amounts as the integers they are', () => {
    expect(encodeCbor([5n, 5, MAX_AMOUNT_MINOR])).toEqual(fromHex('8305051b00038d7ea4c68000'));
    for (const edge of [0, 24, 0x100, 0x10000, 2 ** 32, 2 ** 53 - 1])
      for (const value of [edge - 1, edge].filter((one) => one >= 0)) {
        expect(decodeCbor(encodeCbor(value), 9)).toEqual(value);
        expect(encodeCbor([BigInt(value), null])).toEqual(encodeCbor([value, null]));
      }
  });
});

it('random bytes are refused or canonical, and never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const value = attempt(() => decodeCbor(bytes, 40));
      if (value.ok) expect(decodeWithCbor2(bytes, { cde: true })).toBeDefined();
    }),
    { numRuns: 2_000 },
  );
});

describe('FieldReader', () => {
  const reading = (values: unknown, read: (fields: FieldReader) => unknown) =>
    attempt(() => read(new FieldReader(values)));

  it('counts a text in UTF-8 bytes, whatever their number', () => {
    for (const [text, bytes] of [
      ['a'.repeat(16), 16],
      ['é'.repeat(8), 16],
      ['€'.repeat(30), 90],
      ['\u{1f600}'.repeat(4), 16],
    ] as const) {
      expect(reading([text], (fields) => fields.text(bytes))).toEqual({ ok: true, value: text });
      expect(reading([text], (fields) => fields.text(bytes - 1))).toEqual(refused('field_out_of_range'));
    }
    // 15 letters and one of two bytes: 16 units, 17 bytes.
    expect(reading([`${'a'.repeat(15)}é`], (fields) => fields.text(16))).toEqual(
      refused('field_out_of_range'),
    );
  });

  it.each(['\u007f', '\u0080', '\u07ff', '\u0800', '\uffff', '\u{10000}'])(
    'counts %j as TextEncoder does',
    (text) => {
      const { length } = new TextEncoder().encode(text);
      expect(reading([text], (fields) => fields.text(length)).ok).toBe(true);
      expect(reading([text], (fields) => fields.text(length - 1)).ok).toBe(false);
    },
  );

  it.each([
    ['nothing', null, 'message_malformed'],
    ['no array', {}, 'message_malformed'],
    ['an integer above its bound', [6], 'field_out_of_range'],
    ['an integer below its bound', [1], 'field_out_of_range'],
    ['an integer that is none', ['3'], 'message_malformed'],
    ['an integer beyond 2^53', [2n ** 53n], 'message_malformed'],
    ['nothing where something should be', [], 'message_malformed'],
  ])('refuses %s', (_what, values, code) => {
    expect(reading(values, (fields) => fields.uint(5, 2))).toEqual(refused(code));
  });

  it('bounds amounts at zero and 10^15, with a code of range beyond 2^53 too (R26)', () => {
    const amount = (value: unknown, min = 0n) => reading([value], (fields) => fields.amountMinor(min));
    expect(amount(0)).toEqual({ ok: true, value: 0n });
    expect(amount(Number(MAX_AMOUNT_MINOR))).toEqual({ ok: true, value: MAX_AMOUNT_MINOR });
    expect(amount(Number(MAX_AMOUNT_MINOR) + 1)).toEqual(refused('field_out_of_range'));
    expect(amount(2n ** 53n)).toEqual(refused('field_out_of_range'));
    expect(amount(0, 1n)).toEqual(refused('field_out_of_range'));
    expect(amount(-1)).toEqual(refused('field_out_of_range'));
    expect(amount(-(2n ** 60n))).toEqual(refused('message_malformed'));
    expect(amount('5')).toEqual(refused('message_malformed'));
  });

  it('refuses what follows the last field', () => {
    expect(reading([1], (fields) => fields.end())).toEqual(refused('message_malformed'));
  });

  it('reads null only where null may be', () => {
    expect(reading([null], (fields) => fields.bytesOrNull(2))).toEqual({ ok: true, value: null });
    expect(reading([null], (fields) => fields.textOrNull(2))).toEqual({ ok: true, value: null });
    expect(reading([null], (fields) => fields.bytes(2))).toEqual(refused('message_malformed'));
    expect(reading([], (fields) => fields.bytesOrNull(2))).toEqual(refused('message_malformed'));
    expect(reading([null], (fields) => fields.text(2))).toEqual(refused('message_malformed'));
  });

  it.each(['sgd', 'SG', 'SGDX', 'S1D', 'ŞGD'])('refuses %j as currency', (currency) => {
    expect(reading([currency], (fields) => fields.currency())).toEqual(refused('field_out_of_range'));
  });

  it('bounds byte strings and arrays', () => {
    expect(reading([new Uint8Array(2)], (fields) => fields.bytesUpTo(2)).ok).toBe(true);
    expect(reading([new Uint8Array(3)], (fields) => fields.bytesUpTo(2))).toEqual(
      refused('field_out_of_range'),
    );
    expect(reading([new Uint8Array(0)], (fields) => fields.bytesUpTo(2))).toEqual(
      refused('field_out_of_range'),
    );
    expect(reading(['ab'], (fields) => fields.bytesUpTo(2))).toEqual(refused('message_malformed'));
    expect(reading([[1, 2]], (fields) => fields.array(1))).toEqual(refused('field_out_of_range'));
    expect(reading([1], (fields) => fields.array(1))).toEqual(refused('message_malformed'));
  });
});

describe('the usual reader knows what the decoder knows, or nothing', () => {
  const numbers = fc.oneof(fc.nat(300), fc.nat(0xffff_ffff), fc.maxSafeNat());

  it('a number is read in its one form, to its end, within its bounds', () => {
    fc.assert(
      fc.property(numbers, fc.nat(70_000), (value, least) => {
        const bytes = encodeCbor(value);
        const isKnown = value <= 0xffff_ffff && value >= least;
        const reader = new UsualReader(bytes, 0);
        expect(reader.uint(least, 0xffff_ffff)).toBe(isKnown ? value : null);
        if (isKnown) expect(reader.isAtEnd).toBe(true);
        expect(new UsualReader(bytes, 0).uint(0, value - 1)).toBeNull();
        expect(new UsualReader(bytes.subarray(0, -1), 0).uint(0, 0xffff_ffff)).toBeNull();
      }),
    );
  });

  it('no number that has a shorter form, and nothing that is no number', () => {
    const longer = [
      [0x18, 23],
      [0x19, 0, 255],
      [0x1a, 0, 0, 255, 255],
      [0x1b, 0, 0, 0, 1, 0, 0, 0, 0],
      [0x20],
      [0x1c],
      [0x40],
    ];
    for (const bytes of longer)
      expect(new UsualReader(Uint8Array.from(bytes), 0).uint(0, Number.MAX_SAFE_INTEGER)).toBeNull();
    expect(new UsualReader(Uint8Array.of(0x18, 24), 0).uint(0, 24)).toBe(24);
    expect(new UsualReader(Uint8Array.of(0x19, 1, 0), 0).uint(0, 256)).toBe(256);
    expect(new UsualReader(Uint8Array.of(0x1a, 0, 1, 0, 0), 0).uint(0, 0x10000)).toBe(0x10000);
  });

  it('a byte string of exactly its length, whole', () => {
    for (const length of [0, 16, 23, 24, 32, 255]) {
      const content = new Uint8Array(length).fill(7);
      const bytes = encodeCbor(content);
      const reader = new UsualReader(bytes, 0);
      expect(reader.bytes(length)).toEqual(content);
      expect(reader.isAtEnd).toBe(true);
      expect(new UsualReader(encodeCbor(new Uint8Array(length + 1)), 0).bytes(length)).toBeNull();
      if (length > 0) expect(new UsualReader(bytes.subarray(0, -1), 0).bytes(length)).toBeNull();
    }
    expect(new UsualReader(Uint8Array.of(0x58, 16, ...new Uint8Array(16)), 0).bytes(16)).toBeNull();
  });
});

describe('reading in one pass', () => {
  const sameThreeTimes = (bytes: Uint8Array) => {
    const byTheLibrary = attempt(() => decodeAnyForm(bytes));
    expect(attempt(() => decodeCbor(bytes, bytes.length))).toEqual(byTheLibrary);
    expect(attempt(() => decodeCborAsViews(bytes, bytes.length))).toEqual(byTheLibrary);
  };
  const usual: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.oneof(fc.nat(300), fc.nat(0xffff_ffff), fc.constantFrom(null, true, false)),
      fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary-ascii', maxLength: 300 })),
      fc.array(tie('value'), { maxLength: 30 }),
    ),
  })).value;
  const change = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.option(fc.nat(4)) });

  it('finds what the library finds, or the same fault, in whatever comes', () => {
    fc.assert(
      fc.property(fc.oneof(usual, anyValue), change, (value, { at, to, cut }) => {
        const bytes = encodeCbor(value);
        sameThreeTimes(bytes);
        const altered = Uint8Array.from(bytes).with(at % bytes.length, to);
        sameThreeTimes(altered.subarray(0, cut === null ? undefined : -cut));
      }),
    );
  });

  it.each([
    ['an empty array', '80'],
    ['an empty map', 'a0'],
    ['a map', 'a10001'],
    ['a number of eight bytes', '1b0020000000000000'],
    ['a text of two bytes a letter', '62c3a4'],
    ['an array that ends too soon', '8201'],
    ['a number that ends too soon', '1901'],
    ['a text that ends too soon', '6261'],
    ['bytes after the end', '0000'],
    ['nothing', ''],
  ])('finds the same in %s', (_, hex) => sameThreeTimes(fromHex(hex)));

  it.each([MAX_NESTING - 1, MAX_NESTING, MAX_NESTING + 1])(
    'finds the same in %i arrays in another',
    (depth) => sameThreeTimes(nested(depth + 1)),
  );

  it('gives views of the message where they are asked for, and copies elsewhere', () => {
    const bytes = encodeCbor([new Uint8Array(80).fill(7)]);
    expect(decodeCborAsViews(bytes, 100)).toSatisfy(([view]) => view.buffer === bytes.buffer);
    expect(decodeCbor(bytes, 100)).toSatisfy(([copy]) => copy.buffer !== bytes.buffer);
  });
});
