/** Tables of the people: registrations, users, merchants and their teams, sessions. Written by `accounts/` only. */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

export type UserRole = 'customer' | 'merchant' | 'operator';
export type StoredTeamRole = 'owner' | 'manager' | 'cashier';
export type SessionEnd =
  | 'logged_out'
  | 'ended_elsewhere'
  | 'refresh_token_reused'
  | 'credentials_changed'
  | 'account_closed';
export type CodePurpose = 'withdrawal' | 'pin_reset' | 'log_in' | StoredStepUpAct;
export type StoredStepUpAct = 'bank_account' | 'phone_change' | 'account_closing';
export type ClientKind = 'browser' | 'agent';

const at = (name: string) => timestamp(name, { withTimezone: true });

export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    role: text('role').$type<UserRole>().notNull(),
    /** E.164. */
    phone: text('phone').notNull().unique('users_phone'),
    username: text('username').notNull(),
    /** argon2id as a PHC string. */
    passwordHash: text('password_hash').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
    /** The number was changed without the old one: nothing goes to a bank before this. */
    withdrawalsFrom: at('withdrawals_from'),
    /** Closed for good: number, name and password are gone; the id stays, because the ledger names it. */
    closedAt: at('closed_at'),
  },
  (t) => [
    uniqueIndex('users_username').on(sql`lower(${t.username})`),
    check('users_role', sql`${t.role} in ('customer', 'merchant', 'operator')`),
  ],
);

export const merchants = pgTable('merchants', {
  id: uuid('id').primaryKey(),
  ownerUserId: uuid('owner_user_id')
    .notNull()
    .unique('merchants_owner')
    .references(() => users.id),
  businessName: text('business_name').notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
});

/** Who works for which merchant, and as what. A row is ended, never deleted: it says who could do what, and when. */
export const teamMembers = pgTable(
  'team_members',
  {
    id: uuid('id').primaryKey(),
    merchantId: uuid('merchant_id')
      .notNull()
      .references(() => merchants.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    role: text('role').$type<StoredTeamRole>().notNull(),
    /** Null for the owner, who registered the business. */
    addedBy: uuid('added_by').references(() => users.id),
    addedAt: at('added_at').notNull(),
    endedBy: uuid('ended_by').references(() => users.id),
    endedAt: at('ended_at'),
  },
  (t) => [
    // Nobody works for two: a session then never has to say for whom it acts.
    uniqueIndex('team_members_living').on(t.userId).where(sql`${t.endedAt} is null`),
    uniqueIndex('team_members_owner')
      .on(t.merchantId)
      .where(sql`${t.role} = 'owner' and ${t.endedAt} is null`),
    index('team_members_merchant').on(t.merchantId),
    check('team_members_role', sql`${t.role} in ('owner', 'manager', 'cashier')`),
    check('team_members_end', sql`(${t.endedAt} is null) = (${t.endedBy} is null)`),
  ],
);

/** A place in a team, offered to whoever proves this number. */
export const teamInvitations = pgTable(
  'team_invitations',
  {
    id: uuid('id').primaryKey(),
    merchantId: uuid('merchant_id')
      .notNull()
      .references(() => merchants.id),
    /** E.164. */
    phone: text('phone').notNull(),
    role: text('role').$type<Exclude<StoredTeamRole, 'owner'>>().notNull(),
    invitedBy: uuid('invited_by')
      .notNull()
      .references(() => users.id),
    createdAt: at('created_at').notNull(),
    expiresAt: at('expires_at').notNull(),
    endedAt: at('ended_at'),
    endedReason: text('ended_reason').$type<'accepted' | 'declined' | 'withdrawn'>(),
  },
  (t) => [
    uniqueIndex('team_invitations_open').on(t.merchantId, t.phone).where(sql`${t.endedAt} is null`),
    index('team_invitations_phone').on(t.phone).where(sql`${t.endedAt} is null`),
    check('team_invitations_role', sql`${t.role} in ('manager', 'cashier')`),
    check('team_invitations_end', sql`(${t.endedAt} is null) = (${t.endedReason} is null)`),
  ],
);

/** Someone who asked to register and has not proved the phone yet. */
export const registrations = pgTable(
  'registrations',
  {
    id: uuid('id').primaryKey(),
    role: text('role').$type<UserRole>().notNull(),
    phone: text('phone').notNull(),
    username: text('username').notNull(),
    passwordHash: text('password_hash').notNull(),
    businessName: text('business_name'),
    /** The provider's id of the running verification. */
    verificationId: text('verification_id'),
    checkCount: integer('check_count').notNull().default(0),
    sentCount: integer('sent_count').notNull().default(0),
    lastSentAt: at('last_sent_at'),
    expiresAt: at('expires_at').notNull(),
    completedAt: at('completed_at'),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [
    index('registrations_expiry').on(t.expiresAt),
    check('registrations_business_name', sql`${t.role} <> 'merchant' or ${t.businessName} is not null`),
  ],
);

/**
 * One log-in and its family of refresh tokens. The tokens are not stored: a token is (session, sequence) under a
 * MAC, and the row only says which sequence is the living one.
 */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    client: text('client').$type<ClientKind>().notNull(),
    sequence: integer('sequence').notNull().default(0),
    rotatedAt: at('rotated_at').notNull(),
    createdAt: at('created_at').notNull(),
    /** Six hours after log-in, whatever is refreshed. */
    expiresAt: at('expires_at').notNull(),
    revokedAt: at('revoked_at'),
    revokedReason: text('revoked_reason').$type<SessionEnd>(),
    /** The browser's own key: an uncompressed P-256 point in base64url. */
    proofKey: text('proof_key'),
    /** The highest count that the key has signed. */
    proofCount: integer('proof_count').notNull().default(0),
    provedAt: at('proved_at'),
    /** For the person's own list: browser and system, as the browser names them. Nothing finer is kept. */
    deviceName: text('device_name'),
  },
  (t) => [
    index('sessions_user').on(t.userId),
    check('sessions_client', sql`${t.client} in ('browser', 'agent')`),
  ],
);

