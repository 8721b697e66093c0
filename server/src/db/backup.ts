/**
 * A copy of the whole database in files, and the way back, with nothing but the database's own COPY: for servers
 * with the embedded PostgreSQL, which has no pg_dump, and as a second form beside a cluster's own backups.
 *
 * Owns: the format (a folder: `manifest.json`, one `TABLE.copy.gz` each). Never: restores over anything, into another
 * schema than the one that was copied, or past a rule: every trigger and key of the schema judges the rows again. What
 * comes back is ahead of all that tills were told since (`step-ahead.ts`).
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { TransactionSql } from 'postgres';
import { openDriver } from './driver.ts';
import { z } from 'zod';
import { knownMigrations } from './schema-version.ts';
import { STEP_AHEAD } from './step-ahead.ts';

const FORMAT = 1;
const Table = z.object({
  name: z.string().regex(/^[a-z0-9_]+$/),
  columns: z.array(z.string().regex(/^[a-z0-9_]+$/)).min(1),
  rows: z.int(),
  /** Of the uncompressed COPY text. */
  sha256: z.string(),
});
const Manifest = z.object({
  format: z.literal(FORMAT),
  takenAt: z.iso.datetime(),
  /** The newest migration of the schema. */
  schema: z.object({ tag: z.string(), when: z.int() }),
  tables: z.array(Table),
  sequences: z.array(z.object({ name: z.string().regex(/^[a-z0-9_]+$/), last: z.string().regex(/^\d+$/) })),
});
export type BackupManifest = z.output<typeof Manifest>;

