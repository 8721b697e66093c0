/** How the installation is, on one screen: figures only, nobody's name. Reads only. */
import { sql } from 'drizzle-orm';
import type { OperatorOverview, PolicyView, ReconciliationView } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { trustState } from '../db/schema/trust.ts';
import { reconcile } from '../ledger/index.ts';
import { tillsThatCannotSeal } from '../kiosks/index.ts';
import { ProviderUnavailable } from '../money/port.ts';
import { listDamage } from '../settlement/index.ts';
import { nameDifference, reconcileProvider } from '../money/reconcile-provider.ts';

const SILENT_HOURS = 24;
/** With the books; the rest is asked for a page at a time. */
const DAMAGE_SHOWN = 30;

type Figures = Readonly<
  Record<
    | 'customers'
    | 'merchants'
    | 'suspended'
    | 'active'
    | 'tillsSuspended'
    | 'silent'
    | 'awaiting'
    | 'denied'
    | 'quarantined'
    | 'cannotSeal'
    | 'openCases'
    | 'notCovered'
    | 'guarantee'
    | 'openTopUps'
    | 'openWithdrawals'
    | 'smsSent',
    string
  >
> &
  Record<'lastEvent', string | null>;

export async function readOverview(context: ServerContext): Promise<OperatorOverview> {
  const { clock, config, db } = context;
  const now = new Date(clock.nowMs()).toISOString();
  const [found] = await db.execute<Figures & Record<string, unknown>>(sql`
    select
      (select count(*) from users where role = 'customer') as customers,
      (select count(*) from merchants) as merchants,
      (select count(*) from suspensions where ended_at is null) as suspended,
      (select count(*) from kiosks where status = 'active' and suspended_at is null) as active,
      (select count(*) from kiosks where status <> 'denied' and suspended_at is not null) as "tillsSuspended",
      (select count(*) from kiosks where status = 'active' and suspended_at is null
         and coalesce(last_contact_at, created_at) < ${now}::timestamptz - make_interval(hours => ${SILENT_HOURS})) as silent,
      (select count(*) from kiosks where status = 'awaiting_enrolment' and suspended_at is null) as awaiting,
      (select count(*) from kiosks where status = 'denied') as denied,
      (select count(*) from kiosk_enrolments where quarantined_at is not null and ended_at is null) as quarantined,
      ${tillsThatCannotSeal} as "cannotSeal",
      (select count(*) from double_spend_cases c where not exists
         (select from operator_acts a where a.subject_id = c.id and a.act = 'case_judged')) as "openCases",
      (select count(*) from claims where state = 'not_covered') as "notCovered",
      (select coalesce(sum(used_minor), 0) from guarantee_use
         where merchant_id = '00000000-0000-0000-0000-000000000000'
           and month = to_char(${now}::timestamptz at time zone 'UTC', 'YYYY-MM')) as guarantee,
      (select count(*) from top_ups where status = 'awaiting_payment') as "openTopUps",
      (select count(*) from withdrawals where requested_at is not null and finished_at is null) as "openWithdrawals",
      (select coalesce(sum(points), 0) from rate_limits where key = 'sms_in_all:all'
         and (expire is null or expire > ${now}::timestamptz)) as "smsSent",
      (select to_char(max(received_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from provider_events) as "lastEvent"`);
  if (found === undefined) throw new Error('the database answered nothing');
  const number = (name: Exclude<keyof Figures, 'lastEvent'>) => Number(found[name]);
  return {
    currency: config.currency,
    customerCount: number('customers'),
    merchantCount: number('merchants'),
    suspendedCount: number('suspended'),
    kiosks: {
      active: number('active'),
      silent: number('silent'),
      suspended: number('tillsSuspended'),
      awaiting: number('awaiting'),
      denied: number('denied'),
      quarantined: number('quarantined'),
      cannotSeal: number('cannotSeal'),
    },
    openCaseCount: number('openCases'),
    claimsNotCoveredCount: number('notCovered'),
    guarantee: {
      usedMonthMinor: found.guarantee,
      monthMinor: config.offline.guaranteeAllMonthMinor.toString(),
    },
    stripe: {
      isStandIn: config.stripe.isStandIn,
      isReachable: await answers(context),
      lastEventAt: found.lastEvent,
      openTopUpCount: number('openTopUps'),
      openWithdrawalCount: number('openWithdrawals'),
    },
    sms: { isStandIn: config.twilio.isStandIn, sentCount: number('smsSent'), dayBudget: config.smsPerDay },
  };
}

