/**
 * `npm run backup -- FOLDER`, `npm run restore -- FOLDER`: a copy of the whole database, and an empty database filled
 * from one. Beside a running server or without one. Only wires.
 */
import { ConfigError, readConfig } from './config.ts';
import { BackupRefused, restoreBackup, takeBackup } from './db/backup.ts';
import { findDatabase } from './db/find-database.ts';
import { migrate } from './db/migrate.ts';
import { SchemaDiffers } from './db/schema-version.ts';

async function main([command, folder, ...more]: readonly string[]): Promise<number> {
  if ((command !== 'dump' && command !== 'restore') || folder === undefined || more.length > 0) {
    console.error('usage: node server/src/backup.ts dump|restore FOLDER');
    return 2;
  }
  const config = readConfig(process.env);
  const source =
    config.databaseOwnerUrl === null
      ? await findDatabase(config)
      : { url: config.databaseOwnerUrl, close: () => Promise.resolve() };
  try {
    if (command === 'dump') {
      const { tables, takenAt } = await takeBackup(source.url, folder);
      const rows = tables.reduce((sum, table) => sum + table.rows, 0);
      console.log(`${rows} rows of ${tables.length} tables as they were at ${takenAt} are in ${folder}.`);
      console.log('Not in it: TIKI_KEYS_SECRET and the key files. Keep them, and keep them elsewhere.');
      return 0;
    }
    await migrate({ ownerUrl: source.url });
    const { tables, takenAt } = await restoreBackup(source.url, folder);
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    console.log(`${rows} rows of ${tables.length} tables stand as they were at ${takenAt}.`);
    console.log('Next: node server/src/ledger/cli.ts reconcile, then docs/runbooks/restore.md.');
    return 0;
  } finally {
    await source.close();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isKnown = [BackupRefused, ConfigError, SchemaDiffers].some((kind) => error instanceof kind);
  console.error(isKnown && error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
