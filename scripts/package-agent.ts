// Makes the kiosk's agent into a folder that runs with nothing but a Node beside it: one bundle for the process, one
// for its store's thread, and beside them what cannot be bundled, because it is machine code or is loaded at run time.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { build } from 'vite';

export type AgentFolder = {
  /** Replaced as a whole. */
  readonly target: string;
  readonly root: string;
  /** What the agent says it is. */
  readonly version: string;
};

export class AgentNotPackable extends Error {
  readonly code = 'agent_not_packable';
}

/** Loaded from node_modules at run time: each carries, or opens, machine code. */
const external = ['better-sqlite3', 'node-wifi-direct'] as const;

export async function packAgent(folder: AgentFolder): Promise<void> {
  await rm(folder.target, { recursive: true, force: true });
  await mkdir(folder.target, { recursive: true });
  await bundleAgent(folder);
  await packWifiDirect(folder);
  await packSqlite(folder);
  await packMigrations(folder);
}

async function bundleAgent({ root, target, version }: AgentFolder): Promise<void> {
  const agent = join(root, 'desktop', 'agent');
  await bundle({
    entries: {
      agent: join(agent, 'main.ts'),
      'store-thread': join(agent, 'store', 'store-thread.ts'),
      'signature-thread': join(agent, 'store', 'signature-thread.ts'),
      'check-thread': join(agent, 'store', 'check-thread.ts'),
    },
    target,
    define: { 'process.env.TIKI_VERSION': JSON.stringify(version) },
  });
  // Node reads the bundles as modules, and there is no other manifest between them and the system's root.
  await writeManifest(target, { name: 'tikiwallet-agent', version, private: true, type: 'module' });
}

/** The package keeps its own layout: it looks for its machine code beside its source. */
async function packWifiDirect({ root, target }: AgentFolder): Promise<void> {
  const source = join(root, 'native');
  const place = join(target, 'node_modules', 'node-wifi-direct');
  const addon = join('build', 'Release', 'wifi_direct.node');
  if (!existsSync(join(source, addon))) {
    throw new AgentNotPackable(
      'native/build has no addon: `npm rebuild node-wifi-direct` builds it (it needs g++).',
    );
  }
  await bundle({
    entries: { index: join(source, 'src', 'index.ts') },
    target: join(place, 'src'),
  });
  await copyInto(join(source, addon), join(place, addon));
  await writeManifest(place, {
    name: 'node-wifi-direct',
    private: true,
    type: 'module',
    exports: './src/index.js',
  });
}

async function packSqlite({ root, target }: AgentFolder): Promise<void> {
  const source = join(root, 'node_modules', 'better-sqlite3');
  const place = join(target, 'node_modules', 'better-sqlite3');
  const prebuilt = join('prebuilds', `${process.platform}-${process.arch}.node`);
  if (!existsSync(join(source, prebuilt))) throw new AgentNotPackable(`better-sqlite3 has no ${prebuilt}.`);
  await cp(join(source, 'lib'), join(place, 'lib'), { recursive: true });
  for (const file of ['package.json', 'LICENSE', prebuilt])
    await copyInto(join(source, file), join(place, file));
}

/** The SQL is compared by hash with what made a shop's database: it is copied byte by byte, and checked to be. */
async function packMigrations({ root, target }: AgentFolder): Promise<void> {
  const source = join(root, 'drizzle', 'kiosk');
  const place = join(target, 'migrations');
  await cp(source, place, { recursive: true });
  const journal = join('meta', '_journal.json');
  if ((await digest(join(source, journal))) !== (await digest(join(place, journal))))
    throw new AgentNotPackable('The migrations changed while they were copied; pack again.');
}

type Bundle = {
  readonly entries: Readonly<Record<string, string>>;
  readonly target: string;
  readonly define?: Readonly<Record<string, string>>;
};

/** Vite writes `production` into its own process; what this process starts later must not inherit that. */
async function bundle(plan: Bundle): Promise<void> {
  const before = process.env['NODE_ENV'];
  try {
    await bundleWithVite(plan);
  } finally {
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
  }
}

async function bundleWithVite({ entries, target, define }: Bundle): Promise<void> {
  await build({
    configFile: false,
    // Nothing of a developer's .env ends up in a package.
    envDir: false,
    logLevel: 'warn',
    ...(define === undefined ? {} : { define: { ...define } }),
    // 'node' resolves what Node would resolve; everything that is not machine code goes in.
    ssr: { target: 'node', noExternal: true, external: [...external] },
    build: {
      ssr: true,
      target: 'node24',
      outDir: target,
      emptyOutDir: false,
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: { ...entries },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  });
}

async function copyInto(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}

async function writeManifest(folder: string, manifest: Readonly<Record<string, unknown>>): Promise<void> {
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
