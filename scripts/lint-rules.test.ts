import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { repositoryRoot, runCommand } from './run-command.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'lint-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

async function lint(text: string): Promise<readonly string[]> {
  const file = join(folder, 'a.ts');
  await writeFile(file, `${text}\n`);
  await writeFile(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "strict": true } }');
  const config = join(repositoryRoot, '.oxlintrc.json');
  const result = await runCommand('oxlint', ['--type-aware', '-c', config, '--format', 'json', file]);
  const report: { diagnostics: readonly { code: string }[] } = JSON.parse(result.stdout);
  return report.diagnostics.map(({ code }) => code);
}

test.each([
  [
    'an assertion through unknown',
    "export const a = 'x' as unknown as number;",
    'tikiwallet(no-assertion-through-unknown)',
  ],
  ['any', 'export const a: any = 1;', 'typescript(no-explicit-any)'],
  [
    'a non-null assertion',
    'export const a = (b?: string) => b!.length;',
    'typescript(no-non-null-assertion)',
  ],
  ['an empty catch', 'try { JSON.parse(""); } catch {}\nexport {};', 'eslint(no-empty)'],
  ['a promise left alone', 'const a = async () => {};\na();\nexport {};', 'typescript(no-floating-promises)'],
  [
    'a switch that forgets a case',
    "export function a(b: 'c' | 'd'): number {\n  switch (b) {\n    case 'c':\n      return 1;\n  }\n  return 2;\n}",
    'typescript(switch-exhaustiveness-check)',
  ],
  [
    'money as a number (R51)',
    'export const a = (amountMinor: number) => amountMinor;',
    'tikiwallet(no-float-money)',
  ],
  [
    'money in a field that is a number (R51)',
    'export interface A { readonly balanceMinor: number }',
    'tikiwallet(no-float-money)',
  ],
  [
    'money that becomes a number (R51)',
    'export const a = (sale: { amountMinor: bigint }) => Number(sale.amountMinor);',
    'tikiwallet(no-float-money)',
  ],
])('the lint refuses %s', async (_case, text, code) => {
  expect(await lint(text)).toEqual([code]);
});

test('the lint accepts a plain assertion', async () => {
  expect(await lint('export const a = (b: unknown) => b as string;')).toEqual([]);
});
