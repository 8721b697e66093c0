// `npm run package`: the kiosk as a folder that runs without this repository: window, agent and the agent's own Node.
// Works without a network once the runtime is there. Whatever is not packed from Electron's official binaries is marked
// as no release, and installers are not made of it.

import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { BuildFailed, ensureBuilt } from './build.ts';
import { type ElectronRuntime, ElectronUnavailable, findElectron } from './electron-runtime.ts';
import { withFileLock } from './file-lock.ts';
import { AgentNotPackable, packAgent } from './package-agent.ts';
import { repositoryRoot, runCommand } from './run-command.ts';

export type PackageOptions = {
  /** Where the result goes; electron-builder.yml's folder by default. */
  readonly output?: string;
  /** electron-builder's names: 'dir' is the folder alone, 'deb' an installer of it. */
  readonly target?: string;
  readonly say?: (line: string) => void;
};

export type PackagedKiosk = {
  readonly folder: string;
  readonly executablePath: string;
  readonly runtime: ElectronRuntime;
  /** True when it may be given to a shop. */
  readonly isRelease: boolean;
};

export class PackagingFailed extends Error {
  readonly code = 'packaging_failed';
}

const root = repositoryRoot;
const buildFolder = join(root, 'build');
const executableName = 'tikiwallet';
const builderTimeoutMs = 10 * 60_000;
export const noReleaseFile = 'NOT-A-RELEASE.txt';

export async function packageKiosk(options: PackageOptions = {}): Promise<PackagedKiosk> {
  const say = options.say ?? ((line: string): void => console.log(line));
  if (process.platform !== 'linux') throw new PackagingFailed('The kiosk is packaged on Linux, for Linux.');
  const runtime = await findElectron({ say });
  const isRelease = runtime.origin === 'official';
  const target = options.target ?? 'dir';
  if (target !== 'dir' && !isRelease) {
    throw new PackagingFailed(
      `No ${target} is made of a runtime that is not Electron's own (${runtime.origin} ${runtime.version}).`,
    );
  }
  await ensureBuilt({ say });
  const lock = join(root, 'node_modules', '.package-lock');
  return withFileLock(lock, { say, waitingFor: 'another packaging' }, async () => {
    await preparePieces(say);
    const output = options.output ?? join(root, 'release');
    const folder = join(output, 'linux-unpacked');
    await rm(folder, { recursive: true, force: true });
    await runBuilder({ runtime, target, output, say });
    await markOrigin(folder, runtime, isRelease, say);
    return { folder, executablePath: join(folder, executableName), runtime, isRelease };
  });
}

/** What electron-builder.yml's extraResources name. */
async function preparePieces(say: (line: string) => void): Promise<void> {
  say('Bundling the agent ...');
  await packAgent({ root, target: join(buildFolder, 'agent'), version: await appVersion() });
  const nodeFolder = join(buildFolder, 'node');
  await rm(nodeFolder, { recursive: true, force: true });
  await mkdir(nodeFolder, { recursive: true });
  // The Node of the lock file, whatever Node runs this script.
  const pinned = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(pinned))
    throw new PackagingFailed('node_modules has no Node of its own for this platform; run `npm ci`.');
  await copyFile(pinned, join(nodeFolder, 'node'));
}

type BuilderRun = {
  readonly runtime: ElectronRuntime;
  readonly target: string;
  readonly output: string;
  readonly say: (line: string) => void;
};

async function runBuilder({ runtime, target, output, say }: BuilderRun): Promise<void> {
  say(`Packing with Electron ${runtime.version} (${runtime.origin}) ...`);
  const args = [
    '--linux',
    target,
    '--publish=never',
    `-c.directories.output=${output}`,
    `-c.electronVersion=${runtime.version}`,
    `-c.electronDist=${await runtimeFolder(runtime)}`,
  ];
  const result = await runCommand('electron-builder', args, {
    timeoutMs: builderTimeoutMs,
    // Linked files would let the fuses that are set in the package reach the runtime that it was made of.
    env: { ...process.env, USE_HARD_LINKS: 'false', VITEST: undefined },
  });
  if (result.code !== 0)
    throw new PackagingFailed(`electron-builder did not succeed:\n${result.output.trim()}`);
  say(`Packed in ${(result.durationMs / 1000).toFixed(1)} s.`);
}

/** A development runtime carries a loader that starts any folder; a package starts its own application only. */
async function runtimeFolder(runtime: ElectronRuntime): Promise<string> {
  const folder = dirname(runtime.executablePath);
  const loader = join(folder, 'resources', 'app');
  if (!existsSync(loader)) return folder;
  const plain = join(buildFolder, 'runtime');
  await rm(plain, { recursive: true, force: true });
  await cp(folder, plain, { recursive: true, filter: (path) => path !== loader });
  return plain;
}

async function markOrigin(
  folder: string,
  runtime: ElectronRuntime,
  isRelease: boolean,
  say: (line: string) => void,
): Promise<void> {
  if (isRelease) return;
  const sentence =
    `This package was made of a ${runtime.origin} runtime (Electron ${runtime.version}), because Electron's ` +
    'official binaries were not at hand. It is for development and tests, and is no release.';
  await writeFile(join(folder, noReleaseFile), `${sentence}\n`);
  say(sentence);
}

async function appVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(root, 'desktop', 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  throw new PackagingFailed('desktop/package.json names no version.');
}

if (import.meta.main) {
  try {
    const target = process.argv[2];
    const packaged = await packageKiosk(target === undefined ? {} : { target });
    console.log(`${basename(packaged.executablePath)} is in ${packaged.folder}.`);
  } catch (error) {
    const expected =
      error instanceof PackagingFailed ||
      error instanceof AgentNotPackable ||
      error instanceof BuildFailed ||
      error instanceof ElectronUnavailable;
    if (!expected) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
