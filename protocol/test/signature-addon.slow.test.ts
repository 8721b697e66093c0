/**
 * Hostile checks through the addon as sanitizers see it, and the addon where memory is short; needs g++ with its sanitizers, and
 * Node's headers beside it.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import type { HostileCounts } from './hostile-checks.ts';
import type { ShortCounts } from './short-of-memory.ts';

const run = promisify(execFile);
const compiler = process.env['CXX'] ?? 'g++';
const isThere = spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'tiki-sanitized-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const build = join(import.meta.dirname, '..', 'addon', 'build-addon.mjs');

async function sanitizedAddon(): Promise<{ readonly addon: string; readonly env: NodeJS.ProcessEnv }> {
  const addon = join(folder, 'signatures.node');
  const sanitizers = ['-O1', '-g', '-fno-omit-frame-pointer', '-fno-sanitize-recover=all'];
  await run(process.execPath, [build, '--to', addon, ...sanitizers, '-fsanitize=address,undefined']);
  const library = async (name: string) => (await run(compiler, [`-print-file-name=${name}`])).stdout.trim();
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    LD_PRELOAD: `${await library('libasan.so')}:${await library('libubsan.so')}`,
    // V8 leaves its own memory to the end of the process; what the addon keeps is counted by the program.
    ASAN_OPTIONS: 'quarantine_size_mb=1:detect_leaks=0:halt_on_error=1:abort_on_error=1',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  };
  return { addon, env };
}

const without = isThere ? '' : ` (skipped: there is no ${compiler})`;
it.skipIf(!isThere)(
  `hostile checks touch no memory that is not theirs, and none is kept${without}`,
  async () => {
    const { addon, env } = await sanitizedAddon();
    const program = join(import.meta.dirname, 'hostile-checks.ts');
    const { stdout, stderr } = await run(process.execPath, ['--expose-gc', program, addon, '4000'], { env });
    expect(stderr).not.toMatch(/runtime error|Sanitizer/);
    const { disagreements, opened, grownBytes }: HostileCounts = JSON.parse(stdout);
    expect(disagreements).toBe(0);
    expect(opened).toBeGreaterThan(500);
    // Each that was opened would have kept 65 KB.
    expect(grownBytes).toBeLessThan((opened * 65_000) / 4);
  },
);

it.skipIf(!isThere)(`where memory is short, nothing is called good or bad${without}`, async () => {
  const addon = join(folder, 'short.node');
  const failing = join(import.meta.dirname, 'short-of-memory.cc');
  const wrapped = [...readFileSync(failing, 'utf8').matchAll(/^WRAP\(\w+, (\w+),/gm)];
  const wraps = wrapped.map(([, name = '']) => `-Wl,--wrap=${name}`);
  await run(process.execPath, [build, '--to', addon, '-O1', ...wraps, failing]);
  const program = join(import.meta.dirname, 'short-of-memory.ts');
  const { stdout } = await run(process.execPath, [program, addon]);
  const { failures, said, saidAfter }: ShortCounts = JSON.parse(stdout);
  expect(failures).toBeGreaterThan(150);
  // That a point is not remembered hinders nobody.
  expect(said.toSorted()).toEqual(['1,0,0,1', 'no memory to verify signatures']);
  expect(saidAfter).toEqual(['1,0,0,1']);
});
