/**
 * What a merchant wants of all its kiosks: read, set, and signed for a kiosk.
 *
 * Owns: the table `merchant_limits`. Never: forgets a former version, or lets one of two writers undo the other unseen.
 */
import { desc, eq } from 'drizzle-orm';
import {
  MAX_AMOUNT_MINOR,
  MAX_COUNTER,
  MONEY_LIMITS,
  NUMBER_LIMITS,
  type LimitSettings,
  type Policy,
  signMerchantLimits,
} from '@tikiwallet/protocol';
import type { z } from 'zod';
import type { MerchantLimitsView, SetMerchantLimitsBody } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db, Executor } from '../db/client.ts';
import { merchantLimits } from '../db/schema/kiosks.ts';
import { problem } from '../http/problem.ts';
import { must, type Trust } from '../trust/index.ts';

/** The currency of the installation, and what the service allows every kiosk. */
export interface LimitsGround {
  readonly currency: string;
  readonly service: Policy;
}
export interface MerchantLimitsNeeds extends LimitsGround {
  readonly db: Db;
  readonly clock: Clock;
}

type Row = typeof merchantLimits.$inferSelect;
const NAMES = [...MONEY_LIMITS, ...NUMBER_LIMITS] as const;

export async function readMerchantLimits(
  needs: LimitsGround & { readonly db: Executor },
  merchantId: string,
): Promise<MerchantLimitsView> {
  return toView(await newest(needs.db, merchantId), needs);
}

/**
 * @throws ApiProblem `limits_changed` when another version than `basedOn` is in force, `request_invalid` for a value that no limit can
 *   have
 */
export async function setMerchantLimits(
  needs: MerchantLimitsNeeds,
  by: { readonly merchantId: string; readonly userId: string },
  { basedOn, limits }: z.output<typeof SetMerchantLimitsBody>,
): Promise<MerchantLimitsView> {
  const { db, clock } = needs;
  const wanted = readValues(limits);
  const former = await newest(db, by.merchantId);
  // Also a repeat after a lost answer.
  if (former !== null && NAMES.every((name) => former[name] === (wanted[name] ?? null)))
    return toView(former, needs);
  if ((former?.version ?? 0) !== basedOn) throw problem('limits_changed');
  const setAt = new Date(clock.nowMs());
  const [set] = await db
    .insert(merchantLimits)
    .values({ merchantId: by.merchantId, version: basedOn + 1, setBy: by.userId, setAt, ...wanted })
    .onConflictDoNothing()
    .returning();
  // Somebody else was faster by less than a query.
  if (set === undefined) throw problem('limits_changed');
  return toView(set, needs);
}

/** The limits in force as a kiosk of this merchant takes them, signed now; null when none were ever set. */
export async function signedMerchantLimits(
  executor: Executor,
  trust: Trust,
  kiosk: { readonly merchantId: string; readonly currency: string; readonly issuedAt: number },
): Promise<Uint8Array | null> {
  const { merchantId, currency, issuedAt } = kiosk;
  const row = await newest(executor, merchantId);
  if (row === null) return null;
  const draft = { merchantId, version: row.version, issuedAt, currency, limits: settingsOf(row) };
  return must(signMerchantLimits(draft, trust.issuerKeyId), trust.signAsIssuer);
}

async function newest(executor: Executor, merchantId: string): Promise<Row | null> {
  const [row] = await executor
    .select()
    .from(merchantLimits)
    .where(eq(merchantLimits.merchantId, merchantId))
    .orderBy(desc(merchantLimits.version))
    .limit(1);
  return row ?? null;
}

type Values<T> = Partial<Record<(typeof NAMES)[number], T>>;

function readValues(limits: z.output<typeof SetMerchantLimitsBody>['limits']): Values<bigint> {
  const most = (name: (typeof NAMES)[number]) =>
    MONEY_LIMITS.some((money) => money === name) ? MAX_AMOUNT_MINOR : BigInt(MAX_COUNTER);
  const entries = NAMES.flatMap((name) => {
    const written = limits[name];
    if (written === undefined) return [];
    const value = BigInt(written);
    if (value > most(name)) throw problem('request_invalid', { detail: `limits.${name}: too high` });
    return [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

function settingsOf(row: Row): LimitSettings {
  const money = MONEY_LIMITS.flatMap((name) => {
    const value = row[name];
    return value === null ? [] : [[name, value] as const];
  });
  const numbers = NUMBER_LIMITS.flatMap((name) => {
    const value = row[name];
    return value === null ? [] : [[name, Number(value)] as const];
  });
  return { ...Object.fromEntries(money), ...Object.fromEntries(numbers) };
}

function toView(row: Row | null, { currency, service }: LimitsGround): MerchantLimitsView {
  return {
    version: row?.version ?? 0,
    currency,
    limits: valuesOf(row ?? {}),
    service: valuesOf(service),
    splitWindowSeconds: service.splitWindowSeconds,
    setAt: row?.setAt.toISOString() ?? null,
  };
}

function valuesOf(of: Partial<Record<(typeof NAMES)[number], bigint | number | null>>): Values<string> {
  const entries = NAMES.flatMap((name) => {
    const value = of[name] ?? null;
    return value === null ? [] : [[name, value.toString()] as const];
  });
  return Object.fromEntries(entries);
}
