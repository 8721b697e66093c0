/** What the application's roles may do in a database, as the statements of `drizzle/server/rights.sql`, one a line. */
import type { Sql } from 'postgres';
import { ROLES } from '../src/db/late-roles.ts';

const HEAD = `-- What each role of the application is due on the newest schema: written by server/src/db/late-roles.slow.test.ts, run with
-- \`--update\`, from a database that had all roles from its beginning. server/src/db/migrate.ts gives it to roles that came later.
`;

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

async function describePolicies(sql: Sql): Promise<string[]> {
  const rows = await sql<
    {
      table: string;
      name: string;
      kind: string;
      command: string;
      roles: string[];
      visible: string | null;
      written: string | null;
    }[]
  >`
    select tablename as table, policyname as name, permissive as kind, cmd as command, roles::text[] as roles, qual as visible,
      with_check as written
    from pg_policies where schemaname = 'public' order by 1, 2`;
  return rows.map(({ table, name, kind, command, roles, visible, written }) =>
    [
      `CREATE POLICY ${name} ON ${table} AS ${kind} FOR ${command} TO ${roles.toSorted().join(', ')}`,
      ...(visible === null ? [] : [`USING (${oneLine(visible)})`]),
      ...(written === null ? [] : [`WITH CHECK (${oneLine(written)})`]),
    ].join(' '),
  );
}

async function describeGuarded(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relrowsecurity order by 1`;
  return rows.map(({ name }) => `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`);
}

async function describeGrants(sql: Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    with granted as (
      select case c.relkind when 'S' then 'SEQUENCE ' else 'TABLE ' end || c.relname as object, a.grantee, a.privilege_type as what
      from pg_class c, aclexplode(c.relacl) a where c.relnamespace = 'public'::regnamespace
      union all
      select 'TABLE ' || c.relname, a.grantee, a.privilege_type || ' (' || string_agg(t.attname, ', ' order by t.attname) || ')'
      from pg_attribute t join pg_class c on c.oid = t.attrelid, aclexplode(t.attacl) a
      where c.relnamespace = 'public'::regnamespace group by c.relname, a.grantee, a.privilege_type
      union all
      select 'FUNCTION ' || p.oid::regprocedure, a.grantee, a.privilege_type
      from pg_proc p, aclexplode(p.proacl) a where p.pronamespace = 'public'::regnamespace
      union all
      select 'SCHEMA ' || n.nspname, a.grantee, a.privilege_type
      from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = 'public'
    )
    select 'GRANT ' || string_agg(what, ', ' order by what) || ' ON ' || object || ' TO ' || r.rolname as line
    from granted join pg_roles r on r.oid = grantee where r.rolname in ${sql([...ROLES])}
    group by r.rolname, object order by r.rolname, object`;
  return rows.map(({ line }) => line);
}

async function describeDefaults(sql: Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ' || string_agg(a.privilege_type, ', ' order by a.privilege_type) || ' ON '
      || case d.defaclobjtype when 'S' then 'SEQUENCES' else 'TABLES' end || ' TO ' || r.rolname as line
    from pg_default_acl d, aclexplode(d.defaclacl) a join pg_roles r on r.oid = a.grantee
    where d.defaclnamespace = 'public'::regnamespace and r.rolname in ${sql([...ROLES])}
    group by d.defaclobjtype, r.rolname order by 1`;
  return rows.map(({ line }) => line);
}

/** @param sql of the owner of the tables */
export async function describeRights(sql: Sql): Promise<string> {
  const lines = [
    ...(await describePolicies(sql)),
    ...(await describeGuarded(sql)),
    ...(await describeDefaults(sql)),
    ...(await describeGrants(sql)),
  ];
  return HEAD + lines.map((line) => `${line};\n`).join('');
}
