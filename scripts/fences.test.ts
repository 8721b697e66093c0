import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findViolations } from './fences.ts';
import { readImportGraph, readImports } from './import-graph.ts';
import { repositoryRoot } from './run-command.ts';

const packages = {
  protocol: { name: '@tikiwallet/protocol', exports: { '.': './src/index.ts' } },
  server: { name: '@tikiwallet/server', exports: { './contract': './contract/index.ts' } },
  desktop: { name: '@tikiwallet/desktop', exports: { './ipc': './ipc/index.ts' } },
  wallet: { name: '@tikiwallet/wallet', exports: {} },
  native: { name: 'node-wifi-direct', exports: { '.': './src/index.ts' } },
  e2e: { name: '@tikiwallet/e2e', exports: {} },
};

const doorways = {
  'protocol/src/index.ts': '',
  'server/contract/index.ts': '',
  'server/src/db/schema/ledger.ts': '',
  'desktop/ipc/index.ts': '',
  'native/src/index.ts': '',
};

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fences-'));
  await write('package.json', JSON.stringify({ workspaces: Object.keys(packages) }));
  for (const [folder, manifest] of Object.entries(packages)) {
    await write(`${folder}/package.json`, JSON.stringify(manifest));
    const link = join(root, 'node_modules', manifest.name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(root, folder), link);
  }
  for (const [path, text] of Object.entries(doorways)) await write(path, text);
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

async function codesFor(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  for (const [path, text] of Object.entries(files)) await write(path, text);
  return findViolations(await readImportGraph(root)).map((one) => `${one.at} ${one.code}`);
}

