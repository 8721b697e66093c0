/**
 * Online transfers over HTTP: rows O1 and O2. The whole surface (session, limits, idempotency, both people looked up) against
 * the same work the seed's way, and against pgbench on the same PostgreSQL, in rounds that take turns. Beside them the seed's own
 * transfer, which moves money and keeps nothing else of all that.
 */
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { SignJWT } from 'jose';
import { type BenchCloud, startBenchCloud } from '../../test/bench/cloud.ts';
import { type Child, startChild } from '../../test/bench/child.ts';
import { addCustomers } from '../../test/bench/market.ts';
import { highestPerSecond, type Payer, postFloor, toPost } from '../../test/bench/online-floor.ts';
import { layPgbench, type Pgbench } from '../../test/bench/pgbench.ts';
import { spentOn } from '../../test/bench/processor.ts';
import { drawPairs, laySeedTables, type Pair } from '../../test/bench/seed.ts';
import { laySeedOnline } from '../../test/bench/seed-online.ts';
import { atLeast, atMost, type BenchRow, figure, overRounds, percentile } from '../../../scripts/figures.ts';
import { deliver, type Measured } from '../../../scripts/raw-client.ts';

const ROUNDS = 3;
const PEOPLE = 500;
const TRANSFERS = 2_000;
const ALONE = 200;
const WARM_UP_TIMES = 3;
/** So many times as many of ours, so that each way works for some three seconds, as pgbench does: beginnings cost, too. */
const OURS_TIMES = 10;
const CALLERS = 64;
/** So many times as much: processor time of the callers is counted in hundredths of a second. */
const FLOOR_TIMES = 3;

interface Person extends Payer {
  readonly token: string;
  readonly seedToken: string;
}

interface World {
  readonly people: readonly Person[];
  readonly pairs: Readonly<Record<'uniform' | 'zipf', readonly Pair[]>>;
  readonly ours: Child;
  readonly seed: Child;
  readonly bare: Child;
  readonly cloud: BenchCloud;
  readonly pgbench: Pgbench | null;
}

/** A session that is as the product's own, with a token of ours for it. */
async function signIn(cloud: BenchCloud, userId: string) {
  const sessionId = randomUUIDv7();
  const end = new Date(Date.now() + 3_600_000);
  await cloud.owner`
    insert into sessions (id, user_id, client, rotated_at, created_at, expires_at)
    values (${sessionId}, ${userId}, 'agent', now(), now(), ${end})`;
  const claims = { userId, sessionId, role: 'customer', merchantId: null } as const;
  return { sessionId, token: (await cloud.context.tokens.signAccess(claims, end)).token };
}

async function layWorld(cloud: BenchCloud): Promise<World> {
  const secret = randomUUID();
  const customers = await addCustomers(cloud, PEOPLE, 1_000_000_000n);
  await laySeedTables(cloud, PEOPLE);
  const people: Person[] = [];
  for (const [index, { userId, phone }] of customers.entries()) {
    const { sessionId, token } = await signIn(cloud, userId);
    const seedToken = await new SignJWT({ sid: sessionId, n: index })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(userId)
      .setExpirationTime('6h')
      .sign(new TextEncoder().encode(secret));
    people.push({ userId, phone, token, seedToken });
  }
  await laySeedOnline(cloud);
  const ours = await startChild('online-process.ts', { url: cloud.appUrl, folder: cloud.folder });
  return {
    cloud,
    people,
    pairs: { uniform: drawPairs(TRANSFERS, PEOPLE, 'uniform'), zipf: drawPairs(TRANSFERS, PEOPLE, 'zipf') },
    ours,
    bare: await startChild('http-floor-process.ts', { secret, ...(await answerOf(ours, people)) }),
    seed: await startChild('seed-process.ts', { url: cloud.appUrl, secret }),
    pgbench: await layPgbench(cloud),
  };
}

const encode = (body: unknown) => new TextEncoder().encode(JSON.stringify(body));

/** An answer of the product, head and body, for a server that does nothing else than answer it. */
async function answerOf(ours: Child, [payer, payee]: readonly Person[]) {
  const answer = await fetch(`http://127.0.0.1:${ours.port}/v1/transfers`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${payer?.token}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify({ phone: payee?.phone, amountMinor: '1' }),
  });
  if (answer.status !== 200) throw new Error(`a transfer was answered with ${answer.status}`);
  // What a server says by itself.
  const own = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);
  return {
    headers: Object.fromEntries([...answer.headers].filter(([name]) => !own.has(name))),
    body: await answer.text(),
  };
}

