/**
 * Online transfers over HTTP: rows O1 and O2. The whole surface (session, limits, idempotency, both people looked up) against
 * the seed's way, and against pgbench on the same PostgreSQL, in rounds that take turns.
 */
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { SignJWT } from 'jose';
import { type BenchCloud, startBenchCloud } from '../../test/bench/cloud.ts';
import { type Child, startChild } from '../../test/bench/child.ts';
import { addCustomers } from '../../test/bench/market.ts';
import { layPgbench, type Pgbench } from '../../test/bench/pgbench.ts';
import { drawPairs, laySeedTables, type Pair } from '../../test/bench/seed.ts';
import { atLeast, atMost, type BenchRow, figure, overRounds, percentile } from '../../../scripts/figures.ts';
import { deliver, type Measured } from '../../../scripts/raw-client.ts';

const ROUNDS = 3;
const PEOPLE = 500;
const TRANSFERS = 2_000;
const ALONE = 200;
const CALLERS = 64;

interface Person {
  readonly phone: string;
  readonly token: string;
  readonly seedToken: string;
}

interface World {
  readonly people: readonly Person[];
  readonly pairs: Readonly<Record<'uniform' | 'zipf', readonly Pair[]>>;
  readonly ours: Child;
  readonly seed: Child;
  readonly pgbench: Pgbench | null;
}

async function signIn(cloud: BenchCloud, userId: string): Promise<string> {
  const sessionId = randomUUIDv7();
  const end = new Date(Date.now() + 3_600_000);
  await cloud.owner`
    insert into sessions (id, user_id, client, rotated_at, created_at, expires_at)
    values (${sessionId}, ${userId}, 'agent', now(), now(), ${end})`;
  const claims = { userId, sessionId, role: 'customer', merchantId: null } as const;
  return (await cloud.context.tokens.signAccess(claims, end)).token;
}

async function layWorld(cloud: BenchCloud): Promise<World> {
  const secret = randomUUID();
  const customers = await addCustomers(cloud, PEOPLE, 1_000_000_000n);
  await laySeedTables(cloud, PEOPLE);
  const people: Person[] = [];
  for (const [index, { userId, phone }] of customers.entries()) {
    const seedToken = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(String(index))
      .setExpirationTime('6h')
      .sign(new TextEncoder().encode(secret));
    people.push({ phone, token: await signIn(cloud, userId), seedToken });
  }
  return {
    people,
    pairs: { uniform: drawPairs(TRANSFERS, PEOPLE, 'uniform'), zipf: drawPairs(TRANSFERS, PEOPLE, 'zipf') },
    ours: await startChild('online-process.ts', { url: cloud.appUrl, folder: cloud.folder }),
    seed: await startChild('seed-process.ts', { url: cloud.appUrl, secret }),
    pgbench: await layPgbench(cloud),
  };
}

const encode = (body: unknown) => new TextEncoder().encode(JSON.stringify(body));

function send({ people, ours }: World, pairs: readonly Pair[], callers: number): Promise<Measured> {
  return deliver({
    port: ours.port,
    path: '/v1/transfers',
    mediaType: 'application/json',
    callers,
    bodies: pairs.map(([, payee]) => encode({ phone: people[payee]?.phone, amountMinor: '1' })),
    headersOf: (index) => [
      `authorization: Bearer ${people[pairs[index]?.[0] ?? 0]?.token}`,
      `idempotency-key: ${randomUUID()}`,
    ],
  });
}

function sendAsSeed({ people, seed }: World, pairs: readonly Pair[], callers: number): Promise<Measured> {
  return deliver({
    port: seed.port,
    path: '/v1/transfers',
    mediaType: 'application/json',
    callers,
    bodies: pairs.map(([, payee]) => encode({ to: payee, amountMinor: '1' })),
    headersOf: (index) => [`authorization: Bearer ${people[pairs[index]?.[0] ?? 0]?.seedToken}`],
  });
}

