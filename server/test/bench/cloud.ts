/**
 * A server's own parts over a PostgreSQL that syncs every commit, for measurements: the embedded cluster as `npm start`
 * runs it, migrated, and the pool of the application's role.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import { systemClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import type { ServerContext } from '../../src/context.ts';
import { createContext } from '../../src/context-from-config.ts';
import { connect, type Database } from '../../src/db/client.ts';
import { startEmbedded } from '../../src/db/embedded.ts';
import { APP_ROLE } from '../../src/db/late-roles.ts';
import { migrate } from '../../src/db/migrate.ts';
import { createLogger } from '../../src/log.ts';

export interface BenchCloud {
  /** With the keys of trust: another process over the same database is given it. */
  readonly folder: string;
  readonly context: ServerContext;
  readonly appUrl: string;
  readonly ownerUrl: string;
  /** As the owner: lays out what the product would take long to make. */
  readonly owner: Sql;
  /** Plain connections of the application's role, for peers that go another way. */
  readonly app: Sql;
  close(): Promise<void>;
}

export async function startBenchCloud(connections = 10): Promise<BenchCloud> {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-bench-'));
  // PostgreSQL may run as another user than the one who made the folder.
  chmodSync(folder, 0o755);
  const cluster = await startEmbedded({ dataDir: folder, maxConnections: 100 });
  const closers: (() => Promise<void>)[] = [cluster.stop];
  const close = async () => {
    for (const one of closers.toReversed()) await one();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const appRolePassword = randomBytes(24).toString('base64url');
    await migrate({ ownerUrl: cluster.ownerUrl(), appRolePassword });
    const url = new URL(cluster.ownerUrl());
    url.username = APP_ROLE;
    url.password = appRolePassword;
    const database = open(url.href, connections);
    closers.push(() => database.close());
    const owner = postgres(cluster.ownerUrl(), { max: 1, onnotice: () => undefined });
    closers.push(() => owner.end({ timeout: 5 }));
    // Plans, those of foreign keys too, are kept from when a table was empty: without this they read the whole of it ever after.
    // As a word: the driver sends no setting that is false.
    const byIndex = { enable_seqscan: 'off' };
    const app = postgres(url.href, { max: connections, onnotice: () => undefined, connection: byIndex });
    closers.push(() => app.end({ timeout: 5 }));
    const config = readConfig({ TIKI_DATA_DIR: folder, TIKI_RATE_LIMIT_FACTOR: '1000000' });
    const log = createLogger({ level: 'silent' });
    const context = await createContext({ config, clock: systemClock, db: database.db, log });
    return { folder, context, appUrl: url.href, ownerUrl: cluster.ownerUrl(), owner, app, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function open(url: string, maxConnections: number): Database {
  return connect({ url, maxConnections });
}
