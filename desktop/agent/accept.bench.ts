/**
 * How fast the kiosk accepts: rows K1 to K7, V1, V2 and B1. Limits and peers are measured in the same run, in rounds that
 * take turns, and a gate looks at the median of the rounds' ratios: figures move with the machine, ratios far less.
 * Every payment is fresh and signed before the clock starts; callers come over HTTP and wait for their receipt. The
 * phones are known (their certificates were verified when they first paid), as most are to a shop.
 */
import { join } from 'node:path';
import { byteRows } from './test/bench/bytes.ts';
import { atLeast, atMost, figure, overRounds, percentile, type BenchRow } from '../../scripts/figures.ts';
import { growthRow } from './test/bench/growth.ts';
import { SignatureLimits, syncsPerSecond } from './test/bench/limits.ts';
import { byReference, naively, sealed, unsealed, type Peers } from './test/bench/peers.ts';
import { startKiosk, startNaive } from './test/bench/processes.ts';
import type { Measured } from '../../scripts/raw-client.ts';
import { BenchShop } from './test/bench/shop.ts';
import { slowDiskRows } from './test/bench/slow-disk.ts';
import { verificationRows } from './test/bench/verification.ts';

const ROUNDS = 9;
const PER_ROUND = 2_500;
const NAIVE_PER_ROUND = 1_000;
const ALONE = 250;
/** Several times what the store's log holds before it is written back in spite of those who wait. */
const SUSTAINED = 20_000;

interface Round {
  readonly l1: number;
  readonly l2: number;
  readonly ours: number;
  readonly f: number;
  readonly plain: Measured;
  readonly sealed: Measured;
  readonly repeat: Measured;
  readonly naive: Measured;
  readonly alone: Measured;
  readonly naiveAlone: Measured;
  readonly at32: Measured;
  readonly naiveAt32: Measured;
}

interface Rounds {
  readonly rounds: readonly Round[];
  /** Without a pause in which the log could be written back. */
  readonly sustained: Measured;
}

async function measureRound(peers: Peers): Promise<Round> {
  const limits = new SignatureLimits(peers.shop.order(1_000), peers.shop);
  const before = [
    limits.paymentsWithKnownKeys(),
    limits.bothWithKeyImport(),
    limits.paymentsByOurAdapter(),
  ] as const;
  const fBefore = syncsPerSecond(peers.shop.folder);
  const measured = {
    plain: await unsealed(peers, PER_ROUND, 64),
    naive: await naively(peers, NAIVE_PER_ROUND, 64),
    sealed: await sealed(peers, PER_ROUND, 64),
    repeat: await byReference(peers, PER_ROUND, 64),
    alone: await unsealed(peers, ALONE, 1),
    naiveAlone: await naively(peers, ALONE, 1),
    at32: await unsealed(peers, NAIVE_PER_ROUND, 32),
    naiveAt32: await naively(peers, NAIVE_PER_ROUND, 32),
  };
  // Before and after: a limit that was caught in a quiet moment says nothing about a busy one.
  const mean = (a: number, b: number): number => 2 / (1 / a + 1 / b);
  return {
    ...measured,
    l1: mean(before[0], limits.paymentsWithKnownKeys()),
    l2: mean(before[1], limits.bothWithKeyImport()),
    ours: mean(before[2], limits.paymentsByOurAdapter()),
    f: mean(fBefore, syncsPerSecond(peers.shop.folder)),
  };
}

async function measureRounds(): Promise<Rounds> {
  const shop = new BenchShop();
  const kiosk = await startKiosk(shop);
  const naive = await startNaive(shop, { path: join(shop.folder, 'naive.sqlite') });
  const peers = { shop, kiosk, naive };
  try {
    // Everybody has paid before: certificates are known and code is compiled, on both sides. A compiler still at work
    // shares the two cores with what is measured. As --trace-opt tells, the kiosk's is at work until some 22,500 payments (170
    // functions between 10,000 and 12,500, 21 up to there, 2 in the next 2,500) and the naive kiosk's until some 12,000 (134
    // between 10,000 and 11,000, 2 in the last thousand).
    await unsealed(peers, 22_500, 64);
    await sealed(peers, PER_ROUND, 64);
    await naively(peers, 12_000, 64);
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measureRound(peers));
    return { rounds, sustained: await unsealed(peers, SUSTAINED, 64) };
  } finally {
    await Promise.all([kiosk.end(), naive.end()]);
    shop.dispose();
  }
}