/** The backup cannot be used here; the message says why. */
export class BackupRefused extends Error {
  readonly code: 'backup_damaged' | 'backup_of_another_schema' | 'database_not_empty';
  constructor(code: BackupRefused['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');

/**
 * Writes one consistent moment of the database to a new folder, beside running servers.
 * @param ownerUrl of a role that sees every row
 */
export async function takeBackup(ownerUrl: string, folder: string): Promise<BackupManifest> {
  const sql = openDriver(ownerUrl, { max: 1 });
  const draft = `${folder}.partial`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const manifest = await sql.begin('isolation level repeatable read read only', async (tx) => {
      // A policy that hides rows from this role is an error, not a smaller backup.
      await tx`set local row_security = off`;
      await tx`set local statement_timeout = 0`;
      const [moment] = await tx<{ at: Date }[]>`select now() as at`;
      const tables: z.output<typeof Table>[] = [];
      for (const { name, columns } of await tablesInOrder(tx)) {
        const source = await tx.unsafe(`copy public."${name}" (${quoted(columns)}) to stdout`).readable();
        const watched = watch();
        const to = createWriteStream(join(draft, `${name}.copy.gz`), { mode: 0o600, flush: true });
        await pipeline(source, watched.stream, createGzip(), to);
        tables.push({ name, columns: [...columns], rows: watched.rows(), sha256: watched.hash() });
      }
      const sequences = await tx<{ name: string; last: string }[]>`
        select sequencename as name, last_value::text as last from pg_sequences
        where schemaname = 'public' and last_value is not null order by 1`;
      return Manifest.parse({
        format: FORMAT,
        takenAt: (moment?.at ?? new Date()).toISOString(),
        schema: newest(await appliedMigrations(tx)),
        tables,
        sequences: sequences.map(({ name, last }) => ({ name, last })),
      });
    });
    // Last: a folder without it is no backup.
    await writeFile(join(draft, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`, {
      mode: 0o600,
      flush: true,
    });
    await rename(draft, folder);
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/**
 * Fills an empty database that has this release's schema. All of it or nothing: one transaction.
 * @throws BackupRefused
 */
export async function restoreBackup(ownerUrl: string, folder: string): Promise<BackupManifest> {
  const manifest = await readManifest(folder);
  const known = newest(knownMigrations());
  if (manifest.schema.when !== known.when)
    throw new BackupRefused(
      'backup_of_another_schema',
      `The backup has the schema ${manifest.schema.tag}, this release has ${known.tag}: restore with the release that took it, then upgrade.`,
    );
  const sql = openDriver(ownerUrl, { max: 1 });
  try {
    await sql.begin(async (tx) => {
      await tx`set local statement_timeout = 0`;
      // What happened was told when it happened: events are rows of the backup like any other.
      await tx`set local app.restoring = 'on'`;
      // Transfers come before their entries here: the rule that wants both in one statement is asked at the end instead.
      await tx`alter table ledger_transfers disable trigger ledger_transfers_complete`;
      const here = new Map((await tablesInOrder(tx)).map((table) => [table.name, table]));
      for (const name of here.keys()) {
        const [row] = await tx.unsafe<{ filled: boolean }[]>(
          `select exists (select from public."${name}") as filled`,
        );
        if (row?.filled === true)
          throw new BackupRefused(
            'database_not_empty',
            `The table ${name} has rows: restore into an empty database.`,
          );
      }
      for (const table of manifest.tables) await fill(tx, folder, table);
      await assertTransfersComplete(tx);
      await tx`alter table ledger_transfers enable trigger ledger_transfers_complete`;
      // The queue is no part of a backup: what was on its way is handed over anew.
      await tx`update webhook_deliveries set state = 'waiting' where state = 'queued'`;
      for (const { name, last } of manifest.sequences)
        await tx`select setval(${`public."${name}"`}::regclass, ${last}::bigint)`;
      for (const statement of STEP_AHEAD) await tx.unsafe(statement);
    });
    return manifest;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** What the ledger's trigger asks of every statement, of the whole ledger. */
async function assertTransfersComplete(tx: TransactionSql): Promise<void> {
  const odd = await tx<{ id: string }[]>`
    select t.id from ledger_transfers t
    left join (
      select transfer_id, currency, sum(amount_minor) as total, count(*) as n
      from ledger_entries group by transfer_id, currency
    ) s on s.transfer_id = t.id
    group by t.id having coalesce(sum(s.n), 0) < 2 or bool_or(s.total <> 0) limit 1`;
  if (odd[0] !== undefined)
    throw new BackupRefused('backup_damaged', `The transfer ${odd[0].id} has not all of its entries.`);
}

async function fill(tx: TransactionSql, folder: string, table: z.output<typeof Table>): Promise<void> {
  const target = await tx
    .unsafe(`copy public."${table.name}" (${quoted(table.columns)}) from stdin`)
    .writable();
  hearTheEnd(target, tx);
  const watched = watch();
  const file = `${table.name}.copy.gz`;
  try {
    await pipeline(createReadStream(join(folder, file)), createGunzip(), watched.stream, target);
  } catch (cause) {
    throw new BackupRefused('backup_damaged', `${file} holds what the database does not take.`, { cause });
  }
  if (watched.hash() !== table.sha256 || watched.rows() !== table.rows)
    throw new BackupRefused('backup_damaged', `${table.name}.copy.gz is not what was written.`);
}

/**
 * The driver says nothing of a COPY that is refused after its last byte: it would be waited for for ever. A question behind it is
 * answered in any case, with an error when the COPY ended the transaction.
 */
function hearTheEnd(target: Writable, tx: TransactionSql): void {
  const end = target._final.bind(target);
  target._final = (done) => {
    end(() => undefined);
    tx`select 1`.then(() => done(), done);
  };
}

async function readManifest(folder: string): Promise<BackupManifest> {
  try {
    return Manifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      throw new BackupRefused('backup_damaged', `${folder} holds no manifest.json: it is no whole backup.`);
    throw cause;
  }
}

interface Shape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** Tables that hold rows, each behind those that it refers to. */
async function tablesInOrder(tx: TransactionSql): Promise<readonly Shape[]> {
  const shapes = await tx<{ name: string; columns: string[] }[]>`
    select c.relname as name, json_agg(a.attname::text order by a.attnum) as columns
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    group by c.relname order by c.relname`;
  // What these refer to is asked by triggers (0026_references_in_sets.sql, 0034, 0035, 0051); the constraints tell of all the others.
  const arrows = await tx<{ from: string; to: string }[]>`
    select child as "from", parent as "to" from (values ('kiosk_journal', 'kiosk_enrolments'), ('journal_pieces', 'kiosk_enrolments'),
      ('payments', 'kiosk_enrolments'), ('payments', 'allowances'),
      ('payments', 'ledger_entries'), ('sales', 'kiosk_enrolments'), ('sales', 'kiosks'),
      ('ledger_entries', 'ledger_transfers'), ('ledger_entries', 'ledger_accounts')
    ) as asked (child, parent)
    union all
    select c.conrelid::regclass::text as "from", c.confrelid::regclass::text as "to"
    from pg_constraint c where c.contype = 'f' and c.connamespace = 'public'::regnamespace and c.conrelid <> c.confrelid`;
  const left = new Map(shapes.map((shape) => [shape.name, shape]));
  const ordered: Shape[] = [];
  while (left.size > 0) {
    const waits = (name: string) => arrows.some(({ from, to }) => from === name && left.has(to));
    const free = [...left.values()].filter(({ name }) => !waits(name));
    if (free.length === 0)
      throw new Error(`tables refer to each other in a circle: ${[...left.keys()].join(', ')}`);
    for (const shape of free) left.delete(shape.name);
    ordered.push(...free);
  }
  return ordered;
}

async function appliedMigrations(tx: TransactionSql) {
  const rows = await tx<
    { when: string }[]
  >`select max(created_at)::text as when from drizzle.__drizzle_migrations`;
  const when = Number(rows[0]?.when);
  const tag = knownMigrations().find((migration) => migration.when === when)?.tag;
  if (tag === undefined)
    throw new Error('the database has another release than this one: back up with its own');
  return [{ when, tag }];
}

function newest(migrations: readonly { readonly when: number; readonly tag: string }[]) {
  const last = migrations.at(-1);
  if (last === undefined) throw new Error('there are no migrations');
  return { tag: last.tag, when: last.when };
}

/** Counts and hashes what passes. COPY text has one line a row, line feeds inside values are escaped. */
function watch(): { readonly stream: Transform; readonly rows: () => number; readonly hash: () => string } {
  const hash: Hash = createHash('sha256');
  let rows = 0;
  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) rows += 1;
      done(null, chunk);
    },
  });
  return { stream, rows: () => rows, hash: () => hash.digest('hex') };
}
