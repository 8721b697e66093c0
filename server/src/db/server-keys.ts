/**
 * Keys that the server makes for itself at its first start and keeps in the database, so that every process of an
 * installation has the same ones and none stands in the source.
 *
 * Owns: the table `server_keys` and its optional encryption. Never: logs or answers a key.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUIDv7 } from 'node:crypto';
import { and, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import type { Db } from './client.ts';
import { serverKeys } from './schema/accounts.ts';

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
  const current = and(eq(serverKeys.purpose, options.purpose), isNull(serverKeys.retiredAt));
  const [found] = await db.select().from(serverKeys).where(current);
  if (found !== undefined)
    return { kid: found.kid, material: unwrap(found.kid, found.material, options.secret) };
  const kid = randomUUIDv7();
  const material = wrap(kid, await options.make(), options.secret);
  await db.insert(serverKeys).values({ kid, purpose: options.purpose, material }).onConflictDoNothing();
  const [kept] = await db.select().from(serverKeys).where(current);
  if (kept === undefined) throw new Error(`no key for ${options.purpose}`);
  return { kid: kept.kid, material: unwrap(kept.kid, kept.material, options.secret) };
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
  if (secret === undefined) throw new Error('The keys in the database are encrypted: set TIKI_KEYS_SECRET.');
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
