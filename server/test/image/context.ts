/** Which files a build sends: what `.dockerignore` leaves over, by Docker's rules (the last pattern that fits decides). */
import { readdirSync, readFileSync } from 'node:fs';
import { join, matchesGlob, relative } from 'node:path';

export function contextFiles(root: string): readonly string[] {
  const patterns = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const name = relative(root, path);
      if (entry.isDirectory()) {
        // Nothing that is heavy has an exception behind it.
        if (entry.name !== 'node_modules' && name !== '.git') walk(path);
      } else if (!isIgnored(name, patterns)) found.push(name);
    }
  };
  walk(root);
  return found;
}

export function isIgnored(name: string, patterns: readonly string[]): boolean {
  let ignored = false;
  for (const pattern of patterns) {
    const isException = pattern.startsWith('!');
    const glob = isException ? pattern.slice(1) : pattern;
    // A pattern that fits a folder fits everything in it.
    if (matchesGlob(name, glob) || matchesGlob(name, `${glob}/**`)) ignored = !isException;
  }
  return ignored;
}
