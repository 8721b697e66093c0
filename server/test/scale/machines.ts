/**
 * The parts of a larger installation as real processes on free ports of this machine: a primary with a streaming
 * replica, PgBouncer, API processes, HAProxy or nginx before them.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { type EmbeddedCluster, startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { binariesFolder, runsAsRoot } from '../../src/db/reachable.ts';
import { freePort } from '../free-port.ts';
import { until, within } from './waits.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PGBOUNCER_INI = fileURLToPath(new URL('../../deploy/pgbouncer/pgbouncer.ini', import.meta.url));
const NGINX_CONF = fileURLToPath(new URL('../../deploy/nginx/tikiwallet.conf', import.meta.url));
export const APP_PASSWORD = 'password-of-a-scale-run';

export interface Machine {
  readonly name: string;
  readonly child: ChildProcess;
  readonly output: string[];
  readonly exited: Promise<number | null>;
  readonly isRunning: () => boolean;
}

export interface Command {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A user that is not root, for programs that refuse it. */
  readonly asNobody?: boolean;
}

/** Every one that was started, those too whose start failed half-way and that nobody else knows of. */
const started = new Set<Machine>();

/** What those say that still run, for a run that failed. */
export function wordsOfRunning(): string[] {
  return [...started]
    .filter((machine) => machine.isRunning())
    .map(({ name, output }) => `${name}: ${lastWords(output)}`);
}

/** Ends at once whatever still runs: one that is left keeps the whole run from ending. */
export function killRest(): void {
  for (const machine of started) if (machine.isRunning()) machine.child.kill('SIGKILL');
}

export function startMachine({ name, file, args, env, asNobody }: Command): Machine {
  const ids = asNobody === true && runsAsRoot() ? idsOf('postgres') : {};
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...ids,
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString('utf8')));
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', reject);
  });
  // Who waits for its end hears of it; whoever only asks it something hears that it does not run.
  exited.catch((error: unknown) => output.push(String(error)));
  const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const machine = { name, child, output, exited, isRunning };
  started.add(machine);
  return machine;
}

/** Longer than any of them takes to leave, on a machine that is busy with other things. */
const END_WITHIN_MS = 90_000;