function rateRows(rounds: readonly Round[]): readonly BenchRow[] {
  const what = '64 callers over HTTP, both signatures honoured, FULL';
  const x = { what, unit: 'x' };
  const p99 = (measured: Measured): number => percentile(measured.waitsMs, 0.99);
  const over = (pick: (round: Round) => number): number => overRounds(rounds, pick);
  return [
    figure(
      'kiosk_accept',
      what,
      over(({ plain }) => plain.perSecond),
      'per_second',
    ),
    figure(
      'kiosk_accept_p99',
      what,
      over(({ plain }) => p99(plain)),
      'ms_p99',
    ),
    figure(
      'kiosk_accept_sealed',
      `${what}, sealed bodies`,
      over((round) => round.sealed.perSecond),
      'per_second',
    ),
    figure(
      'kiosk_accept_sealed_p99',
      `${what}, sealed bodies`,
      over((round) => p99(round.sealed)),
      'ms_p99',
    ),
    figure(
      'kiosk_accept_repeat',
      `${what}, by reference`,
      over((round) => round.repeat.perSecond),
      'per_second',
    ),
    figure(
      'limit_l1',
      'node:crypto, payment signature, key known',
      over(({ l1 }) => l1),
      'per_second',
    ),
    figure(
      'limit_l1_own',
      'our adapter, payment signature, key known',
      over(({ ours }) => ours),
      'per_second',
    ),
    figure(
      'limit_l2',
      'node:crypto, both signatures, keys imported',
      over(({ l2 }) => l2),
      'per_second',
    ),
    figure(
      'limit_f',
      '4 KiB append and fdatasync',
      over(({ f }) => f),
      'per_second',
    ),
    figure(
      'naive_accept',
      'Express, jose, a commit each, 64 callers',
      over(({ naive }) => naive.perSecond),
      'per_second',
    ),
    atLeast(
      { id: 'K1', ...x, ratioTo: 'L2', value: over(({ plain, l2 }) => plain.perSecond / l2) },
      { gate: 1.6, stretch: 1.9 },
    ),
    atLeast(
      { id: 'K2', ...x, ratioTo: 'F', value: over(({ plain, f }) => plain.perSecond / f) },
      { gate: 1.1, stretch: 1.4 },
    ),
    atLeast(
      {
        id: 'K3',
        ...x,
        ratioTo: 'naive',
        value: over(({ plain, naive }) => plain.perSecond / naive.perSecond),
      },
      { gate: 4, stretch: 5 },
    ),
    atLeast(
      { id: 'K4', ...x, ratioTo: 'L1', value: over(({ plain, l1 }) => plain.perSecond / l1) },
      { gate: 0.6, stretch: 0.75 },
    ),
    {
      id: 'K4_own',
      ...x,
      ratioTo: 'L1 by our adapter',
      value: over((round) => round.plain.perSecond / round.ours),
    },
    { id: 'K1_repeat', ...x, ratioTo: 'L2', value: over((round) => round.repeat.perSecond / round.l2) },
    { id: 'K1_sealed', ...x, ratioTo: 'L2', value: over((round) => round.sealed.perSecond / round.l2) },
    {
      id: 'K3_sealed',
      ...x,
      ratioTo: 'naive',
      value: over((round) => round.sealed.perSecond / round.naive.perSecond),
    },
    { id: 'K4_sealed', ...x, ratioTo: 'L1', value: over((round) => round.sealed.perSecond / round.l1) },
  ];
}

function sustainedRows({ rounds, sustained }: Rounds): readonly BenchRow[] {
  const what = `64 callers over HTTP, ${SUSTAINED} payments without a pause`;
  const { perSecond } = sustained;
  const l2 = overRounds(rounds, (round) => round.l2);
  const naive = overRounds(rounds, (round) => round.naive.perSecond);
  return [
    figure('kiosk_accept_sustained', what, perSecond, 'per_second'),
    { id: 'K1_sustained', what, unit: 'x', ratioTo: 'L2', value: perSecond / l2 },
    { id: 'K3_sustained', what, unit: 'x', ratioTo: 'naive', value: perSecond / naive },
  ];
}

function waitRows(rounds: readonly Round[]): readonly BenchRow[] {
  const p50 = (measured: Measured): number => percentile(measured.waitsMs, 0.5);
  const p99 = (measured: Measured): number => percentile(measured.waitsMs, 0.99);
  const over = (pick: (round: Round) => number): number => overRounds(rounds, pick);
  const what = { p50: 'one caller, p50', p99: 'one caller, p99', at32: '32 callers, p99' };
  return [
    figure(
      'kiosk_alone_p50',
      what.p50,
      over(({ alone }) => p50(alone)),
      'ms_p50',
    ),
    figure(
      'naive_alone_p50',
      `naive: ${what.p50}`,
      over(({ naiveAlone }) => p50(naiveAlone)),
      'ms_p50',
    ),
    atMost(
      {
        id: 'K5a',
        what: what.p50,
        unit: 'x',
        ratioTo: 'naive',
        value: over((r) => p50(r.alone) / p50(r.naiveAlone)),
      },
      { gate: 0.8 },
    ),
    atMost(
      { id: 'K5b', what: what.p99, unit: 'ms_p99', value: over(({ alone }) => p99(alone)) },
      { gate: 5 },
    ),
    atMost(
      {
        id: 'K5c',
        what: what.at32,
        unit: 'x',
        ratioTo: 'naive',
        value: over((r) => p99(r.at32) / p99(r.naiveAt32)),
      },
      { gate: 0.5, stretch: 0.35 },
    ),
  ];
}

export default async function bench(): Promise<readonly BenchRow[]> {
  const measured = await measureRounds();
  const { rounds } = measured;
  const rows = [...rateRows(rounds), ...sustainedRows(measured), ...waitRows(rounds)];
  // What a change to the money path is judged by, in a third of the time.
  if (process.env['TIKI_BENCH_ROWS'] === 'rounds') return rows;
  const shop = new BenchShop();
  const [order] = shop.order(1);
  if (order === undefined) throw new Error('no order');
  const verification = verificationRows(shop);
  shop.dispose();
  return [
    ...rows,
    ...(await slowDiskRows()),
    ...growthRow(),
    ...verification,
    ...(await byteRows(order, shop)),
  ];
}
