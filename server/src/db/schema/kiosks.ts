/** Tables of kiosks: what a merchant created, and the machines that enrolled. Written by `kiosks/` and `settlement/`. */
import { sql } from 'drizzle-orm';
import {
  char,
  check,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { merchants, users } from './accounts.ts';
import { at, bytea, minor } from './columns.ts';

export type StoredKioskStatus = 'awaiting_enrolment' | 'active' | 'denied';
export type EnrolmentEnd = 'replaced' | 'denied';
export const KIOSK_EVENTS = ['suspended', 'resumed', 'denied'] as const;
export type KioskEventKind = (typeof KIOSK_EVENTS)[number];

export const kiosks = pgTable(
  'kiosks',
  {
    id: uuid('id').primaryKey(),
    merchantId: uuid('merchant_id')
      .notNull()
      .references(() => merchants.id),
    idempotencyKey: text('idempotency_key').notNull().unique('kiosks_idempotency_key'),
    name: text('name').notNull(),
    status: text('status').$type<StoredKioskStatus>().notNull().default('awaiting_enrolment'),
    currency: char('currency', { length: 3 }).notNull(),
    /** In clear, because the merchant's screen shows it again; gone once used, worthless after half an hour. */
    enrolmentCode: text('enrolment_code'),
    /** Stays after use, so that a lost answer can be asked for again with the same keys. */
    enrolmentCodeHash: bytea('enrolment_code_hash').unique('kiosks_enrolment_code'),
    enrolmentExpiresAt: at('enrolment_expires_at'),
    lastContactAt: at('last_contact_at'),
    /** Sells nothing for now, by its merchant's word. What it holds it hands in as ever. */
    suspendedAt: at('suspended_at'),
    createdAt: at('created_at').notNull(),
  },
  (t) => [
    index('kiosks_merchant').on(t.merchantId, t.createdAt),
    check('kiosks_status', sql`${t.status} in ('awaiting_enrolment', 'active', 'denied')`),
    check('kiosks_code', sql`${t.enrolmentCode} is null or ${t.enrolmentExpiresAt} is not null`),
  ],
);

/** What people did to a kiosk, and who. The application's role may add rows and change none. */
export const kioskEvents = pgTable(
  'kiosk_events',
  {
    /** In the order of time. */
    id: uuid('id').primaryKey(),
    kioskId: uuid('kiosk_id')
      .notNull()
      .references(() => kiosks.id),
    merchantId: uuid('merchant_id')
      .notNull()
      .references(() => merchants.id),
    kind: text('kind').$type<KioskEventKind>().notNull(),
    byUserId: uuid('by_user_id')
      .notNull()
      .references(() => users.id),
    at: at('at').notNull(),
  },
  (t) => [
    index('kiosk_events_kiosk').on(t.kioskId, t.id),
    check(
      'kiosk_events_kind',
      sql`${t.kind} in (${sql.raw(KIOSK_EVENTS.map((kind) => `'${kind}'`).join(', '))})`,
    ),
  ],
);

/** One machine with its keys and its journal. A kiosk has at most one that lives. */
export const kioskEnrolments = pgTable(
  'kiosk_enrolments',
  {
    id: uuid('id').primaryKey(),
    kioskId: uuid('kiosk_id')
      .notNull()
      .references(() => kiosks.id),
    merchantId: uuid('merchant_id')
      .notNull()
      .references(() => merchants.id),
    /** Ledger account of kind `merchant_available`. */
    merchantAccountId: uuid('merchant_account_id').notNull(),
    signingPublicKey: bytea('signing_public_key').notNull(),
    sealingPublicKey: bytea('sealing_public_key').notNull(),
    /** Hash of the code that it enrolled with last. */
    codeHash: bytea('code_hash').notNull(),
    /** Issue time of the newest trust bundle that it was given: it accepts nothing long after that. */
    lastBundleAt: at('last_bundle_at').notNull(),
    /** Highest journal sequence that is stored without a gap, and that entry's hash. */
    settledSequence: integer('settled_sequence').notNull().default(0),
    settledHash: bytea('settled_hash').notNull(),
    /** The deny list under which its journal up to `settledSequence` was closed: nothing older can still come. */
    reportedDenyListVersion: integer('reported_deny_list_version').notNull(),
    /** Its journal contradicted itself; nothing of it is taken until a person has looked. */
    quarantinedAt: at('quarantined_at'),
    /** Since when it hands in batches under a sealing key that is not known here; null once one is settled again. */
    sealingUnknownSince: at('sealing_unknown_since'),
    /** When it last did, to a minute. */
    sealingRefusedAt: at('sealing_refused_at'),
    enrolledAt: at('enrolled_at').notNull(),
    endedAt: at('ended_at'),
    endedReason: text('ended_reason').$type<EnrolmentEnd>(),
  },
  (t) => [
    uniqueIndex('kiosk_enrolments_living').on(t.kioskId).where(sql`${t.endedAt} is null`),
    unique('kiosk_enrolments_key').on(t.kioskId, t.signingPublicKey),
    index('kiosk_enrolments_sealing_unknown')
      .on(t.sealingUnknownSince)
      .where(sql`${t.sealingUnknownSince} is not null`),
    index('kiosk_enrolments_reported').on(t.reportedDenyListVersion).where(sql`${t.endedAt} is null`),
    check('kiosk_enrolments_end', sql`(${t.endedAt} is null) = (${t.endedReason} is null)`),
  ],
);

export const kioskTokens = pgTable(
  'kiosk_tokens',
  {
    /** SHA-256 of the 32 random bytes. */
    tokenHash: bytea('token_hash').primaryKey(),
    enrolmentId: uuid('enrolment_id')
      .notNull()
      .references(() => kioskEnrolments.id),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('kiosk_tokens_enrolment').on(t.enrolmentId)],
);

export const kioskCertificates = pgTable(
  'kiosk_certificates',
  {
    hash: bytea('hash').primaryKey(),
    enrolmentId: uuid('enrolment_id')
      .notNull()
      .references(() => kioskEnrolments.id),
    certificate: bytea('certificate').notNull(),
    notBefore: at('not_before').notNull(),
    notAfter: at('not_after').notNull(),
  },
  (t) => [index('kiosk_certificates_enrolment').on(t.enrolmentId, t.notAfter)],
);

/**
 * What a merchant wants of all its kiosks, a row for every change: the highest version is in force. Null: not limited. Money in the
 * currency of the installation; numbers and seconds beside it, all whole.
 */
export const merchantLimits = pgTable(
  'merchant_limits',
  {
    merchantId: uuid('merchant_id')
      .notNull()
      .references(() => merchants.id),
    version: integer('version').notNull(),
    setBy: uuid('set_by')
      .notNull()
      .references(() => users.id),
    setAt: at('set_at').notNull(),
    perPaymentMinor: minor('per_payment_minor'),
    storedSumMinor: minor('stored_sum_minor'),
    perAllowanceMinor: minor('per_allowance_minor'),
    firstPaymentMinor: minor('first_payment_minor'),
    newStandingMinor: minor('new_standing_minor'),
    splitSumMinor: minor('split_sum_minor'),
    hourSumMinor: minor('hour_sum_minor'),
    daySumMinor: minor('day_sum_minor'),
    storedCount: minor('stored_count'),
    maxOfflineSeconds: minor('max_offline_seconds'),
    splitCount: minor('split_count'),
    hourCount: minor('hour_count'),
    dayCount: minor('day_count'),
  },
  (t) => [
    primaryKey({ columns: [t.merchantId, t.version] }),
    check('merchant_limits_version', sql`${t.version} > 0`),
    check(
      'merchant_limits_positive',
      sql`least(${t.perPaymentMinor}, ${t.storedSumMinor}, ${t.perAllowanceMinor}, ${t.firstPaymentMinor}, ${t.newStandingMinor}, ${t.splitSumMinor}, ${t.hourSumMinor}, ${t.daySumMinor}, ${t.storedCount}, ${t.maxOfflineSeconds}, ${t.splitCount}, ${t.hourCount}, ${t.dayCount}) > 0`,
    ),
  ],
);
