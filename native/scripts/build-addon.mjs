// Builds the addon with the system's C++ compiler during `npm install`, without
// node-gyp: that would download Node's headers, while Node-API's come from npm.
// Plain JavaScript for old Nodes, since npm itself runs this. Where it cannot be
// built it says so and succeeds: the package then reports `addon_missing`.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const packageFolder = join(dirname(fileURLToPath(import.meta.url)), '..');
const addonFolder = join(packageFolder, 'addon');
const output = join(packageFolder, 'build', 'Release', 'wifi_direct.node');
const compiler = process.env.CXX || 'g++';

function sources(ending) {
  return readdirSync(addonFolder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(addonFolder, name));
}

function isUpToDate() {
  if (!existsSync(output)) return false;
  const builtAt = statSync(output).mtimeMs;
  const inputs = [...sources('.cc'), ...sources('.h'), fileURLToPath(import.meta.url)];
  return inputs.every((path) => statSync(path).mtimeMs < builtAt);
}

function compile() {
  mkdirSync(dirname(output), { recursive: true });
  // Written aside and renamed: a process that has the old one loaded keeps it whole.
  const temporary = `${output}.${process.pid}.tmp`;
  const args = [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-Wall', '-Wextra'],
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

function build() {
  if (process.platform !== 'linux')
    return `not built: Wi-Fi Direct is supported on Linux, this is ${process.platform}`;
  if (isUpToDate()) return 'the addon is up to date';
  if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status !== 0) {
    return `not built: there is no C++ compiler (${compiler}). Install g++ and run npm rebuild node-wifi-direct`;
  }
  return compile() ? 'the addon is built' : 'not built: the compiler failed, see above';
}

console.log(`node-wifi-direct: ${build()}`);
