// Makes sure that the Debian packages which npm cannot bring are on the machine.
// Looks first and touches nothing when they are there; installs only as root
// through apt; never does anything outside Linux.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { type CommandResult, runCommand } from './run-command.ts';

/** One need: satisfied by a program on the PATH or by any of the packages (newer releases renamed some). */
type Need = { readonly program?: string; readonly packages: readonly [string, ...string[]] };

const needsOfGroup = {
  desktop: [
    { program: 'Xvfb', packages: ['xvfb'] },
    { packages: ['libgtk-3-0', 'libgtk-3-0t64'] },
    { packages: ['libnss3'] },
    { packages: ['libasound2', 'libasound2t64'] },
    { packages: ['libgbm1'] },
  ],
  browser: [{ program: 'chromium', packages: ['chromium'] }],
  // What the agent's own Wi-Fi is made of, and what its tests play phones with.
  radio: [
    { program: 'wpa_supplicant', packages: ['wpasupplicant'] },
    { program: 'dnsmasq', packages: ['dnsmasq-base'] },
    { program: 'nft', packages: ['nftables'] },
    { program: 'ip', packages: ['iproute2'] },
    { program: 'busybox', packages: ['busybox-static', 'busybox'] },
  ],
  // What reads the files that an operator is given as production would.
  deploy: [
    { program: 'promtool', packages: ['prometheus'] },
    { program: 'kubectl', packages: ['kubernetes-client'] },
    { program: 'nginx', packages: ['nginx-light'] },
  ],
  lab: [
    { program: 'wpa_supplicant', packages: ['wpasupplicant'] },
    { program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] },
    { program: 'busybox', packages: ['busybox-static'] },
    { program: 'iw', packages: ['iw'] },
    { program: 'ip', packages: ['iproute2'] },
    { program: 'ping', packages: ['iputils-ping'] },
    { program: 'dnsmasq', packages: ['dnsmasq-base'] },
    { program: 'modprobe', packages: ['kmod'] },
    { program: 'cpio', packages: ['cpio'] },
    { program: 'nft', packages: ['nftables'] },
    { program: 'g++', packages: ['g++'] },
  ],
} as const satisfies Record<string, readonly Need[]>;

export type PackageGroup = keyof typeof needsOfGroup;

export const packageGroups: readonly PackageGroup[] = ['desktop', 'browser', 'radio', 'deploy', 'lab'];

export class MissingSystemPackages extends Error {
  readonly code: 'system_packages_missing' | 'system_packages_not_installable';
  /** What to type to get them. */
  readonly remedy: string;

  constructor(code: MissingSystemPackages['code'], missing: readonly string[], detail = '') {
    const remedy = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`;
    super(
      `these Debian packages are missing: ${missing.join(' ')}${detail}\nInstall them with:\n  ${remedy}`,
    );
    this.name = 'MissingSystemPackages';
    this.code = code;
    this.remedy = remedy;
  }
}

/** Everything that this module asks of the machine; tests pass their own. */
export type Machine = {
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  readonly hasProgram: (name: string) => boolean;
  readonly run: (command: string, args: readonly string[]) => Promise<CommandResult>;
  readonly say: (line: string) => void;
};

const thisMachine: Machine = {
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  hasProgram,
  run: (command, args) =>
    runCommand(command, args, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' } }),
  say: (line) => console.log(line),
};

/**
 * Resolves with the packages that were installed now (empty when nothing was missing).
 * Rejects with MissingSystemPackages when something is missing and cannot be installed from here.
 */
export async function ensureSystemPackages(
  groups: readonly PackageGroup[],
  machine: Machine = thisMachine,
): Promise<readonly string[]> {
  if (machine.platform !== 'linux') return [];
  const missing = await findMissing(groups, machine);
  if (missing.length === 0) return [];
  if (!machine.isRoot || !machine.hasProgram('apt-get')) {
    throw new MissingSystemPackages('system_packages_missing', missing);
  }
  machine.say(`Installing Debian packages: ${missing.join(' ')}`);
  // Stale lists of one source must not stop what the others can serve; the install decides.
  await machine.run('apt-get', ['update', '-q']);
  const names = await Promise.all(missing.map((name) => installableName(name, groups, machine)));
  const installed = await machine.run('apt-get', [
    'install',
    '-y',
    '-q',
    '--no-install-recommends',
    '-o',
    'Dpkg::Options::=--force-confold',
    // Another apt (unattended upgrades) may hold the lock for a while.
    '-o',
    'DPkg::Lock::Timeout=120',
    ...names,
  ]);
  if (installed.code !== 0) {
    throw new MissingSystemPackages(
      'system_packages_not_installable',
      missing,
      `\n${lastLines(installed.output)}`,
    );
  }
  return names;
}

async function findMissing(groups: readonly PackageGroup[], machine: Machine): Promise<string[]> {
  const missing: string[] = [];
  for (const need of needsOf(groups)) {
    if (need.program !== undefined && machine.hasProgram(need.program)) continue;
    // dpkg-query prints a line for each package it knows and fails if one is unknown; the lines are what counts.
    const known = await machine.run('dpkg-query', [
      '-W',
      '-f=${Package} ${db:Status-Status}\n',
      ...need.packages,
    ]);
    if (!/ installed$/m.test(known.stdout)) missing.push(need.packages[0]);
  }
  return missing;
}

/** A release knows a package under one of its names: the first with something to install wins. */
async function installableName(
  preferred: string,
  groups: readonly PackageGroup[],
  machine: Machine,
): Promise<string> {
  const names = needsOf(groups).find((need) => need.packages[0] === preferred)?.packages ?? [preferred];
  for (const name of names) {
    const policy = await machine.run('apt-cache', ['policy', name]);
    if (/Candidate: (?!\(none\))/.test(policy.stdout)) return name;
  }
  return preferred;
}

function needsOf(groups: readonly PackageGroup[]): readonly Need[] {
  return groups.flatMap((group): readonly Need[] => needsOfGroup[group]);
}

/** Looks on the PATH and where system programs live, which an unprivileged PATH leaves out. */
export function hasProgram(name: string): boolean {
  return findProgram(name) !== undefined;
}

export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-8).join('\n');
}

function isPackageGroup(name: string): name is PackageGroup {
  return packageGroups.some((group) => group === name);
}

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => !isPackageGroup(arg));
  if (unknown.length > 0) {
    console.error(`Usage: node scripts/system-packages.ts [${packageGroups.join('|')}]...`);
    return 2;
  }
  const groups = args.length === 0 ? packageGroups : args.filter(isPackageGroup);
  try {
    const installed = await ensureSystemPackages(groups);
    console.log(
      installed.length === 0 ? 'All system packages are there.' : `Installed: ${installed.join(' ')}`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof MissingSystemPackages)) throw error;
    console.error(`${error.code}: ${error.message}`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
