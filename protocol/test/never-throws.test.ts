/**
 * Bytes from outside never make a reader throw: random ones, and mutated genuine ones, through every public function
 * that decodes or verifies. The short run is for every change; PROTOCOL_FUZZ_RUNS sets a longer one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { concatBytes } from '../src/bytes.ts';
import * as protocol from '../src/index.ts';
import { file } from './genuine-messages.ts';
import { checkFile, ELSEWHERE, readers } from './readers-of-outside.ts';

const RUNS = Number(process.env['PROTOCOL_FUZZ_RUNS'] ?? 300);
// A long run on a busy machine is no hanging one.
vi.setConfig({ testTimeout: 30_000 + 20 * RUNS });

it('the genuine journal file is whole: what is changed in it lies behind no earlier fault', () => {
  const report = checkFile(file);
  expect(report.ok && report.value).toMatchObject({ broken: null, entries: 5, sales: 2, refunds: 1 });
});

it('every public function that takes bytes from outside is fed with hostile ones', () => {
  const text =
    readFileSync(join(import.meta.dirname, 'readers-of-outside.ts'), 'utf8') +
    readFileSync(import.meta.filename, 'utf8');
  const takesBytes = /^(decode|verify|open|read|identify|apply|select|decompress|carries|require|from)[A-Z]/;
  const exported = Object.keys(protocol).filter((name) => takesBytes.test(name) && !(name in ELSEWHERE));
  expect(exported.length).toBeGreaterThan(35);
  expect(exported.filter((name) => !text.includes(`protocol.${name}`))).toEqual([]);
});

type Mutation = (bytes: Uint8Array) => Uint8Array;

const at = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
/** What a fuzzer does to a genuine message: flip, cut, insert, overwrite, repeat. */
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(at, fc.nat(255)).map(
    ([place, value]): Mutation =>
      (bytes) =>
        bytes.with(Math.floor(place * bytes.length), value),
  ),
  at.map(
    (place): Mutation =>
      (bytes) =>
        bytes.subarray(0, Math.floor(place * bytes.length)),
  ),
  fc.tuple(at, fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
    ([place, inserted]): Mutation =>
      (bytes) => {
        const index = Math.floor(place * bytes.length);
        return concatBytes(bytes.subarray(0, index), inserted, bytes.subarray(index));
      },
  ),
  // Heads that announce much, nest, or name what the protocol never writes.
  fc
    .tuple(at, fc.constantFrom(0x81, 0x9f, 0xa2, 0x5f, 0x9b, 0x5b, 0xc0, 0xf7, 0xf9, 0xfb, 0x3b, 0x1b, 0xff))
    .map(
      ([place, head]): Mutation =>
        (bytes) =>
          bytes.with(Math.floor(place * bytes.length), head),
    ),
  at.map(
    (place): Mutation =>
      (bytes) =>
        concatBytes(bytes, bytes.subarray(Math.floor(place * bytes.length))),
  ),
);
const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });

describe.each(Object.entries(readers))('%s', (_name, [genuine, read]) => {
  it('is accepted as it is', () => {
    expect(read(genuine).ok).toBe(true);
  });

  it('never throws when mutated', () => {
    fc.assert(
      fc.property(mutations, (changes) => {
        let bytes = genuine;
        for (const change of changes) if (bytes.length > 0) bytes = change(bytes);
        expect(typeof read(bytes).ok).toBe('boolean');
      }),
      { numRuns: RUNS },
    );
  });

  it('never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(typeof read(bytes).ok).toBe('boolean');
      }),
      { numRuns: RUNS },
    );
  });
});

describe('texts from outside', () => {
  it('never throw in the readers of text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const kind of [
          'request',
          'delivery',
          'sealedDelivery',
          'receipt',
          'refundOffer',
          'refundAcceptance',
          'refundReceipt',
        ] as const) {
          protocol.fromQrText(kind, text);
          protocol.fromQrText(kind, `TIKI1:R:${text}`);
        }
        protocol.attempt(() => protocol.Amount.parse(text, 'SGD'));
        protocol.attempt(() => protocol.fromUuid(text));
        protocol.attempt(() => protocol.fromHex(text));
        protocol.attempt(() => protocol.fromBase64Url(text));
        protocol.isSealedDelivery(text);
        expect(typeof protocol.isTikiQr(text)).toBe('boolean');
      }),
      { numRuns: RUNS },
    );
  });
});