async function answers({ config, money }: ServerContext): Promise<boolean> {
  try {
    await money.readOwnBalance(config.currency);
    return true;
  } catch (error) {
    if (!(error instanceof ProviderUnavailable)) throw error;
    return false;
  }
}

/** The same questions as `node server/src/ledger/cli.ts reconcile`, once: what happens meanwhile may look like a difference. */
export async function readReconciliation({
  clock,
  config,
  db,
  money,
  offline,
}: ServerContext): Promise<ReconciliationView> {
  const { currency } = config;
  const books = await reconcile(db);
  const differences = await reconcileProvider({ db, money }, currency).catch((error: unknown) => {
    if (!(error instanceof ProviderUnavailable)) throw error;
    return null;
  });
  const now = new Date(clock.nowMs());
  const damage = await readDamage({ db, clock, offline }, { limit: DAMAGE_SHOWN });
  return {
    currency,
    isSound: books.sound,
    transferCount: Number(books.transferCount),
    entryCount: Number(books.entryCount),
    sums: books.sums.map(({ currency: of, sumMinor }) => ({ currency: of, sumMinor: sumMinor.toString() })),
    wrongBalanceCount: books.wrongBalances.length,
    unbalancedTransferCount: books.unbalancedTransfers.length,
    orphanEntryCount: Number(books.orphanEntryCount),
    refundFaultCount: books.refunds.faults.length,
    differences:
      differences?.map(({ code, accountId, expectedMinor, foundMinor }) => ({
        code,
        accountId,
        what: nameDifference({ code, accountId }),
        expectedMinor: expectedMinor.toString(),
        foundMinor: foundMinor.toString(),
      })) ?? null,
    damage: damage.items,
    nextDamageCursor: damage.nextCursor,
    at: now.toISOString(),
  };
}

/** A page of what damaged certificates did. @throws ApiProblem `request_invalid` for a cursor that is none of ours */
export async function readDamage(
  { clock, db, offline }: Pick<ServerContext, 'clock' | 'db' | 'offline'>,
  page: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const issuers = await offline.trust.issuers(db);
  return await listDamage(db, { ...page, issuers, now: new Date(clock.nowMs()) });
}

/** The rules in force; they are set where the server is started, not here. */
export async function readPolicy({ config, db }: ServerContext): Promise<PolicyView> {
  const [state] = await db.select({ version: trustState.denyListVersion }).from(trustState);
  const { offline, money, limits } = config;
  return {
    currency: config.currency,
    denyListVersion: state?.version ?? 0,
    sums: asText({
      topUpMin: limits.topUpMinMinor,
      topUpMax: limits.topUpMaxMinor,
      transferMax: limits.transferMaxMinor,
      allowanceMax: offline.allowance.maxMinor,
      allowanceOutstandingMax: offline.allowance.maxOutstandingMinor,
      walletPerPayment: offline.allowance.perPaymentMinor,
      kioskPerPayment: offline.kiosk.perPaymentMinor,
      kioskStoredSum: offline.kiosk.storedSumMinor,
      payerHour: offline.kiosk.hourSumMinor,
      payerDay: offline.kiosk.daySumMinor,
      guaranteeMerchantMonth: offline.guaranteeMonthMinor,
      guaranteeAllMonth: offline.guaranteeAllMonthMinor,
      withdrawalDayMax: money.customer.dayMaxMinor,
      payOutDayMax: money.merchant.dayMaxMinor,
      payOutCodeAbove: money.merchant.codeAboveMinor,
    }),
    numbers: {
      allowanceHours: offline.allowance.lifetimeSeconds / 3_600,
      kioskOfflineHours: offline.kiosk.maxOfflineSeconds / 3_600,
      kioskStoredCount: offline.kiosk.storedCount,
      claimWindowHours: offline.allowance.claimWindowSeconds / 3_600,
      holdHours: money.holdSeconds / 3_600,
      smsPerDay: config.smsPerDay,
    },
  };
}

function asText(sums: Readonly<Record<string, bigint>>): Record<string, string> {
  return Object.fromEntries(Object.entries(sums).map(([name, minor]) => [name, minor.toString()]));
}
