/**
 * A long journal over a long line: 50,000 payments of one kiosk, 50 ms away, handed in batch by batch and by stream, each with its own
 * kiosk and its own payments, in turns. `TIKI_BENCH_BATCHES` makes it fewer.
 */
import { Agent, request } from 'node:http';
import { once } from 'node:events';
import process from 'node:process';
import { startBenchCloud } from '../../test/bench/cloud.ts';
import { farAway } from '../../test/bench/far-away.ts';
import { addKiosks, addPhones, type BenchKiosk, nextBatch } from '../../test/bench/market.ts';
import type { OfflineWallet } from '../../test/simulated-phone.ts';
import { StreamClient } from '../../test/stream-client.ts';
import { atLeast, type BenchRow, figure, overRounds } from '../../../scripts/figures.ts';
import { CBOR_MEDIA_TYPE } from '../../contract/index.ts';
import { createApp } from '../app.ts';
import { listen } from '../http/listen.ts';

const ROUND_TRIP_MS = 50;
const BATCH = 500;
/** Both ways in each, and each first in every other one, so that they see the same weather. */
const TURNS = 10;

type Journal = { readonly kiosk: BenchKiosk; readonly envelopes: readonly Uint8Array[] };

function sign(kiosk: BenchKiosk, phones: readonly OfflineWallet[], batches: number): Journal {
  const wallets = phones.slice(0, BATCH);
  return { kiosk, envelopes: Array.from({ length: batches }, () => nextBatch(kiosk, wallets)) };
}

async function alone(origin: string, { kiosk, envelopes }: Journal): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const envelope of envelopes) {
    const asked = request(`${origin}/v1/kiosk/settlements`, {
      method: 'POST',
      agent,
      headers: { authorization: `Kiosk ${kiosk.token}`, 'content-type': CBOR_MEDIA_TYPE },
    });
    asked.end(envelope);
    const [response] = await once(asked, 'response');
    for await (const _ of response) continue;
    if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
  }
  agent.destroy();
}

async function streamed(origin: string, { kiosk, envelopes }: Journal): Promise<void> {
  const stream = new StreamClient({ origin, token: kiosk.token });
  const written = (async () => {
    for (const envelope of envelopes) await stream.send(envelope);
    stream.request.end();
  })();
  for (const _ of envelopes) {
    const answer = await stream.next();
    if (!(answer instanceof Uint8Array)) throw new Error(`answered ${JSON.stringify(answer)}`);
  }
  if ((await stream.next()) !== null) throw new Error('answered more than was asked');
  await written;
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

export default async function bench(): Promise<readonly BenchRow[]> {
  const batches = Number(process.env['TIKI_BENCH_BATCHES'] ?? 100);
  const cloud = await startBenchCloud();
  const server = await listen({
    fetch: createApp(cloud.context).fetch,
    host: '127.0.0.1',
    port: 0,
    setting: 'none',
  });
  const line = await farAway(server.port, ROUND_TRIP_MS);
  try {
    const origin = `http://127.0.0.1:${line.port}`;
    const [one, other] = await addKiosks(cloud, 2);
    if (one === undefined || other === undefined) throw new Error('two kiosks were laid out');
    const phones = await addPhones(cloud, 2 * BATCH, 1_000_000n);
    const each = Math.ceil(batches / TURNS);
    const rounds: { readonly alone: number; readonly stream: number }[] = [];
    // The first turn warms connections, keys and plans, and does not count.
    for (let turn = 0; turn <= TURNS; turn += 1) {
      const size = turn === 0 ? 2 : each;
      const journals = [sign(one, phones, size), sign(other, phones.slice(BATCH), size)] as const;
      const first = turn % 2 === 0 ? await seconds(() => streamed(origin, journals[1])) : null;
      const byBatch = await seconds(() => alone(origin, journals[0]));
      const byStream = first ?? (await seconds(() => streamed(origin, journals[1])));
      if (turn > 0) rounds.push({ alone: byBatch, stream: byStream });
    }
    const payments = each * BATCH;
    const way = `${payments * TURNS} payments of one kiosk, ${ROUND_TRIP_MS} ms away`;
    const over = (pick: (round: (typeof rounds)[number]) => number) => overRounds(rounds, pick);
    return [
      figure('one_by_one', `${way}, a request for each batch`, payments / over((r) => r.alone), 'per_second'),
      figure('stream', `${way}, by streams`, payments / over((r) => r.stream), 'per_second'),
      atLeast(
        {
          id: 'S9',
          what: 'stream',
          unit: 'x',
          ratioTo: 'one_by_one',
          value: over((r) => r.alone / r.stream),
        },
        { gate: 1 },
      ),
    ];
  } finally {
    line.close();
    await server.close(100);
    await cloud.close();
  }
}
