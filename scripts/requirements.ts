// `npm run requirements`: which test says which law of docs/requirements.md. Names are read from the sources, so that
// a test that is skipped for want of hardware or data still counts as written, and one that was deleted does not.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseSync } from 'oxc-parser';
import { repositoryRoot } from './run-command.ts';

/** The laws of the transport and the protocol, which must each have a test; the rest is listed as far as it exists. */
export const DEMANDED: readonly string[] = [...range(1, 9), ...range(11, 19), ...range(21, 36)];
/** Laws that only people with phones can show: docs/requirements.md says how. */
export const HARDWARE: readonly string[] = ['R10', 'R20'];

function range(first: number, last: number): readonly string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `R${String(first + index)}`);
}

export type NamedTest = { readonly file: string; readonly name: string };
export type RequirementsMap = ReadonlyMap<string, readonly NamedTest[]>;

/** The numbers and laws of the document, in its order. */
export function readLaws(): ReadonlyMap<string, string> {
  const text = readFileSync(join(repositoryRoot, 'docs', 'requirements.md'), 'utf8');
  return new Map(
    [...text.matchAll(/^\| (R\d+) \| (.+) \|$/gm)].map(([, number = '', law = '']) => [number, law]),
  );
}

const testFiles = '{protocol,native,drizzle,scripts,server,wallet,desktop,e2e}/**/*.{test,spec}.{ts,tsx}';
/** The radio lab runs in a machine of its own: its cases are entries of lists, not calls of a test runner. */
const labCases = ['native/lab/guest/cases/*.ts', 'e2e/air/*-cases.ts'];

export function readRequirements(): RequirementsMap {
  const map = new Map<string, NamedTest[]>();
  const files = globSync([testFiles, ...labCases], {
    cwd: repositoryRoot,
    exclude: (path) => /(^|\/)(node_modules|dist|out|build)(\/|$)/.test(path),
  });
  for (const file of files.toSorted()) {
    for (const name of testNames(file, readFileSync(join(repositoryRoot, file), 'utf8'))) {
      for (const [number] of name.matchAll(/\bR\d{1,2}\b/g)) {
        map.set(number, [...(map.get(number) ?? []), { file, name }]);
      }
    }
  }
  return map;
}

/** What the tests of one file are called, each behind the groups that it stands in. */
export function testNames(file: string, source: string): readonly string[] {
  const names: string[] = [];
  const isLab = /^(?:native\/lab|e2e\/air)\//.test(file);
  const visit = (node: unknown, groups: readonly string[]): void => {
    if (Array.isArray(node)) {
      for (const one of node) visit(one, groups);
      return;
    }
    if (!isNode(node)) return;
    const caseName =
      isLab && node['type'] === 'Property' && nameOf(node['key']) === 'name'
        ? textOf(node['value'])
        : undefined;
    if (caseName !== undefined) names.push(caseName);
    const called = node['type'] === 'CallExpression' ? rootOf(node['callee']) : undefined;
    const title = called === undefined ? undefined : textOf(firstOf(node['arguments']));
    if (title !== undefined && (called === 'it' || called === 'test'))
      names.push([...groups, title].join(' > '));
    const inside = title !== undefined && called === 'describe' ? [...groups, title] : groups;
    for (const value of Object.values(node)) visit(value, inside);
  };
  visit(parseSync(file, source).program, []);
  return names;
}

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const nameOf = (key: unknown): unknown => (isNode(key) ? key['name'] : undefined);
const firstOf = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined);

/** `test`, also behind `test.each(...)`, `it.skipIf(...)` and `test.describe`, which is a group. */
function rootOf(callee: unknown): string | undefined {
  if (!isNode(callee)) return undefined;
  if (callee['type'] === 'Identifier') return String(callee['name']);
  if (callee['type'] === 'CallExpression') return rootOf(callee['callee']);
  if (callee['type'] === 'TaggedTemplateExpression') return rootOf(callee['tag']);
  if (callee['type'] !== 'MemberExpression') return undefined;
  const property = isNode(callee['property']) ? callee['property']['name'] : undefined;
  return property === 'describe' ? 'describe' : rootOf(callee['object']);
}

function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node['type'] === 'Literal' && typeof node['value'] === 'string') return node['value'];
  if (node['type'] !== 'TemplateLiteral' || !Array.isArray(node['quasis'])) return undefined;
  const parts: readonly unknown[] = node['quasis'];
  return parts
    .map((part) => (isNode(part) && isNode(part['value']) ? String(part['value']['cooked']) : ''))
    .join('…');
}

function print(): void {
  const map = readRequirements();
  for (const [number, law] of readLaws()) {
    const tests = map.get(number) ?? [];
    console.log(`${number}  ${law}`);
    if (HARDWARE.includes(number)) console.log('     by hand: docs/requirements.md');
    else if (tests.length === 0) console.log('     (no test names it)');
    for (const { file, name } of tests) console.log(`     ${file}: ${name}`);
  }
  const missing = DEMANDED.filter((number) => !map.has(number));
  console.log(
    missing.length === 0
      ? '\nEvery law of the transport and the protocol has a test.'
      : `\nWithout a test: ${missing.join(', ')}`,
  );
  process.exitCode = missing.length === 0 ? 0 : 1;
}

if (import.meta.main) print();
