/**
 * A batch that comes again is answered with the bytes that it was answered with, unless the issuer's key was rotated
 * since: a kiosk that has met the newer key believes the old one nothing any more, and would send for ever.
 *
 * Never: changes what was acknowledged.
 */
import {
  equalBytes,
  type IssuerCertificate,
  signSettlementAcknowledgement,
  verifySettlementAcknowledgement,
} from '@tikiwallet/protocol';
import type { Clock } from '../clock.ts';
import type { Executor } from '../db/client.ts';
import { check, must, type Trust } from '../trust/index.ts';

export interface AcknowledgeAgainNeeds {
  readonly executor: Executor;
  readonly clock: Clock;
  readonly trust: Trust;
}

export async function acknowledgeAgain(needs: AcknowledgeAgainNeeds, known: Uint8Array): Promise<Uint8Array> {
  const { trust } = needs;
  const nowSeconds = Math.floor(needs.clock.nowMs() / 1000);
  const issuers = await trust.issuers(needs.executor);
  const ours = issuers.filter((issuer) => equalBytes(issuer.keyId, trust.issuerKeyId));
  const [current] = ours;
  if (current === undefined) throw new Error('the issuer key that signs here was never certified');
  const asItStands = { trust: { issuers: ours, signer: current }, nowSeconds };
  if (check(verifySettlementAcknowledgement(known, asItStands)).ok) return known;
  // Whoever of us signed it, and however long ago: it is our own word, only to be said again.
  const anyOfUs = { trust: { issuers, signer: oldest(issuers, current) }, nowSeconds: 0 };
  const said = must(verifySettlementAcknowledgement(known, anyOfUs));
  const again = { ...said, issuedAt: nowSeconds };
  return must(signSettlementAcknowledgement(again, trust.issuerKeyId), trust.signAsIssuer);
}

function oldest(issuers: readonly IssuerCertificate[], first: IssuerCertificate): IssuerCertificate {
  return issuers.reduce((a, b) => (b.generation < a.generation ? b : a), first);
}
