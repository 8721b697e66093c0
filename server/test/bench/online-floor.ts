/**
 * What an online transfer costs at least, for the rows beside O1: its HTTP and its posting, each by itself and with nothing else
 * done. The highest rate that the cores could give follows from both processor times.
 */
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { inTransaction } from '../../src/db/retry.ts';
import { findAccounts, type NewTransfer, postTransfers } from '../../src/ledger/index.ts';
import { preview, transferOf } from '../../src/transfers/transfer.ts';
import type { BenchCloud } from './cloud.ts';
import type { Pair } from './seed.ts';
import { spentOn } from './processor.ts';

/** Large enough that what a statement costs to begin is nothing to each of its transfers. */
const TOGETHER = 1_000;

export interface Payer {
  readonly userId: string;
  readonly phone: string;
}

/** The transfers of these pairs, for the ledger. */
export async function toPost(
  cloud: BenchCloud,
  people: readonly Payer[],
  pairs: readonly Pair[],
): Promise<readonly NewTransfer[]> {
  const { db, config } = cloud.context;
  const ownerIds = people.map(({ userId }) => userId);
  const accounts = await findAccounts(db, { kind: 'user_online', ownerIds, currency: config.currency });
  const side = (index: number) => {
    const { userId = '', phone = '' } = people[index] ?? {};
    return { shown: preview({ username: `bench ${userId}`, phone }), account: accounts.get(userId) ?? '' };
  };
  return pairs.map(([payer, payee]) => {
    const [sender, recipient] = [side(payer), side(payee)];
    const sides = {
      ...{ sender: sender.shown, recipient: recipient.shown },
      ...{ from: sender.account, to: recipient.account },
    };
    return transferOf({ amountMinor: 1n, key: randomUUID() }, sides);
  });
}

export interface Floor {
  readonly perSecond: number;
  /** Processor time of one, of everybody who works on it. */
  readonly microseconds: number;
}

/** As many at a time as there are cores. */
export async function postFloor(cloud: BenchCloud, transfers: readonly NewTransfer[]): Promise<Floor> {
  const batches: NewTransfer[][] = [];
  for (let from = 0; from < transfers.length; from += TOGETHER)
    batches.push(transfers.slice(from, from + TOGETHER));
  const queue = batches.values();
  const work = async () => {
    for (const batch of queue) await inTransaction(cloud.context.db, (tx) => postTransfers(tx, batch));
  };
  const began = performance.now();
  const { spent } = await spentOn({ cloud }, async () => {
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  });
  return {
    perSecond: (transfers.length * 1_000) / (performance.now() - began),
    microseconds: (spent.postgres + spent.own) / transfers.length,
  };
}

/** If nothing but both were done, and every core were busy with them all the time. */
export const highestPerSecond = (floors: readonly Floor[]): number =>
  (availableParallelism() * 1_000_000) / floors.reduce((sum, { microseconds }) => sum + microseconds, 0);
