// Builds the addon with sanitizers and a supplicant that says hostile things, and lets them meet (test/fuzz.ts).

import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const packageFolder = join(import.meta.dirname, '..');
const outputFolder = join(packageFolder, 'build', 'test');
const compiler = process.env['CXX'] ?? 'g++';

export type FuzzCounts = {
  readonly events: number;
  readonly understood: number;
  readonly replies: number;
  readonly dropped: number;
};

/** Rejects with what the sanitizer or an assertion said. */
export async function fuzz({
  lines,
  seed,
}: {
  readonly lines: number;
  readonly seed: number;
}): Promise<{ readonly counts: FuzzCounts; readonly seconds: number }> {
  const { addon, env } = await sanitizedAddon();
  const daemon = await buildDaemon();
  const startedAt = performance.now();
  const program = join(import.meta.dirname, 'fuzz.ts');
  const { stdout, stderr } = await run(
    process.execPath,
    [program, addon, String(lines), String(seed), daemon],
    {
      env,
      maxBuffer: 16 * 1024 * 1024,
    },
  );
  if (/runtime error|Sanitizer/.test(stderr)) throw new Error(stderr);
  const counts: FuzzCounts = JSON.parse(stdout);
  return { counts, seconds: (performance.now() - startedAt) / 1_000 };
}

/** The addon with sanitizers, and the environment in which Node can load it. */
export async function sanitizedAddon(): Promise<{ readonly addon: string; readonly env: NodeJS.ProcessEnv }> {
  await mkdir(outputFolder, { recursive: true });
  const addon = await buildSanitizedAddon();
  const { stdout: asan } = await run(compiler, ['-print-file-name=libasan.so']);
  const { stdout: ubsan } = await run(compiler, ['-print-file-name=libubsan.so']);
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    LD_PRELOAD: `${asan.trim()}:${ubsan.trim()}`,
    // Here, of hostile lines, only what is touched wrongly counts.
    ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1:abort_on_error=1',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  };
  return { addon, env };
}

async function buildSanitizedAddon(): Promise<string> {
  const folder = join(packageFolder, 'addon');
  const names = await readdir(folder);
  const inputs = names.map((name) => join(folder, name));
  const sources = inputs.filter((path) => path.endsWith('.cc'));
  return await build(join(outputFolder, 'wifi_direct_sanitized.node'), inputs, [
    ...['-std=c++17', '-O1', '-g', '-fPIC', '-shared', '-fno-omit-frame-pointer'],
    ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
    ...['-DNAPI_VERSION=9', '-DNAPI_CPP_EXCEPTIONS', '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
    ...['-isystem', dirname(require.resolve('node-addon-api/package.json'))],
    ...['-isystem', join(dirname(require.resolve('node-api-headers/package.json')), 'include')],
    ...sources,
  ]);
}

async function buildDaemon(): Promise<string> {
  const source = join(import.meta.dirname, 'fuzzing_supplicant.cc');
  const args = ['-std=c++17', '-O1', source];
  return await build(join(outputFolder, 'fuzzing_supplicant'), [source], args);
}

/** Compiles only what is older than its sources. */
async function build(output: string, inputs: readonly string[], args: readonly string[]): Promise<string> {
  const isThere = existsSync(output);
  if (isThere && inputs.every((path) => statSync(path).mtimeMs < statSync(output).mtimeMs)) return output;
  const temporary = `${output}.${String(process.pid)}`;
  await run(compiler, [...args, '-o', temporary]);
  await rename(temporary, output);
  return output;
}
