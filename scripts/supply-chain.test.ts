/** What we run is what the lock file says, to the byte, and no older than what is known to be broken (R57). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { repositoryRoot, runCommand } from './run-command.ts';

const Entry = z.looseObject({
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().optional(),
  inBundle: z.boolean().optional(),
});
const Lock = z.looseObject({ lockfileVersion: z.number(), packages: z.record(z.string(), Entry) });
const lock = Lock.parse(JSON.parse(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8')));
const Manifest = z.looseObject({ version: z.string() });

/** -1, 0 or 1; releases only. */
function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => (version.split('-')[0] ?? '').split('.').map(Number));
  for (let place = 0; place < 3; place += 1) {
    const difference = (left?.[place] ?? 0) - (right?.[place] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

/** Each with what is wrong below it. */
const FLOORS = [
  // JWT algorithm confusion (CVE-2026-22817, CVE-2026-22818).
  ['hono', '4.11.4'],
  // SQL injection through escaped identifiers.
  ['drizzle-orm', '0.45.2'],
] as const;

test.each(FLOORS)(
  'R57: %s is at least %s, in the lock file and on the disk, wherever it lies',
  (name, floor) => {
    const places = Object.entries(lock.packages).filter(([path]) => path.endsWith(`node_modules/${name}`));
    expect(places.length).toBeGreaterThan(0);
    for (const [path, { version = '0' }] of places) {
      expect([path, version, compare(version, floor) >= 0]).toEqual([path, version, true]);
      const manifest = readFileSync(join(repositoryRoot, path, 'package.json'), 'utf8');
      expect([path, Manifest.parse(JSON.parse(manifest)).version]).toEqual([path, version]);
    }
  },
);

test('R57: every package of the lock file is pinned by its hash, and none by an address', () => {
  const loose: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    const isOurs = !path.includes('node_modules/');
    if (isOurs || entry.link === true) {
      // A link of a workspace says where it lies, in this repository.
      if (/^\w+:/.test(entry.resolved ?? '')) loose.push(`${path}: ${entry.resolved}`);
      continue;
    }
    if (entry.resolved !== undefined) loose.push(`${path}: resolved`);
    // What lies inside another package's archive has that archive's hash.
    if (entry.inBundle !== true && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? ''))
      loose.push(`${path}: integrity`);
  }
  expect(loose).toEqual([]);
});

test('R57: everything that we name is pinned to one version', () => {
  const ranges: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path.includes('node_modules/')) continue;
    for (const group of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      const wanted = z.record(z.string(), z.string()).catch({}).parse(entry[group]);
      for (const [name, version] of Object.entries(wanted)) {
        if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) && version !== '*')
          ranges.push(`${path}: ${name} ${version}`);
      }
    }
  }
  expect(ranges).toEqual([]);
});

const Sbom = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  components: z.array(z.looseObject({ name: z.string(), version: z.string(), purl: z.string() })),
});
test('R57: `npm run sbom` lists what we are made of', async () => {
  const { code, stdout } = await runCommand('npm', ['run', '--silent', 'sbom']);
  expect(code).toBe(0);
  const { components } = Sbom.parse(JSON.parse(stdout));
  for (const name of ['hono', 'drizzle-orm', 'better-sqlite3', 'pg-boss']) {
    const found = components.find((component) => component.name === name);
    expect(found?.purl).toBe(`pkg:npm/${name}@${lock.packages[`node_modules/${name}`]?.version}`);
  }
});

const Audit = z.looseObject({
  metadata: z.looseObject({ vulnerabilities: z.looseObject({ high: z.number(), critical: z.number() }) }),
});
test('R57: the registry knows nothing grave of any package', async (c) => {
  const { stdout } = await runCommand('npm', ['audit', '--json', '--audit-level=high']);
  const answer = Audit.safeParse(
    (() => {
      try {
        return JSON.parse(stdout) as unknown;
      } catch {
        return null;
      }
    })(),
  );
  if (!answer.success)
    return c.skip(
      'the registry answers no audits: run `npm audit` with a registry that does (the public one)',
    );
  const { high, critical } = answer.data.metadata.vulnerabilities;
  expect({ high, critical }).toEqual({ high: 0, critical: 0 });
}, 60_000);
