/**
 * Who this kiosk is and whom it trusts: enrolment, certificates by hash, the pinned root, the newest trust bundle.
 * Everything is verified from the pinned root before it is stored, and again when it is read back. Never replaces
 * the root, and never takes an older bundle.
 */
import {
  attempt,
  checkIssuerNotRevoked,
  checkNotOlder,
  CLOCK_TOLERANCE_SECONDS,
  equalBytes,
  fromBase64Url,
  runSync,
  toHex,
  verifyIssuerCertificate,
  verifyKioskCertificate,
  verifyTrustRecord,
  verifyTrustUpdate,
  type KioskCertificate,
  type RefusalCode,
  type SyncCrypto,
  type TrustBundle,
} from '@tikiwallet/protocol';
import type { EnrolResult, KioskTrust } from '@tikiwallet/server/contract';
import { z } from 'zod';
import { Quarantined } from './faults.ts';
import type { KioskDatabase } from './open-database.ts';
import { ownBytes } from './rows.ts';

export interface EnrolledKiosk {
  readonly kioskId: string;
  readonly name: string;
  readonly rootPublicKey: Uint8Array;
  /** What new requests are signed under. */
  readonly certificate: KioskCertificate;
  /** By hex hash; requests of a former certificate can still be paid and settled. */
  readonly certificates: ReadonlyMap<string, KioskCertificate>;
  readonly trust: TrustBundle;
  readonly kioskToken: string;
  readonly walletOrigins: readonly string[];
}

export interface OwnKeys {
  readonly signingPublicKey: Uint8Array;
  readonly sealingPublicKey: Uint8Array;
}

export interface KioskRecordOptions {
  readonly crypto: SyncCrypto;
  readonly own: OwnKeys;
  readonly wallMs: () => number;
}

/** Why something that the cloud sent was not believed. */
export type TrustRefusal = RefusalCode | 'certificate_is_for_another_kiosk';

export class TrustRefused extends Error {
  override readonly name = 'TrustRefused';
  readonly code: TrustRefusal;
  constructor(code: TrustRefusal) {
    super(code);
    this.code = code;
  }
}

interface Row {
  readonly kiosk_id: string;
  readonly name: string;
  readonly root_public_key: Buffer;
  readonly certificate_hash: Buffer;
  readonly trust_bundle: Buffer;
  readonly kiosk_token: string;
  readonly wallet_origins: string;
}

export class KioskRecord {
  readonly #crypto: SyncCrypto;
  readonly #own: OwnKeys;
  readonly #wallMs: () => number;
  readonly #statements;

  constructor(db: KioskDatabase, options: KioskRecordOptions) {
    this.#crypto = options.crypto;
    this.#own = options.own;
    this.#wallMs = options.wallMs;
    this.#statements = prepare(db);
  }

  /** Null before enrolment. @throws Quarantined when what is stored does not verify from its own root. */
  load(): EnrolledKiosk | null {
    const row = this.#statements.kiosk.get();
    if (row === undefined) return null;
    const rootPublicKey = ownBytes(row.root_public_key);
    const trust = runSync(verifyTrustRecord(ownBytes(row.trust_bundle), rootPublicKey), this.#crypto);
    if (!trust.ok) throw new Quarantined('trust_record_invalid', `trust bundle: ${trust.code}`);
    const certificates = new Map<string, KioskCertificate>();
    for (const stored of this.#statements.certificates.all()) {
      const certificate = runSync(
        verifyKioskCertificate(ownBytes(stored.bytes), trust.value.issuers),
        this.#crypto,
      );
      // An issuer of years ago may have left the bundle; its certificate is then history, and nothing new uses it.
      if (certificate.ok) certificates.set(toHex(certificate.value.hash), certificate.value);
    }
    const certificate =
      certificates.get(toHex(row.certificate_hash)) ?? this.#formerOf(row, trust.value, rootPublicKey);
    if (certificate === undefined)
      throw new Quarantined('trust_record_invalid', 'the kiosk certificate does not verify');
    if (!this.#isOurs(certificate)) {
      throw new Quarantined(
        'keys_do_not_match_certificate',
        'the key files are not those that were enrolled',
      );
    }
    return {
      kioskId: row.kiosk_id,
      name: row.name,
      rootPublicKey,
      certificate,
      certificates,
      trust: trust.value,
      kioskToken: row.kiosk_token,
      walletOrigins: z.array(z.string()).parse(JSON.parse(row.wallet_origins)),
    };
  }

  /** A denied kiosk may have outlived its issuer: what was certified is then read by the issuers of its days. */
  #formerOf(row: Row, trust: TrustBundle, rootPublicKey: Uint8Array): KioskCertificate | undefined {
    if (!trust.deniedKiosks.has(row.kiosk_id)) return undefined;
    const issuers = this.#statements.issuers.all().flatMap(({ bytes }) => {
      const issuer = runSync(verifyIssuerCertificate(ownBytes(bytes), rootPublicKey), this.#crypto);
      return issuer.ok ? [issuer.value] : [];
    });
    for (const { bytes } of this.#statements.certificates.all()) {
      const certificate = runSync(verifyKioskCertificate(ownBytes(bytes), issuers), this.#crypto);
      if (certificate.ok && equalBytes(certificate.value.hash, row.certificate_hash))
        return certificate.value;
    }
    return undefined;
  }

