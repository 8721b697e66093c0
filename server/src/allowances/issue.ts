/**
 * Money goes offline: the reserve is filled and the phone's key is certified for it in one database transaction, so
 * there is never a certificate without its money nor money without its certificate.
 *
 * Owns: new rows of `allowances`. Never: certifies a key whose holder has not signed for this very request.
 */
import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import {
  ASSURANCE,
  attempt,
  commitToPhone,
  decompressPoint,
  equalBytes,
  fromBase64Url,
  fromUuid,
  type PayeeLock,
  readAllowanceCertificate,
  signAllowanceCertificate,
  STANDING,
  verifyProofOfPossession,
} from '@tikiwallet/protocol';
import { maskForCertificate } from '../accounts/index.ts';
import type { ServerContext } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { users } from '../db/schema/accounts.ts';
import { allowances } from '../db/schema/allowances.ts';
import { debts } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { findAccount, lockBalances, openAccount, postTransfers } from '../ledger/index.ts';
import { freshOffline, readFreshMoney } from '../money/fresh-money.ts';
import { type AllowancePolicy, check, must, type Offline } from '../trust/index.ts';
import { assertCanBePaid } from './payee-lock.ts';
import type { AllowanceRow } from './views.ts';

export type AllowanceNeeds = Pick<ServerContext, 'db' | 'clock' | 'config'> & { readonly offline: Offline };

export interface AllowanceRequest {
  readonly userId: string;
  /** The request's Idempotency-Key: what the proof of possession is bound to. */
  readonly key: string;
  readonly amountMinor: bigint;
  /** base64url */
  readonly devicePublicKey: string;
  /** base64url */
  readonly proof: string;
  /** Null: every shop can be paid. */
  readonly payeeLock: PayeeLock | null;
}

/**
 * The same key with the same content answers the same allowance, for ever.
 * @throws ApiProblem `device_key_invalid`, `amount_below_minimum`, `amount_above_maximum`, `allowance_limit_reached`,
 *   `kiosk_not_found`, `kiosk_denied`, `currency_mismatch` (the payee lock), `insufficient_funds`, `debt_unpaid` (owes the guarantee fund), `money_on_hold`,
 *   `idempotency_key_reused`
 */
export function issueAllowance(needs: AllowanceNeeds, request: AllowanceRequest): Promise<AllowanceRow> {
  const devicePublicKey = readDeviceKey(request);
  const policy = needs.offline.policy.allowance;
  if (request.amountMinor < policy.minMinor) throw problem('amount_below_minimum');
  if (request.amountMinor > policy.maxMinor) throw problem('amount_above_maximum');
  return inTransaction(needs.db, async (tx) => {
    // One issue per user at a time: the limits below are sums over rows that a twin may be adding.
    await tx.execute(
      sql`select pg_advisory_xact_lock(hashtextextended(${`allowance ${request.userId}`}, 0))`,
    );
    const standing = await findIssued(tx, request);
    if (standing === undefined) {
      await assertWithinLimits(tx, request, { policy, now: new Date(needs.clock.nowMs()) });
      await assertNotOnHold(tx, needs, request);
      if (request.payeeLock !== null) await assertCanBePaid(tx, request.payeeLock, needs.config.currency);
      return issue(tx, needs, { ...request, devicePublicKey });
    }
    const isSame =
      standing.capMinor === request.amountMinor &&
      equalBytes(standing.devicePublicKey, devicePublicKey) &&
      standing.payeeMerchantId === (request.payeeLock?.merchantId ?? null) &&
      standing.payeeKioskId === (request.payeeLock?.kioskId ?? null);
    if (!isSame) throw problem('idempotency_key_reused');
    return standing;
  });
}

function readDeviceKey(request: AllowanceRequest): Uint8Array {
  const read = attempt(() => {
    const publicKey = fromBase64Url(request.devicePublicKey);
    decompressPoint(publicKey);
    return { publicKey, proof: fromBase64Url(request.proof) };
  });
  if (!read.ok) throw problem('device_key_invalid', { detail: read.code });
  const { publicKey, proof } = read.value;
  const proven = check(
    verifyProofOfPossession(proof, { publicKey, context: 'allowance', occasion: request.key }),
  );
  if (!proven.ok) throw problem('device_key_invalid', { detail: proven.code });
  return publicKey;
}

async function findIssued(tx: Tx, request: AllowanceRequest): Promise<AllowanceRow | undefined> {
  const [row] = await tx
    .select()
    .from(allowances)
    .where(and(eq(allowances.userId, request.userId), eq(allowances.idempotencyKey, request.key)));
  return row;
}

async function assertWithinLimits(
  tx: Tx,
  { userId, amountMinor }: AllowanceRequest,
  { policy, now }: { readonly policy: AllowancePolicy; readonly now: Date },
): Promise<void> {
  const held = sql<string>`coalesce(sum(${allowances.capMinor} - ${allowances.settledMinor} - ${allowances.returnedMinor}), 0)`;
  const active = sql<string>`count(*) filter (where ${allowances.status} = 'active' and ${allowances.notAfter} > ${now.toISOString()}::timestamptz)`;
  const [sums] = await tx
    .select({ outstanding: held, active })
    .from(allowances)
    .where(and(eq(allowances.userId, userId), sql`${allowances.status} <> 'closed'`));
  const outstandingMinor = BigInt(sums?.outstanding ?? '0');
  if (
    outstandingMinor + amountMinor > policy.maxOutstandingMinor ||
    Number(sums?.active ?? 0) >= policy.maxActive
  ) {
    throw problem('allowance_limit_reached');
  }
  const owes = await tx
    .select({ id: debts.id })
    .from(debts)
    .where(and(eq(debts.userId, userId), sql`${debts.recoveredMinor} < ${debts.amountMinor}`))
    .limit(1);
  if (owes.length > 0) throw problem('debt_unpaid');
}

