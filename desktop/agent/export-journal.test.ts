/** The exported journal: complete, checked by anybody, and never a write into the data folder (R43). */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkJournal, decodeJournalFile, runSync, toBase64Url } from '@tikiwallet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exportJournal } from './export-journal.ts';
import { crypto, ok, TestIssuer, TestKiosk } from './test/world.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let folder: string;
beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  folder = mkdtempSync(join(tmpdir(), 'tiki-export-'));
});
afterEach(() => {
  kiosk.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const check = (path: string) =>
  ok(
    runSync(
      checkJournal(decodeJournalFile(new Uint8Array(readFileSync(path))), issuer.root.publicKey),
      crypto,
    ),
  );

test('holds every entry with its receipt, beside the running agent', () => {
  const phone = issuer.phone();
  for (const amount of [1_250n, 300n]) kiosk.acceptOne(phone.pay(kiosk.sell(amount).envelope).delivery);
  const path = join(folder, 'journal.cbor');
  const exported = exportJournal(kiosk.path, path);
  expect(exported.rootPublicKey).toBe(toBase64Url(issuer.root.publicKey));
  const report = check(path);
  expect(report).toMatchObject({
    broken: null,
    entries: exported.entries,
    sales: 2,
    saleSumMinor: 1_550n,
    checkedPayments: 2,
    checkedReceipts: 2,
  });
  // The agent goes on selling.
  kiosk.acceptOne(phone.pay(kiosk.sell(10n).envelope).delivery);
  expect(check(path).sales).toBe(2);
  expect(() => exportJournal(kiosk.path, path)).toThrow('EEXIST');
});

const certificateOf = () => kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
const sellOne = (by: TestIssuer, amount: bigint) =>
  kiosk.acceptOne(by.phone().pay(kiosk.sell(amount).envelope).delivery);
const exported = (name: string) => {
  const path = join(folder, name);
  exportJournal(kiosk.path, path);
  return check(path);
};

test('is whole after a bundle that came as a difference', () => {
  sellOne(issuer, 1_250n);
  const change = { baseVersion: 1, added: [], removed: [], listed: [] };
  const delta = issuer.trustDelta(certificateOf(), { version: 2 }, change);
  expect(kiosk.desk.run('refreshTrust', delta)).toEqual({ ok: true, limits: null });
  sellOne(issuer, 300n);
  expect(exported('a.cbor')).toMatchObject({
    broken: null,
    sales: 2,
    checkedPayments: 2,
    checkedReceipts: 2,
  });
});

test('is whole after the issuer that certified its first days has left the bundle', () => {
  sellOne(issuer, 1_250n);
  const rotated = issuer.rotated();
  const renewed = rotated.kioskCertificate(kiosk.publicKeys);
  const bundle = { version: 2, issuedAt: issuer.now + 60, withoutOldest: 1 };
  expect(kiosk.desk.run('refreshTrust', rotated.trust(renewed, bundle))).toEqual({ ok: true, limits: null });
  sellOne(rotated, 300n);
  const whole = { broken: null, sales: 2, saleSumMinor: 1_550n, checkedPayments: 2, checkedReceipts: 2 };
  expect(exported('a.cbor')).toMatchObject(whole);
  kiosk.reopen();
  expect(exported('b.cbor')).toMatchObject(whole);
});

test('is found broken by the command at the entry that somebody changed', () => {
  kiosk.acceptOne(issuer.phone().pay(kiosk.sell(1_250n).envelope).delivery);
  const path = join(folder, 'journal.cbor');
  const { entries } = exportJournal(kiosk.path, path);
  const program = join(import.meta.dirname, '../../protocol/cli/tikiwallet.ts');
  const run = () =>
    spawnSync(
      process.execPath,
      [program, 'verify-journal', path, '--root', toBase64Url(issuer.root.publicKey)],
      { encoding: 'utf8' },
    );
  const whole = run();
  expect([whole.status, whole.stdout.split('\n')[0]]).toEqual([
    0,
    `WHOLE: ${entries} entries, every one continues the one before.`,
  ]);
  const bytes = readFileSync(path);
  const receiptAt = bytes.lastIndexOf(Buffer.from([0x82, 0x06, 0x58]));
  bytes[receiptAt + 60] = (bytes[receiptAt + 60] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const broken = run();
  expect([broken.status, broken.stdout.slice(0, 15)]).toEqual([1, 'BROKEN at entry']);
  writeFileSync(path, 'nothing');
  expect(run().status).toBe(2);
});

test('of a database that is not there makes none', () => {
  const nowhere = join(folder, 'kiosk.sqlite');
  expect(() => exportJournal(nowhere, join(folder, 'journal.cbor'))).toThrow();
  expect(existsSync(nowhere)).toBe(false);
  const program = join(import.meta.dirname, 'export-journal.ts');
  const env = { ...process.env, TIKI_KIOSK_DATA: folder };
  const file = join(folder, 'journal.cbor');
  const said = spawnSync(process.execPath, [program, file], { encoding: 'utf8', env });
  expect([said.status, said.stderr.split('\n').length]).toEqual([1, 2]);
  expect(said.stderr).toContain('does not exist');
});
