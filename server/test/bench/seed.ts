/**
 * The seed's way with money: a transaction a payment, balances read under a lock, written back, a row of history. Seven
 * round trips: begin, two locks, two writes, an insert, commit.
 */
import type { Sql } from 'postgres';
import type { BenchCloud } from './cloud.ts';

export async function laySeedTables(cloud: BenchCloud, accounts: number): Promise<void> {
  await cloud.owner.unsafe(`
    create table seed_accounts (id int primary key, balance bigint not null);
    create table seed_payments (id bigint generated always as identity primary key, payer int not null references seed_accounts,
      payee int not null references seed_accounts, amount bigint not null, at timestamptz not null default now());
    insert into seed_accounts select i, 1000000000 from generate_series(0, ${accounts - 1}) i;
    grant select, insert, update on seed_accounts, seed_payments to tiki_app`);
}

export type Pair = readonly [payer: number, payee: number];

/** Locks in the order of the ids, or it would deadlock with itself. */
export async function payAsSeed(sql: Sql, [payer, payee]: Pair): Promise<void> {
  await sql.begin(async (tx) => {
    const balances = new Map<number, bigint>();
    for (const id of [payer, payee].toSorted((a, b) => a - b)) {
      const [row] = await tx<
        { balance: string }[]
      >`select balance from seed_accounts where id = ${id} for update`;
      balances.set(id, BigInt(row?.balance ?? 0));
    }
    const from = balances.get(payer) ?? 0n;
    if (from < 1n) throw new Error('insufficient funds');
    await tx`update seed_accounts set balance = ${(from - 1n).toString()} where id = ${payer}`;
    await tx`update seed_accounts set balance = ${((balances.get(payee) ?? 0n) + 1n).toString()} where id = ${payee}`;
    await tx`insert into seed_payments (payer, payee, amount) values (${payer}, ${payee}, 1)`;
  });
}

/** `work` for each item, by so many callers at once. @returns items a second */
export async function perSecond<T>(
  items: readonly T[],
  callers: number,
  work: (item: T) => Promise<unknown>,
): Promise<number> {
  const queue = items.values();
  const began = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (const item of queue) await work(item);
    }),
  );
  return (items.length * 1000) / (performance.now() - began);
}

/** Pairs of different accounts, drawn evenly or by Zipf's law with exponent 2, the same ones in every run. */
export function drawPairs(count: number, accounts: number, law: 'uniform' | 'zipf'): readonly Pair[] {
  let state = 12_345;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const weights = Array.from({ length: accounts }, (_, rank) => 1 / (rank + 1) ** 2);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const draw = () => {
    if (law === 'uniform') return Math.floor(random() * accounts);
    let rest = random() * total;
    const rank = weights.findIndex((weight) => (rest -= weight) < 0);
    return rank < 0 ? accounts - 1 : rank;
  };
  return Array.from({ length: count }, () => {
    const payer = draw();
    let payee = draw();
    while (payee === payer) payee = draw();
    return [payer, payee];
  });
}
