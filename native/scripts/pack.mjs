// `npm run package:native`: the package as others install it, in build/package: JavaScript with its types, the C++ side,
// and prebuilt addons in the layout of prebuildify (prebuilds/linux-x64/…) for the compilers that are here. Then
// `npm pack` in that folder makes the archive.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { compileAddon, hasCompiler, packageFolder } from './compile-addon.mjs';

const output = process.argv[2] ?? join(packageFolder, 'build', 'package');
/** By Node's names for them; another compiler can be named by CXX_arm64 and the like. */
const compilers = {
  x64: process.env.CXX_x64 || (process.arch === 'x64' ? 'g++' : 'x86_64-linux-gnu-g++'),
  arm64: process.env.CXX_arm64 || (process.arch === 'arm64' ? 'g++' : 'aarch64-linux-gnu-g++'),
};
/** Its C++ library comes along; only the C library is the machine's. */
const PORTABLE = ['-static-libstdc++', '-static-libgcc', '-s'];

function emitJavaScript() {
  const args = ['-p', join(packageFolder, 'tsconfig.package.json'), '--outDir', join(output, 'dist')];
  if (spawnSync('tsc', args, { stdio: 'inherit' }).status !== 0) throw new Error('tsc failed');
  // The types name their neighbours as the JavaScript does.
  for (const name of readdirSync(join(output, 'dist'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const path = join(output, 'dist', name);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"));
  }
}

function writeManifest() {
  const { scripts, dependencies, ...rest } = JSON.parse(
    readFileSync(join(packageFolder, 'package.json'), 'utf8'),
  );
  delete rest.private;
  const door = (name) => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
  const manifest = {
    ...rest,
    engines: { node: '>=22' },
    os: ['linux', 'darwin', 'win32'],
    bin: { 'wifi-direct': 'dist/cli/main.js' },
    exports: { '.': door('index'), './fake': door('fake') },
    scripts,
    dependencies,
  };
  writeFileSync(join(output, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

function prebuild() {
  const missing = [];
  for (const [arch, compiler] of Object.entries(compilers)) {
    const path = join(output, 'prebuilds', `linux-${arch}`, 'node-wifi-direct.glibc.node');
    if (!hasCompiler(compiler)) missing.push(`linux-${arch} (${compiler})`);
    else if (!compileAddon({ compiler, output: path, extra: PORTABLE }))
      throw new Error(`${compiler} failed`);
  }
  return missing;
}

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
emitJavaScript();
writeManifest();
for (const name of ['README.md', 'addon', 'binding.gyp']) {
  cpSync(join(packageFolder, name), join(output, name), { recursive: true });
}
for (const name of ['compile-addon.mjs', 'build-addon.mjs']) {
  cpSync(join(packageFolder, 'scripts', name), join(output, 'scripts', name));
}
cpSync(join(packageFolder, '..', 'LICENSE'), join(output, 'LICENSE'));
const missing = prebuild();
console.log(`node-wifi-direct: packed into ${output}`);
if (missing.length > 0) console.log(`Not prebuilt, since its compiler is missing: ${missing.join(', ')}`);
