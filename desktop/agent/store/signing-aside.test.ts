/** Whoever signs, and whatever becomes of the other: each is signed, once more at most than needed, and nobody waits. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { newKey } from '../test/world.ts';
import { BeltHead, BeltTail } from './delivery-belt.ts';
import { LookAhead } from './look-ahead.ts';
import { SigningAside, signingMemory, SigningWatcher } from './signing-aside.ts';
import { TicketBox } from './verdicts.ts';

const signatureOf = (by: number, data: Uint8Array): Uint8Array =>
  Uint8Array.of(by, ...new Uint8Array(61), data[0] ?? 0, data[1] ?? 0);
const dataOf = (index: number): Uint8Array => Uint8Array.of(index & 0xff, index >> 8);

const moment = fc.record({ begins: fc.integer({ min: 0, max: 9 }), others: fc.integer({ min: 0, max: 4 }) });

test('each is signed by one of the two, whenever the other looks, and also past the last slot', () => {
  fc.assert(
    fc.property(fc.array(fc.array(moment, { minLength: 1, maxLength: 9 }), { maxLength: 40 }), (groups) => {
      const memory = signingMemory();
      let signed = 0;
      const by = (who: number) => (data: Uint8Array) => {
        signed += 1;
        return signatureOf(who, data);
      };
      const aside = new SigningAside(by(1), { memory, call: () => undefined });
      const watcher = new SigningWatcher(memory, by(2));
      let begun = 0;
      for (const group of groups) {
        const asked: (() => Uint8Array)[] = [];
        for (const { begins, others } of group) {
          for (let index = 0; index < begins; index += 1) asked.push(aside.begin(dataOf(begun + index)));
          begun += begins;
          if (others === 4) watcher.work();
        }
        if (group[0]?.others === 0) {
          // What an undone transaction began is signed by nobody, unless it was already.
          aside.forget();
          watcher.work();
          expect(signed).toBeLessThanOrEqual(begun);
          signed = begun;
          continue;
        }
        const first = begun - asked.length;
        for (const [index, signature] of asked.entries())
          expect(signature().subarray(62)).toEqual(dataOf(first + index));
        expect(signed).toBe(begun);
      }
    }),
    { numRuns: 60 },
  );
});

test('one that stops in the middle of a signature holds up nothing, then or ever after', () => {
  const memory = signingMemory();
  const aside = new SigningAside((data) => signatureOf(1, data), { memory, call: () => undefined });
  const stuck = new SigningWatcher(memory, () => {
    throw new Error('ended from outside');
  });
  for (let group = 0; group < 4; group += 1) {
    const asked = Array.from({ length: 400 }, (_, index) => aside.begin(dataOf(index)));
    if (group === 0) expect(() => stuck.work()).toThrow('ended from outside');
    for (const [index, signature] of asked.entries())
      expect(signature()).toEqual(signatureOf(1, dataOf(index)));
  }
});

test('while one is being signed the store signs the newest, and signs none twice that it need not', () => {
  const memory = signingMemory();
  let signed = 0;
  const sign = (data: Uint8Array): Uint8Array => {
    signed += 1;
    return signatureOf(1, data);
  };
  const aside = new SigningAside(sign, { memory, call: () => undefined });
  const asked = [0, 1, 2].map((index) => aside.begin(dataOf(index)));
  const signatures: Uint8Array[] = [];
  new SigningWatcher(memory, (data) => {
    // The store comes for all three while the first is being signed here.
    if (signatures.length === 0) for (const signature of asked) signatures.push(signature());
    return signatureOf(2, data);
  }).work();
  expect(signatures).toEqual([0, 1, 2].map((index) => signatureOf(1, dataOf(index))));
  expect(signed).toBe(3);
});

test('the real thread, ended while it signs, leaves no signature out', async () => {
  const key = newKey();
  const crypto = nodeCrypto();
  const signing = signingMemory();
  const belt = new BeltHead();
  const errors: unknown[] = [];
  const data = { cells: new TicketBox().cells, belt: belt.memory, signing, signingKeyPem: key.pem };
  const lookAhead = new LookAhead(data, (error) => errors.push(error));
  const tail = new BeltTail(belt.memory);
  let inPlace = 0;
  const sign = (bytes: Uint8Array): Uint8Array => {
    inPlace += 1;
    return key.sign(bytes);
  };
  const aside = new SigningAside(sign, { memory: signing, call: () => tail.call() });
  lookAhead.begin();
  const last = aside.begin(dataOf(0));
  belt.call();
  await vi.waitUntil(() => signing.states[0] === 3, { timeout: 25_000 });
  expect(crypto.verify(key.publicKey, dataOf(0), last())).toBe(true);
  expect(inPlace).toBe(0);
  const asked = Array.from({ length: 500 }, (_, index) => aside.begin(dataOf(index)));
  await lookAhead.stop();
  for (const [index, signature] of asked.entries())
    expect(crypto.verify(key.publicKey, dataOf(index), signature())).toBe(true);
  expect(errors).toEqual([]);
}, 30_000);
