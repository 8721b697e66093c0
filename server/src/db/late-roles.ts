/**
 * Roles that were made after the migrations that grant to them: a hosted database may not let the owner of its tables make any,
 * and migrations grant to those that are there. `drizzle/server/rights.sql` has what each is due on the newest schema; a test
 * holds it against a database that had them all from its beginning.
 *
 * Owns: bringing late roles to what they are due. Never: takes a right away, or gives one that migrations did not.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { MEMBER_ROLE, OPERATOR_ROLE, WORKER_ROLE } from './acting-as.ts';
import { MIGRATIONS } from './schema-version.ts';
import { TENANT_ROLE } from './tenant.ts';

/** The role that the application runs as: it may not rewrite the ledger. */
export const APP_ROLE = 'tiki_app';
/** What the application takes on for one transaction. */
export const WORN_ROLES = [TENANT_ROLE, MEMBER_ROLE, WORKER_ROLE, OPERATOR_ROLE] as const;
export const ROLES: readonly string[] = [APP_ROLE, ...WORN_ROLES];

/** A statement a line, as the test writes them. */
export const RIGHTS = join(MIGRATIONS, 'rights.sql');

interface Standing {
  readonly present: ReadonlySet<string>;
  /** Of those, the ones to which the ledger's first migration that grants to them granted nothing. */
  readonly late: ReadonlySet<string>;
  readonly policies: ReadonlySet<string>;
  readonly guarded: ReadonlySet<string>;
}

/** By what was granted to each itself: the application may inherit from others. */
async function readStanding(sql: Sql): Promise<Standing> {
  const roles = await sql<{ name: string; granted: boolean }[]>`
    select rolname as name, exists (select from pg_class c, aclexplode(c.relacl) a
      where c.oid = to_regclass('public.ledger_accounts') and a.grantee = r.oid and a.privilege_type = 'SELECT') as granted
    from pg_roles r where rolname in ${sql([...ROLES])}`;
  const policies = await sql<{ name: string }[]>`
    select tablename || '.' || policyname as name from pg_policies where schemaname = 'public'`;
  const guarded = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relrowsecurity`;
  return {
    present: new Set(roles.map(({ name }) => name)),
    late: new Set(roles.filter(({ granted }) => !granted).map(({ name }) => name)),
    policies: new Set(policies.map(({ name }) => name)),
    guarded: new Set(guarded.map(({ name }) => name)),
  };
}

const POLICY = /^CREATE POLICY (\w+) ON (\w+) AS \w+ FOR \w+ TO ([\w, ]+?) (?:USING|WITH CHECK) \(/;
const GUARD = /^ALTER TABLE (\w+) ENABLE ROW LEVEL SECURITY;$/;
const GRANT = /^(?:ALTER DEFAULT PRIVILEGES IN SCHEMA public )?GRANT .+ TO (\w+);$/;

function isMissing(line: string, { present, late, policies, guarded }: Standing): boolean {
  const [, name, table, roles] = POLICY.exec(line) ?? [];
  if (name !== undefined && roles !== undefined)
    return roles.split(', ').every((role) => present.has(role)) && !policies.has(`${table}.${name}`);
  const [, unguarded] = GUARD.exec(line) ?? [];
  // As `guard_tenant_table` of 0020 does it: without its reader a table is guarded for nobody.
  if (unguarded !== undefined)
    return present.has(APP_ROLE) && present.has(TENANT_ROLE) && !guarded.has(unguarded);
  const [, granted] = GRANT.exec(line) ?? [];
  if (granted === undefined) throw new Error(`rights.sql has a line that is none: ${line}`);
  return late.has(granted);
}

/**
 * For a database with every migration of this code. Repeatable; where nothing is missing it only looks.
 * @returns how many statements were missing
 */
export async function completeRoles(sql: Sql): Promise<number> {
  const standing = await readStanding(sql);
  const lines = readFileSync(RIGHTS, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('--'));
  const missing = lines.filter((line) => isMissing(line, standing));
  if (missing.length === 0) return 0;
  await sql.begin((tx) => tx.unsafe(missing.join('\n')));
  // Who made the role may give it on, and that may be somebody else than the owner of the tables.
  for (const role of WORN_ROLES)
    if (standing.late.has(role) || standing.late.has(APP_ROLE))
      await sql.unsafe(grantOf(role)).catch(() => undefined);
  return missing.length;
}

/** As the migrations that made the roles. */
const grantOf = (role: string) =>
  `grant ${role} to ${APP_ROLE}${role === TENANT_ROLE ? '' : ' with inherit false, set true'}`;

/** Policies that a migration changes, and which were made by one before it for the roles that were there then. */
const CHANGED = [
  {
    by: 32,
    madeBy: 29,
    policy: 'member_adds ON team_members',
    rest: 'FOR INSERT TO tiki_member WITH CHECK (false)',
  },
  {
    by: 32,
    madeBy: 29,
    policy: 'member_changes ON team_invitations',
    rest: 'FOR UPDATE TO tiki_member USING (false)',
  },
  {
    by: 32,
    madeBy: 29,
    policy: 'member_changes ON team_members',
    rest: 'FOR UPDATE TO tiki_member USING (false)',
  },
  { by: 36, madeBy: 20, policy: 'tenant ON ledger_entries', rest: 'FOR SELECT TO tiki_tenant USING (false)' },
  {
    by: 36,
    madeBy: 20,
    policy: 'tenant ON settlement_batches',
    rest: 'FOR SELECT TO tiki_tenant USING (false)',
  },
] as const;

/**
 * Before the migrations that are missing: 0032 and 0036 change policies of roles that are there, and ended with an error where the
 * role had come later than what made its policies. What stands in for them lets nobody see anything, until they are changed.
 * @param applied how many migrations the database has seen
 */
export async function standInForPolicies(sql: Sql, applied: number): Promise<void> {
  for (const { by, madeBy, policy, rest } of CHANGED) {
    if (applied <= madeBy || applied > by) continue;
    const [name = '', table = ''] = policy.split(' ON ');
    const role = rest.includes(MEMBER_ROLE) ? MEMBER_ROLE : TENANT_ROLE;
    const [row] = await sql<{ wanted: boolean }[]>`
      select exists (select from pg_roles where rolname = ${role}) and not exists (
        select from pg_policies where schemaname = 'public' and tablename = ${table} and policyname = ${name}) as wanted`;
    if (row?.wanted === true) await sql.unsafe(`CREATE POLICY ${policy} ${rest}`);
  }
}
