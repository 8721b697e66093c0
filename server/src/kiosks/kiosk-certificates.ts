/**
 * Kiosk certificates: the issuer's word for a shop's name, number and keys.
 *
 * Owns: the table `kiosk_certificates`. Never: certifies a name that could pretend to be something else on a
 * customer's screen.
 */
import { desc, eq } from 'drizzle-orm';
import {
  attempt,
  checkIssuerNotRevoked,
  fromUuid,
  MAX_NAME_BYTES,
  signKioskCertificate,
  verifyKioskCertificate,
} from '@tikiwallet/protocol';
import type { Tx } from '../db/client.ts';
import { users, merchants } from '../db/schema/accounts.ts';
import { kioskCertificates, kiosks } from '../db/schema/kiosks.ts';
import { must, type Offline, readRevokedIssuers } from '../trust/index.ts';

export interface EnrolledMachine {
  readonly enrolmentId: string;
  readonly kioskId: string;
  readonly signingPublicKey: Uint8Array;
  readonly sealingPublicKey: Uint8Array;
}

/** The newest certificate of a machine as it stands. */
export async function lastCertificate(tx: Tx, enrolmentId: string): Promise<Uint8Array> {
  const newest = await newestOf(tx, enrolmentId);
  if (newest === undefined) throw new Error(`enrolment ${enrolmentId} was never certified`);
  return newest.certificate;
}

async function newestOf(tx: Tx, enrolmentId: string) {
  const [newest] = await tx
    .select()
    .from(kioskCertificates)
    .where(eq(kioskCertificates.enrolmentId, enrolmentId))
    // Not by its end: one of before may have been given longer, and what took its place must not be forgotten for it.
    .orderBy(desc(kioskCertificates.notBefore), desc(kioskCertificates.notAfter))
    .limit(1);
  return newest;
}

/** The newest certificate of a machine, renewed when less than a third of its life is left. */
export async function currentCertificate(
  tx: Tx,
  offline: Offline,
  machine: EnrolledMachine,
  nowSeconds: number,
): Promise<Uint8Array> {
  const newest = await newestOf(tx, machine.enrolmentId);
  if (newest !== undefined) {
    const life = newest.notAfter.getTime() - newest.notBefore.getTime();
    const isYoung = newest.notAfter.getTime() - nowSeconds * 1000 >= life / 3;
    if (isYoung && !(await isOfIssuerPast(tx, offline, newest.certificate))) return newest.certificate;
  }
  return certify(tx, offline, machine, nowSeconds);
}

/**
 * At once, not when the moment has come: a kiosk may not be back in reach until then. Likewise where the key has left the
 * bundle: the kiosk could not verify its own certificate any more, and would take no newer bundle with it.
 */
async function isOfIssuerPast(tx: Tx, { trust }: Offline, certificate: Uint8Array): Promise<boolean> {
  const facts = { issuers: await trust.issuersInForce(tx), revokedIssuers: await readRevokedIssuers(tx) };
  return !attempt(() => checkIssuerNotRevoked(certificate, facts, Number.POSITIVE_INFINITY)).ok;
}

async function certify(
  tx: Tx,
  offline: Offline,
  machine: EnrolledMachine,
  nowSeconds: number,
): Promise<Uint8Array> {
  const { trust, policy } = offline;
  const [shop] = await tx
    .select({
      merchantId: merchants.id,
      name: merchants.businessName,
      phone: users.phone,
      currency: kiosks.currency,
    })
    .from(kiosks)
    .innerJoin(merchants, eq(merchants.id, kiosks.merchantId))
    .innerJoin(users, eq(users.id, merchants.ownerUserId))
    .where(eq(kiosks.id, machine.kioskId));
  if (shop === undefined) throw new Error(`kiosk ${machine.kioskId} has no merchant`);
  const notAfter = nowSeconds + policy.kioskCertificateSeconds;
  const draft = {
    merchantName: certifiedName(shop.name),
    merchantPhone: shop.phone,
    currency: shop.currency,
    signingPublicKey: machine.signingPublicKey,
    sealingPublicKey: machine.sealingPublicKey,
    perPaymentMinor: policy.kiosk.perPaymentMinor,
    notBefore: nowSeconds,
    notAfter,
  };
  const ids = {
    issuerKeyId: trust.issuerKeyId,
    merchantId: fromUuid(shop.merchantId),
    kioskId: fromUuid(machine.kioskId),
  };
  const certificate = must(signKioskCertificate(draft, ids), trust.signAsIssuer);
  const { hash } = must(verifyKioskCertificate(certificate, await trust.issuers(tx)));
  await tx
    .insert(kioskCertificates)
    .values({
      hash,
      enrolmentId: machine.enrolmentId,
      certificate,
      notBefore: new Date(nowSeconds * 1000),
      notAfter: new Date(notAfter * 1000),
    })
    // The same second and the same content: the certificate that stands says the same.
    .onConflictDoNothing();
  return certificate;
}

/**
 * A display name as it may stand on a stranger's phone: no control, formatting or direction-changing characters,
 * single spaces, cut at whole characters to the protocol's bound (R29).
 */
export function certifiedName(name: string): string {
  const plain = name
    .normalize('NFC')
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  let cut = '';
  for (const character of plain) {
    if (Buffer.byteLength(cut + character) > MAX_NAME_BYTES) break;
    cut += character;
  }
  return cut;
}
