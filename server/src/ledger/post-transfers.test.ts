import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { inTransaction, sqlState } from '../db/retry.ts';
import { balances, type NewTransfer, openAccount, postDecided, postTransfers, reconcile } from './index.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase({ maxConnections: 16 });
});
afterAll(() => database.close());

const post = (transfers: readonly NewTransfer[]) =>
  inTransaction(database.db, (tx) => postTransfers(tx, transfers));

interface Wallet {
  ownerId: string;
  accountId: string;
}

async function openWallet(openingMinor = 0n): Promise<Wallet> {
  const ownerId = randomUUID();
  const accountId = await openAccount(database.db, {
    kind: 'user_online',
    ownerId,
    holderId: ownerId,
    currency: 'SGD',
  });
  if (openingMinor > 0n) {
    const opening = await openAccount(database.db, { kind: 'opening', currency: 'SGD' });
    await post([move(opening, accountId, openingMinor)]);
  }
  return { ownerId, accountId };
}

function move(from: string, to: string, amountMinor: bigint, key: string = randomUUID()): NewTransfer {
  return {
    id: randomUUIDv7(),
    kind: 'user_transfer',
    idempotencyKey: key,
    reference: { note: 'a "quoted" \\ note, {braces}' },
    entries: [
      { accountId: from, amountMinor: -amountMinor },
      { accountId: to, amountMinor },
    ],
  };
}

async function balanceOf(wallet: Wallet): Promise<bigint> {
  const found = await balances(database.db, {
    kind: 'user_online',
    ownerIds: [wallet.ownerId],
    currency: 'SGD',
  });
  return found.get(wallet.ownerId) ?? -1n;
}

const statuses = async (transfers: readonly NewTransfer[]) =>
  (await post(transfers)).map((result) => result.status);

describe('posting', () => {
  test('a transfer moves exactly its amount and keeps both balances', async () => {
    const [a, b] = [await openWallet(1000n), await openWallet()];
    const [result] = await post([move(a.accountId, b.accountId, 250n)]);
    expect(result?.status).toBe('posted');
    expect([await balanceOf(a), await balanceOf(b)]).toEqual([750n, 250n]);
  });

  test('the same key posts once, within a batch and across batches, and answers the first id', async () => {
    const [a, b] = [await openWallet(1000n), await openWallet()];
    const key = randomUUID();
    const first = move(a.accountId, b.accountId, 100n, key);
    const results = await post([first, move(a.accountId, b.accountId, 100n, key)]);
    expect(results).toEqual([
      { status: 'posted', transferId: first.id },
      { status: 'already_posted', transferId: first.id },
    ]);
    expect(await post([move(a.accountId, b.accountId, 100n, key)])).toEqual([
      { status: 'already_posted', transferId: first.id },
    ]);
    expect(await balanceOf(b)).toBe(100n);
  });

  test('a key that stands for other money is refused by name and moves nothing', async () => {
    const [a, b] = [await openWallet(1000n), await openWallet()];
    const key = randomUUID();
    expect(
      await statuses([move(a.accountId, b.accountId, 100n, key), move(a.accountId, b.accountId, 101n, key)]),
    ).toEqual(['posted', 'idempotency_key_reused']);
    expect(await statuses([move(b.accountId, a.accountId, 100n, key)])).toEqual(['idempotency_key_reused']);
    expect(await balanceOf(b)).toBe(100n);
  });

  test('one transfer without funds does not fail the batch, and later ones are judged without it', async () => {
    const [a, b] = [await openWallet(300n), await openWallet()];
    const batch = [
      move(a.accountId, b.accountId, 200n),
      move(a.accountId, b.accountId, 200n),
      move(a.accountId, b.accountId, 100n),
      move(b.accountId, a.accountId, 300n),
      move(b.accountId, a.accountId, 1n),
    ];
    expect(await statuses(batch)).toEqual([
      'posted',
      'insufficient_funds',
      'posted',
      'posted',
      'insufficient_funds',
    ]);
    expect([await balanceOf(a), await balanceOf(b)]).toEqual([300n, 0n]);
  });

  test('a transfer that lacked funds may be posted later under the same key', async () => {
    const [a, b] = [await openWallet(), await openWallet(500n)];
    const late = move(a.accountId, b.accountId, 50n);
    expect(await statuses([late])).toEqual(['insufficient_funds']);
    expect(await statuses([move(b.accountId, a.accountId, 50n), late])).toEqual(['posted', 'posted']);
  });

  test('what no ledger can hold throws a code and leaves no trace', async () => {
    const [a, b] = [await openWallet(1000n), await openWallet()];
    const good = move(a.accountId, b.accountId, 10n);
    const broken = (entries: NewTransfer['entries']): NewTransfer => ({
      ...move(a.accountId, b.accountId, 1n),
      entries,
    });
    await expect(
      post([
        good,
        broken([
          { accountId: a.accountId, amountMinor: -1n },
          { accountId: b.accountId, amountMinor: 2n },
        ]),
      ]),
    ).rejects.toMatchObject({ code: 'transfer_unbalanced' });
    await expect(
      post([
        broken([
          { accountId: a.accountId, amountMinor: 0n },
          { accountId: b.accountId, amountMinor: 0n },
        ]),
      ]),
    ).rejects.toMatchObject({ code: 'entry_amount_zero' });
    await expect(
      post([
        broken([
          { accountId: a.accountId, amountMinor: -1n },
          { accountId: a.accountId, amountMinor: 1n },
        ]),
      ]),
    ).rejects.toMatchObject({ code: 'account_twice_in_transfer' });
    await expect(post([broken([{ accountId: a.accountId, amountMinor: -1n }])])).rejects.toMatchObject({
      code: 'transfer_too_small',
    });
    await expect(post([move(a.accountId, randomUUID(), 1n)])).rejects.toMatchObject({
      code: 'account_unknown',
    });
    expect(await balanceOf(b)).toBe(0n);
  });

  test('a failure of the caller takes the money back with it', async () => {
    const [a, b] = [await openWallet(1000n), await openWallet()];
    const attempt = inTransaction(database.db, async (tx) => {
      await postTransfers(tx, [move(a.accountId, b.accountId, 10n)]);
      throw new Error('after posting');
    });
    await expect(attempt).rejects.toThrow('after posting');
    expect(await balanceOf(b)).toBe(0n);
  });
});

