/** Where the kiosk's migrations are: beside a packaged agent, or in the workspace that owns them. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export function migrationsFolder(): string {
  const packaged = fileURLToPath(new URL('./migrations', import.meta.url));
  if (existsSync(packaged)) return packaged;
  return dirname(dirname(fileURLToPath(import.meta.resolve('@tikiwallet/drizzle/kiosk/meta/_journal.json'))));
}
