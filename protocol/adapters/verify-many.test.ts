/** The addon and node:crypto are two verifiers with one opinion; the second is the oracle. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readVectors, runVectors } from '../scripts/read-vectors.ts';
import { runSync } from '../src/index.ts';
import { craftedChecks } from '../test/crafted-signatures.ts';
import { edgesOf, goodCheck, withBit } from '../test/signature-mutations.ts';
import { nodeCrypto } from './node-crypto.ts';
import {
  loadSignatureAddon,
  packChecks,
  type SignatureCheck,
  unpackChecks,
  verifyByAddon,
  verifyByNodeCrypto,
} from './verify-many.ts';

const addon = loadSignatureAddon();
const reason = typeof addon === 'string' ? ` (skipped: it ${addon}; npm rebuild @tikiwallet/protocol)` : '';
const folder = mkdtempSync(join(tmpdir(), 'tiki-addon-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const byNode = (checks: readonly SignatureCheck[]) => [...verifyByNodeCrypto(0)(packChecks(checks))];

describe('packed checks', () => {
  it('come back as they were', () => {
    const checks = [goodCheck(0), ...edgesOf(goodCheck()), goodCheck(2_000)];
    expect(unpackChecks(packChecks(checks))).toEqual(checks);
    expect(unpackChecks(packChecks([]))).toEqual([]);
  });

  it('that are cut or counted wrongly are refused whole', () => {
    const { bytes } = packChecks([goodCheck(), goodCheck()]);
    for (const packed of [
      { count: 1, bytes },
      { count: 3, bytes },
      { count: 2, bytes: bytes.slice(0, -1) },
      { count: 2, bytes: bytes.with(0, 255) },
    ])
      expect(() => unpackChecks(packed)).toThrow(TypeError);
  });
});

describe('an addon', () => {
  it('that is not there, is none, or judges wrongly is not taken, and it is said why', () => {
    expect(loadSignatureAddon(join(folder, 'nowhere.node'))).toBe('was not built');
    const text = join(folder, 'text.node');
    writeFileSync(text, 'no machine code');
    expect(loadSignatureAddon(text)).toBe('does not load into this Node');
    const other = join(folder, 'other.cjs');
    writeFileSync(other, 'exports.close = () => {};');
    expect(loadSignatureAddon(other)).toBe('does not load into this Node');
    for (const verdict of [0, 1]) {
      const wrong = join(folder, `always-${String(verdict)}.cjs`);
      writeFileSync(wrong, `exports.open = () => (packed, verdicts) => !!verdicts.fill(${String(verdict)});`);
      expect(loadSignatureAddon(wrong)).toBe('failed its own test');
    }
    const short = join(folder, 'no-memory.cjs');
    writeFileSync(short, "exports.open = () => { throw new Error('a verifier cannot be made of this'); };");
    expect(loadSignatureAddon(short)).toBe('failed its own test');
  });
});

describe.skipIf(typeof addon === 'string')(`the addon says what node:crypto says${reason}`, () => {
  if (typeof addon === 'string') return;
  const forgetful = verifyByAddon(addon, 0);
  const remembering = verifyByAddon(addon, 16);
  const byAddon = (checks: readonly SignatureCheck[]) => {
    const verdicts = [...forgetful(packChecks(checks))];
    // Twice: the second time from memory.
    for (let time = 0; time < 2; time += 1) expect([...remembering(packChecks(checks))]).toEqual(verdicts);
    return verdicts;
  };

  it('of good signatures, under one key and under many', () => {
    const checks = Array.from({ length: 40 }, (_, n) => goodCheck(n * 7));
    expect(byAddon(checks)).toEqual(checks.map(() => 1));
    expect(byAddon([...checks, ...checks])).toEqual([...checks, ...checks].map(() => 1));
    expect(byAddon([])).toEqual([]);
  });

  it('of every edge of r, s, lengths and points', () => {
    for (const good of [goodCheck(1), goodCheck(), goodCheck(1_000)]) {
      const edges = edgesOf(good);
      const verdicts = byAddon(edges);
      expect(verdicts).toEqual(byNode(edges));
      // The two that are good: itself and its mirror in n.
      expect(verdicts.filter((verdict) => verdict === 1)).toHaveLength(2);
    }
  });

  it('where the equation is special: a doubling, a sum that is no point, an x beyond n', () => {
    for (const length of [0, 40, 200]) {
      const { good, bad } = craftedChecks(crypto.getRandomValues(new Uint8Array(length)));
      expect(byNode([...good, ...bad])).toEqual([...good.map(() => 1), ...bad.map(() => 0)]);
      expect(byAddon([...good, ...bad])).toEqual([...good.map(() => 1), ...bad.map(() => 0)]);
    }
  });

  it('of many that share an inversion, whichever of them are bad', () => {
    const good = Array.from({ length: 150 }, (_, n) => goodCheck(n));
    const some = edgesOf(goodCheck());
    const bad = (n: number) => some[n % some.length] ?? goodCheck();
    for (const isBad of [
      (n: number) => n === 0,
      (n: number) => n === 63 || n === 64 || n === 149,
      (n: number) => n % 2 === 0,
      (n: number) => n !== 70,
      () => true,
    ]) {
      const checks = good.map((check, n) => (isBad(n) ? bad(n) : check));
      expect(byAddon(checks)).toEqual(byNode(checks));
      for (const count of [1, 2, 63, 64, 65, 128, 129])
        expect(byAddon(checks.slice(0, count))).toEqual(byNode(checks.slice(0, count)));
    }
  });

  it('of any bit that is another, and of any bytes', () => {
    const good = goodCheck();
    const part = fc.constantFrom<keyof SignatureCheck>('publicKey', 'data', 'signature');
    const changed = fc.tuple(part, fc.nat(2_047)).map(([which, bit]) => withBit(good, which, bit));
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const random = fc.record({
      publicKey: fc.oneof(
        fc.constant(good.publicKey),
        fc.tuple(fc.constantFrom(2, 3), bytes(32)).map(([first, x]) => Uint8Array.of(first, ...x)),
        fc.uint8Array({ maxLength: 70 }),
      ),
      data: fc.uint8Array({ maxLength: 100 }),
      signature: fc.oneof(bytes(64), fc.uint8Array({ maxLength: 80 })),
    });
    const some = fc.array(fc.oneof(fc.constant(good), changed, random), { maxLength: 6 });
    fc.assert(
      fc.property(some, (checks) => {
        expect(byAddon(checks)).toEqual(byNode(checks));
      }),
      { numRuns: 300 },
    );
  });

  it('of every vector of the protocol', async () => {
    const hashing = nodeCrypto();
    const primitives = {
      digest: (data: Uint8Array) => hashing.digest(data),
      verify: (publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array) =>
        remembering(packChecks([{ publicKey, data, signature }]))[0] === 1,
    };
    const { vectors, disagreements } = await runVectors(readVectors(), {
      run: (steps) => runSync(steps, primitives),
    });
    expect(disagreements).toEqual([]);
    expect(vectors).toBeGreaterThan(1_000);
  }, 120_000);

  it('and forgets nothing that it should know when keys push each other out of its memory', () => {
    const narrow = verifyByAddon(addon, 1);
    const [one, other] = [goodCheck(), goodCheck()];
    const stranger = { ...one, publicKey: other.publicKey };
    for (let time = 0; time < 3; time += 1)
      expect([...narrow(packChecks([one, other, stranger, one, other]))]).toEqual([1, 1, 0, 1, 1]);
  });

  it('and a point that is none leaves nothing behind for the next check', () => {
    const good = goodCheck();
    const noPoint = { ...good, publicKey: Uint8Array.of(2, ...new Uint8Array(31), 1) };
    expect(byNode([noPoint])).toEqual([0]);
    expect(byAddon([good, noPoint, noPoint, good, { ...good, publicKey: new Uint8Array(33) }])).toEqual([
      1, 0, 0, 1, 0,
    ]);
  });

  it('never takes bytes that are not the checks they were said to be', () => {
    const { bytes } = packChecks([goodCheck(), goodCheck()]);
    const verify = addon.open(0);
    const verdicts = (packed: Uint8Array, count: number) => {
      const out = new Uint8Array(count).fill(7);
      return [verify(packed, out), ...out];
    };
    expect(verdicts(bytes, 2)).toEqual([true, 1, 1]);
    for (let length = 0; length < bytes.length; length += 1)
      expect(verdicts(bytes.subarray(0, length), 2)).toEqual([false, 0, 0]);
    for (let at = 0; at < 12; at += 1) expect(verdicts(bytes.with(at, 255), 2)).toEqual([false, 0, 0]);
    expect(verdicts(bytes, 1)).toEqual([false, 0]);
    expect(verdicts(bytes, 3)).toEqual([false, 0, 0, 0]);
    expect(verdicts(bytes, 0)).toEqual([false]);
    expect(verdicts(new Uint8Array(0), 0)).toEqual([true]);
    // More than one call may be asked.
    expect(verify(new Uint8Array(12 * 65_537), new Uint8Array(65_537))).toBe(false);
    expect(() => forgetful({ count: 3, bytes })).toThrow(TypeError);
  });

  it('refuses what is no bytes and a memory of another size', () => {
    for (const size of [2 ** 20 + 1, 2 ** 32 - 1]) expect(() => addon.open(size)).toThrow('cannot be made');
    const call = (...values: readonly unknown[]) => Reflect.apply(addon.open(0), undefined, values);
    const bytes = new Uint8Array(4);
    for (const values of [
      [],
      [bytes],
      [bytes, 'b'],
      [new Uint32Array(4), bytes],
      [bytes, new DataView(bytes.buffer)],
    ])
      expect(() => call(...values)).toThrow(TypeError);
    expect(() => Reflect.apply(addon.open, undefined, ['many'])).toThrow('cannot be made');
  });

  it('in many threads at once, some of which are ended at work', async () => {
    const checks = Array.from({ length: 30 }, () => goodCheck()).flatMap((good) => [
      good,
      withBit(good, 'data', 3),
    ]);
    const expected = byNode(checks);
    const threads = Array.from(
      { length: 6 },
      () => new Worker(new URL('../test/verify-thread.ts', import.meta.url)),
    );
    const ask = async (thread: Worker) => {
      const answer = once(thread, 'message');
      thread.postMessage(packChecks(checks));
      const [verdicts] = await answer;
      return [...verdicts];
    };
    for (let round = 0; round < 3; round += 1)
      for (const verdicts of await Promise.all(threads.map(ask))) expect(verdicts).toEqual(expected);
    for (const thread of threads) thread.postMessage(packChecks(checks));
    await Promise.all(threads.map((thread) => thread.terminate()));
    expect(byAddon(checks)).toEqual(expected);
  });
});