/**
 * The one code by SMS that a person who is known to us waits for, and what it is for: it confirms nothing else. For an act that is
 * done in a session it turns, once typed, into a proof that the act uses up.
 */
export const ownerCodes = pgTable(
  'owner_codes',
  {
    userId: uuid('user_id')
      .primaryKey()
      .references(() => users.id),
    purpose: text('purpose').$type<CodePurpose>().notNull(),
    /** What exactly: the session that asked, the withdrawal, the log-in. */
    subject: text('subject').notNull(),
    /** The provider's. */
    verificationId: text('verification_id').notNull(),
    checkCount: integer('check_count').notNull().default(0),
    expiresAt: at('expires_at').notNull(),
    /** The right code was typed. */
    provedAt: at('proved_at'),
  },
  (t) => [check('owner_codes_checks', sql`${t.checkCount} between 0 and 5`)],
);

/** Somebody who says that they forgot a password, and has not proved the phone yet. */
export const passwordResets = pgTable(
  'password_resets',
  {
    id: uuid('id').primaryKey(),
    /** Null: the number has no account. The row is there all the same, so that nobody can tell. */
    userId: uuid('user_id').references(() => users.id),
    verificationId: text('verification_id'),
    /** From a device that the owner has used before. */
    isKnownDevice: boolean('is_known_device').notNull(),
    checkCount: integer('check_count').notNull().default(0),
    expiresAt: at('expires_at').notNull(),
    usedAt: at('used_at'),
    createdAt: at('created_at').notNull(),
  },
  (t) => [
    index('password_resets_expiry').on(t.expiresAt),
    check('password_resets_checks', sql`${t.checkCount} between 0 and 5`),
  ],
);

/** A new number that is being proved by a person who is signed in. */
export const phoneChanges = pgTable(
  'phone_changes',
  {
    /** One at a time. */
    userId: uuid('user_id')
      .primaryKey()
      .references(() => users.id),
    sessionId: uuid('session_id').notNull(),
    /** E.164. */
    phone: text('phone').notNull(),
    provedBy: text('proved_by').$type<'old_number' | 'password'>().notNull(),
    verificationId: text('verification_id'),
    checkCount: integer('check_count').notNull().default(0),
    expiresAt: at('expires_at').notNull(),
  },
  (t) => [check('phone_changes_checks', sql`${t.checkCount} between 0 and 5`)],
);

export const ACCOUNT_EVENTS = [
  'password_reset',
  'pin_reset',
  'phone_changed',
  'signed_out_everywhere',
  'account_closed',
] as const;
export type AccountEventKind = (typeof ACCOUNT_EVENTS)[number];

/** What changed who may act for an account, and when. Append-only, and without numbers, names or codes, so that it may stay. */
export const accountEvents = pgTable(
  'account_events',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    kind: text('kind').$type<AccountEventKind>().notNull(),
    /** By which proof, where there are several ways. */
    proof: text('proof'),
    sessionId: uuid('session_id'),
    at: at('at').notNull(),
  },
  (t) => [
    index('account_events_user').on(t.userId, t.at),
    check(
      'account_events_kind',
      sql`${t.kind} in (${sql.raw(ACCOUNT_EVENTS.map((kind) => `'${kind}'`).join(', '))})`,
    ),
  ],
);

/** Keys that the server makes for itself at its first start, so that none stands in the source. */
export const serverKeys = pgTable(
  'server_keys',
  {
    kid: text('kid').primaryKey(),
    purpose: text('purpose').notNull(),
    /** A JWK, or the same encrypted when TIKI_KEYS_SECRET is set. */
    material: jsonb('material').$type<Readonly<Record<string, string>>>().notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
    retiredAt: at('retired_at'),
  },
  (t) => [uniqueIndex('server_keys_current').on(t.purpose).where(sql`${t.retiredAt} is null`)],
);