describe('the fences', () => {
  test.each([
    ['protocol uses Node', 'protocol/src/a.ts', "import 'node:fs';", 'forbidden_node_module'],
    ['protocol uses Node by its bare name', 'protocol/src/a.ts', "import 'fs';", 'forbidden_node_module'],
    ['protocol takes a package', 'protocol/src/a.ts', "import { z } from 'zod';", 'forbidden_package'],
    [
      'protocol imports a room',
      'protocol/src/a.ts',
      "export * from '@tikiwallet/server/contract';",
      'forbidden_room',
    ],
    [
      'a command anybody runs uses the network',
      'protocol/cli/a.ts',
      "import 'node:http';",
      'forbidden_node_module',
    ],
    ['a command anybody runs takes a package', 'protocol/cli/a.ts', "import 'cborg';", 'forbidden_package'],
    [
      'a command anybody runs imports a room',
      'protocol/cli/a.ts',
      "import '@tikiwallet/server/contract';",
      'forbidden_room',
    ],
    ['native knows payments', 'native/src/a.ts', "import '@tikiwallet/protocol';", 'forbidden_room'],
    [
      'the renderer imports the radio',
      'desktop/renderer/a.tsx',
      "import 'node-wifi-direct';",
      'forbidden_room',
    ],
    ['the renderer opens SQLite', 'desktop/renderer/a.tsx', "import 'better-sqlite3';", 'forbidden_package'],
    [
      'the renderer uses Node',
      'desktop/renderer/a.tsx',
      "const a = await import('node:net');",
      'forbidden_node_module',
    ],
    ['main opens SQLite', 'desktop/main/a.ts', "const a = require('better-sqlite3');", 'forbidden_package'],
    [
      'the agent imports Electron',
      'desktop/agent/a.ts',
      "import type { App } from 'electron';",
      'forbidden_package',
    ],
    ['the agent imports React', 'desktop/agent/a.ts', "import 'react';", 'forbidden_package'],
    ['the wallet uses Node', 'wallet/src/a.ts', "import 'node:crypto';", 'forbidden_node_module'],
    [
      'the wallet imports the desktop',
      'wallet/src/a.ts',
      "import '@tikiwallet/desktop/ipc';",
      'forbidden_room',
    ],
    [
      'the wallet runs the contract',
      'wallet/src/a.ts',
      "import '@tikiwallet/server/contract';",
      'forbidden_room',
    ],
    [
      'the wallet names a type inline, which leaves the import at run time',
      'wallet/src/a.ts',
      "import { type A } from '@tikiwallet/server/contract';",
      'forbidden_room',
    ],
    [
      'a package is entered past its exports',
      'desktop/agent/a.ts',
      "import '@tikiwallet/protocol/src/x.ts';",
      'past_the_exports',
    ],
    [
      'a package is entered by path',
      'desktop/agent/a.ts',
      "import '../../protocol/src/index.ts';",
      'past_the_exports',
    ],
    [
      'somebody else opens the ledger',
      'server/src/routes/a.ts',
      "import '../db/schema/ledger.ts';",
      'closed_door',
    ],
    ['the path is computed', 'desktop/agent/a.ts', 'await import(process.argv[2]);', 'computed_import'],
    ['the file is not there', 'server/src/a.ts', "import './gone.ts';", 'import_not_found'],
    ['a folder has no room', 'attic/a.ts', "import 'node:fs';", 'no_room'],
  ])('fail when %s', async (_case, path, text, code) => {
    expect(await codesFor({ [path]: text })).toEqual([`${path}:1 ${code}`]);
  });

  test('fail when main or renderer imports the agent', async () => {
    const found = await codesFor({
      'desktop/agent/index.ts': '',
      'desktop/main/a.ts': "import '../agent/index.ts';",
      'desktop/renderer/a.ts': "import '../agent/index.ts';",
    });
    expect(found).toEqual(['desktop/main/a.ts:1 forbidden_room', 'desktop/renderer/a.ts:1 forbidden_room']);
  });

  test('fail when code imports e2e or a test', async () => {
    const found = await codesFor({
      'e2e/story.ts': '',
      'server/src/a.test.ts': '',
      'server/src/b.ts': "\nimport './a.test.ts';\nimport '../../e2e/story.ts';",
    });
    expect(found).toEqual(['server/src/b.ts:2 imports_a_test', 'server/src/b.ts:3 forbidden_room']);
  });

  test.each(['utils', 'helpers', 'services', 'types', 'common'])(
    'fail on a folder named %s',
    async (name) => {
      expect(await codesFor({ [`server/src/${name}/a.ts`]: '' })).toEqual([
        `server/src/${name} folder_named_by_kind`,
      ]);
    },
  );

  test('fail on a circle of files, and not on a circle of types', async () => {
    const found = await codesFor({
      'server/src/a.ts': "import './b.ts';",
      'server/src/b.ts': "import './c.ts';",
      'server/src/c.ts': "import './a.ts';",
      'server/src/d.ts': "import type { E } from './e.ts';",
      'server/src/e.ts': "import './d.ts';",
    });
    expect(found).toEqual(['server/src/a.ts circular_import']);
  });

  test('let through what the table draws', async () => {
    const found = await codesFor({
      'wallet/src/a.ts':
        "import type { A } from '@tikiwallet/server/contract';\nimport '@tikiwallet/protocol';",
      'desktop/agent/a.ts':
        "import 'node-wifi-direct'; import 'better-sqlite3'; import 'node:net'; import '../ipc/index.ts';",
      'desktop/renderer/a.ts': "import '../ipc/index.ts';",
      'server/src/ledger/a.ts': "import '../db/schema/ledger.ts';",
      'protocol/src/a.ts': "import 'cborg'; import '@hpke/core';",
      'protocol/src/a.test.ts': "import 'vitest'; import 'node:fs'; import './a.ts';",
    });
    expect(found).toEqual([]);
  });

  test('hold for this repository', async () => {
    const graph = await readImportGraph(repositoryRoot);
    expect(graph.files.length).toBeGreaterThan(10);
    expect(findViolations(graph)).toEqual([]);
  });
});

test('imports are read from the syntax, not from text that looks like one', () => {
  const text = [
    "// import 'comment';",
    'const a = "import \'string\'";',
    "import type { B } from 'types-only';",
    "export type { C } from 'types-only-too';",
    "export { d } from 'values';",
    "type E = import('types-in-place').E;",
    'await import(`template`);',
    "import f = require('equals');",
  ].join('\n');
  expect(readImports('a.ts', text)).toEqual([
    { line: 3, specifier: 'types-only', typeOnly: true },
    { line: 4, specifier: 'types-only-too', typeOnly: true },
    { line: 5, specifier: 'values', typeOnly: false },
    { line: 6, specifier: 'types-in-place', typeOnly: true },
    { line: 7, specifier: 'template', typeOnly: false },
    { line: 8, specifier: 'equals', typeOnly: false },
  ]);
});
