/**
 * Reads on behalf of one person, under row-level security: the database itself hides everybody else's rows.
 *
 * Owns: the role `tiki_tenant` and the two settings that its policies read, both for one transaction. The second line: the
 * rooms' own conditions stay, and this holds when one is forgotten. Never: writes.
 */
import { sql } from 'drizzle-orm';
import type { Logger } from 'pino';
import type { Db, Tx } from './client.ts';
import { executeKept } from './prepared.ts';

export const TENANT_ROLE = 'tiki_tenant';

/** As the access token says, never as a body or a path does. */
export interface Tenant {
  readonly userId: string;
  readonly merchantId: string | null;
}

/**
 * Runs reads in one snapshot, in which only the tenant's rows exist.
 * @param on where, when what is read may be a moment old; the primary by default
 */
export type AsTenant = <T>(tenant: Tenant, work: (tx: Tx) => Promise<T>, on?: Db) => Promise<T>;

/** Says loudly when the database's roles do not allow it; the reads then run as the application. */
export async function createTenantReads(db: Db, log: Logger): Promise<AsTenant> {
  const isGuarded = await mayBecomeTenant(db);
  if (!isGuarded) {
    log.error(
      `row-level security is off: the role ${TENANT_ROLE} cannot be taken on (see "Your own PostgreSQL" in server/README.md)`,
    );
  }
  return (tenant, work, on = db) =>
    on.transaction(
      async (tx) => {
        if (isGuarded) await become(tx, tenant);
        return work(tx);
      },
      { isolationLevel: 'repeatable read', accessMode: 'read only' },
    );
}

/** One round trip: settings of this transaction only, so that a pooled connection forgets them by itself. */
async function become(tx: Tx, { userId, merchantId }: Tenant): Promise<void> {
  await executeKept(
    tx,
    sql`
    select set_config('app.user', ${userId}, true), set_config('app.merchant', ${merchantId ?? ''}, true),
      set_config('role', ${TENANT_ROLE}, true)`,
  );
}

async function mayBecomeTenant(db: Db): Promise<boolean> {
  // The tables must be guarded as well, and their owner is bound by no policy.
  const rows = await db.execute<{ may: boolean }>(sql`
    select pg_has_role(session_user, r.oid, 'SET') and c.relrowsecurity as may
    from pg_roles r, pg_class c where r.rolname = ${TENANT_ROLE} and c.oid = 'ledger_accounts'::regclass`);
  return rows[0]?.may === true;
}
