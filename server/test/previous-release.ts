/**
 * The release before this one as it stands in the git history, made ready to run: the newest commit whose migrations are fewer.
 *
 * `PREVIOUS_RELEASE` names another commit: the one that is in production.
 *
 * Owns: the choice of the commit and its folder. Never: a word about what that release should do.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { knownMigrations } from '../src/db/schema-version.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const JOURNAL = 'drizzle/server/meta/_journal.json';
/** What a server is made of. What it imports from npm is that of this checkout. */
const ROOMS = ['server', 'protocol', 'drizzle'];
const Journal = z.object({ entries: z.array(z.unknown()) });

export interface PreviousRelease {
  readonly commit: string;
  /** How many migrations it knows. */
  readonly migrations: number;
}

const git = (args: readonly string[]) =>
  execFileSync('git', ['-C', REPOSITORY, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 60_000,
  }).trim();

function migrationsOf(commit: string): number {
  return Journal.parse(JSON.parse(git(['show', `${commit}:${JOURNAL}`]))).entries.length;
}

/** @returns why there is none, where there is none: a checkout without a history, or one that is too short. */
export function findPreviousRelease(): PreviousRelease | { readonly missing: string } {
  const now = knownMigrations().length;
  const named = process.env['PREVIOUS_RELEASE'];
  if (named !== undefined && named !== '')
    return { commit: git(['rev-parse', named]), migrations: migrationsOf(named) };
  try {
    const touched = git(['log', '--format=%H %P', '--max-count=20', '--', JOURNAL]).split('\n');
    // A commit that adds a migration has a parent without it; one that is written just now has none of its own yet.
    const commits = ['HEAD', ...touched.flatMap((line) => line.split(' ')).filter((commit) => commit !== '')];
    for (const commit of commits) {
      const migrations = migrationsOf(commit);
      if (migrations < now) return { commit: git(['rev-parse', commit]), migrations };
    }
    return { missing: 'no commit of this checkout has fewer migrations: fetch its whole history' };
  } catch {
    return {
      missing: 'this checkout has no git history that reaches the release before: git fetch --unshallow',
    };
  }
}

/** Puts that release into an empty folder. @returns its entry file */
export function unpackRelease({ commit }: PreviousRelease, folder: string): string {
  const archive = execFileSync('git', ['-C', REPOSITORY, 'archive', commit, 'package.json', ...ROOMS], {
    maxBuffer: 2 ** 28,
    timeout: 60_000,
  });
  execFileSync('tar', ['--extract', '--directory', folder], { input: archive, timeout: 60_000 });
  const [from, to] = [join(REPOSITORY, 'node_modules'), join(folder, 'node_modules')];
  mkdirSync(join(to, '@tikiwallet'), { recursive: true });
  for (const name of readdirSync(from))
    if (name !== '@tikiwallet') symlinkSync(join(from, name), join(to, name));
  for (const room of ROOMS) symlinkSync(join(folder, room), join(to, '@tikiwallet', room));
  return join(folder, 'server', 'src', 'main.ts');
}
