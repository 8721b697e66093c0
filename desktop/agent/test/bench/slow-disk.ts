/** K6: the disk of a cheap tablet, where a sync is what everything waits for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  atLeast,
  atMost,
  figure,
  overRounds,
  percentile,
  type BenchRow,
} from '../../../../scripts/figures.ts';
import { syncsPerSecond } from './limits.ts';
import { naively, unsealed } from './peers.ts';
import { slowDisk, startKiosk, startNaive } from './processes.ts';
import type { Measured } from '../../../../scripts/raw-client.ts';
import { BenchShop } from './shop.ts';

const SLOW_SYNC_MS = 10;
const SLOW_CALLERS = 128;

export async function slowDiskRows(): Promise<readonly BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-slow-'));
  const environment = slowDisk(folder, SLOW_SYNC_MS);
  if (environment === null) {
    rmSync(folder, { recursive: true, force: true });
    return [
      {
        ...figure('K6', 'skipped: a slow disk needs Linux and g++ (apt-get install g++)', 0, ''),
        gate: '>= 25',
      },
    ];
  }
  const shop = new BenchShop();
  const kiosk = await startKiosk(shop, environment);
  const naive = await startNaive(shop, { path: join(shop.folder, 'naive.sqlite'), environment });
  const peers = { shop, kiosk, naive };
  try {
    await unsealed(peers, 1_000, SLOW_CALLERS);
    const rounds: { readonly ours: Measured; readonly naive: Measured; readonly syncMs: number }[] = [];
    for (let round = 0; round < 3; round += 1) {
      const syncMs = SLOW_SYNC_MS + 1000 / syncsPerSecond(folder, 100);
      const ours = await unsealed(peers, 4_000, SLOW_CALLERS);
      rounds.push({ ours, naive: await naively(peers, 2 * SLOW_CALLERS, SLOW_CALLERS), syncMs });
    }
    const what = `${SLOW_CALLERS} callers, each sync ${SLOW_SYNC_MS} ms longer`;
    const rate = overRounds(rounds, (round) => round.ours.perSecond / round.naive.perSecond);
    const wait = overRounds(rounds, (round) => percentile(round.ours.waitsMs, 0.99) / round.syncMs);
    return [
      figure(
        'kiosk_slow_disk',
        what,
        overRounds(rounds, (round) => round.ours.perSecond),
        'per_second',
      ),
      atLeast(
        { id: 'K6a', what, unit: 'x', ratioTo: 'naive, a commit each', value: rate },
        { gate: 25, stretch: 35 },
      ),
      atMost(
        { id: 'K6b', what: `${what}, p99`, unit: 'syncs', ratioTo: 'one sync', value: wait },
        { gate: 8, stretch: 5 },
      ),
    ];
  } finally {
    await Promise.all([kiosk.end(), naive.end()]);
    shop.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}
