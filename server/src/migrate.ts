/**
 * `node server/src/migrate.ts`: brings the database to this release's schema, then ends. The job that runs before new
 * server processes do, which then start with `TIKI_MIGRATE=never`. `--narrow`, once no older release runs here any more, takes from the
 * application's role what this release does not use. Only wires.
 */
import { ConfigError, readConfig } from './config.ts';
import { migrate } from './db/migrate.ts';
import { SchemaDiffers } from './db/schema-version.ts';

const EXIT_FAILED = 1;
const EXIT_CONFIG = 2;
const EXIT_SCHEMA = 5;

function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT_CONFIG;
  return error instanceof SchemaDiffers ? EXIT_SCHEMA : EXIT_FAILED;
}

async function main(): Promise<void> {
  const { databaseUrl, databaseOwnerUrl } = readConfig(process.env);
  const ownerUrl = databaseOwnerUrl ?? databaseUrl;
  if (ownerUrl === null)
    throw new ConfigError('DATABASE_OWNER_URL (or DATABASE_URL) must name the database to migrate.');
  const { before, after } = await migrate({ ownerUrl, narrows: process.argv.includes('--narrow') });
  console.log(
    before === after
      ? `The database has all ${after} migrations.`
      : `${after - before} migrations were applied; the database has all ${after}.`,
  );
}

main().catch((error: unknown) => {
  const code = exitCodeOf(error);
  console.error(code !== EXIT_FAILED && error instanceof Error ? error.message : error);
  process.exit(code);
});