  /** Inside the caller's transaction. The root in the answer is pinned from here on. @throws TrustRefused */
  enrol(answer: EnrolResult, atSeconds: number): EnrolledKiosk {
    const rootPublicKey = decode(answer.rootPublicKey);
    const trust = this.#takeBundle(decode(answer.trustBundle), { rootPublicKey, trust: null });
    const certificate = this.#verifyOwn(decode(answer.certificate), trust, answer.kioskId);
    if (certificate.merchantId !== answer.merchant.id || certificate.currency !== answer.currency) {
      throw new TrustRefused('certificate_is_for_another_kiosk');
    }
    this.#statements.insertCertificate.run(
      certificate.hash,
      certificate.bytes,
      certificate.notAfter,
      atSeconds,
    );
    this.#keepIssuers(trust, atSeconds);
    this.#statements.insertKiosk.run(
      answer.kioskId,
      answer.kioskName,
      rootPublicKey,
      certificate.hash,
      trust.bytes,
      trust.version,
      trust.signer.generation,
      answer.kioskToken,
      JSON.stringify(answer.walletOrigins),
      atSeconds,
    );
    return {
      kioskId: answer.kioskId,
      name: answer.kioskName,
      rootPublicKey,
      certificate,
      certificates: new Map([[toHex(certificate.hash), certificate]]),
      trust,
      kioskToken: answer.kioskToken,
      walletOrigins: answer.walletOrigins,
    };
  }

  /** Inside the caller's transaction: the newest bundle and certificate. @throws TrustRefused */
  refresh(known: EnrolledKiosk, answer: KioskTrust, atSeconds: number): EnrolledKiosk {
    const bundle =
      answer.trustBundle === null ? known.trust : this.#takeBundle(decode(answer.trustBundle), known);
    const certificate = this.#newest(decode(answer.certificate), bundle, known);
    if (
      certificate.merchantId !== known.certificate.merchantId ||
      certificate.currency !== known.certificate.currency
    ) {
      throw new TrustRefused('certificate_is_for_another_kiosk');
    }
    // One that a cloud with a wrong clock signed for later would otherwise outlive every right one.
    const isOfTheFuture = known.certificate.notBefore > bundle.issuedAt + CLOCK_TOLERANCE_SECONDS;
    const isRenewed =
      !equalBytes(certificate.hash, known.certificate.hash) &&
      (certificate.notAfter >= known.certificate.notAfter ||
        isOfTheFuture ||
        (!this.#isHonoured(known.certificate, bundle) && this.#isHonoured(certificate, bundle)));
    const current = isRenewed ? certificate : known.certificate;
    if (isRenewed)
      this.#statements.insertCertificate.run(
        certificate.hash,
        certificate.bytes,
        certificate.notAfter,
        atSeconds,
      );
    // A database of an earlier version has kept none before.
    this.#keepIssuers(known.trust, atSeconds);
    this.#keepIssuers(bundle, atSeconds);
    this.#statements.updateKiosk.run(
      current.hash,
      bundle.bytes,
      bundle.version,
      bundle.signer.generation,
      JSON.stringify(answer.walletOrigins),
    );
    return {
      ...known,
      certificate: current,
      certificates: new Map([...known.certificates, [toHex(current.hash), current]]),
      trust: bundle,
      walletOrigins: answer.walletOrigins,
    };
  }

  /** A later bundle may name fewer; who checks the journal then needs them all. */
  #keepIssuers(bundle: TrustBundle, atSeconds: number): void {
    for (const { bytes } of bundle.issuers) this.#statements.insertIssuer.run(bytes, atSeconds);
  }

  /** Verified, and fit to take the place of the one in force. */
  #takeBundle(
    bytes: Uint8Array,
    known: { readonly rootPublicKey: Uint8Array; readonly trust: TrustBundle | null },
  ): TrustBundle {
    const bundle = runSync(verifyTrustUpdate(bytes, known.rootPublicKey, known.trust), this.#crypto);
    if (!bundle.ok) throw new TrustRefused(bundle.code);
    const nowSeconds = Math.floor(this.#wallMs() / 1000);
    const follows = attempt(() => checkNotOlder(bundle.value, known.trust, { nowSeconds }));
    if (!follows.ok) throw new TrustRefused(follows.code);
    return bundle.value;
  }

  /** Who is denied gets no new certificate: that its issuer has left the bundle must not keep the word of the denial out. */
  #newest(bytes: Uint8Array, bundle: TrustBundle, known: EnrolledKiosk): KioskCertificate {
    const isDenied = bundle.deniedKiosks.has(known.kioskId);
    if (isDenied && equalBytes(bytes, known.certificate.bytes)) return known.certificate;
    return this.#verifyOwn(bytes, bundle, known.kioskId);
  }

  #verifyOwn(bytes: Uint8Array, trust: TrustBundle, kioskId: string): KioskCertificate {
    const certificate = runSync(verifyKioskCertificate(bytes, trust.issuers), this.#crypto);
    if (!certificate.ok) throw new TrustRefused(certificate.code);
    if (certificate.value.kioskId !== kioskId || !this.#isOurs(certificate.value)) {
      throw new TrustRefused('certificate_is_for_another_kiosk');
    }
    return certificate.value;
  }

  /** By an issuer that the bundle names and does not revoke, be it from a later moment on. */
  #isHonoured(certificate: KioskCertificate, trust: TrustBundle): boolean {
    const verified = runSync(verifyKioskCertificate(certificate.bytes, trust.issuers), this.#crypto);
    const atTheEnd = Number.POSITIVE_INFINITY;
    return verified.ok && attempt(() => checkIssuerNotRevoked(certificate.bytes, trust, atTheEnd)).ok;
  }

  #isOurs(certificate: KioskCertificate): boolean {
    return (
      equalBytes(certificate.signingPublicKey, this.#own.signingPublicKey) &&
      equalBytes(certificate.sealingPublicKey, this.#own.sealingPublicKey)
    );
  }
}

/** @throws TrustRefused */
function decode(text: string): Uint8Array {
  const bytes = attempt(() => fromBase64Url(text));
  if (!bytes.ok) throw new TrustRefused(bytes.code);
  return bytes.value;
}

function prepare(db: KioskDatabase) {
  return {
    kiosk: db.prepare<[], Row>('SELECT * FROM kiosk WHERE id = 1'),
    certificates: db.prepare<[], { bytes: Buffer }>('SELECT bytes FROM kiosk_certificates'),
    insertCertificate: db.prepare<[Uint8Array, Uint8Array, number, number]>(
      'INSERT INTO kiosk_certificates (hash, bytes, not_after, received_at) VALUES (?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING',
    ),
    issuers: db.prepare<[], { bytes: Buffer }>('SELECT bytes FROM issuer_certificates'),
    insertIssuer: db.prepare<[Uint8Array, number]>(
      'INSERT INTO issuer_certificates (bytes, received_at) VALUES (?, ?) ON CONFLICT (bytes) DO NOTHING',
    ),
    insertKiosk: db.prepare<
      [string, string, Uint8Array, Uint8Array, Uint8Array, number, number, string, string, number]
    >(
      `INSERT INTO kiosk (id, kiosk_id, name, root_public_key, certificate_hash, trust_bundle, trust_bundle_version,
         trust_signer_generation, kiosk_token, wallet_origins, enrolled_at)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    updateKiosk: db.prepare<[Uint8Array, Uint8Array, number, number, string]>(
      `UPDATE kiosk SET certificate_hash = ?, trust_bundle = ?, trust_bundle_version = ?, trust_signer_generation = ?,
         wallet_origins = ? WHERE id = 1`,
    ),
  };
}
