/**
 * drizzle-kit's settings for the cloud's PostgreSQL. Generate a migration from the repository's root with
 * `npx drizzle-kit generate --config drizzle/server.config.ts --name what_it_adds`
 * (`--custom` for hand-written SQL). Migrations are append-only and additive-only.
 */
import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './server/src/db/schema/*.ts',
  out: './drizzle/server',
});
