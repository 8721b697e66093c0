/** The commands as anybody runs them: a file, a key, a sentence, an exit code. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { verifyFork } from '../cli/verify-fork.ts';
import { verifyJournal } from '../cli/verify-journal.ts';
import { VECTORS } from '../scripts/read-vectors.ts';
import type { JsonObject, Vector, VectorFile } from '../scripts/vector.ts';
import { fromHex } from '../src/bytes.ts';
import { toBase64Url } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tikiwallet-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function fileOf(content: Uint8Array | string): string {
  files += 1;
  const path = join(folder, `file-${files}`);
  writeFileSync(path, content);
  return path;
}

const proofs = JSON.parse(readFileSync(join(VECTORS, 'double-spend-proof.json'), 'utf8')) as VectorFile;
const hexIn = (values: JsonObject, name: string) => {
  const hex = values[name];
  if (typeof hex !== 'string') throw new TypeError(`no ${name}`);
  return hex;
};
const rootHex = hexIn(proofs.context, 'rootPublicKey');
const proofOf = (vector: Vector) => fromHex(hexIn(vector.input, 'proof'));
/** What cannot be read at all, told apart from what is read and proves nothing. */
const UNREADABLE = new Set(['an item too many', 'only one payment', 'purpose changed']);

describe('verify-fork', () => {
  it.each(proofs.valid.map((vector) => [vector.name, vector] as const))('proves: %s', (_name, vector) => {
    const { exitCode, text } = verifyFork.run([fileOf(proofOf(vector)), '--root', rootHex]);
    expect(exitCode).toBe(0);
    expect(text).toMatch(/^PROVEN: the phone of allowance [0-9a-f-]{36} spent twice\./);
    expect(text.split('\n').find((line) => line.startsWith('counter'))).toMatch(/counter\s+\d.*\s+\d/);
  });

  it.each(proofs.invalid.map((vector) => [vector.name, vector] as const))('refuses: %s', (name, vector) => {
    const { exitCode, text } = verifyFork.run([fileOf(proofOf(vector)), '--root', rootHex]);
    expect([name, exitCode]).toEqual([name, UNREADABLE.has(name) ? 2 : 1]);
    expect(text).toContain(vector.code);
    expect(text).not.toContain('PROVEN:');
  });

  it('takes the key in hex, in base64url, or from a file, and proves nothing with another root', () => {
    const [vector] = proofs.valid;
    const file = fileOf(vector === undefined ? '' : proofOf(vector));
    const key = fromHex(rootHex);
    for (const root of [rootHex, rootHex.toUpperCase(), toBase64Url(key), fileOf(`${toBase64Url(key)}\n`)])
      expect(verifyFork.run([file, '--root', root]).exitCode).toBe(0);
    const other = fromHex(`${rootHex.startsWith('02') ? '03' : '02'}${rootHex.slice(2)}`);
    const { exitCode, text } = verifyFork.run([file, '--root', toBase64Url(other)]);
    expect([exitCode, text]).toEqual([1, expect.stringContaining('certificate_signature_invalid')]);
  });

  it('says what it could not read, with exit code 2', () => {
    const cases: readonly (readonly string[])[] = [
      [],
      [join(folder, 'not-there'), '--root', rootHex],
      [folder, '--root', rootHex],
      [fileOf(''), '--root', rootHex],
      [fileOf('a picture of a cat'), '--root', rootHex],
      [fileOf(new Uint8Array(20_000)), '--root', rootHex],
      [fileOf('x'), '--root', 'no key'],
      [fileOf('x')],
      [fileOf('x'), fileOf('y'), '--root', rootHex],
      [fileOf('x'), '--believe-me'],
    ];
    for (const args of cases) expect([args, verifyFork.run(args).exitCode]).toEqual([args, 2]);
  });

  it('runs as a program and exits with its answer', () => {
    const entry = join(import.meta.dirname, '..', 'cli', 'tikiwallet.ts');
    const run = (...args: readonly string[]) =>
      spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8' });
    const [good] = proofs.valid;
    const [bad] = proofs.invalid;
    if (good === undefined || bad === undefined) throw new TypeError('both halves');
    const proven = run('verify-fork', fileOf(proofOf(good)), '--root', rootHex);
    expect([proven.status, proven.stdout.slice(0, 7), proven.stderr]).toEqual([0, 'PROVEN:', '']);
    expect(run('verify-fork', fileOf(proofOf(bad)), '--root', rootHex).status).toBe(1);
    const lost = run('verify-everything');
    expect([lost.status, lost.stdout]).toEqual([2, '']);
    expect(lost.stderr).toContain('verify-fork FILE --root KEY');
  });
});

describe('verify-journal', () => {
  const journals = JSON.parse(readFileSync(join(VECTORS, 'journal-file.json'), 'utf8')) as VectorFile;
  const root = hexIn(journals.context, 'rootPublicKey');
  const journalOf = (vector: Vector) => fileOf(fromHex(hexIn(vector.input, 'file')));
  const brokenIn = ({ output }: Vector) => {
    const report = output as { broken: { sequence: number; fault: string } | null };
    return report.broken;
  };

  it.each(journals.valid.map((vector) => [vector.name, vector] as const))(
    'R43 tells: %s',
    (_name, vector) => {
      const { exitCode, text } = verifyJournal.run([journalOf(vector), '--root', root]);
      const broken = brokenIn(vector);
      expect(exitCode).toBe(broken === null ? 0 : 1);
      expect(text).toMatch(
        broken === null ? /^WHOLE: / : new RegExp(`^BROKEN at entry ${broken.sequence}: `),
      );
      if (broken !== null) expect(text).toContain(broken.fault);
    },
  );

  it.each(journals.invalid.map((vector) => [vector.name, vector] as const))(
    'cannot read: %s',
    (_name, vector) => {
      const { exitCode, text } = verifyJournal.run([journalOf(vector), '--root', root]);
      expect([exitCode, text]).toEqual([2, expect.stringContaining(vector.code ?? '')]);
    },
  );

  it('says which command a file is for, and when it holds digits instead of bytes', () => {
    const [journal] = journals.valid;
    const [proof] = proofs.valid;
    if (journal === undefined || proof === undefined) throw new TypeError('vectors');
    const small = fileOf(fromHex(hexIn(journals.valid[1]?.input ?? {}, 'file')));
    expect(verifyFork.run([small, '--root', root]).text).toContain('It is a journal');
    expect(verifyJournal.run([fileOf(proofOf(proof))]).text).toContain('It is a proof of double spend');
    expect(verifyJournal.run([fileOf(hexIn(journal.input, 'file'))]).text).toContain('hex digits');
    expect(verifyJournal.run([fileOf('good day')]).text).not.toContain('It ');
    expect(verifyFork.run([fileOf(proofOf(proof))]).text).toContain('--root KEY is missing');
    expect(verifyJournal.run([join(folder, 'nowhere')])).toMatchObject({ exitCode: 2 });
  });
});
