/**
 * What a kiosk fetches whenever it has internet: the newest bundle, what goes beside it, and its certificate, renewed in good time. A denied
 * one gets the bundle that lists it, so that it stops by a signed word, and its certificate of before, never a new one. A suspended one
 * gets only the key that it seals what it took to: without news its trust ages, so that also a program that does not listen comes to an end.
 */
import { eq } from 'drizzle-orm';
import { toBase64Url } from '@tikiwallet/protocol';
import type { KioskTrust } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { inTransaction } from '../db/retry.ts';
import { kioskEnrolments } from '../db/schema/kiosks.ts';
import { type ApiProblem, problem } from '../http/problem.ts';
import type { BundleName, Offline } from '../trust/index.ts';
import type { KnownKiosk } from './authenticate-kiosk.ts';
import { currentCertificate, lastCertificate } from './kiosk-certificates.ts';
import { signedMerchantLimits } from './merchant-limits.ts';

type Needs = Pick<ServerContext, 'db' | 'clock' | 'config' | 'sealing'> & { readonly offline: Offline };

/** It gets no trust; but what it took must settle, also when the key that it knows was taken back. */
async function suspended({ offline, sealing }: Needs): Promise<ApiProblem> {
  const key = await sealing.offered(await offline.trust.bundle());
  return problem('kiosk_suspended', key === null ? {} : { members: { sealingKey: toBase64Url(key) } });
}

/**
 * @param since the bundle that the kiosk has; null asks for everything.
 * @throws ApiProblem `kiosk_suspended`
 */
export async function trustForKiosk(
  needs: Needs,
  kiosk: KnownKiosk,
  since: BundleName | null,
): Promise<KioskTrust> {
  const { db, clock, config, offline, sealing } = needs;
  if (kiosk.isSuspended) throw await suspended(needs);
  const { bundle, bytes } = await offline.trust.update(since);
  const issuedAt = Math.max(Math.floor(clock.nowMs() / 1000), Math.floor(bundle.issuedAt.getTime() / 1000));
  const shop = { merchantId: kiosk.merchantId, currency: config.currency, issuedAt };
  const limits = await signedMerchantLimits(db, offline.trust, shop);
  const sealingKey = await sealing.offered(bundle);
  const certificate = await inTransaction(db, async (tx) => {
    if (kiosk.isDenied) return lastCertificate(tx, kiosk.enrolmentId);
    // Until then it may accept payments: noted before the bundle is handed out.
    await tx
      .update(kioskEnrolments)
      .set({ lastBundleAt: bundle.issuedAt })
      .where(eq(kioskEnrolments.id, kiosk.enrolmentId));
    return currentCertificate(tx, offline, kiosk, Math.floor(clock.nowMs() / 1000));
  });
  return {
    trustBundle: bytes === null ? null : toBase64Url(bytes),
    certificate: toBase64Url(certificate),
    walletOrigins: [config.publicOrigin],
    merchantLimits: limits === null ? null : toBase64Url(limits),
    sealingKey: sealingKey === null ? null : toBase64Url(sealingKey),
  };
}
