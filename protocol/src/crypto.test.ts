/** The two drivers run the same rule to the same end, and only refusals become values. */
import { webcrypto } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { crypto, newKey } from '../test/world.ts';
import {
  digest,
  runAsync,
  runSync,
  runToSignature,
  sign,
  verifySignature,
  type AsyncCrypto,
  type Steps,
} from './crypto.ts';
import { refuse } from './errors.ts';
import { webCrypto } from './index.ts';

const browser = webCrypto(webcrypto.subtle);
const key = newKey();
const data = new TextEncoder().encode('data');

function* hashSignVerify(): Steps<boolean> {
  const hash = yield* digest(data);
  return yield* verifySignature(key.publicKey, hash, yield* sign(hash));
}
// eslint-disable-next-line require-yield -- a rule may refuse before it asks for anything
function* refusing(): Steps<never> {
  refuse('field_out_of_range');
}
function* refusingLater(): Steps<never> {
  yield* digest(data);
  refuse('field_out_of_range');
}

describe('both drivers', () => {
  it('run a rule to its value', async () => {
    expect(runSync(hashSignVerify(), crypto, key.sign)).toEqual({ ok: true, value: true });
    const signer = (bytes: Uint8Array) => Promise.resolve(key.sign(bytes));
    expect(await runAsync(hashSignVerify(), browser, signer)).toEqual({ ok: true, value: true });
  });

  it.each([
    ['at once', refusing],
    ['later', refusingLater],
  ])('turn a refusal into a value, %s', async (_when, rule) => {
    const refused = { ok: false, code: 'field_out_of_range' };
    expect(runSync(rule(), crypto)).toEqual(refused);
    expect(await runAsync(rule(), browser)).toEqual(refused);
  });

  it("let a programmer's error pass: a rule that signs without a signer", async () => {
    expect(() => runSync(hashSignVerify(), crypto)).toThrow('hand the driver a signer');
    await expect(runAsync(hashSignVerify(), browser)).rejects.toThrow('hand the driver a signer');
  });

  it('do not take a signature of another length, nor a boolean for a hash', async () => {
    expect(() => runSync(hashSignVerify(), crypto, () => new Uint8Array(71))).toThrow(TypeError);
    const broken: AsyncCrypto = { ...browser, digest: () => Promise.reject(new Error('device lost')) };
    await expect(runAsync(hashSignVerify(), broken)).rejects.toThrow('device lost');
    const steps = digest(data);
    steps.next();
    expect(() => steps.next(true)).toThrow(TypeError);
  });
});

describe('a rule that stands at its signature', () => {
  function* hashAndSign(): Steps<Uint8Array> {
    return yield* sign(yield* digest(data));
  }

  it('ends with a signature that was made elsewhere', () => {
    const begun = runToSignature(hashAndSign(), crypto);
    if (!begun.ok) throw new Error(begun.code);
    expect(begun.value.toSign).toEqual(crypto.digest(data));
    const signature = key.sign(begun.value.toSign);
    expect(begun.value.finish(signature)).toEqual(signature);
  });

  it('refuses as ever before it comes so far', () => {
    expect(runToSignature(refusingLater(), crypto)).toEqual({ ok: false, code: 'field_out_of_range' });
  });

  it('must sign, once, at its end', () => {
    expect(() => runToSignature(digest(data), crypto)).toThrow('sign nothing');
    const more = runToSignature(hashSignVerify(), crypto);
    expect(() => more.ok && more.value.finish(new Uint8Array(64))).toThrow('do not end');
  });
});

describe('node:crypto and WebCrypto agree', () => {
  it('on hashes', async () => {
    for (const length of [0, 1, 55, 56, 64, 1_000]) {
      const bytes = new Uint8Array(length).fill(length);
      expect(await browser.digest(bytes)).toEqual(crypto.digest(bytes));
    }
  });

  it.each([0, 1, 63, 65, 72, 128])('that a signature of %i bytes is false', async (length) => {
    const signature = new Uint8Array(length).fill(1);
    expect(crypto.verify(key.publicKey, data, signature)).toBe(false);
    expect(await browser.verify(key.publicKey, data, signature)).toBe(false);
  });

  it.each([
    ['no point of the curve', Uint8Array.of(2, ...new Uint8Array(31), 1)],
    ['no bytes', new Uint8Array(0)],
    ['an uncompressed point', new Uint8Array(65).fill(4)],
  ])('that with %s as key everything is false', async (_what, publicKey) => {
    const signature = key.sign(data);
    expect(crypto.verify(publicKey, data, signature)).toBe(false);
    expect(await browser.verify(publicKey, data, signature)).toBe(false);
  });
});
