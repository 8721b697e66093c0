/** What a session makes for itself stands for nothing of ours, and runs with nobody's rights but its own (R50, R52). */
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import postgres, { type TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allowTemporary, freshDatabase } from '../../test/fresh-database.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { migrate } from './migrate.ts';
import { sqlState } from './retry.ts';

const CHECK_VIOLATION = '23514';
const FOREIGN_KEY_VIOLATION = '23503';
const UNIQUE_VIOLATION = '23505';
const INSUFFICIENT_PRIVILEGE = '42501';

let server: TestServer;
/** What stands there really, of one batch of three payments. */
let real: { machine: string; kiosk: string; account: string; transfer: string };
const nothing = randomUUID();

beforeAll(async () => {
  server = await startTestServer();
  await allowTemporary(server.database);
  const merchant = await server.register('merchant', { agent: true });
  const kiosk = await SimulatedKiosk.open(server, merchant);
  const wallet = await (await SimulatedPhone.withMoney(server, 5_000n)).load(2_000n);
  for (const amount of [100n, 200n, 300n]) kiosk.sell(wallet, amount);
  await kiosk.settle();
  const [row] = await server.database.owner<(typeof real)[]>`
    select k.id as machine, k.kiosk_id as kiosk, k.merchant_account_id as account, p.transfer_id as transfer
    from payments p join kiosk_enrolments k on k.id = p.enrolment_id
    where p.transfer_id is not null limit 1`;
  if (row === undefined) throw new Error('no batch was settled');
  real = row;
});
afterAll(() => server.close());

interface Attempt {
  readonly role: string;
  /** As the owner, before. */
  readonly given?: readonly string[];
  /** What the session makes for itself. */
  readonly own: readonly string[];
  readonly write: string;
}

class Undone extends Error {}
const WRITTEN = { state: 'written', message: '' };

/** In a session of its own, which remembers no plan and no function; undone, also where it is not refused. */
async function attempt({ role, given = [], own, write }: Attempt) {
  const session = postgres(server.database.ownerUrl, { max: 1, onnotice: () => undefined });
  const run = async (tx: TransactionSql) => {
    for (const statement of given) await tx.unsafe(statement);
    await tx`select set_config('role', ${role}, true)`;
    for (const statement of own) await tx.unsafe(statement);
    await tx.unsafe(write);
    throw new Undone();
  };
  try {
    await session.begin(run);
    throw new Error('a transaction that is undone was committed');
  } catch (error) {
    if (error instanceof Undone) return WRITTEN;
    return { state: sqlState(error), message: error instanceof Error ? error.message : '' };
  } finally {
    await session.end({ timeout: 5 });
  }
}

/** A temporary table with rows, which the triggers' owner may read, and lock as it locks the real one. */
const standIn = (name: string, columns: string, ...rows: readonly string[]) => [
  `create temporary table ${name} (${columns})`,
  `grant all on pg_temp.${name} to public`,
  ...rows.map((row) => `insert into pg_temp.${name} values (${row})`),
];

const saleOf = (machine: string, kiosk: string) => `
  insert into public.sales (enrolment_id, sequence, kiosk_id, merchant_id, counted, outcome, code, currency, masked_phone, accepted_at, settled_at)
  values ('${machine}', 1000, '${kiosk}', '${nothing}', false, 'refused', 'x', 'SGD', '', now(), now())`;

/** Like one that is there, but for what is named. */
const paymentOf = ({ allowance = 'allowance_id', transfer = 'null::pg_catalog.uuid', amount = 100 }) => `
  insert into public.payments (payment_hash, allowance_id, enrolment_id, sequence, merchant_id, counter, amount_minor,
    cumulative_minor, bytes, outcome, from_reserve_minor, from_guarantee_minor, settled_at, transfer_id)
  select sha256(payment_hash), ${allowance}, enrolment_id, 1000, merchant_id, 1000, ${amount}, ${amount}, bytes, 'settled',
    ${amount}, 0, settled_at, ${transfer}
  from public.payments where transfer_id = '${real.transfer}' order by sequence limit 1`;

const forged = (id: string) => `'${id}'::pg_catalog.uuid`;
const NO_JOURNAL = [
  ...standIn('journal_pieces', 'enrolment_id uuid, from_sequence integer, to_sequence integer'),
  ...standIn('kiosk_journal', 'enrolment_id uuid, sequence integer'),
];

