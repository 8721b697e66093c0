// The issuer, as phones and the kiosk met it before they came to a shop without internet. Its signatures are real; it is
// reached once, when the kiosk is enrolled, and then never again.

import { randomUUID } from 'node:crypto';
import * as protocol from '@tikiwallet/protocol';
import type { Allowance, TrustView } from '@tikiwallet/server/contract';
import { EnrollingCloud } from '../../desktop/agent/test/agent-process.ts';
import { crypto, ok, type TestIssuer } from '../../desktop/agent/test/world.ts';
import { CURRENCY, CUSTOMER } from './people.ts';

const SALT = new Uint8Array(16).fill(0x55);
const VALID_SECONDS = 72 * 3600;

export class Bank {
  readonly #cloud = new EnrollingCloud();

  /** Opens the door for kiosks; returns its address. */
  async open(host: string): Promise<string> {
    return await this.#cloud.listen(host);
  }

  close(): void {
    this.#cloud.close();
  }

  get #issuer(): TestIssuer {
    return this.#cloud.issuer;
  }

  trustView(): TrustView {
    return {
      rootPublicKey: protocol.toBase64Url(this.#issuer.root.publicKey),
      trustBundle: protocol.toBase64Url(this.#issuer.bundle()),
    };
  }

  /** Money for a phone to take along, certified for its own key. */
  issue(devicePublicKey: string, amountMinor: bigint): Allowance {
    const issuer = this.#issuer;
    const id = randomUUID();
    const dates = { notBefore: issuer.now, notAfter: issuer.now + VALID_SECONDS };
    const certificate = issuer.sign(
      protocol.signAllowanceCertificate(
        {
          ...dates,
          devicePublicKey: protocol.fromBase64Url(devicePublicKey),
          currency: CURRENCY,
          capMinor: amountMinor,
          perPaymentMinor: amountMinor,
          firstCounter: 1,
          softCounterLimit: 500,
          hardCounterLimit: 1_000,
          assurance: protocol.ASSURANCE.software,
          standing: protocol.STANDING.new,
          maskedPhone: protocol.maskPhone(CUSTOMER.phone),
          phoneCommitment: ok(protocol.runSync(protocol.commitToPhone(CUSTOMER.phone, SALT), crypto)),
        },
        { issuerKeyId: issuer.keyId, allowanceId: protocol.fromUuid(id), payeeLock: null },
      ),
    );
    return {
      id,
      status: 'active',
      deniedFor: null,
      currency: CURRENCY,
      capMinor: amountMinor.toString(),
      settledMinor: '0',
      reservedMinor: amountMinor.toString(),
      returnedMinor: '0',
      settledCounter: 0,
      notBefore: isoOf(dates.notBefore),
      notAfter: isoOf(dates.notAfter),
      certificate: protocol.toBase64Url(certificate),
      phoneSalt: protocol.toBase64Url(SALT),
      devicePublicKey,
      returnsBy: null,
    };
  }
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString();
}
