/**
 * Keys that the server makes for itself at its first start and keeps in the database, so that every process of an
 * installation has the same ones and none stands in the source.
 *
 * Owns: the table `server_keys` and its optional encryption. Never: logs or answers a key.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUIDv7 } from 'node:crypto';
import { and, desc, eq, gt, isNotNull, isNull, lte, or } from 'drizzle-orm';
import { z } from 'zod';
import type { Db } from './client.ts';
import { inTransaction } from './retry.ts';
import { serverKeys as table } from './schema/accounts.ts';

const Material = z.record(z.string(), z.string());
export type KeyMaterial = Readonly<Record<string, string>>;

export interface ServerKey {
  readonly kid: string;
  readonly material: KeyMaterial;
}

export interface ServerKeyOptions {
  readonly purpose: string;
  /** Makes the key when none exists yet, for one a private JWK. */
  readonly make: () => Promise<KeyMaterial> | KeyMaterial;
  /** TIKI_KEYS_SECRET: the stored form is encrypted with it. */
  readonly secret: string | undefined;
}

/** The current key of a purpose, made once per installation even when many processes start together. */
export async function serverKey(db: Db, options: ServerKeyOptions): Promise<ServerKey> {
  const current = and(eq(table.purpose, options.purpose), isNull(table.retiredAt));
  const [found] = await db.select().from(table).where(current);
  if (found !== undefined)
    return { kid: found.kid, material: unwrap(found.kid, found.material, options.secret) };
  await requireSecretOfOthers(db, options.secret);
  const kid = randomUUIDv7();
  const material = wrap(kid, await options.make(), options.secret);
  await db.insert(table).values({ kid, purpose: options.purpose, material }).onConflictDoNothing();
  const [kept] = await db.select().from(table).where(current);
  if (kept === undefined) throw new Error(`no key for ${options.purpose}`);
  return { kid: kept.kid, material: unwrap(kept.kid, kept.material, options.secret) };
}

/**
 * Of a purpose that has former keys: the current one first, then the newest that was retired. A former one that this secret does not
 * unwrap is left out: it is as good as gone, and the current one must not go with it.
 */
export async function serverKeys(
  db: Db,
  options: Pick<ServerKeyOptions, 'purpose' | 'secret'> & { readonly retiredSince: Date },
): Promise<readonly (ServerKey & { readonly retiredAt: Date | null })[]> {
  const inUse = or(isNull(table.retiredAt), gt(table.retiredAt, options.retiredSince));
  const rows = await db
    .select()
    .from(table)
    .where(and(eq(table.purpose, options.purpose), inUse))
    // Nulls first, as PostgreSQL sorts them downwards.
    .orderBy(desc(table.retiredAt), desc(table.kid));
  return rows.flatMap(({ kid, material, retiredAt }) => {
    try {
      return [{ kid, material: unwrap(kid, material, options.secret), retiredAt }];
    } catch (error) {
      if (retiredAt === null) throw error;
      return [];
    }
  });
}

/** Retires the current key and makes another. @param keeps how many former keys stay; those beyond are deleted */
export async function rotateServerKey(
  db: Db,
  options: ServerKeyOptions,
  { now, keeps }: { readonly now: Date; readonly keeps: number },
): Promise<void> {
  await requireSecretOfOthers(db, options.secret);
  const material = await options.make();
  await inTransaction(db, async (tx) => {
    const ofPurpose = eq(table.purpose, options.purpose);
    await tx
      .update(table)
      .set({ retiredAt: now })
      .where(and(ofPurpose, isNull(table.retiredAt)));
    const former = await tx
      .select({ kid: table.kid })
      .from(table)
      .where(and(ofPurpose, isNotNull(table.retiredAt)))
      .orderBy(desc(table.retiredAt), desc(table.kid))
      .for('update');
    for (const { kid } of former.slice(keeps)) await tx.delete(table).where(eq(table.kid, kid));
    const kid = randomUUIDv7();
    await tx
      .insert(table)
      .values({ kid, purpose: options.purpose, material: wrap(kid, material, options.secret) });
  });
}

/** @returns how many. */
export async function forgetServerKeys(
  db: Db,
  { purpose, retiredBefore }: { readonly purpose: string; readonly retiredBefore: Date },
): Promise<number> {
  const isOld = and(eq(table.purpose, purpose), lte(table.retiredAt, retiredBefore));
  return (await db.delete(table).where(isOld)).count;
}

const SECRET_MISSING = 'The keys in the database are encrypted: set TIKI_KEYS_SECRET.';

/** Who forgot the secret makes no key in clear beside encrypted ones. */
async function requireSecretOfOthers(db: Db, secret: string | undefined): Promise<void> {
  if (secret !== undefined) return;
  const stored = await db.select({ material: table.material }).from(table);
  if (stored.some(({ material }) => material.sealed !== undefined)) throw new Error(SECRET_MISSING);
}

function wrap(kid: string, material: KeyMaterial, secret: string | undefined): KeyMaterial {
  if (secret === undefined) return material;
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', wrappingKey(secret), nonce).setAAD(Buffer.from(kid));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(material), 'utf8'), cipher.final()]);
  return { sealed: Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url') };
}

function unwrap(kid: string, stored: KeyMaterial, secret: string | undefined): KeyMaterial {
  if (stored.sealed === undefined) return stored;
  if (secret === undefined) throw new Error(SECRET_MISSING);
  const bytes = Buffer.from(stored.sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', wrappingKey(secret), bytes.subarray(0, 12)).setAAD(
    Buffer.from(kid),
  );
  decipher.setAuthTag(bytes.subarray(12, 28));
  const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
  return Material.parse(JSON.parse(text));
}

function wrappingKey(secret: string): Buffer {
  return createHash('sha256').update(`tikiwallet server keys\n${secret}`).digest();
}
