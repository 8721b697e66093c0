/**
 * A machine becomes a kiosk: the code is the authority, once, for one pair of keys.
 *
 * Owns: enrolments and tokens. Never: enrols a second machine with a used code, stores a token in clear, or hands out
 * a trust bundle older than the deny list that the enrolment is recorded under.
 */
import { createHash, randomBytes, randomUUIDv7 } from 'node:crypto';
import { and, eq, isNull } from 'drizzle-orm';
import {
  attempt,
  decompressPoint,
  equalBytes,
  fromBase64Url,
  GENESIS_HASH,
  toBase64Url,
  verifyProofOfPossession,
} from '@tikiwallet/protocol';
import type { EnrolBody, EnrolResult } from '../../contract/index.ts';
import type { z } from 'zod';
import type { ServerContext } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { merchants, users } from '../db/schema/accounts.ts';
import { kioskEnrolments, kiosks, kioskTokens } from '../db/schema/kiosks.ts';
import { problem } from '../http/problem.ts';
import { openAccount } from '../ledger/index.ts';
import { check, holdDenyListVersion, type Offline } from '../trust/index.ts';
import { hashCode, readCode } from './enrolment-code.ts';
import { currentCertificate } from './kiosk-certificates.ts';
import { signedMerchantLimits } from './merchant-limits.ts';

type Needs = Pick<ServerContext, 'db' | 'clock' | 'config' | 'sealing'> & { readonly offline: Offline };

interface Keys {
  readonly signingPublicKey: Uint8Array;
  readonly sealingPublicKey: Uint8Array;
}

/**
 * A repeat with the same code and keys answers the same enrolment with another token; both tokens work.
 * @throws ApiProblem `enrolment_code_incorrect`, `enrolment_code_expired`, `kiosk_denied`, `kiosk_suspended`, `device_key_invalid`
 */
export async function enrol(needs: Needs, body: z.output<typeof EnrolBody>): Promise<EnrolResult> {
  const code = readCode(body.code);
  if (code === null) throw problem('enrolment_code_incorrect');
  const keys = readKeys(body, code);
  const token = randomBytes(32);
  const enrolled = await inTransaction(needs.db, (tx) => enrolInside(tx, needs, { code, keys, token }));
  const { trust } = needs.offline;
  const bundle = await trust.bundle();
  const issuedAt = Math.floor(bundle.issuedAt.getTime() / 1000);
  const shop = { merchantId: enrolled.merchant.id, currency: enrolled.currency, issuedAt };
  const limits = await signedMerchantLimits(needs.db, trust, shop);
  const sealingKey = await needs.sealing.offered(bundle);
  return {
    ...enrolled,
    rootPublicKey: toBase64Url(trust.rootPublicKey),
    trustBundle: toBase64Url(bundle.bytes),
    kioskToken: token.toString('base64url'),
    walletOrigins: [needs.config.publicOrigin],
    merchantLimits: limits === null ? null : toBase64Url(limits),
    sealingKey: sealingKey === null ? null : toBase64Url(sealingKey),
  };
}

function readKeys(body: z.output<typeof EnrolBody>, code: string): Keys {
  const read = attempt(() => {
    const keys = {
      signingPublicKey: fromBase64Url(body.signingPublicKey),
      sealingPublicKey: fromBase64Url(body.sealingPublicKey),
    };
    decompressPoint(keys.signingPublicKey);
    decompressPoint(keys.sealingPublicKey);
    return { keys, proof: fromBase64Url(body.proof) };
  });
  if (!read.ok) throw problem('device_key_invalid', { detail: read.code });
  const { keys, proof } = read.value;
  const expected = { publicKey: keys.signingPublicKey, context: 'kiosk', occasion: code } as const;
  const proven = check(verifyProofOfPossession(proof, expected));
  if (!proven.ok) throw problem('device_key_invalid', { detail: proven.code });
  return keys;
}

interface Attempt {
  readonly code: string;
  readonly keys: Keys;
  readonly token: Uint8Array;
}

