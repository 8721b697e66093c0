/**
 * From the configuration to a migrated database and the pool of the application's role.
 *
 * Owns: the choice between the embedded PostgreSQL and the operator's own. Never: leaves a cluster running when the
 * way to the pool fails.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { connect, type Db } from './client.ts';
import { startEmbedded } from './embedded.ts';
import { APP_ROLE, migrate } from './migrate.ts';

export interface OpenDatabase {
  readonly db: Db;
  /** For people: where the data is. */
  readonly description: string;
  /** Ends the pool, then the embedded cluster. */
  close(): Promise<void>;
}

type DatabaseConfig = Pick<Config, 'dataDir' | 'databaseUrl' | 'databaseOwnerUrl' | 'databaseConnections'>;

export async function openDatabase(config: DatabaseConfig, log: Logger): Promise<OpenDatabase> {
  return config.databaseUrl === null
    ? openEmbedded(config, log)
    : openExternal(config, config.databaseUrl, log);
}

async function openEmbedded(config: DatabaseConfig, log: Logger): Promise<OpenDatabase> {
  const cluster = await startEmbedded({
    dataDir: config.dataDir,
    maxConnections: config.databaseConnections + 20,
  });
  try {
    // A password for this run only: nothing to keep, nothing to leak.
    const appRolePassword = randomBytes(24).toString('base64url');
    await migrate({ ownerUrl: cluster.ownerUrl(), appRolePassword });
    const url = new URL(cluster.ownerUrl());
    url.username = APP_ROLE;
    url.password = appRolePassword;
    const database = connect({ url: url.href, maxConnections: config.databaseConnections });
    log.info({ port: cluster.port, dataDir: config.dataDir }, 'embedded PostgreSQL runs');
    const close = async () => {
      await database.close();
      await cluster.stop();
    };
    return { db: database.db, description: config.dataDir, close };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function openExternal(config: DatabaseConfig, url: string, log: Logger): Promise<OpenDatabase> {
  const ownerUrl = config.databaseOwnerUrl ?? url;
  const { ownerMayActAsApp } = await migrate({ ownerUrl });
  // With two URLs the application's own is expected to be a log-in of tiki_app already.
  const takeRole = config.databaseOwnerUrl === null && ownerMayActAsApp;
  if (config.databaseOwnerUrl === null && !ownerMayActAsApp) {
    log.warn(
      `the role ${APP_ROLE} cannot be used: the application runs as the owner of its tables, only triggers guard the ledger`,
    );
  }
  const database = connect({
    url,
    maxConnections: config.databaseConnections,
    ...(takeRole ? { role: APP_ROLE } : {}),
  });
  return { db: database.db, description: new URL(url).host, close: () => database.close() };
}
