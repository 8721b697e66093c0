/**
 * From the configuration to a migrated database and the pool of the application's role.
 *
 * Owns: the choice between the embedded PostgreSQL and the operator's own. Never: leaves a cluster running when the
 * way to the pool fails.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { sql } from 'drizzle-orm';
import { ConfigError } from '../config-error.ts';
import { connect, type Db } from './client.ts';
import { startEmbedded } from './embedded.ts';
import { APP_ROLE } from './late-roles.ts';
import { migrate } from './migrate.ts';
import { assertSchema } from './schema-version.ts';

export interface OpenDatabase {
  readonly db: Db;
  /** The streaming replica, when there is one. */
  readonly replica: Db | null;
  /** For people: where the data is. */
  readonly description: string;
  /** Ends the pool, then the embedded cluster. */
  close(): Promise<void>;
}

type DatabaseConfig = Pick<
  Config,
  | 'acceptsNewerSchema'
  | 'dataDir'
  | 'databaseConnections'
  | 'databaseOwnerUrl'
  | 'databaseReplicaUrl'
  | 'databaseUrl'
  | 'isPooled'
  | 'migrates'
>;

export async function openDatabase(config: DatabaseConfig, log: Logger): Promise<OpenDatabase> {
  if (config.databaseUrl !== null) return openExternal(config, config.databaseUrl, log);
  if (!config.migrates) throw new ConfigError('TIKI_MIGRATE=never is for a server with DATABASE_URL.');
  return openEmbedded(config, log);
}

async function openEmbedded(config: DatabaseConfig, log: Logger): Promise<OpenDatabase> {
  const cluster = await startEmbedded({
    dataDir: config.dataDir,
    maxConnections: config.databaseConnections + 20,
  });
  try {
    // A password for this run only: nothing to keep, nothing to leak.
    const appRolePassword = randomBytes(24).toString('base64url');
    const acceptsNewer = config.acceptsNewerSchema;
    // Nobody else has this folder: there is no older release at work.
    await migrate({ ownerUrl: cluster.ownerUrl(), appRolePassword, acceptsNewer, narrows: true });
    const url = new URL(cluster.ownerUrl());
    url.username = APP_ROLE;
    url.password = appRolePassword;
    const database = connect({ url: url.href, maxConnections: config.databaseConnections });
    log.info({ port: cluster.port, dataDir: config.dataDir }, 'embedded PostgreSQL runs');
    const close = async () => {
      await database.close();
      await cluster.stop();
    };
    return { db: database.db, replica: null, description: config.dataDir, close };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function openExternal(config: DatabaseConfig, url: string, log: Logger): Promise<OpenDatabase> {
  const takesRole = config.migrates ? await migrateExternal(config, url, log) : false;
  const database = connect({
    url,
    maxConnections: config.databaseConnections,
    isPooled: config.isPooled,
    ...(takesRole ? { role: APP_ROLE } : {}),
  });
  try {
    if (!config.migrates) await assertSchema(database.db, { acceptsNewer: config.acceptsNewerSchema });
    if (config.isPooled) await assertTimeouts(database.db);
  } catch (error) {
    await database.close();
    throw error;
  }
  const replica =
    config.databaseReplicaUrl === null
      ? null
      : connect({
          url: config.databaseReplicaUrl,
          maxConnections: config.databaseConnections,
          isPooled: config.isPooled,
        });
  const close = async () => {
    await Promise.all([database.close(), replica?.close()]);
  };
  return { db: database.db, replica: replica?.db ?? null, description: new URL(url).host, close };
}

/** @returns whether the pool takes on the application's role. With two URLs the application's own is expected to be a log-in of it already. */
async function migrateExternal(config: DatabaseConfig, url: string, log: Logger): Promise<boolean> {
  const { databaseOwnerUrl, acceptsNewerSchema } = config;
  const { ownerMayActAsApp } = await migrate({
    ownerUrl: databaseOwnerUrl ?? url,
    acceptsNewer: acceptsNewerSchema,
  });
  if (databaseOwnerUrl !== null) return false;
  if (!ownerMayActAsApp) {
    log.warn(
      `the role ${APP_ROLE} cannot be used: the application runs as the owner of its tables, only triggers guard the ledger`,
    );
  }
  return ownerMayActAsApp;
}

/** A pooler takes no settings from us, so it (or the role) must bring them: without them one stuck lock stops everybody. */
async function assertTimeouts(db: Db): Promise<void> {
  const rows = await db.execute<{ name: string }>(sql`
    select name from pg_settings
    where name in ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout') and setting = '0'`);
  if (rows.length === 0) return;
  const names = rows.map(({ name }) => name).join(', ');
  throw new ConfigError(
    `Through a pooler nothing bounds ${names}: set them for the role ${APP_ROLE} (server/deploy/pgbouncer/pgbouncer.ini shows how).`,
  );
}
