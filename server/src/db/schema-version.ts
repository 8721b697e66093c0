/**
 * Whether a database has the schema that this code was written for.
 *
 * Owns: the comparison of the migrations in `drizzle/server` with those that the database has seen. Never: changes
 * anything.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Executor } from './client.ts';

const require = createRequire(import.meta.url);
export const MIGRATIONS = join(dirname(require.resolve('@tikiwallet/drizzle/package.json')), 'server');

const Journal = z.object({
  entries: z.array(z.object({ idx: z.int(), when: z.int(), tag: z.string() })).min(1),
});

/** Migrations of this code, oldest first. */
export function knownMigrations(): readonly { readonly when: number; readonly tag: string }[] {
  const text = readFileSync(join(MIGRATIONS, 'meta', '_journal.json'), 'utf8');
  return Journal.parse(JSON.parse(text)).entries;
}

export type SchemaState = 'same' | 'older' | 'newer';

export interface SchemaVersion {
  readonly state: SchemaState;
  /** How many migrations the database has seen; 0 for an empty one. */
  readonly applied: number;
  readonly known: number;
}

/** Needs the right to read `drizzle.__drizzle_migrations`, which `migrate` gives to the application's role. */
export async function schemaVersion(executor: Executor): Promise<SchemaVersion> {
  const known = knownMigrations();
  const [there] = await executor.execute<{ there: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as there`,
  );
  if (there?.there !== true) return { state: 'older', applied: 0, known: known.length };
  const [row] = await executor.execute<{ applied: number; last: string }>(sql`
    select count(*)::int as applied, coalesce(max(created_at), 0)::text as last from drizzle.__drizzle_migrations`);
  const last = Number(row?.last ?? 0);
  const wanted = known.at(-1)?.when ?? 0;
  const state = last === wanted ? 'same' : last < wanted ? 'older' : 'newer';
  return { state, applied: row?.applied ?? 0, known: known.length };
}

/** The server must not work on this database. */
export class SchemaDiffers extends Error {
  readonly code: 'schema_older' | 'schema_newer';
  constructor({ state, applied, known }: SchemaVersion) {
    const what =
      state === 'older'
        ? `The database has ${applied} of ${known} migrations: run \`node server/src/migrate.ts\` first.`
        : `The database was migrated by a newer release (${applied} migrations; this one knows ${known}): run that release, or set TIKI_NEWER_SCHEMA=accept while it is being rolled out.`;
    super(what);
    this.code = state === 'older' ? 'schema_older' : 'schema_newer';
  }
}

export interface SchemaRule {
  readonly acceptsNewer: boolean;
}

/** Migrations only add, so the release before the newest can work on the newest schema, when its operator says so. @throws SchemaDiffers */
export async function assertSchema(executor: Executor, { acceptsNewer }: SchemaRule): Promise<void> {
  const version = await schemaVersion(executor);
  if (version.state === 'same' || (version.state === 'newer' && acceptsNewer)) return;
  throw new SchemaDiffers(version);
}