async function measureRound(world: World) {
  const { uniform, zipf } = world.pairs;
  return {
    ours: await send(world, uniform, CALLERS),
    seed: await sendAsSeed(world, uniform, CALLERS),
    hot: await send(world, zipf, CALLERS),
    seedHot: await sendAsSeed(world, zipf, CALLERS),
    alone: await send(world, uniform.slice(0, ALONE), 1),
    seedAlone: await sendAsSeed(world, uniform.slice(0, ALONE), 1),
    pgbench: (await world.pgbench?.perSecond()) ?? null,
  };
}

export default async function bench(): Promise<readonly BenchRow[]> {
  const cloud = await startBenchCloud();
  try {
    const world = await layWorld(cloud);
    await send(world, world.pairs.uniform, CALLERS);
    await sendAsSeed(world, world.pairs.uniform, CALLERS);
    const rounds: Awaited<ReturnType<typeof measureRound>>[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measureRound(world));
    await Promise.all([world.ours.end(), world.seed.end()]);
    return rowsOf(rounds);
  } finally {
    await cloud.close();
  }
}

function rowsOf(rounds: readonly Awaited<ReturnType<typeof measureRound>>[]): readonly BenchRow[] {
  const over = (pick: (round: (typeof rounds)[number]) => number) => overRounds(rounds, pick);
  const p99 = ({ waitsMs }: Measured) => percentile(waitsMs, 0.99);
  const x = { unit: 'x' };
  const what = `${CALLERS} callers over HTTP`;
  // Its best: the highest of the rounds.
  const best = Math.max(...rounds.map(({ pgbench }) => pgbench ?? Number.NaN));
  return [
    figure(
      'online',
      what,
      over(({ ours }) => ours.perSecond),
      'per_second',
    ),
    figure(
      'online_p99',
      what,
      over(({ ours }) => p99(ours)),
      'ms_p99',
    ),
    figure(
      'online_hot',
      `${what}, Zipf s=2`,
      over(({ hot }) => hot.perSecond),
      'per_second',
    ),
    figure(
      'online_alone',
      'one caller',
      over(({ alone }) => alone.perSecond),
      'per_second',
    ),
    figure(
      'seed_online',
      `Express, seven round trips, ${what}`,
      over(({ seed }) => seed.perSecond),
      'per_second',
    ),
    figure(
      'seed_online_p99',
      `Express, seven round trips, ${what}`,
      over(({ seed }) => p99(seed)),
      'ms_p99',
    ),
    figure(
      'seed_online_hot',
      `Express, seven round trips, Zipf s=2`,
      over(({ seedHot }) => seedHot.perSecond),
      'per_second',
    ),
    figure(
      'seed_online_alone',
      'Express, one caller',
      over(({ seedAlone }) => seedAlone.perSecond),
      'per_second',
    ),
    atLeast(
      {
        id: 'O1',
        what,
        ...x,
        ratioTo: 'seed_online',
        value: over((r) => r.ours.perSecond / r.seed.perSecond),
      },
      { gate: 5, stretch: 7 },
    ),
    atLeast(
      {
        id: 'O1_hot',
        what: `${what}, Zipf s=2`,
        ...x,
        ratioTo: 'seed_online_hot',
        value: over((r) => r.hot.perSecond / r.seedHot.perSecond),
      },
      { gate: 10, stretch: 13 },
    ),
    ...(Number.isNaN(best)
      ? [
          figure(
            'O1_pgbench',
            'not measured: there is no pgbench here (Debian: postgresql-contrib)',
            best,
            'x',
          ),
        ]
      : [
          atLeast(
            {
              id: 'O1_pgbench',
              what,
              ...x,
              ratioTo: 'pgbench, its best',
              value: over((r) => r.ours.perSecond) / best,
            },
            { gate: 3, stretch: 4 },
          ),
        ]),
    atMost(
      {
        id: 'O2',
        what: `${what}, p99`,
        ...x,
        ratioTo: 'seed_online_p99',
        value: over((r) => p99(r.ours) / p99(r.seed)),
      },
      { gate: 0.3, stretch: 0.2 },
    ),
    atLeast(
      {
        id: 'O2_alone',
        what: 'one caller',
        ...x,
        ratioTo: 'seed_online_alone',
        value: over((r) => r.alone.perSecond / r.seedAlone.perSecond),
      },
      { gate: 1.5, stretch: 2.3 },
    ),
  ];
}
