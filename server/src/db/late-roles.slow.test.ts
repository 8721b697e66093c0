/** Roles that come late (server/README.md, "Your own PostgreSQL"), on a cluster of its own: roles are a cluster's, not a database's. */
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator';
import postgres, { type Sql } from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { describeRights } from '../../test/described-rights.ts';
import { type EmbeddedCluster, startEmbedded } from './embedded.ts';
import { completeRoles, RIGHTS, ROLES } from './late-roles.ts';
import { migrate } from './migrate.ts';
import { knownMigrations, MIGRATIONS } from './schema-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'tiki-late-roles-'));
const quiet = { max: 1, onnotice: () => undefined };
let cluster: EmbeddedCluster;
let admin: Sql;
let made = 0;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  cluster = await startEmbedded({ dataDir: join(folder, 'data'), disposable: true, maxConnections: 40 });
  admin = postgres(cluster.ownerUrl('postgres'), quiet);
  // May make tables, and no roles.
  await admin.unsafe(`create role keeper login password 'keeper' nosuperuser nocreaterole`);
});
afterAll(async () => {
  await admin.end({ timeout: 5 });
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** An empty database of the keeper's, in a cluster without our roles. */
async function emptyDatabase(): Promise<{ name: string; url: string }> {
  made += 1;
  const name = `late_${made}`;
  await admin.unsafe(`create database ${name} owner keeper`);
  const url = new URL(cluster.ownerUrl(name));
  url.username = 'keeper';
  url.password = 'keeper';
  return { name, url: url.href };
}

async function makeRoles(roles: readonly string[]): Promise<void> {
  for (const role of roles) await admin.unsafe(`create role ${role} nologin`);
  for (const role of roles)
    await admin.unsafe(`grant ${role} to keeper with inherit false, set true, admin true`);
}

async function forget(name: string): Promise<void> {
  await admin.unsafe(`drop database ${name} with (force)`);
  for (const role of ROLES) await admin.unsafe(`drop role if exists ${role}`);
}

/** The first of this code's migrations, as a release of that time had them. */
function firstMigrations(count: number): string {
  const past = join(folder, `first-${count}`);
  cpSync(MIGRATIONS, past, { recursive: true });
  const path = join(past, 'meta', '_journal.json');
  const journal = z
    .looseObject({ entries: z.array(z.unknown()) })
    .parse(JSON.parse(readFileSync(path, 'utf8')));
  writeFileSync(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }));
  return past;
}

async function migrateFirst(url: string, count: number): Promise<void> {
  const sql = postgres(url, quiet);
  await runMigrations(drizzle(sql), { migrationsFolder: firstMigrations(count) });
  await sql.end({ timeout: 5 });
}

async function rightsOf(url: string): Promise<string> {
  const sql = postgres(url, quiet);
  const described = await describeRights(sql);
  await sql.end({ timeout: 5 });
  return described;
}

test('rights.sql is what a database has whose roles were there from its beginning', async () => {
  const { name, url } = await emptyDatabase();
  await makeRoles(ROLES);
  await migrate({ ownerUrl: url });
  await expect(await rightsOf(url)).toMatchFileSnapshot(RIGHTS);
  const sql = postgres(url, quiet);
  expect(await completeRoles(sql)).toBe(0);
  await sql.end({ timeout: 5 });
  await forget(name);
});

const worn = ROLES.filter((role) => role !== 'tiki_app');
test.each([
  { late: ROLES, after: 1, what: 'the first migration' },
  { late: ROLES, after: 20, what: 'the last one without policies' },
  { late: worn, after: 21, what: 'the first policies' },
  { late: ROLES, after: 30, what: 'the policies of what is written' },
  {
    late: worn.slice(1),
    after: 30,
    what: 'the policies of what is written, which were those of the reader alone',
  },
  { late: ROLES, after: 33, what: 'the first change of policies' },
  { late: ['tiki_operator'], after: 38, what: 'the operator’s role' },
  { late: ROLES, after: knownMigrations().length, what: 'all of them' },
])('$late.length roles that were made after $what have what they are due', async ({ late, after }) => {
  const { name, url } = await emptyDatabase();
  try {
    await makeRoles(ROLES.filter((role) => !late.includes(role)));
    await migrateFirst(url, after);
    await makeRoles(late);
    await migrate({ ownerUrl: url });
    expect(await rightsOf(url)).toBe(readFileSync(RIGHTS, 'utf8'));
  } finally {
    await forget(name);
  }
});

test('rights are narrowed by who owns the tables and not the database, who cannot take temporary tables from everybody', async () => {
  const { name, url } = await emptyDatabase();
  try {
    await admin.unsafe(`alter database ${name} owner to postgres`);
    await admin.unsafe(`grant create on database ${name} to keeper`);
    const asAdmin = postgres(cluster.ownerUrl(name), quiet);
    await asAdmin.unsafe('grant all on schema public to keeper');
    await makeRoles(ROLES);
    await migrate({ ownerUrl: url, narrows: true });
    const [row] = await asAdmin`
      select has_database_privilege('tiki_app', current_database(), 'TEMPORARY') as temporary,
        has_table_privilege('tiki_app', 'payments', 'INSERT') as settles`;
    await asAdmin.end({ timeout: 5 });
    expect(row).toEqual({ temporary: true, settles: false });
  } finally {
    await forget(name);
  }
});
