/** What crosses between the threads arrives as it was sent. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AcceptOutcome } from '../accept-payment.ts';
import { packBytes, packOutcomes, unpackBytes, unpackOutcomes } from './packing.ts';

const bytes = fc.uint8Array({ maxLength: 300 });
const stored = fc.record({
  paymentHash: fc.string(),
  requestId: fc.uuid(),
  amountMinor: fc.bigInt(1n, 1_000_000_000_000_000n),
  currency: fc.constant('SGD'),
  maskedPhone: fc.string(),
  tier: fc.constantFrom('locked', 'reserved', 'at_risk'),
  sequence: fc.nat(),
  acceptedAt: fc.nat(),
  settlement: fc.constant('on_this_device'),
  settledAt: fc.constant(null),
  refusalCode: fc.constant(null),
  checks: fc.nat(),
  refundedMinor: fc.bigInt(0n, 1_000_000_000_000_000n),
});
const outcome = fc.oneof(
  fc.record({ kind: fc.constantFrom('accepted', 'repeated'), payment: stored, receipt: bytes }),
  fc.record({
    kind: fc.constant('refused'),
    code: fc.constant('request_expired'),
    requestId: fc.option(fc.uuid()),
  }),
) as fc.Arbitrary<AcceptOutcome>;

test('deliveries come out as they went in, and share one piece of memory', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 20 }), (group) => {
      const unpacked = unpackBytes(structuredClone(packBytes(group)));
      expect(unpacked).toEqual(group);
      expect(new Set(unpacked.map((one) => one.buffer)).size).toBe(Math.min(1, group.length));
    }),
  );
});

test('outcomes come out as they went in: no receipt changes its payment, no amount its size', () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 20 }), (outcomes) => {
      expect(unpackOutcomes(structuredClone(packOutcomes(outcomes)))).toEqual(outcomes);
    }),
  );
});