/** @throws when it does not end; it is killed then */
export async function stopMachine(
  { name, child, output, exited, isRunning }: Machine,
  signal: NodeJS.Signals = 'SIGTERM',
) {
  if (isRunning()) child.kill(signal);
  try {
    return await within(`${name} ends after ${signal}`, END_WITHIN_MS, exited);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${name} did not end; its last words: ${lastWords(output)}`, { cause: error });
  }
}

/** What a process said last. */
export const lastWords = (output: readonly string[]) => output.join('').slice(-3_000);

function idsOf(user: string): { uid: number; gid: number } {
  const ask = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: ask('-u'), gid: ask('-g') };
}

export interface Cluster {
  readonly primary: EmbeddedCluster;
  readonly ownerUrl: string;
  readonly appUrl: string;
  readonly replicaUrl: string;
  readonly primaryPort: number;
}

const as = (url: string, user: string, password: string, port?: number) => {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  if (port !== undefined) changed.port = String(port);
  return changed.href;
};

/** A migrated primary, and a replica made from it while it runs, by PostgreSQL's low-level backup. */
export async function startCluster(
  folder: string,
  onStop: (close: () => Promise<unknown>) => void,
): Promise<Cluster> {
  const dataDir = join(folder, 'primary');
  const primary = await startEmbedded({ dataDir, maxConnections: 120 });
  onStop(() => primary.stop());
  const ownerUrl = primary.ownerUrl();
  await migrate({ ownerUrl, appRolePassword: APP_PASSWORD });
  const port = await freePort();
  const from = join(dataDir, 'postgres');
  const replica = await startReplica({ from, to: join(folder, 'replica'), ownerUrl, port });
  onStop(() => stopMachine(replica, 'SIGINT'));
  const replicaUrl = as(ownerUrl, 'tiki_app', APP_PASSWORD, port);
  await until('the replica answers', () =>
    answers(as(ownerUrl, 'postgres', new URL(ownerUrl).password, port)),
  );
  return {
    primary,
    ownerUrl,
    appUrl: as(ownerUrl, 'tiki_app', APP_PASSWORD),
    replicaUrl,
    primaryPort: primary.port,
  };
}

async function startReplica(options: {
  from: string;
  to: string;
  ownerUrl: string;
  port: number;
}): Promise<Machine> {
  const { from, to, ownerUrl, port } = options;
  const sql = postgres(ownerUrl, { max: 1 });
  await sql`select pg_create_physical_replication_slot('replica', true)`;
  await sql`select pg_backup_start('replica', true)`;
  execFileSync('cp', ['--archive', from, to]);
  const [stopped] = await sql<{ labelfile: string }[]>`select labelfile from pg_backup_stop(false)`;
  await sql.end({ timeout: 5 });
  for (const name of ['postmaster.pid', 'postmaster.opts']) rmSync(join(to, name), { force: true });
  // What the copy caught of the log in passing is not needed: the primary sends it from the backup's start.
  for (const entry of readdirSync(join(to, 'pg_wal'), { withFileTypes: true }))
    if (entry.isFile()) rmSync(join(to, 'pg_wal', entry.name));
  const { password, port: primaryPort } = new URL(ownerUrl);
  const settings = [
    `primary_conninfo = 'host=127.0.0.1 port=${primaryPort} user=postgres password=${password}'`,
    `primary_slot_name = 'replica'`,
  ];
  appendFileSync(join(to, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
  for (const [name, text] of [
    ['backup_label', stopped?.labelfile ?? ''],
    ['standby.signal', ''],
  ] as const)
    writeFileSync(join(to, name), text);
  if (runsAsRoot()) execFileSync('chown', ['--recursive', 'postgres:postgres', to]);
  const file = join(binariesFolder(), 'native', 'bin', 'postgres');
  const flags = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=120'];
  const args = ['-D', to, '-p', String(port), ...flags.flatMap((flag) => ['-c', flag])];
  return startMachine({ name: 'replica', file, args, asNobody: true });
}

async function answers(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => undefined });
  try {
    await sql`select 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** PgBouncer with the configuration that is shipped, but for addresses and paths. */
export async function startPgBouncer(
  folder: string,
  cluster: Cluster,
): Promise<{ machine: Machine; appUrl: string }> {
  const home = join(folder, 'pgbouncer');
  mkdirSync(home);
  const port = await freePort();
  const ini = readFileSync(PGBOUNCER_INI, 'utf8')
    .replace('port=5432', `port=${cluster.primaryPort}`)
    .replace('listen_port = 6432', `listen_port = ${port}`)
    .replace('/etc/pgbouncer/userlist.txt', join(home, 'userlist.txt'));
  writeFileSync(join(home, 'pgbouncer.ini'), ini);
  writeFileSync(join(home, 'userlist.txt'), `"tiki_app" "${APP_PASSWORD}"\n`);
  chmodSync(home, 0o755);
  const machine = startMachine({
    name: 'pgbouncer',
    file: 'pgbouncer',
    args: [join(home, 'pgbouncer.ini')],
    asNobody: true,
  });
  const appUrl = as(cluster.appUrl, 'tiki_app', APP_PASSWORD, port);
  await until('PgBouncer answers', () => {
    if (!machine.isRunning()) throw new Error(`pgbouncer ended: ${lastWords(machine.output)}`);
    return answers(appUrl);
  });
  return { machine, appUrl };
}

export interface ApiOptions {
  readonly name: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** Another release's entry file; this one's by default. */
  readonly main?: string;
}

export async function startApi({ name, port, env, main = MAIN }: ApiOptions): Promise<Machine> {
  const api = startMachine({
    name,
    file: process.execPath,
    args: [main],
    env: { ...env, PORT: String(port) },
  });
  await until(`${name} is ready`, async () => {
    if (!api.isRunning()) throw new Error(`${name} ended: ${api.output.join('')}`);
    return (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))?.status === 200;
  });
  return api;
}

/**
 * HAProxy as one would run it: health checks by `/readyz`, a request that could not be sent goes to the other. A process that is slow
 * to answer a check, as by default after one interval, is not down: on a busy machine there would be nobody left.
 */
export function startHaproxy(
  folder: string,
  port: number,
  ports: readonly number[],
): { machine: Machine; origin: string } {
  const servers = ports.map((to, index) => `  server api${index + 1} 127.0.0.1:${to}`);
  const config = `global
  maxconn 2000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout check 10s
  option forwardfor
  option redispatch 1
  retries 3
  retry-on conn-failure
frontend all
  bind 127.0.0.1:${port}
  default_backend api
backend api
  balance leastconn
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
  default-server check inter 300ms fall 2 rise 1
${servers.join('\n')}
`;
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, config);
  const machine = startMachine({ name: 'haproxy', file: 'haproxy', args: ['-db', '-f', file] });
  const origin = `http://127.0.0.1:${port}`;
  return { machine, origin };
}

/** nginx with the configuration that is shipped, but for addresses and paths. */
export async function startNginx(
  folder: string,
  [first = 0, second = first]: readonly number[],
): Promise<{ machine: Machine; origin: string }> {
  const home = join(folder, 'nginx');
  mkdirSync(home);
  const port = await freePort();
  const shipped = readFileSync(NGINX_CONF, 'utf8')
    .replace('127.0.0.1:3000', `127.0.0.1:${first}`)
    .replace('127.0.0.1:3001', `127.0.0.1:${second}`)
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`);
  writeFileSync(join(home, 'tikiwallet.conf'), shipped);
  const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${join(home, name)};`,
  );
  const config = `daemon off;
pid ${join(home, 'pid')};
error_log stderr warn;
worker_processes 1;
events { worker_connections 512; }
http {
  access_log off;
${kept.join('\n')}
  include ${join(home, 'tikiwallet.conf')};
}
`;
  const file = join(home, 'nginx.conf');
  writeFileSync(file, config);
  const machine = startMachine({ name: 'nginx', file: 'nginx', args: ['-e', 'stderr', '-c', file] });
  const origin = `http://127.0.0.1:${port}`;
  await until('nginx serves', async () => {
    if (!machine.isRunning()) throw new Error(`nginx ended: ${machine.output.join('')}`);
    return (await fetch(`${origin}/readyz`).catch(() => null))?.status === 200;
  });
  return { machine, origin };
}
