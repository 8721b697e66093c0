/**
 * What the database knows and no single process does: queues, budgets, cases. Read when Prometheus asks.
 *
 * Owns: the questions, each of which an index answers. Never: more than one look in `FRESH_MS`, whoever asks how often.
 */
import { sql } from 'drizzle-orm';
import { Gauge, type Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/client.ts';
import type { Reading } from '../db/reading.ts';
import { tillsThatCannotSeal } from '../kiosks/index.ts';

const FRESH_MS = 10_000;

export interface DatabaseGauges {
  readonly registry: Registry;
  readonly reading: Pick<Reading, 'db'>;
  readonly clock: Clock;
  readonly smsPerDay: number;
  readonly guaranteeAllMonthMinor: bigint;
}

interface Figures extends Record<string, unknown> {
  readonly withdrawals_due: number;
  readonly withdrawals_oldest: number;
  readonly top_ups_waiting: number;
  readonly sms_used: number;
  readonly kiosks_quarantined: number;
  readonly kiosks_cannot_seal: number;
  readonly double_spends: number;
  readonly guarantee_used: string;
  readonly open_disputes: number;
  readonly database_bytes: string;
}

/** Every process answers the same: take `max` over them. */
export function addDatabaseGauges({ registry, reading, clock, ...limits }: DatabaseGauges): void {
  // prom-client asks all metrics at once, so each waits for the same look.
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, registers: [registry], collect: () => lookIfStale() });
  const up = gauge('tikiwallet_db_up', 'Whether the database answered the last look: 1 or 0');
  const due = gauge(
    'tikiwallet_withdrawals_in_progress',
    'Withdrawals and pay-outs whose next step is due or planned',
  );
  const oldest = gauge(
    'tikiwallet_withdrawals_oldest_due_seconds',
    'For how long the most overdue step has waited',
  );
  const topUps = gauge('tikiwallet_top_ups_waiting', 'Top-ups that await the provider');
  const smsUsed = gauge('tikiwallet_sms_budget_used', 'SMS of the current day, whoever asked for them');
  const smsMax = gauge('tikiwallet_sms_budget_max', 'SMS that a day may cost (TIKI_SMS_PER_DAY)');
  const quarantined = gauge('tikiwallet_kiosks_quarantined', 'Kiosks whose journal contradicted itself');
  const cannotSeal = gauge(
    'tikiwallet_kiosks_cannot_seal',
    'Kiosks that settle nothing because they seal to a key that is not known here',
  );
  const doubles = gauge('tikiwallet_double_spend_cases', 'Proven double spends, ever');
  const guaranteeUsed = gauge(
    'tikiwallet_guarantee_month_used_minor',
    'What the guarantee fund paid this month',
  );
  const guaranteeMax = gauge('tikiwallet_guarantee_month_max_minor', 'What it may pay in a month');
  const disputes = gauge('tikiwallet_disputes_open', 'Top-ups that their card holders contest');
  const bytes = gauge('tikiwallet_db_size_bytes', 'Size of the database on disk');
  smsMax.set(limits.smsPerDay);
  // oxlint-disable-next-line tikiwallet/no-float-money -- a gauge is a float, and nothing is decided by it
  guaranteeMax.set(Number(limits.guaranteeAllMonthMinor));

  let readAtMs: number | null = null;
  let looking: Promise<void> | null = null;
  const look = async () => {
    try {
      const row = await read(reading.db(), clock);
      due.set(row.withdrawals_due);
      oldest.set(row.withdrawals_oldest);
      topUps.set(row.top_ups_waiting);
      smsUsed.set(row.sms_used);
      quarantined.set(row.kiosks_quarantined);
      cannotSeal.set(row.kiosks_cannot_seal);
      doubles.set(row.double_spends);
      guaranteeUsed.set(Number(row.guarantee_used));
      disputes.set(row.open_disputes);
      bytes.set(Number(row.database_bytes));
      up.set(1);
    } catch {
      // The alert on this gauge says it better than a log line at every scrape.
      up.set(0);
    }
  };
  const lookIfStale = async () => {
    if (readAtMs !== null && performance.now() - readAtMs < FRESH_MS) return;
    looking ??= look().finally(() => {
      readAtMs = performance.now();
      looking = null;
    });
    await looking;
  };
}

async function read(db: Db, clock: Clock): Promise<Figures> {
  const now = new Date(clock.nowMs()).toISOString();
  const month = now.slice(0, 7);
  const [row] = await db.execute<Figures>(sql`
    select
      (select count(*)::int from withdrawals where next_step_at is not null) as withdrawals_due,
      (select greatest(0, coalesce(extract(epoch from ${now}::timestamptz - min(next_step_at)), 0))::int
         from withdrawals where next_step_at is not null) as withdrawals_oldest,
      (select count(*)::int from top_ups where status = 'awaiting_payment') as top_ups_waiting,
      (select coalesce(max(points), 0)::int from rate_limits where key = 'sms_in_all:all' and expire > now()) as sms_used,
      (select count(*)::int from kiosk_enrolments where quarantined_at is not null and ended_at is null) as kiosks_quarantined,
      ${tillsThatCannotSeal} as kiosks_cannot_seal,
      (select count(*)::int from double_spend_cases) as double_spends,
      (select coalesce(max(used_minor), 0)::text from guarantee_use
        where merchant_id = '00000000-0000-0000-0000-000000000000' and month = ${month}) as guarantee_used,
      (select count(*)::int from top_up_disputes where state = 'open') as open_disputes,
      pg_database_size(current_database())::text as database_bytes`);
  if (row === undefined) throw new Error('the database answered no row');
  return row;
}
