/** Tables of trust: issuer certificates, the deny list and the newest trust bundle. Written by `trust/` only. */
import { sql } from 'drizzle-orm';
import { check, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { at, bytea } from './columns.ts';

export type DeniedKind = 'allowance' | 'kiosk';
export type DenialReason = 'closing' | 'double_spend' | 'lost' | 'operator';

/** One row. Whoever changes the deny list or the bundle locks it, so that versions appear in their order. */
export const trustState = pgTable(
  'trust_state',
  {
    id: integer('id').primaryKey().default(1),
    /** 33-byte compressed point: what every kiosk and phone of this installation has pinned. */
    rootPublicKey: bytea('root_public_key').notNull(),
    denyListVersion: integer('deny_list_version').notNull().default(0),
    bundleVersion: integer('bundle_version').notNull().default(0),
    bundleBytes: bytea('bundle_bytes'),
    bundleIssuedAt: at('bundle_issued_at'),
    bundleDenyListVersion: integer('bundle_deny_list_version'),
    /** Hash of policy and signing key: another one makes a new bundle. */
    bundleBasis: text('bundle_basis'),
  },
  (t) => [check('trust_state_single', sql`${t.id} = 1`)],
);

/** Every bundle that was signed lately, so that who has one can be sent the difference. */
export const trustBundles = pgTable('trust_bundles', {
  version: integer('version').primaryKey(),
  denyListVersion: integer('deny_list_version').notNull(),
  issuedAt: at('issued_at').notNull(),
  /** Of the list in it, as page 09 says. */
  listHash: bytea('list_hash').notNull(),
});

/** Issuer generations whose certificates end early: their key leaked, or may have. */
export const revokedIssuers = pgTable(
  'revoked_issuers',
  {
    generation: integer('generation').primaryKey(),
    /** From then on nothing that it certified is accepted. */
    honouredUntil: at('honoured_until').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [check('revoked_issuers_generation', sql`${t.generation} > 0`)],
);

export const issuerCertificates = pgTable(
  'issuer_certificates',
  {
    keyId: bytea('key_id').notNull(),
    notBefore: at('not_before').notNull(),
    notAfter: at('not_after').notNull(),
    publicKey: bytea('public_key').notNull(),
    certificate: bytea('certificate').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.keyId, t.notBefore] })],
);

export const deniedSubjects = pgTable(
  'denied_subjects',
  {
    kind: text('kind').$type<DeniedKind>().notNull(),
    subjectId: uuid('subject_id').notNull(),
    /** The deny list's version from which on it is listed. */
    version: integer('version').notNull(),
    reason: text('reason').$type<DenialReason>().notNull(),
    /** After this its certificate has long expired and the list may leave it out; null for ever. */
    listedUntil: at('listed_until'),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.kind, t.subjectId] }),
    index('denied_subjects_until').on(t.listedUntil),
    check('denied_subjects_kind', sql`${t.kind} in ('allowance', 'kiosk')`),
    check('denied_subjects_reason', sql`${t.reason} in ('closing', 'double_spend', 'lost', 'operator')`),
  ],
);
