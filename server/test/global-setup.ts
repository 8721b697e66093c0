/**
 * One disposable PostgreSQL per test run, with a migrated template database in it.
 *
 * Tests get databases of their own from `freshDatabase()`, which clones the template in about 100 ms.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { startEmbedded } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { ADMIN_URL_ENV, TEMPLATE_DATABASE, TEST_APP_PASSWORD } from './fresh-database.ts';

export default async function setup(): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tiki-server-test-'));
  // mkdtemp makes it for us alone; PostgreSQL may run as another user.
  chmodSync(dataDir, 0o755);
  const cluster = await startEmbedded({ dataDir, disposable: true, maxConnections: 200 });
  const adminUrl = cluster.ownerUrl('postgres');
  const sql = postgres(adminUrl, { max: 1 });
  await sql.unsafe(`create database ${TEMPLATE_DATABASE}`);
  await sql.end();
  await migrate({
    ownerUrl: cluster.ownerUrl(TEMPLATE_DATABASE),
    appRolePassword: TEST_APP_PASSWORD,
    // So every test says, too, that this release writes nothing as a role that may not.
    narrows: true,
  });
  process.env[ADMIN_URL_ENV] = adminUrl;
  return async () => {
    await cluster.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}
