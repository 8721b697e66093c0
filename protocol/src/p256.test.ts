/** Point compression against node:crypto, and refusal of what is no point of the curve. */
import { createECDH, ECDH } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newKey } from '../test/world.ts';
import { fromHex } from './bytes.ts';
import { attempt, compressPoint, decompressPoint } from './index.ts';

const refused = { ok: false, code: 'field_out_of_range' };
const FIELD_PRIME = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff';

/** Both forms of one point, by node:crypto. */
function randomPoint(): { compressed: Uint8Array; uncompressed: Uint8Array } {
  const ecdh = createECDH('prime256v1');
  const uncompressed = ecdh.generateKeys();
  return {
    uncompressed: new Uint8Array(uncompressed),
    compressed: new Uint8Array(ecdh.getPublicKey(null, 'compressed')),
  };
}

describe('points of the curve', () => {
  it('compress and decompress as node:crypto does', () => {
    for (let i = 0; i < 100; i += 1) {
      const { compressed, uncompressed } = randomPoint();
      expect(compressPoint(uncompressed)).toEqual(compressed);
      expect(decompressPoint(compressed)).toEqual(uncompressed);
    }
  });

  it('decompress from every position of a larger buffer', () => {
    const { compressed, uncompressed } = randomPoint();
    const larger = Buffer.concat([Buffer.alloc(7, 0xff), compressed, Buffer.alloc(9, 0xff)]);
    expect(decompressPoint(larger.subarray(7, 40))).toEqual(uncompressed);
  });

  it('compressing a Node Buffer leaves the caller its key', () => {
    const point = Buffer.from(decompressPoint(newKey().publicKey));
    const before = Buffer.from(point);
    compressPoint(point);
    expect(point.equals(before)).toBe(true);
  });
});

describe('what is no point is refused', () => {
  it.each([
    ['an x that no point has', `02${'0'.repeat(63)}1`],
    ['x = p', `02${FIELD_PRIME}`],
    ['x above p', `02${'f'.repeat(64)}`],
    ['the prefix of an uncompressed point', `04${'0'.repeat(64)}`],
    ['the prefix of a hybrid point', `06${'0'.repeat(64)}`],
    ['the point at infinity', '00'],
    ['32 bytes', `02${'0'.repeat(62)}`],
    ['34 bytes', `02${'0'.repeat(66)}`],
    ['no bytes', ''],
  ])('%s', (_what, hex) => {
    const answer = attempt(() => decompressPoint(fromHex(hex)));
    if (hex.length === 66 && hex.endsWith('1')) {
      // x = 1 has no y on P-256; node:crypto agrees.
      expect(() => ECDH.convertKey(fromHex(hex), 'prime256v1')).toThrow();
    }
    expect(answer).toEqual(refused);
  });

  it('half of all x, exactly where node:crypto refuses too', () => {
    let onCurve = 0;
    for (let x = 0; x < 100; x += 1) {
      const candidate = fromHex(`02${x.toString(16).padStart(64, '0')}`);
      const ours = attempt(() => decompressPoint(candidate));
      let theirs: Uint8Array | null = null;
      try {
        theirs = new Uint8Array(
          ECDH.convertKey(candidate, 'prime256v1', undefined, undefined, 'uncompressed') as Buffer,
        );
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      expect(ours).toEqual(theirs === null ? refused : { ok: true, value: theirs });
      onCurve += ours.ok ? 1 : 0;
    }
    expect(onCurve).toBeGreaterThan(30);
  });

  it('compressPoint takes 65 bytes that begin with 04', () => {
    for (const hex of ['', `04${'0'.repeat(126)}`, `05${'0'.repeat(128)}`]) {
      expect(attempt(() => compressPoint(fromHex(hex)))).toEqual(refused);
    }
  });
});