async function enrolInside(tx: Tx, needs: Needs, { code, keys, token }: Attempt) {
  const now = new Date(needs.clock.nowMs());
  const codeHash = hashCode(code);
  const [found] = await tx
    .select({
      kiosk: kiosks,
      merchant: {
        id: merchants.id,
        businessName: merchants.businessName,
        phone: users.phone,
        ownerId: users.id,
      },
    })
    .from(kiosks)
    .innerJoin(merchants, eq(merchants.id, kiosks.merchantId))
    .innerJoin(users, eq(users.id, merchants.ownerUserId))
    .where(eq(kiosks.enrolmentCodeHash, codeHash))
    // Not its key: the machine that lives may be settling, names the till for that, and is waited for.
    .for('no key update', { of: kiosks });
  if (found === undefined) throw problem('enrolment_code_incorrect');
  const { kiosk, merchant } = found;
  if (kiosk.status === 'denied') throw problem('kiosk_denied');
  if (kiosk.suspendedAt !== null) throw problem('kiosk_suspended');
  if (kiosk.enrolmentExpiresAt === null || kiosk.enrolmentExpiresAt <= now)
    throw problem('enrolment_code_expired');
  const enrolmentId = await openEnrolment(tx, { kiosk, ownerId: merchant.ownerId, codeHash, keys, now });
  await tx.insert(kioskTokens).values({ tokenHash: hashToken(token), enrolmentId, createdAt: now });
  await tx
    .update(kiosks)
    .set({ status: 'active', enrolmentCode: null, lastContactAt: now })
    .where(eq(kiosks.id, kiosk.id));
  const machine = { enrolmentId, kioskId: kiosk.id, ...keys };
  const certificate = await currentCertificate(tx, needs.offline, machine, Math.floor(now.getTime() / 1000));
  const { ownerId: _, ...shownMerchant } = merchant;
  return {
    kioskId: kiosk.id,
    kioskName: kiosk.name,
    merchant: shownMerchant,
    currency: kiosk.currency,
    certificate: toBase64Url(certificate),
  };
}

interface Opening {
  readonly kiosk: typeof kiosks.$inferSelect;
  readonly ownerId: string;
  readonly codeHash: Uint8Array;
  readonly keys: Keys;
  readonly now: Date;
}

/** The enrolment of these keys: the one that lives, one that comes back with its journal, or a new one. */
async function openEnrolment(tx: Tx, { kiosk, ownerId, codeHash, keys, now }: Opening): Promise<string> {
  const known = await tx.select().from(kioskEnrolments).where(eq(kioskEnrolments.kioskId, kiosk.id));
  const living = known.find((row) => row.endedAt === null);
  const same = known.find((row) => equalBytes(row.signingPublicKey, keys.signingPublicKey));
  const samePair = same !== undefined && equalBytes(same.sealingPublicKey, keys.sealingPublicKey);
  if (same !== undefined && !samePair)
    throw problem('device_key_invalid', { detail: 'the sealing key is another one' });
  // The code was used: it opens the same enrolment again and nothing else.
  if (kiosk.enrolmentCode === null && (living === undefined || living !== same))
    throw problem('enrolment_code_incorrect');
  if (living !== undefined && living !== same) {
    await tx
      .update(kioskEnrolments)
      .set({ endedAt: now, endedReason: 'replaced' })
      .where(and(eq(kioskEnrolments.kioskId, kiosk.id), isNull(kioskEnrolments.endedAt)));
  }
  if (same !== undefined) {
    const back = { endedAt: null, endedReason: null, codeHash, lastBundleAt: now };
    await tx.update(kioskEnrolments).set(back).where(eq(kioskEnrolments.id, same.id));
    return same.id;
  }
  const account = {
    kind: 'merchant_available',
    ownerId: kiosk.merchantId,
    holderId: ownerId,
    currency: kiosk.currency,
  } as const;
  const id = randomUUIDv7();
  await tx.insert(kioskEnrolments).values({
    id,
    kioskId: kiosk.id,
    merchantId: kiosk.merchantId,
    merchantAccountId: await openAccount(tx, account),
    ...keys,
    codeHash,
    lastBundleAt: now,
    settledHash: GENESIS_HASH,
    // An empty journal holds nothing of anybody denied so far, and its first bundle lists them all.
    reportedDenyListVersion: await holdDenyListVersion(tx),
    enrolledAt: now,
  });
  return id;
}

export function hashToken(token: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(token).digest());
}
