/** Threads that verify: the same verdicts by every way and in every number. */
import { newKey } from '../../test/simulated-phone.ts';
import { packChecks, type SignatureCheck } from '@tikiwallet/protocol/verify-many';
import { afterAll, describe, expect, it } from 'vitest';
import { chooseWay } from './signature-checks.ts';
import { SignaturePool } from './signature-pool.ts';

const ways = [
  ['addon', 16],
  ['addon', 0],
  ['node_crypto', 16],
  ['node_crypto', 0],
] as const;
const pools = ways.map(([way, rememberedKeys]) => new SignaturePool({ way, rememberedKeys, threads: 2 }));
afterAll(() => Promise.all(pools.map((pool) => pool.close())));

function check(n: number): SignatureCheck {
  const key = newKey();
  const data = new Uint8Array(n).fill(n);
  return { publicKey: key.publicKey, data, signature: key.sign(data) };
}

describe('a pool', () => {
  it.each([0, 1, 7, 8, 64, 150])('tells good from bad among %i, in order, by every way', async (count) => {
    const checks = Array.from({ length: count }, (_, n) => {
      const good = check(n);
      return n % 3 === 1 ? { ...good, data: Uint8Array.of(...good.data, 1) } : good;
    });
    const expected = checks.map((_, n) => n % 3 !== 1);
    for (const pool of pools) expect(await pool.verifyAll(checks)).toEqual(expected);
  });

  it('takes bytes of any length from anybody', async () => {
    const good = check(9);
    const hostile = [0, 1, 32, 33, 64, 65, 1_000].flatMap((length) => [
      { ...good, publicKey: new Uint8Array(length).fill(2) },
      { ...good, signature: new Uint8Array(length).fill(1) },
    ]);
    for (const pool of pools)
      expect(await pool.verifyAll([...hostile, good])).toEqual([...hostile.map(() => false), true]);
  });
});

it('work that a thread dies of fails, what lies beside it is never called bad, and the next is done', async () => {
  const pool = new SignaturePool({ threads: 2 });
  const good = Array.from({ length: 20 }, (_, n) => check(n));
  const pieces = Array.from({ length: 12 }, () => packChecks(good));
  const deadly = { count: 21, bytes: packChecks(good).bytes };
  const asked = await Promise.allSettled([
    ...pieces.slice(0, 6).map((piece) => pool.verifyPacked([piece, packChecks(good)])),
    pool.verifyPacked([deadly]),
    ...pieces.slice(6).map((piece) => pool.verifyPacked([piece, packChecks(good)])),
  ]);
  expect(asked[6]?.status).toBe('rejected');
  for (const outcome of asked)
    if (outcome.status === 'fulfilled')
      expect(outcome.value.every((verdicts) => verdicts.every((verdict) => verdict === 1))).toBe(true);
  expect(await pool.verifyAll(good)).toEqual(good.map(() => true));
  await pool.close();
});

it('the addon is not taken where it is switched off', () => {
  expect(chooseWay(false)).toEqual({ way: 'node_crypto', because: 'is switched off' });
});