describe('under concurrency', () => {
  test('a lock that is not had in time is said as what it is, so that neighbours go on without it', async () => {
    const [a, b] = [await openWallet(100n), await openWallet()];
    await database.owner.begin(async (other) => {
      await other`select 1 from ledger_accounts where id = ${a.accountId} for update`;
      const impatient = inTransaction(database.db, async (tx) => {
        await tx.execute(sql`set local lock_timeout = 20`);
        return postTransfers(tx, [move(a.accountId, b.accountId, 10n)]);
      });
      expect(sqlState(await impatient.catch((error: unknown) => error))).toBe('55P03');
    });
  });

  test('concurrent transfers never overdraw and exactly the affordable ones post', async () => {
    const [a, b] = [await openWallet(1000n), await openWallet()];
    const attempts = await Promise.all(
      Array.from({ length: 40 }, () => statuses([move(a.accountId, b.accountId, 100n)])),
    );
    expect(attempts.flat().filter((status) => status === 'posted')).toHaveLength(10);
    expect([await balanceOf(a), await balanceOf(b)]).toEqual([0n, 1000n]);
  });

  test('the same key from many connections posts once', async () => {
    const [a, b] = [await openWallet(1000n), await openWallet()];
    const key = randomUUID();
    const attempts = await Promise.all(
      Array.from({ length: 30 }, () => statuses([move(a.accountId, b.accountId, 10n, key)])),
    );
    expect(attempts.flat().filter((status) => status === 'posted')).toHaveLength(1);
    expect(await balanceOf(b)).toBe(10n);
  });

  test('the same key for disjoint accounts from many connections: one posts, the others are told', async () => {
    const wallets = await Promise.all(Array.from({ length: 16 }, () => openWallet(100n)));
    const key = randomUUID();
    const attempts = await Promise.all(
      wallets
        .slice(0, 8)
        .map((from, i) => statuses([move(from.accountId, wallets[i + 8]?.accountId ?? '', 10n, key)])),
    );
    expect(attempts.flat().sort()).toEqual([...Array<string>(7).fill('idempotency_key_reused'), 'posted']);
  });

  test('batches over the same accounts in opposite orders do not deadlock', async () => {
    const wallets = await Promise.all(Array.from({ length: 6 }, () => openWallet(10_000n)));
    const ring = wallets.map(
      (wallet, i) => [wallet.accountId, wallets[(i + 1) % wallets.length]?.accountId ?? ''] as const,
    );
    const batches = Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? ring : ring.toReversed()));
    const all = await Promise.all(
      batches.map((pairs) => statuses(pairs.map(([from, to]) => move(from, to, 5n)))),
    );
    expect(all.flat().every((status) => status === 'posted')).toBe(true);
  });
});

test('whatever is posted, in whatever order and however often, sums stay zero and nobody is overdrawn', async () => {
  const wallets = await Promise.all(Array.from({ length: 4 }, () => openWallet(500n)));
  const total = async () =>
    (await Promise.all(wallets.map(balanceOf))).reduce((sum, value) => sum + value, 0n);
  const step = fc.record({
    from: fc.nat(3),
    to: fc.nat(3),
    amountMinor: fc.bigInt(1n, 400n),
    key: fc.integer({ min: 0, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 4 }), async (batches) => {
      const salt = randomUUID();
      const prepared = batches.map((batch) =>
        batch
          .filter(({ from, to }) => from !== to)
          .map(({ from, to, amountMinor, key }) =>
            move(wallets[from]?.accountId ?? '', wallets[to]?.accountId ?? '', amountMinor, `${salt}:${key}`),
          ),
      );
      await Promise.all(prepared.map(post));
      const before = await Promise.all(wallets.map(balanceOf));
      const replay = (await Promise.all(prepared.map(post))).flat();
      const after = await Promise.all(wallets.map(balanceOf));
      expect(after.every((value) => value >= 0n)).toBe(true);
      if (!replay.some((result) => result.status === 'posted')) expect(after).toEqual(before);
      expect(await total()).toBe(2000n);
      expect((await reconcile(database.db)).sound).toBe(true);
    }),
    { numRuns: 25 },
  );
}, 60_000);