const STOOD_FOR: readonly (readonly [string, () => Attempt, string, RegExp])[] = [
  [
    'a sale of a machine that is not there',
    () => ({
      role: 'tiki_worker',
      own: standIn('kiosk_enrolments', 'id uuid', `'${nothing}'`),
      write: saleOf(nothing, real.kiosk),
    }),
    ...[FOREIGN_KEY_VIOLATION, /^a row of sales names a machine that is not there$/],
  ] as const,
  [
    'a sale of a kiosk that is not there',
    () => ({
      role: 'tiki_worker',
      own: standIn('kiosks', 'id uuid', `'${nothing}'`),
      write: saleOf(real.machine, nothing),
    }),
    ...[FOREIGN_KEY_VIOLATION, /^a sale names a kiosk that is not there$/],
  ] as const,
  [
    'a payment of an allowance that is not there',
    () => ({
      role: 'tiki_worker',
      own: standIn('allowances', 'id uuid', `'${nothing}'`),
      write: paymentOf({ allowance: forged(nothing) }),
    }),
    ...[FOREIGN_KEY_VIOLATION, /^a payment names an allowance that is not there$/],
  ] as const,
  [
    'a payment by a transfer that is not there',
    () => ({
      role: 'tiki_worker',
      own: [
        ...standIn('ledger_transfers', 'id uuid, kind text', `'${nothing}', 'offline_payments'`),
        ...standIn(
          'ledger_entries',
          'id bigint, transfer_id uuid, account_id uuid, amount_minor bigint',
          `1, '${nothing}', '${real.account}', 100`,
        ),
      ],
      write: paymentOf({ transfer: forged(nothing) }),
    }),
    ...[FOREIGN_KEY_VIOLATION, /^a payment names transfer .*, which is none of payments$/],
  ] as const,
  [
    'a payment more by a transfer that has paid its own',
    () => ({
      role: 'tiki_worker',
      own: standIn('payments', 'transfer_id uuid', `'${real.transfer}'`),
      write: paymentOf({ transfer: forged(real.transfer), amount: 600 }),
    }),
    ...[CHECK_VIOLATION, /^the payments of transfer .* are not what it paid$/],
  ] as const,
  [
    'a second piece of a journal at one sequence',
    () => ({
      role: 'tiki_worker',
      own: NO_JOURNAL,
      write: `insert into public.journal_pieces (enrolment_id, from_sequence, to_sequence, entries, ends, kinds, received_at)
        values ('${real.machine}', 1, 1, '\\x00', '{1}', '\\x00', now())`,
    }),
    ...[UNIQUE_VIOLATION, /^the journal of machine .* has entries at 1 already$/],
  ] as const,
  [
    'an entry of a journal beside the piece that has it',
    () => ({
      role: 'tiki_worker',
      own: NO_JOURNAL,
      write: `insert into public.kiosk_journal (enrolment_id, sequence, hash, kind, bytes, recorded_at, received_at)
        values ('${real.machine}', 1, '\\x00', 0, '\\x00', now(), now())`,
    }),
    ...[UNIQUE_VIOLATION, /^the journal of machine .* has entries at 1 already$/],
  ] as const,
  [
    'a machine that goes from under its sales',
    () => ({
      role: 'tiki_app',
      given: [
        'grant delete on kiosk_enrolments to tiki_app',
        `insert into kiosk_enrolments select (jsonb_populate_record(k, jsonb_build_object(
          'id', '${nothing}', 'signing_public_key', '\\x00', 'ended_at', now(), 'ended_reason', 'replaced'))).*
          from kiosk_enrolments k where id = '${real.machine}'`,
        saleOf(nothing, real.kiosk),
      ],
      own: [
        ...NO_JOURNAL,
        ...standIn('payments', 'enrolment_id uuid'),
        ...standIn('sales', 'enrolment_id uuid'),
      ],
      write: `delete from public.kiosk_enrolments where id = '${nothing}'`,
    }),
    ...[FOREIGN_KEY_VIOLATION, /^DELETE on kiosk_enrolments is refused: rows of settlement name/],
  ] as const,
];

test.each(STOOD_FOR)(
  'a temporary table stands for nothing: refused is %s',
  async (_, made, state, message) => {
    expect(await attempt(made())).toEqual({ state, message: expect.stringMatching(message) });
  },
);

