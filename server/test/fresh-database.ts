/** A migrated database for one test file, connected to exactly as the server connects: as the role `tiki_app`. */
import { randomBytes } from 'node:crypto';
import postgres, { type Sql } from 'postgres';
import { connect, type Db } from '../src/db/client.ts';
import { migrate } from '../src/db/migrate.ts';

export const ADMIN_URL_ENV = 'TIKI_TEST_DATABASE_ADMIN_URL';
export const TEMPLATE_DATABASE = 'tiki_template';
/** Of a cluster that lives as long as a test run, on a random port of this machine. */
export const TEST_APP_PASSWORD = 'password-of-a-test-run';

export interface FreshDatabase {
  /** As the application's role. */
  readonly db: Db;
  readonly appUrl: string;
  readonly ownerUrl: string;
  /** As the owner: may do what the application may not. */
  readonly owner: Sql;
  /** Closes the connections and drops the database. */
  close(): Promise<void>;
}

/** One that others can be made from. */
export interface ClonableDatabase extends FreshDatabase {
  readonly name: string;
}

export interface FreshOptions {
  readonly maxConnections?: number;
  /** Its rows too. Its connections are ended: it answers again when it is next asked. */
  readonly template?: ClonableDatabase;
  /** Migrated for itself, and not narrowed: as while a release before this one runs there, too. */
  readonly isWide?: boolean;
}

/** Lets everybody make temporary tables again, as where the owner of the tables does not own the database. */
export async function allowTemporary({ owner }: FreshDatabase): Promise<void> {
  const [row] = await owner<{ name: string }[]>`select current_database() as name`;
  await owner.unsafe(`grant temporary on database ${row?.name ?? ''} to public`);
}

/** Clones the template, or another fresh database; call `close()` in `afterAll`. */
export async function freshDatabase(options: FreshOptions = {}): Promise<ClonableDatabase> {
  const adminUrl = process.env[ADMIN_URL_ENV];
  if (adminUrl === undefined)
    throw new Error(`${ADMIN_URL_ENV} is not set: run through vitest's project "server"`);
  const name = `t_${randomBytes(8).toString('hex')}`;
  const admin = postgres(adminUrl, { max: 1, onnotice: () => undefined });
  // One clone at a time: the template may have no other session.
  await admin`select pg_advisory_lock(7236412)`;
  const template = options.template?.name ?? TEMPLATE_DATABASE;
  if (options.template !== undefined)
    await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${template}`;
  await admin.unsafe(
    `create database ${name} ${options.isWide === true ? '' : `template ${template} strategy file_copy`}`,
  );
  await admin`select pg_advisory_unlock(7236412)`;
  // As narrowing does it: a copy of a database has not what was taken from it.
  if (options.isWide !== true) await admin.unsafe(`revoke temporary on database ${name} from public`);

  const ownerUrl = new URL(adminUrl);
  ownerUrl.pathname = `/${name}`;
  if (options.isWide === true) await migrate({ ownerUrl: ownerUrl.href });
  const appUrl = new URL(ownerUrl);
  appUrl.username = 'tiki_app';
  appUrl.password = TEST_APP_PASSWORD;
  const database = connect({ url: appUrl.href, maxConnections: options.maxConnections ?? 10 });
  const owner = postgres(ownerUrl.href, { max: 2, onnotice: () => undefined });
  const close = async () => {
    await Promise.all([database.close(), owner.end({ timeout: 5 })]);
    await admin.unsafe(`drop database ${name} with (force)`);
    await admin.end({ timeout: 5 });
  };
  return { name, db: database.db, appUrl: appUrl.href, ownerUrl: ownerUrl.href, owner, close };
}