/** More than are locked first: these are written before their accounts are locked. */
const LARGE = 40;

describe('a large batch', () => {
  const step = fc.record({
    from: fc.nat(3),
    to: fc.nat(3),
    amountMinor: fc.bigInt(1n, 60n),
    key: fc.integer({ min: 0, max: 60 }),
  });

  test('is decided as its transfers are one by one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 2 * LARGE, maxLength: 2 * LARGE }),
        fc.bigInt(0n, 1500n),
        async (steps, openingMinor) => {
          const open = () => Promise.all(Array.from({ length: 4 }, () => openWallet(openingMinor)));
          const [together, apart] = [await open(), await open()];
          const batchOf = (wallets: readonly Wallet[], salt: string) =>
            steps
              .filter(({ from, to }) => from !== to)
              .map(({ from, to, amountMinor, key }) =>
                move(
                  wallets[from]?.accountId ?? '',
                  wallets[to]?.accountId ?? '',
                  amountMinor,
                  `${salt}:${key}`,
                ),
              );
          const alone: string[] = [];
          for (const transfer of batchOf(apart, randomUUID())) alone.push(...(await statuses([transfer])));
          expect(await statuses(batchOf(together, randomUUID()))).toEqual(alone);
          expect(await Promise.all(together.map(balanceOf))).toEqual(await Promise.all(apart.map(balanceOf)));
        },
      ),
      { numRuns: 6 },
    );
  });

  test('races others for accounts, funds and keys, and every key moves money once', {
    repeats: 4,
    timeout: 60_000,
  }, async () => {
    const wallets = await Promise.all(Array.from({ length: 6 }, () => openWallet(700n)));
    const salt = randomUUID();
    const shared = Array.from({ length: LARGE }, (_, n) =>
      move(wallets[n % 6]?.accountId ?? '', wallets[(n + 1) % 6]?.accountId ?? '', 30n, `${salt}:${n}`),
    );
    const own = (from: number) =>
      Array.from({ length: LARGE }, () =>
        move(wallets[from]?.accountId ?? '', wallets[(from + 3) % 6]?.accountId ?? '', 30n),
      );
    const batches = [
      shared,
      shared.toReversed(),
      own(0),
      own(1),
      [...own(2), ...shared],
      own(5).toReversed(),
    ];
    const answers = await Promise.all(batches.map(post));
    const posted = answers.flatMap((results, b) =>
      results.flatMap(({ status }, n) => (status === 'posted' ? [batches[b]?.[n]?.idempotencyKey] : [])),
    );
    expect(new Set(posted).size).toBe(posted.length);
    const left = await Promise.all(wallets.map(balanceOf));
    expect(left.every((value) => value >= 0n)).toBe(true);
    expect(left.reduce((sum, value) => sum + value, 0n)).toBe(4_200n);
    expect((await reconcile(database.db)).sound).toBe(true);
  });

  test('that no ledger can hold throws a code and leaves no trace', async () => {
    const [a, b] = [await openWallet(1000n), await openWallet()];
    const good = Array.from({ length: LARGE }, () => move(a.accountId, b.accountId, 1n));
    await expect(post([...good, move(a.accountId, randomUUID(), 1n)])).rejects.toMatchObject({
      code: 'account_unknown',
    });
    expect(await balanceOf(b)).toBe(0n);
  });
});

describe('posting what was decided', () => {
  const postAll = (transfers: readonly NewTransfer[]) =>
    inTransaction(database.db, (tx) => postDecided(tx, transfers, 'SGD'));

  test('it stands whole', async () => {
    const [a, b] = [await openWallet(100n), await openWallet()];
    await postAll([move(a.accountId, b.accountId, 30n), move(a.accountId, b.accountId, 70n)]);
    expect([await balanceOf(a), await balanceOf(b)]).toEqual([0n, 100n]);
  });

  test.each([
    ['lacks cover', (a: string, b: string, _taken: string) => move(a, b, 71n)],
    [
      'names an account that is not there',
      (a: string, _b: string, _taken: string) => move(a, randomUUID(), 1n),
    ],
    ['comes under a key that is taken', (a: string, b: string, taken: string) => move(a, b, 1n, taken)],
  ])('nothing of it stands when one %s', async (_, odd) => {
    const [a, b] = [await openWallet(100n), await openWallet()];
    const taken = randomUUID();
    await post([move(a.accountId, b.accountId, 10n, taken)]);
    const batch = [move(a.accountId, b.accountId, 20n), odd(a.accountId, b.accountId, taken)];
    await expect(postAll(batch)).rejects.toThrow();
    expect([await balanceOf(a), await balanceOf(b)]).toEqual([90n, 10n]);
    expect((await reconcile(database.db)).sound).toBe(true);
  });
});
