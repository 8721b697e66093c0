// How the addon is compiled: by whatever g++ there is, for this machine or another, without node-gyp. That would download
// Node's headers, while Node-API's come from npm. Plain JavaScript for old Nodes, since npm itself runs this.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
export const packageFolder = join(dirname(fileURLToPath(import.meta.url)), '..');
const addonFolder = join(packageFolder, 'addon');

function sources(ending) {
  return readdirSync(addonFolder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(addonFolder, name));
}

/** @param {string} output @returns {boolean} */
export function isUpToDate(output) {
  if (!existsSync(output)) return false;
  const builtAt = statSync(output).mtimeMs;
  const inputs = [...sources('.cc'), ...sources('.h'), fileURLToPath(import.meta.url)];
  return inputs.every((path) => statSync(path).mtimeMs < builtAt);
}

/** @param {string} compiler @returns {boolean} */
export function hasCompiler(compiler) {
  return spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** @param {{ compiler: string, output: string, extra?: readonly string[] }} options @returns {boolean} */
export function compileAddon({ compiler, output, extra = [] }) {
  mkdirSync(dirname(output), { recursive: true });
  // Written aside and renamed: a process that has the old one loaded keeps it whole.
  const temporary = `${output}.${process.pid}.tmp`;
  const args = [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-Wall', '-Wextra', ...extra],
    ...['-DNAPI_VERSION=9', '-DNAPI_CPP_EXCEPTIONS', '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
    ...['-isystem', dirname(require.resolve('node-addon-api/package.json'))],
    ...['-isystem', join(dirname(require.resolve('node-api-headers/package.json')), 'include')],
    ...['-o', temporary, ...sources('.cc')],
  ];
  const { status } = spawnSync(compiler, args, { stdio: 'inherit' });
  if (status === 0) renameSync(temporary, output);
  else rmSync(temporary, { force: true });
  return status === 0;
}
