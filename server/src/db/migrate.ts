/**
 * Brings a database to the schema of this code.
 *
 * Owns: running drizzle/server's migrations, one process at a time. Never: connects as the application's role.
 */
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator';
import type { Sql } from 'postgres';
import { openDriver } from './driver.ts';
import { migrateQueue } from '../jobs/queue.ts';
import { WORKER_ROLE } from './acting-as.ts';
import { APP_ROLE, completeRoles, standInForPolicies, WORN_ROLES } from './late-roles.ts';
import { withRetries } from './retry.ts';
import { MIGRATIONS, SchemaDiffers, schemaVersion } from './schema-version.ts';

/** Any constant of our own: it only has to be the same in every process that migrates. */
const MIGRATION_LOCK = 7_236_411;

export interface MigrateOptions {
  /** A URL of the owner of the tables. */
  readonly ownerUrl: string;
  /** Gives the application's role a log-in with this password; for clusters that we own ourselves. */
  readonly appRolePassword?: string;
  readonly acceptsNewer?: boolean;
  /** True where no older release runs on this database: the application then keeps only the rights that this release uses. */
  readonly narrows?: boolean;
}

export interface Migrated {
  /** Whether the owner may take on the application's role, so that one URL is enough for both. */
  readonly ownerMayActAsApp: boolean;
  /** How many migrations the database had seen before and has seen now. */
  readonly before: number;
  readonly after: number;
}

/**
 * Applies what is missing, and gives roles that came late what they are due. Idempotent; several processes may start at once.
 * A database of a newer release is left as it is.
 * @throws SchemaDiffers when that is not accepted
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const sql = openDriver(options.ownerUrl, { max: 1 });
  try {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
    const db = drizzle(sql);
    const before = await schemaVersion(db);
    if (before.state === 'newer' && options.acceptsNewer !== true) throw new SchemaDiffers(before);
    await standInForPolicies(sql, before.applied);
    // One of them may need tables whole that others are at work on, in whichever order: then PostgreSQL ends one of both.
    await withRetries(() => runMigrations(db, { migrationsFolder: MIGRATIONS }));
    if (options.appRolePassword !== undefined) {
      if (!/^[A-Za-z0-9_-]{16,}$/.test(options.appRolePassword))
        throw new TypeError('unfit password for a role');
      await sql.unsafe(`alter role ${APP_ROLE} with login password '${options.appRolePassword}'`);
    }
    // What a newer release has made is its own to give.
    if (before.state !== 'newer') await completeRoles(sql);
    const ownerMayActAsApp = await mayActAsApp(sql);
    await migrateQueue(options.ownerUrl, [APP_ROLE, WORKER_ROLE]);
    // The session's own user must be allowed to take these on, whichever role it wears meanwhile.
    for (const role of WORN_ROLES) await sql.unsafe(`grant ${role} to current_user`).catch(() => undefined);
    if (options.narrows === true) await sql`select narrow_application_role()`;
    await letAppReadVersion(sql);
    const { applied } = await schemaVersion(db);
    return { ownerMayActAsApp, before: before.applied, after: applied };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** A server that does not migrate asks, as the application's role, whether somebody has. */
async function letAppReadVersion(sql: Sql): Promise<void> {
  const roles = await sql`select 1 from pg_roles where rolname = ${APP_ROLE}`;
  if (roles.length === 0) return;
  await sql.unsafe(`grant usage on schema drizzle to ${APP_ROLE}`);
  await sql.unsafe(`grant select on drizzle.__drizzle_migrations to ${APP_ROLE}`);
}

async function mayActAsApp(sql: Sql): Promise<boolean> {
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
