// Reads what every source file of the repository imports, from its syntax tree,
// and where each import leads. Judges nothing: scripts/fences.ts does.

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

/** Where an import leads. Paths are relative to the root, with forward slashes. */
export type ImportTarget =
  | { readonly kind: 'file'; readonly path: string; readonly through: 'path' | 'package' }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'not_exported'; readonly name: string }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'computed' };

export type ImportArrow = {
  readonly from: string;
  readonly line: number;
  /** As written; empty when it is computed at run time. */
  readonly specifier: string;
  /** True when nothing of it is left at run time. */
  readonly typeOnly: boolean;
  readonly to: ImportTarget;
};

export type ImportGraph = {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  readonly arrows: readonly ImportArrow[];
};

const sourceName = /\.(?:[cm]?ts|tsx|[cm]?js|jsx)$/;
const foreignFolders = new Set(['node_modules', 'out', 'dist', 'build', 'release', 'coverage']);
const resolvedEndings = ['', '.ts', '.tsx', '/index.ts', '/index.tsx'];

export async function readImportGraph(root: string): Promise<ImportGraph> {
  const files: string[] = [];
  const folders: string[] = [];
  await walk(root, '', files, folders);
  const ownPackages = readOwnPackages(root);
  const arrows: ImportArrow[] = [];
  for (const from of files) {
    const text = await readFile(join(root, from), 'utf8');
    for (const found of readImports(from, text)) {
      arrows.push({ ...found, from, to: resolveImport(root, from, found.specifier, ownPackages) });
    }
  }
  return { files, folders, arrows };
}

async function walk(root: string, folder: string, files: string[], folders: string[]): Promise<void> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => a.name.localeCompare(b.name))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (foreignFolders.has(entry.name) || entry.name.startsWith('.')) continue;
      folders.push(path);
      await walk(root, path, files, folders);
    } else if (entry.isFile() && sourceName.test(entry.name) && !entry.name.endsWith('.d.ts')) {
      files.push(path);
    }
  }
}

/** The names of the workspaces, each with its folder. */
function readOwnPackages(root: string): ReadonlyMap<string, string> {
  const manifest = readManifest(join(root, 'package.json'));
  const workspaces = Array.isArray(manifest['workspaces']) ? manifest['workspaces'].map(String) : [];
  return new Map(
    workspaces.map((folder) => [String(readManifest(join(root, folder, 'package.json'))['name']), folder]),
  );
}

function readManifest(path: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

type FoundImport = Pick<ImportArrow, 'line' | 'specifier' | 'typeOnly'>;

class UnreadableSource extends Error {
  readonly code = 'source_does_not_parse';
}

/** Every way in which a file names another one: import, export from, import(), import("").T, require. */
export function readImports(path: string, text: string): readonly FoundImport[] {
  const { program, errors } = parseSync(path, text);
  const failure = errors.find((error) => error.severity === 'Error');
  if (failure !== undefined) throw new UnreadableSource(`${path}: ${failure.message}`);
  const found: FoundImport[] = [];
  const add = (node: { start: number }, specifier: string | undefined, typeOnly: boolean): void => {
    found.push({ line: lineAt(text, node.start), specifier: specifier ?? '', typeOnly });
  };
  new Visitor({
    ImportDeclaration: (node) => add(node, node.source.value, node.importKind === 'type'),
    ExportAllDeclaration: (node) => add(node, node.source.value, node.exportKind === 'type'),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node, node.source.value, node.exportKind === 'type');
    },
    ImportExpression: (node) => add(node, literalText(node.source), false),
    TSImportType: (node) => add(node, node.source.value, true),
    TSExternalModuleReference: (node) => add(node, node.expression.value, false),
    CallExpression: (node) => {
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'require') return;
      const first = node.arguments[0];
      if (first !== undefined) add(node, literalText(first), false);
    },
  }).visit(program);
  return found;
}

/** The text of a string literal or of a template without holes; undefined for anything computed. */
function literalText(node: { type: string }): string | undefined {
  if (node.type === 'Literal' && 'value' in node && typeof node.value === 'string') return node.value;
  if (node.type !== 'TemplateLiteral' || !('quasis' in node) || !Array.isArray(node.quasis)) return undefined;
  const quasis: readonly unknown[] = node.quasis;
  if (quasis.length !== 1) return undefined;
  const only = quasis[0];
  if (typeof only !== 'object' || only === null || !('value' in only)) return undefined;
  const value: unknown = only.value;
  if (typeof value !== 'object' || value === null || !('cooked' in value)) return undefined;
  return typeof value.cooked === 'string' ? value.cooked : undefined;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function resolveImport(
  root: string,
  from: string,
  written: string,
  ownPackages: ReadonlyMap<string, string>,
): ImportTarget {
  if (written === '') return { kind: 'computed' };
  // `?url` and `?worker` are Vite's way of asking for a file in another form.
  const specifier = written.replace(/\?.*$/, '');
  if (specifier.startsWith('.') || specifier.startsWith('/')) {
    const path = existingFile(join(root, dirname(from), specifier));
    return path === undefined
      ? { kind: 'not_found' }
      : { kind: 'file', path: posix(root, path), through: 'path' };
  }
  if (isBuiltin(specifier)) return { kind: 'builtin', name: specifier.replace(/^node:/, '') };
  const name = packageName(specifier);
  if (!ownPackages.has(name)) return { kind: 'package', name };
  try {
    // Node's own resolution, so that a package's `exports` mean here what they mean at run time.
    const path = realpathSync(createRequire(join(root, from)).resolve(specifier));
    return { kind: 'file', path: posix(realpathSync(root), path), through: 'package' };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return { kind: 'not_exported', name };
    return { kind: 'not_found' };
  }
}

function existingFile(path: string): string | undefined {
  const candidates = resolvedEndings.map((ending) => path + ending);
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
}

function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

function posix(root: string, path: string): string {
  return relative(root, path).split(sep).join('/');
}
