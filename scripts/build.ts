// Builds what a browser or Electron loads: the wallet, the merchant's and the operator's
// pages, and the kiosk's window.
// Builds only when a source has changed since the last time. The server, the
// protocol and the agent need no build: Node runs their TypeScript.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { withFileLock } from './file-lock.ts';
import { repositoryRoot, runCommand } from './run-command.ts';

export type BuildTarget = {
  readonly room: 'wallet' | 'office' | 'desktop';
  readonly command: readonly [string, ...string[]];
  readonly config: string;
  readonly output: string;
  /** Files and folders of which the output is made, besides the lock file. */
  readonly sources: readonly string[];
};

export type BuildOutcome = {
  readonly room: BuildTarget['room'];
  readonly state: 'built' | 'up_to_date' | 'skipped';
};

export class BuildFailed extends Error {
  readonly code = 'build_failed';
}

const shared = [
  'protocol/src',
  'protocol/package.json',
  'server/contract',
  'tsconfig.base.json',
  'package-lock.json',
];

export const buildTargets: readonly BuildTarget[] = [
  {
    room: 'wallet',
    command: ['vite', 'build'],
    config: 'wallet/vite.config.ts',
    output: 'wallet/dist',
    sources: ['wallet', ...shared],
  },
  {
    room: 'office',
    command: ['vite', 'build'],
    config: 'office/vite.config.ts',
    output: 'office/dist',
    sources: ['office', 'wallet/package.json', 'wallet/src', ...shared],
  },
  {
    room: 'desktop',
    command: ['electron-vite', 'build'],
    config: 'desktop/electron.vite.config.ts',
    output: 'desktop/out',
    sources: [
      'desktop/electron.vite.config.ts',
      'desktop/package.json',
      'desktop/ipc',
      'desktop/main',
      'desktop/preload',
      'desktop/renderer',
      ...shared,
    ],
  },
];

const stampName = '.built-from';
const noSource = /^(?:node_modules|dist|out|coverage|test|test-results)$|\.(?:test|bench)\.tsx?$/;

export type BuildOptions = {
  readonly force?: boolean;
  readonly say?: (line: string) => void;
  readonly root?: string;
  readonly targets?: readonly BuildTarget[];
};

/** Rejects with BuildFailed, which carries what the tool printed. */
export async function ensureBuilt(options: BuildOptions = {}): Promise<readonly BuildOutcome[]> {
  const root = options.root ?? repositoryRoot;
  const say = options.say ?? ((line: string): void => console.log(line));
  const lock = join(root, 'node_modules', '.build-lock');
  return withFileLock(lock, { say, waitingFor: 'another build' }, async () => {
    const outcomes: BuildOutcome[] = [];
    const failures: BuildFailed[] = [];
    // One room that does not build does not keep another from being built.
    for (const target of options.targets ?? buildTargets) {
      try {
        outcomes.push({ room: target.room, state: await build(root, target, options.force === true, say) });
      } catch (error) {
        if (!(error instanceof BuildFailed)) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new BuildFailed(failures.map(({ message }) => message).join('\n\n'));
    return outcomes;
  });
}

async function build(
  root: string,
  target: BuildTarget,
  force: boolean,
  say: (line: string) => void,
): Promise<BuildOutcome['state']> {
  if (!existsSync(join(root, target.config))) {
    say(`Nothing to build in ${target.room}: it has no ${target.config}.`);
    return 'skipped';
  }
  const fingerprint = await fingerprintOf(root, target.sources);
  const stamp = join(root, target.output, stampName);
  if (!force && (await readIfThere(stamp)) === fingerprint) return 'up_to_date';
  say(`Building ${target.room} ...`);
  const [command, ...args] = target.command;
  const result = await runCommand(command, args, { cwd: join(root, target.room) });
  if (result.code !== 0) throw new BuildFailed(`${target.room} could not be built:\n${result.output.trim()}`);
  await writeFile(stamp, fingerprint);
  say(`Built ${target.room} in ${(result.durationMs / 1000).toFixed(1)} s.`);
  return 'built';
}

/** A hash over the names and contents of all sources: neither a clock nor a checkout's dates matter. */
export async function fingerprintOf(root: string, sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) await addToHash(hash, root, source);
  return hash.digest('hex');
}

async function addToHash(hash: ReturnType<typeof createHash>, root: string, path: string): Promise<void> {
  const full = join(root, path);
  if (!existsSync(full)) return;
  if ((await stat(full)).isFile()) {
    const content = await readFile(full);
    hash.update(`${path}\0${String(content.length)}\0`).update(content);
    return;
  }
  for (const name of (await readdir(full)).toSorted()) {
    if (!noSource.test(name)) await addToHash(hash, root, `${path}/${name}`);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return existsSync(path) ? readFile(path, 'utf8') : undefined;
}

if (import.meta.main) {
  try {
    const outcomes = await ensureBuilt({ force: process.argv.includes('--force') });
    const current = outcomes.filter(({ state }) => state === 'up_to_date').map(({ room }) => room);
    if (current.length > 0) console.log(`Unchanged since the last build: ${current.join(', ')}.`);
  } catch (error) {
    if (!(error instanceof BuildFailed)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