type Way = 'ours' | 'seed' | 'money' | 'bare';

/** `money`: two balances and a row of history, and nothing else. */
function send(
  { people, ours, seed, bare }: World,
  way: Way,
  pairs: readonly Pair[],
  callers = CALLERS,
): Promise<Measured> {
  const bodyOf = (payee: number) =>
    way === 'money' ? { to: payee, amountMinor: '1' } : { phone: people[payee]?.phone, amountMinor: '1' };
  return deliver({
    port: { ours, seed, money: seed, bare }[way].port,
    path: way === 'money' ? '/v1/money-alone' : '/v1/transfers',
    mediaType: 'application/json',
    callers,
    bodies: pairs.map(([, payee]) => encode(bodyOf(payee))),
    headersOf: (index) => {
      const payer = people[pairs[index]?.[0] ?? 0];
      return [
        `authorization: Bearer ${way === 'ours' ? payer?.token : payer?.seedToken}`,
        `idempotency-key: ${randomUUID()}`,
      ];
    },
  });
}

/** Processor time in microseconds a transfer beside the rate. */
async function sendCounted(world: World, way: 'ours' | 'bare', pairs: readonly Pair[], callers = CALLERS) {
  const { cloud } = world;
  const { result, spent } = await spentOn({ cloud, serverPid: world[way].pid }, () =>
    send(world, way, pairs, callers),
  );
  const each = (us: number) => us / pairs.length;
  return {
    ...result,
    server: each(spent.server),
    postgres: each(spent.postgres),
    callers: each(spent.callers),
  };
}

async function measureFloors(world: World) {
  const { cloud, people, pairs } = world;
  const many = Array.from({ length: FLOOR_TIMES }, () => pairs.uniform).flat();
  const bare = await sendCounted(world, 'bare', many);
  return {
    http: { perSecond: bare.perSecond, microseconds: bare.server + bare.callers },
    post: await postFloor(cloud, await toPost(cloud, people, many)),
  };
}

async function measureRound(world: World) {
  const { uniform, zipf } = world.pairs;
  const few = uniform.slice(0, ALONE);
  const times = (pairs: readonly Pair[]) => Array.from({ length: OURS_TIMES }, () => pairs).flat();
  return {
    ours: await sendCounted(world, 'ours', times(uniform)),
    seed: await send(world, 'seed', uniform),
    money: await send(world, 'money', uniform),
    hot: await send(world, 'ours', times(zipf)),
    seedHot: await send(world, 'seed', zipf),
    moneyHot: await send(world, 'money', zipf),
    alone: await sendCounted(world, 'ours', few, 1),
    seedAlone: await send(world, 'seed', few, 1),
    moneyAlone: await send(world, 'money', few, 1),
    floors: await measureFloors(world),
    pgbench: (await world.pgbench?.perSecond()) ?? null,
  };
}

export default async function bench(): Promise<readonly BenchRow[]> {
  const cloud = await startBenchCloud();
  try {
    const world = await layWorld(cloud);
    // The first thousands of requests are those of a program that is still being compiled.
    for (let times = 0; times < WARM_UP_TIMES; times += 1)
      for (const way of ['ours', 'seed', 'money', 'bare'] as const)
        await send(world, way, world.pairs.uniform);
    const rounds: Awaited<ReturnType<typeof measureRound>>[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measureRound(world));
    await Promise.all([world.ours.end(), world.seed.end(), world.bare.end()]);
    return rowsOf(rounds);
  } finally {
    await cloud.close();
  }
}

type Rounds = readonly Awaited<ReturnType<typeof measureRound>>[];

/** Where the processor time of one transfer goes. */
function costRows(rounds: Rounds): readonly BenchRow[] {
  const of = (id: string, what: string, pick: (round: Rounds[number]) => number) =>
    figure(id, what, overRounds(rounds, pick), 'us');
  return (['server', 'postgres', 'callers'] as const).flatMap((who) => [
    of(`online_${who}_us`, `processor time a transfer, ${CALLERS} callers`, ({ ours }) => ours[who]),
    ...(who === 'callers'
      ? []
      : [of(`online_alone_${who}_us`, 'processor time a transfer, one caller', ({ alone }) => alone[who])]),
  ]);
}

