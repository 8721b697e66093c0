// What tests compile for themselves: the addon with sanitizers, stand-ins for a supplicant, a look into the allocator.

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
const nodeApi = ['-isystem', join(dirname(require.resolve('node-api-headers/package.json')), 'include')];

/** A program of one source beside this file; its path. */
export async function testProgram(name: string): Promise<string> {
  const source = join(import.meta.dirname, `${name}.cc`);
  return await build(join(outputFolder, name), [source], ['-std=c++17', '-O1', source]);
}

/** An addon of one source beside this file; its path. */
export async function testAddon(name: string): Promise<string> {
  const source = join(import.meta.dirname, `${name}.cc`);
  const args = ['-std=c++17', '-O1', '-fPIC', '-shared', ...nodeApi, source];
  return await build(join(outputFolder, `${name}.node`), [source], args);
}

/** The addon with sanitizers, and the environment in which Node can load it. */
export async function sanitizedAddon(): Promise<{ readonly addon: string; readonly env: NodeJS.ProcessEnv }> {
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
    ...nodeApi,
    ...sources,
  ]);
}

/** Compiles only what is older than its sources. */
async function build(output: string, inputs: readonly string[], args: readonly string[]): Promise<string> {
  const isThere = existsSync(output);
  if (isThere && inputs.every((path) => statSync(path).mtimeMs < statSync(output).mtimeMs)) return output;
  await mkdir(outputFolder, { recursive: true });
  const temporary = `${output}.${String(process.pid)}`;
  await run(compiler, [...args, '-o', temporary]);
  await rename(temporary, output);
  return output;
}
