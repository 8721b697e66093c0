/** What a phone asks of a verified kiosk certificate before it shows anything of it: may this kiosk ask for money now? */
import { checkValidity, type KioskCertificate } from './certificates.ts';
import { refuse } from './errors.ts';
import { checkIssuerNotRevoked } from './issuer-certificate.ts';
import type { TrustBundle } from './trust-bundle.ts';

/**
 * Dates, the issuer's revocation, the deny list, in the order of page 03.
 * @throws Refusal `certificate_not_yet_valid`, `certificate_expired`, `issuer_unknown`, `issuer_key_revoked`, `kiosk_denied`
 */
export function checkKioskStanding(
  kiosk: KioskCertificate,
  trust: Pick<TrustBundle, 'issuers' | 'revokedIssuers' | 'deniedKiosks'>,
  nowSeconds: number,
): void {
  checkValidity(kiosk, nowSeconds);
  checkIssuerNotRevoked(kiosk.bytes, trust, nowSeconds);
  if (trust.deniedKiosks.has(kiosk.kioskId)) refuse('kiosk_denied');
}
