// Runs during `npm install`: builds the addon where no prebuilt one serves. Where it cannot be built it says so and
// succeeds: the package then reports `addon_missing`. Plain JavaScript for old Nodes, since npm itself runs this.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { compileAddon, hasCompiler, isUpToDate, packageFolder } from './compile-addon.mjs';

const output = join(packageFolder, 'build', 'Release', 'wifi_direct.node');
const prebuilt = join(packageFolder, 'prebuilds', `linux-${process.arch}`, 'node-wifi-direct.glibc.node');
const compiler = process.env.CXX || 'g++';

/** Of another C library it does not load. */
function servesHere(path) {
  if (!existsSync(path)) return false;
  try {
    createRequire(import.meta.url)(path);
    return true;
  } catch {
    return false;
  }
}

function build() {
  if (process.platform !== 'linux')
    return `not built: Wi-Fi Direct is supported on Linux, this is ${process.platform}`;
  if (servesHere(prebuilt)) return 'the prebuilt addon serves';
  if (isUpToDate(output)) return 'the addon is up to date';
  if (!hasCompiler(compiler)) {
    return `not built: there is no C++ compiler (${compiler}). Install g++ and run npm rebuild node-wifi-direct`;
  }
  return compileAddon({ compiler, output })
    ? 'the addon is built'
    : 'not built: the compiler failed, see above';
}

console.log(`node-wifi-direct: ${build()}`);
