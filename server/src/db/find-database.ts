/**
 * The database for a command in a terminal: beside a running server, or without one.
 *
 * Owns: the choice between a configured, a running and a stopped database. Never: migrates a configured one.
 */
import type { Config } from '../config.ts';
import { runningClusterUrl, startEmbedded } from './embedded.ts';
import { migrate } from './migrate.ts';

export interface FoundDatabase {
  readonly url: string;
  close(): Promise<void>;
}

export async function findDatabase(config: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<FoundDatabase> {
  const url = config.databaseUrl ?? runningClusterUrl(config.dataDir);
  if (url !== null) return { url, close: () => Promise.resolve() };
  const cluster = await startEmbedded({ dataDir: config.dataDir });
  await migrate({ ownerUrl: cluster.ownerUrl() });
  return { url: cluster.ownerUrl(), close: cluster.stop };
}