describe('code of a session never runs with the rights of the tables’ owner', () => {
  const peek = (takes = '') => `
    create function pg_temp.peek(${takes}) returns boolean language plpgsql as $$
    begin raise exception 'ran as %', current_user; end $$`;
  const domain = (name: string) => [
    peek(`pg_catalog.${name}`),
    `create domain pg_temp.${name} as pg_catalog.${name} check (pg_temp.peek(value))`,
    `grant usage on type pg_temp.${name} to public`,
  ];

  test('in a view under the name of a table', async () => {
    const refused = await attempt({
      role: 'tiki_worker',
      own: [
        peek(),
        `create temporary view kiosk_enrolments as select '${nothing}'::pg_catalog.uuid as id where pg_temp.peek()`,
        'grant all on pg_temp.kiosk_enrolments to public',
      ],
      write: saleOf(nothing, real.kiosk),
    });
    expect(refused).toMatchObject({ message: 'a row of sales names a machine that is not there' });
  });

  test('in a domain under the name of a variable’s type', async () => {
    const transfer = randomUUIDv7();
    const refused = await attempt({
      role: 'tiki_worker',
      own: domain('uuid'),
      write: `insert into public.ledger_transfers (id, kind, idempotency_key, content_hash, reference)
        values ('${transfer}', 'correction', '${transfer}', '\\x00', '{}')`,
    });
    expect(refused.message).toBe(`transfer ${transfer} has 0 entries and does not sum to zero`);
  });

  test('in a domain under the name that something is cast to', async () => {
    const told = await attempt({
      role: 'tiki_app',
      own: domain('text'),
      write: `update public.kiosks set status = 'denied' where id = '${real.kiosk}'`,
    });
    expect(told).toEqual(WRITTEN);
  });

  test('in what a table of its own hands to a trigger of ours', async () => {
    const ours = await server.database.owner<{ name: string }[]>`
      select p.oid::regprocedure::text as name from pg_proc p
      where pronamespace = 'public'::regnamespace and prosecdef and prorettype = 'trigger'::regtype order by 1`;
    expect(ours.map(({ name }) => name)).toContain('settlement_rows_refer()');
    for (const { name } of ours) {
      const made = await attempt({
        role: 'tiki_app',
        own: ['create temporary table mine (enrolment_id uuid)'],
        write: `create trigger t after insert on mine execute function ${name}`,
      });
      expect({ name, ...made }).toMatchObject({ name, state: INSUFFICIENT_PRIVILEGE });
    }
  });
});

/** Triggers without a path of their own, which run as who writes: each looks at its own row or at none, and calls nothing. */
const LOOKS_NOWHERE = [
  'account_events_refuse_change()',
  'kiosk_events_refuse_change()',
  'ledger_refuse_change()',
  'refund_only_forward()',
  'refund_sum_only_grows()',
  'settlement_rows_stay()',
];

interface Routine {
  readonly name: string;
  readonly source: string;
  readonly path: string | null;
}

/** Those of ours that act as their owner, are triggers, or have a path of their own. */
const routines = () => server.database.owner<Routine[]>`
  select p.oid::regprocedure::text as name, p.prosrc as source,
    (select substr(s, length('search_path=') + 1) from unnest(p.proconfig) s where s like 'search_path=%') as path
  from pg_proc p
  where p.pronamespace = 'public'::regnamespace
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    and (p.prosecdef or p.prorettype = 'trigger'::regtype or p.proconfig::text like '%search_path=%')
  order by 1`;

test('every function that acts as its owner or guards a table looks among temporary things last', async () => {
  const all = await routines();
  const looking = all.filter(({ name }) => !LOOKS_NOWHERE.includes(name));
  expect(looking.map(({ name }) => name)).toContain('settlement_rows_refer()');
  const first = looking.filter(({ path }) => path !== 'pg_catalog, public, pg_temp');
  expect(first.map(({ name, path }) => `${name}: ${path}`)).toEqual([]);
});

test('those that need no path ask nothing of any table', async () => {
  const exempt = (await routines()).filter(({ name }) => LOOKS_NOWHERE.includes(name));
  expect(exempt.map(({ name }) => name)).toEqual(LOOKS_NOWHERE);
  const asking = /\b(?:select|perform|from|into|update|insert|delete|execute|declare|call)\b|::/i;
  expect(exempt.filter(({ source }) => asking.test(source)).map(({ name }) => name)).toEqual([]);
});

test('narrowing takes the right to temporary tables from everybody, as often as it is asked', async () => {
  const wide = await freshDatabase({ isWide: true });
  try {
    const make = () =>
      wide.db.execute('create temporary table mine () on commit drop').then(
        () => 'made',
        (error: unknown) => sqlState(error),
      );
    expect(await make()).toBe('made');
    await migrate({ ownerUrl: wide.ownerUrl, narrows: true });
    await migrate({ ownerUrl: wide.ownerUrl, narrows: true });
    expect(await make()).toBe(INSUFFICIENT_PRIVILEGE);
  } finally {
    await wide.close();
  }
});
