/** The certificates that a journal file brings along, as far as they lead back to the root. */
import { toHex } from './bytes.ts';
import {
  verifyAllowanceCertificate,
  verifyKioskCertificate,
  type AllowanceCertificate,
  type KioskCertificate,
} from './certificates.ts';
import type { Steps } from './crypto.ts';
import { Refusal, type Result } from './errors.ts';
import { verifyIssuerCertificate, type IssuerCertificate } from './issuer-certificate.ts';
import type { JournalRecord, JournalRecordKind } from './journal-file.ts';
import { verifyTrustBundle } from './trust-bundle.ts';

export interface Certificates {
  readonly kiosks: ReadonlyMap<string, KioskCertificate>;
  readonly allowances: ReadonlyMap<string, AllowanceCertificate>;
}

/** A refusal as a value, in the middle of steps. */
export function* tried<T>(steps: Steps<T>): Steps<Result<T>> {
  try {
    return { ok: true, value: yield* steps };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, code: error.code };
    throw error;
  }
}

function bytesOf(records: readonly JournalRecord[], kind: JournalRecordKind): readonly Uint8Array[] {
  return records.filter((record) => record.kind === kind).map(({ bytes }) => bytes);
}

/** Those that lead back to the root; what is signed under any other is signed by nobody. */
export function* readCertificates(records: readonly JournalRecord[], root: Uint8Array): Steps<Certificates> {
  const issuers: IssuerCertificate[] = [];
  for (const bytes of bytesOf(records, 'trustBundle')) {
    const bundle = yield* tried(verifyTrustBundle(bytes, root));
    if (bundle.ok) issuers.push(...bundle.value.issuers);
  }
  for (const bytes of bytesOf(records, 'issuerCertificate')) {
    const issuer = yield* tried(verifyIssuerCertificate(bytes, root));
    if (issuer.ok) issuers.push(issuer.value);
  }
  const kiosks = new Map<string, KioskCertificate>();
  for (const bytes of bytesOf(records, 'kioskCertificate')) {
    const kiosk = yield* tried(verifyKioskCertificate(bytes, issuers));
    if (kiosk.ok) kiosks.set(toHex(kiosk.value.hash), kiosk.value);
  }
  const allowances = new Map<string, AllowanceCertificate>();
  for (const bytes of bytesOf(records, 'allowanceCertificate')) {
    const allowance = yield* tried(verifyAllowanceCertificate(bytes, issuers));
    if (allowance.ok) allowances.set(toHex(allowance.value.hash), allowance.value);
  }
  return { kiosks, allowances };
}
