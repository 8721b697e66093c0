/**
 * Moves money from the online to the offline wallet. The order (amount, key, proof) is on disk before it is sent and
 * repeated word by word under one idempotency key, so a lost answer or a reload can neither move money twice nor
 * lose the certificate for it.
 */
import {
  ASSURANCE,
  equalBytes,
  fromHex,
  opensPhoneCommitment,
  runAsync,
  signProofOfPossession,
  toBase64Url,
  verifyAllowanceCertificate,
  type AllowanceCertificate,
  type TrustBundle,
} from '@tikiwallet/protocol';
import type { Allowance } from '@tikiwallet/server/contract';
import { ApiError } from '../api/problems.ts';
import type { Endpoints } from '../api/endpoints.ts';
import type { DeviceKey, KeyOwner } from '../keys/device-key.ts';
import { checkIntegrity, ensureEpoch } from '../store/integrity.ts';
import { dropIntent, putIntent, storeLoadedAllowance } from '../store/records.ts';
import type { Intent, KeyGuard, Payee, Profile, StoredAllowance } from '../store/schema.ts';
import { WalletError } from './codes.ts';
import type { PayNeeds } from './needs.ts';
import { decoded, must } from './results.ts';

export type LoadIntent = Extract<Intent, { kind: 'load' }>;

/** What the person decided; `payee` is null for money that every shop takes. */
export interface LoadOrder {
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly payee: Payee | null;
}

export interface LoadNeeds extends PayNeeds {
  /** Makes or opens the key that the load is certified for. @throws WalletError `unlock_needed` */
  readonly ensureKey: (owner: KeyOwner) => Promise<DeviceKey>;
  readonly api: Pick<Endpoints, 'issueAllowance'>;
  readonly profile: Profile;
  readonly trust: TrustBundle;
}

/** Decides: makes the key if there is none, proves it for this occasion, and stores the order. @throws WalletError */
export async function orderLoad(
  order: LoadOrder & { readonly guard: KeyGuard },
  needs: LoadNeeds,
): Promise<LoadIntent> {
  const integrity = await checkIntegrity(needs.database, needs.mirrors);
  if (integrity !== 'intact')
    throw new WalletError(integrity === 'lost' ? 'store_lost' : 'store_rolled_back');
  const userId = needs.profile.id;
  const epoch = await ensureEpoch(needs.database, needs.mirrors);
  const deviceKey = await needs.ensureKey({ userId, epoch, guard: order.guard });
  const key = crypto.randomUUID();
  const possession = { publicKey: deviceKey.publicKey, context: 'allowance', occasion: key } as const;
  const proof = await must(runAsync(signProofOfPossession(possession), needs.crypto, deviceKey.sign));
  const intent: LoadIntent = {
    kind: 'load',
    key,
    userId,
    createdAtMs: needs.clock.nowMs(),
    amountMinor: order.amountMinor.toString(),
    currency: order.currency,
    keyId: deviceKey.id,
    guard: order.guard,
    devicePublicKey: toBase64Url(deviceKey.publicKey),
    // ECDSA signs differently each time: a repeat must carry the proof that was sent first.
    proof: toBase64Url(proof),
    payee: order.payee,
  };
  await putIntent(needs.database, intent);
  return intent;
}

/**
 * Sends the order, now or after a restart, and keeps the certificate once it is verified: frozen, when its key is no
 * longer one to sign with. @throws WalletError
 */
export async function finishLoad(intent: LoadIntent, needs: LoadNeeds): Promise<StoredAllowance> {
  let answer: Allowance;
  try {
    answer = await needs.api.issueAllowance(intent);
  } catch (error) {
    if (error instanceof ApiError && !error.isUndecided) await dropIntent(needs.database, intent.key);
    throw error;
  }
  const allowance = await verified(intent, answer, needs);
  return await storeLoadedAllowance(needs.database, allowance, intent.key);
}

/** The cloud's word for it is not enough: the certificate must be the issuer's and say what was ordered. */
async function verified(intent: LoadIntent, answer: Allowance, needs: LoadNeeds): Promise<StoredAllowance> {
  const bytes = decoded(answer.certificate);
  const phoneSalt = decoded(answer.phoneSalt);
  const certificate = await must(
    runAsync(verifyAllowanceCertificate(bytes, needs.trust.issuers), needs.crypto),
  );
  const opens = await must(
    runAsync(opensPhoneCommitment(certificate.phoneCommitment, needs.profile.phone, phoneSalt), needs.crypto),
  );
  if (!opens || !saysWhatWasOrdered(certificate, intent, answer))
    throw new WalletError('certificate_differs_from_order');
  return {
    id: certificate.allowanceId,
    userId: intent.userId,
    keyId: intent.keyId,
    guard: intent.guard,
    certificate: bytes,
    certificateHash: certificate.hash,
    currency: certificate.currency,
    capMinor: certificate.capMinor,
    perPaymentMinor: certificate.perPaymentMinor,
    firstCounter: certificate.firstCounter,
    softCounterLimit: certificate.softCounterLimit,
    hardCounterLimit: certificate.hardCounterLimit,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    payeeLock: certificate.payeeLock,
    ...(intent.payee === null ? {} : { payeeName: intent.payee.name }),
    phoneSalt,
    state: 'active',
    cloudStatus: answer.status,
    deniedFor: answer.deniedFor,
    returnsBy: answer.returnsBy,
    lastCounter: certificate.firstCounter - 1,
    cumulativeMinor: 0n,
    lastHash: certificate.hash,
    loadedAtMs: needs.clock.nowMs(),
    closingStatement: null,
  };
}

function saysWhatWasOrdered(
  certificate: AllowanceCertificate,
  intent: LoadIntent,
  answer: Allowance,
): boolean {
  return (
    certificate.allowanceId === answer.id &&
    certificate.capMinor === BigInt(intent.amountMinor) &&
    certificate.currency === intent.currency &&
    certificate.payeeLock?.merchantId === intent.payee?.lock.merchantId &&
    certificate.payeeLock?.kioskId === intent.payee?.lock.kioskId &&
    equalBytes(certificate.devicePublicKey, fromHex(intent.keyId)) &&
    certificate.assurance >= ASSURANCE.software
  );
}
