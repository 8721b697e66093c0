/**
 * What the rules of a verification cost beside its arithmetic: rows V1 and V2. One delivery from its bytes to its verdict,
 * against bare P-256 verifications of node:crypto with their keys in memory, in turns on one thread.
 */
import * as protocol from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { ok } from '../world.ts';
import { atMost, overRounds, type BenchRow } from '../../../../scripts/figures.ts';
import { SignatureLimits } from './limits.ts';
import { AMOUNT_MINOR, type BenchShop, type Order } from './shop.ts';

const ROUNDS = 9;
const PER_ROUND = 400;

export function verificationRows(shop: BenchShop): readonly BenchRow[] {
  const verifier = new Verifier(shop);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const orders = shop.order(PER_ROUND);
    const limits = new SignatureLimits(orders, shop);
    const before = 1 / limits.paymentsWithKnownKeys();
    const unknown = verifier.secondsEach(orders, false);
    const known = verifier.secondsEach(orders, true);
    return { unknown, known, one: (before + 1 / limits.paymentsWithKnownKeys()) / 2 };
  });
  const what = 'delivery to verdict';
  return [
    atMost(
      {
        id: 'V1',
        what: `${what}, both signatures`,
        unit: 'x',
        ratioTo: 'two P-256 verifications',
        value: overRounds(rounds, ({ unknown, one }) => unknown / (2 * one)),
      },
      { gate: 1.15, stretch: 1 },
    ),
    atMost(
      {
        id: 'V2',
        what: `${what}, certificate cached`,
        unit: 'x',
        ratioTo: 'one P-256 verification',
        value: overRounds(rounds, ({ known, one }) => known / one),
      },
      { gate: 1.25, stretch: 1 },
    ),
  ];
}

class Verifier {
  readonly #shop: BenchShop;
  readonly #crypto = nodeCrypto();
  readonly #trust: protocol.TrustBundle;
  readonly #certificates = new Map<unknown, protocol.ReadCertificate>();

  constructor(shop: BenchShop) {
    this.#shop = shop;
    const steps = protocol.verifyTrustBundle(shop.issuer.bundle(), shop.issuer.root.publicKey);
    this.#trust = ok(protocol.runSync(steps, this.#crypto));
  }

  /** @param isCached the certificate was read and verified before, as most are to a shop. */
  secondsEach(orders: readonly Order[], isCached: boolean): number {
    for (const { phone } of orders) {
      const read = ok(
        protocol.runSync(protocol.readAllowanceCertificate(phone.allowance.bytes), this.#crypto),
      );
      this.#certificates.set(phone, { allowance: read.certificate, allowanceObject: read.object });
    }
    const began = performance.now();
    for (const order of orders) this.#verify(order, isCached);
    return (performance.now() - began) / 1000 / orders.length;
  }

  #verify({ delivery, phone, request }: Order, isCached: boolean): void {
    const decoded = protocol.decodeDelivery(delivery);
    const known = isCached ? this.#certificates.get(phone) : undefined;
    const steps =
      known === undefined ? protocol.identifyPayment(decoded) : protocol.identifyUnder(known, decoded);
    const identified = ok(protocol.runSync(steps, this.#crypto));
    const { payment, allowance } = identified;
    ok(
      protocol.runSync(
        protocol.verifyPayment(identified, {
          nowSeconds: request.issuedAt,
          kiosk: this.#shop.certificate,
          trust: this.#trust,
          request: { ...request, state: 'open' },
          expectedPhone: null,
          history:
            payment.counter === allowance.firstCounter
              ? null
              : {
                  lastCounter: payment.counter - 1,
                  lastCumulativeMinor: payment.cumulativeMinor - AMOUNT_MINOR,
                  // The link is 16 bytes of it, and nothing else of it is looked at.
                  lastHash: new Uint8Array([...payment.previousLink, ...payment.previousLink]),
                },
          stored: { sumMinor: 0n, count: 0 },
          payer: { hasPaidHere: true, recent: [], allowanceSumMinor: 0n },
          settings: [],
          certificateIsKnownGood: isCached,
        }),
        this.#crypto,
      ),
    );
  }
}
