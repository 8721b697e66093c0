// The lab's kernel: Debian's own, downloaded by apt (which checks its signature), unpacked into a cache and never
// installed, with the few modules that a machine without disks needs.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { loadAddon } from '../src/addon.ts';

const run = promisify(execFile);

/** To reach the host's file system. */
const BUS_MODULES = ['virtio_pci', '9pnet_virtio', '9p'];
/** Software radios, the ciphers of WPA2, what a shop's firewall is made of, and its cable to the internet. */
const RADIO_MODULES = [
  'mac80211_hwsim',
  'ccm',
  'cmac',
  'gcm',
  'ctr',
  'nf_tables',
  'nft_ct',
  'nft_reject_inet',
  'veth',
];

export type LabKernel = {
  readonly kernelPath: string;
  readonly initramfsPath: string;
};

export class LabUnavailable extends Error {
  readonly code: 'kernel_unavailable' | 'program_missing' | 'machine_failed';

  constructor(code: LabUnavailable['code'], message: string) {
    super(message);
    this.name = 'LabUnavailable';
    this.code = code;
  }
}

const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];
/** What the host needs; `node scripts/system-packages.ts lab` installs it. */
const PROGRAMS = [
  'qemu-system-x86_64',
  'busybox',
  'cpio',
  'modprobe',
  'iw',
  'ip',
  'ping',
  'dnsmasq',
  'wpa_supplicant',
  'nft',
  'g++',
];

/** Rejects with LabUnavailable when a program is missing, or apt knows no kernel or cannot fetch it. */
export async function prepareKernel(): Promise<LabKernel> {
  if (process.arch !== 'x64') throw new LabUnavailable('program_missing', 'the lab is for x86-64 so far');
  const missing = PROGRAMS.filter((name) => !FOLDERS.some((folder) => existsSync(join(folder, name))));
  if (missing.length > 0) {
    throw new LabUnavailable(
      'program_missing',
      `missing: ${missing.join(', ')} (node scripts/system-packages.ts lab)`,
    );
  }
  const addon = loadAddon();
  if (typeof addon === 'string')
    throw new LabUnavailable('program_missing', `the addon: ${addon} (npm rebuild node-wifi-direct)`);
  const packageName = await currentKernelPackage();
  const folder = join(cacheFolder(), packageName);
  if (!existsSync(folder)) await unpack(packageName, folder);
  const versions = await readdir(join(folder, 'lib', 'modules'));
  const version = versions[0];
  if (version === undefined)
    throw new LabUnavailable('kernel_unavailable', `${packageName} holds no modules`);
  const initramfsPath = join(folder, `initramfs-${String(process.pid)}`);
  await writeInitramfs(folder, version, initramfsPath);
  return { kernelPath: join(folder, 'boot', `vmlinuz-${version}`), initramfsPath };
}

function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(
    base === undefined || base === '' ? join(homedir(), '.cache') : base,
    'tikiwallet',
    'radio-lab',
  );
}

async function currentKernelPackage(): Promise<string> {
  const { stdout } = await run('apt-cache', ['depends', 'linux-image-amd64']).catch(() => ({ stdout: '' }));
  const name = /Depends: (linux-image-\S+-amd64)/.exec(stdout)?.[1];
  if (name === undefined) throw new LabUnavailable('kernel_unavailable', 'apt knows no linux-image-amd64');
  return name;
}

async function unpack(packageName: string, folder: string): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  const temporary = await mkdtemp(join(cacheFolder(), 'fetch-'));
  try {
    console.log(`Fetching ${packageName} (70 MB, once)`);
    await run('apt-get', ['download', packageName], { cwd: temporary });
    const [archive] = await readdir(temporary);
    if (archive === undefined) throw new Error('nothing came');
    await run('dpkg', ['-x', archive, 'unpacked'], { cwd: temporary });
    const [version = ''] = await readdir(join(temporary, 'unpacked', 'lib', 'modules'));
    await run('/sbin/depmod', ['-b', join(temporary, 'unpacked'), version]);
    // Renamed when whole; somebody else may have been faster.
    await rename(join(temporary, 'unpacked'), folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LabUnavailable('kernel_unavailable', `${packageName} cannot be fetched: ${why}`);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function writeInitramfs(folder: string, version: string, path: string): Promise<void> {
  const root = await mkdtemp(join(folder, 'initramfs-'));
  try {
    await mkdir(join(root, 'bin'));
    await mkdir(join(root, 'modules'));
    await copyFile('/bin/busybox', join(root, 'bin', 'busybox'));
    await copyFile(join(import.meta.dirname, 'initramfs-init.sh'), join(root, 'init'));
    await chmod(join(root, 'init'), 0o755);
    const bus = await copyModules(folder, version, BUS_MODULES, new Set(), join(root, 'modules'));
    const radio = await copyModules(folder, version, RADIO_MODULES, new Set(bus), join(root, 'modules'));
    await writeFile(join(root, 'modules', 'order'), `${bus.join('\n')}\n`);
    await writeFile(join(root, 'modules', 'radio-order'), `${radio.join('\n')}\n`);
    await run('sh', ['-c', 'find . | cpio -o -H newc --quiet >"$0"', path], { cwd: root });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Copies modules with all that they stand on; gives their file names in the order in which to load them. */
async function copyModules(
  folder: string,
  version: string,
  modules: readonly string[],
  loaded: ReadonlySet<string>,
  to: string,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const module of modules) {
    const { stdout } = await run('/sbin/modprobe', ['-d', folder, '-S', version, '--show-depends', module]);
    for (const [, path] of stdout.matchAll(/^insmod (\S+)/gm)) {
      if (path === undefined) continue;
      const name = basename(path);
      if (loaded.has(name) || names.includes(name)) continue;
      await copyFile(path, join(to, name));
      names.push(name);
    }
  }
  return names;
}