/** What would be left if nothing but HTTP and posting were done. */
function floorRows(rounds: Rounds, best: number): readonly BenchRow[] {
  const over = (pick: (round: Rounds[number]['floors']) => number) =>
    overRounds(rounds, ({ floors }) => pick(floors));
  const highest = over(({ http, post }) => highestPerSecond([http, post]));
  const http = `bare node:http, ${CALLERS} callers, the same requests and answers`;
  const post = 'batches of 1000 of the same transfers, no HTTP';
  return [
    figure(
      'http_floor',
      http,
      over((f) => f.http.perSecond),
      'per_second',
    ),
    figure(
      'http_floor_us',
      `${http}: processor time, callers included`,
      over((f) => f.http.microseconds),
      'us',
    ),
    figure(
      'post_floor',
      post,
      over((f) => f.post.perSecond),
      'per_second',
    ),
    figure(
      'post_floor_us',
      `${post}: processor time`,
      over((f) => f.post.microseconds),
      'us',
    ),
    figure(
      'floor',
      'the most that all cores can do of both, if nothing else were done',
      highest,
      'per_second',
    ),
    ...(Number.isNaN(best)
      ? []
      : [figure('floor_to_pgbench', "the same, of pgbench's best", highest / best, 'x')]),
  ];
}

function rowsOf(rounds: readonly Awaited<ReturnType<typeof measureRound>>[]): readonly BenchRow[] {
  const over = (pick: (round: (typeof rounds)[number]) => number) => overRounds(rounds, pick);
  const p99 = ({ waitsMs }: Measured) => percentile(waitsMs, 0.99);
  const x = { unit: 'x' };
  const what = `${CALLERS} callers over HTTP`;
  // Its best: the highest of the rounds.
  const best = Math.max(...rounds.map(({ pgbench }) => pgbench ?? Number.NaN));
  const byRow = `Express, the same work row by row`;
  const moneyAlone = `Express, money alone in seven round trips`;
  const rate = (id: string, how: string, pick: (round: (typeof rounds)[number]) => number) =>
    figure(id, how, over(pick), 'per_second');
  return [
    rate('online', what, ({ ours }) => ours.perSecond),
    figure(
      'online_p99',
      what,
      over(({ ours }) => p99(ours)),
      'ms_p99',
    ),
    rate('online_hot', `${what}, Zipf s=2`, ({ hot }) => hot.perSecond),
    rate('online_alone', 'one caller', ({ alone }) => alone.perSecond),
    rate('seed_online', `${byRow}, ${what}`, ({ seed }) => seed.perSecond),
    figure(
      'seed_online_p99',
      `${byRow}, ${what}`,
      over(({ seed }) => p99(seed)),
      'ms_p99',
    ),
    rate('seed_online_hot', `${byRow}, Zipf s=2`, ({ seedHot }) => seedHot.perSecond),
    rate('seed_online_alone', `${byRow}, one caller`, ({ seedAlone }) => seedAlone.perSecond),
    rate('seed_money', `${moneyAlone}, ${what}`, ({ money }) => money.perSecond),
    rate('seed_money_hot', `${moneyAlone}, Zipf s=2`, ({ moneyHot }) => moneyHot.perSecond),
    rate('seed_money_alone', `${moneyAlone}, one caller`, (r) => r.moneyAlone.perSecond),
    figure(
      'online_to_money',
      `${what}, against money alone`,
      over((r) => r.ours.perSecond / r.money.perSecond),
      'x',
    ),
    figure(
      'online_hot_to_money',
      `${what}, Zipf s=2, against money alone`,
      over((r) => r.hot.perSecond / r.moneyHot.perSecond),
      'x',
    ),
    figure(
      'online_p99_to_money',
      `${what}, p99 against money alone`,
      over((r) => p99(r.ours) / p99(r.money)),
      'x',
    ),
    figure(
      'online_alone_to_money',
      'one caller, against money alone',
      over((r) => r.alone.perSecond / r.moneyAlone.perSecond),
      'x',
    ),
    ...costRows(rounds),
    ...floorRows(rounds, best),
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
