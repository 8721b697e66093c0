/**
 * Brings a database to the schema of this code.
 *
 * Owns: running drizzle/server's migrations, one process at a time. Never: connects as the application's role.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { migrateQueue } from '../jobs/queue.ts';
import { TENANT_ROLE } from './tenant.ts';

/** The role that the application runs as: it may not rewrite the ledger. */
export const APP_ROLE = 'tiki_app';

const require = createRequire(import.meta.url);
const MIGRATIONS = join(dirname(require.resolve('@tikiwallet/drizzle/package.json')), 'server');
/** Any constant of our own: it only has to be the same in every process that migrates. */
const MIGRATION_LOCK = 7_236_411;

export interface MigrateOptions {
  /** A URL of the owner of the tables. */
  readonly ownerUrl: string;
  /** Gives the application's role a log-in with this password; for clusters that we own ourselves. */
  readonly appRolePassword?: string;
}

/**
 * Applies what is missing. Idempotent; several processes may start at once.
 * @returns whether the owner may take on the application's role, so that one URL is enough for both.
 */
export async function migrate(options: MigrateOptions): Promise<{ ownerMayActAsApp: boolean }> {
  const sql = postgres(options.ownerUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await runMigrations(drizzle(sql), { migrationsFolder: MIGRATIONS });
    if (options.appRolePassword !== undefined) {
      if (!/^[A-Za-z0-9_-]{16,}$/.test(options.appRolePassword))
        throw new TypeError('unfit password for a role');
      await sql.unsafe(`alter role ${APP_ROLE} with login password '${options.appRolePassword}'`);
    }
    const ownerMayActAsApp = await mayActAsApp(sql);
    await migrateQueue(options.ownerUrl, APP_ROLE);
    // The session's own user must be allowed to become a tenant's reader, whichever role it wears meanwhile.
    await sql.unsafe(`grant ${TENANT_ROLE} to current_user`).catch(() => undefined);
    return { ownerMayActAsApp };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function mayActAsApp(sql: postgres.Sql): Promise<boolean> {
  const roles = await sql`select 1 from pg_roles where rolname = ${APP_ROLE}`;
  if (roles.length === 0) return false;
  const ask = async () => {
    const [row] = await sql<{ may: boolean }[]>`select pg_has_role(current_user, ${APP_ROLE}, 'SET') as may`;
    return row?.may === true;
  };
  if (await ask()) return true;
  // Since PostgreSQL 16 even the maker of a role must grant itself the right to take it on.
  await sql.unsafe(`grant ${APP_ROLE} to current_user`).catch(() => undefined);
  return ask();
}