/** A card's holder may still take fresh money back; what is offline then is gone. */
async function assertNotOnHold(
  tx: Tx,
  { clock, config }: AllowanceNeeds,
  { userId, amountMinor }: AllowanceRequest,
): Promise<void> {
  const { freshOfflineMinor, holdSeconds } = config.money;
  const { currency } = config;
  // Older money could otherwise be counted here and be gone when the reserve is filled.
  await lockBalances(tx, [await findAccount(tx, { kind: 'user_online', ownerId: userId, currency })]);
  const since = new Date(clock.nowMs() - holdSeconds * 1000);
  const fresh = await readFreshMoney(tx, { userId, currency, since });
  const isThere = amountMinor <= fresh.onlineMinor;
  if (isThere && freshOffline(fresh, amountMinor) > freshOfflineMinor) throw problem('money_on_hold');
}

type ProvenRequest = Omit<AllowanceRequest, 'devicePublicKey'> & { readonly devicePublicKey: Uint8Array };

async function issue(tx: Tx, needs: AllowanceNeeds, request: ProvenRequest): Promise<AllowanceRow> {
  const { userId, amountMinor, devicePublicKey, payeeLock } = request;
  const currency = needs.config.currency;
  const [user] = await tx
    .select({ phone: users.phone, createdAt: users.createdAt })
    .from(users)
    .where(eq(users.id, userId));
  if (user === undefined) throw problem('not_authenticated');
  const id = randomUUIDv7();
  const reserveAccountId = await fillReserve(tx, { id, userId, amountMinor, currency });
  const signed = certify(needs, { id, devicePublicKey, amountMinor, currency, user, payeeLock });
  const [row] = await tx
    .insert(allowances)
    .values({
      id,
      userId,
      idempotencyKey: request.key,
      currency,
      capMinor: amountMinor,
      reserveAccountId,
      devicePublicKey,
      payeeMerchantId: payeeLock?.merchantId ?? null,
      payeeKioskId: payeeLock?.kioskId ?? null,
      ...signed,
    })
    .returning();
  if (row === undefined) throw new Error('the allowance was not stored');
  return row;
}

interface Reserve {
  readonly id: string;
  readonly userId: string;
  readonly amountMinor: bigint;
  readonly currency: string;
}

async function fillReserve(tx: Tx, { id, userId, amountMinor, currency }: Reserve): Promise<string> {
  const reserve = { kind: 'allowance_reserve', ownerId: id, holderId: userId, currency } as const;
  const reserveAccountId = await openAccount(tx, reserve);
  const online = await findAccount(tx, { kind: 'user_online', ownerId: userId, currency });
  const entries = [
    { accountId: online, amountMinor: -amountMinor },
    { accountId: reserveAccountId, amountMinor },
  ];
  const [posted] = await postTransfers(tx, [
    {
      id: randomUUIDv7(),
      kind: 'allowance_load',
      idempotencyKey: `allowance_load:${id}`,
      reference: { allowanceId: id },
      entries,
    },
  ]);
  if (posted?.status === 'insufficient_funds') throw problem('insufficient_funds');
  if (posted?.status !== 'posted') throw new Error(`loading a new allowance was ${posted?.status}`);
  return reserveAccountId;
}

interface Certified {
  readonly id: string;
  readonly devicePublicKey: Uint8Array;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly user: { readonly phone: string; readonly createdAt: Date };
  readonly payeeLock: PayeeLock | null;
}

function certify({ clock, offline }: AllowanceNeeds, subject: Certified) {
  const policy = offline.policy.allowance;
  const { amountMinor } = subject;
  const notBefore = Math.floor(clock.nowMs() / 1000);
  const notAfter = notBefore + policy.lifetimeSeconds;
  const phoneSalt = new Uint8Array(randomBytes(16));
  const maskedPhone = maskForCertificate(subject.user.phone);
  const draft = {
    devicePublicKey: subject.devicePublicKey,
    currency: subject.currency,
    capMinor: amountMinor,
    perPaymentMinor: amountMinor < policy.perPaymentMinor ? amountMinor : policy.perPaymentMinor,
    firstCounter: 1,
    softCounterLimit: policy.softCounterLimit,
    hardCounterLimit: policy.hardCounterLimit,
    notBefore,
    notAfter,
    assurance: ASSURANCE.software,
    standing: standingOf(notBefore - subject.user.createdAt.getTime() / 1000, policy),
    maskedPhone,
    phoneCommitment: must(commitToPhone(subject.user.phone, phoneSalt)),
  };
  const ids = {
    issuerKeyId: offline.trust.issuerKeyId,
    allowanceId: fromUuid(subject.id),
    payeeLock: subject.payeeLock,
  };
  const certificate = must(signAllowanceCertificate(draft, ids), offline.trust.signAsIssuer);
  return {
    certificate,
    certificateHash: must(readAllowanceCertificate(certificate)).certificate.hash,
    phoneSalt,
    maskedPhone,
    notBefore: new Date(notBefore * 1000),
    notAfter: new Date(notAfter * 1000),
    returnsAt: new Date((notAfter + policy.claimWindowSeconds) * 1000),
    createdAt: new Date(clock.nowMs()),
  };
}

/** What the issuer says of the account behind the pseudonym: only its age, so that nobody is recognised by it. */
function standingOf(ageSeconds: number, policy: AllowancePolicy): number {
  if (ageSeconds >= policy.goodAfterSeconds) return STANDING.good;
  return ageSeconds >= policy.establishedAfterSeconds ? STANDING.established : STANDING.new;
}
