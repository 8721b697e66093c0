/** What two people compare: the same digits for the same sale and payment, others for any other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto, makePayment, makeRequest, makeWorld, ok } from '../test/world.ts';
import { comparisonCode, paidCode, runSync } from './index.ts';

const world = makeWorld();
const request = makeRequest(world);

describe('the comparison code', () => {
  it("is four digits of the request's hash", () => {
    expect(comparisonCode(Uint8Array.of(0, 0, 0, 0))).toBe('0000');
    expect(comparisonCode(Uint8Array.of(0, 0, 1, 7))).toBe('0263');
    expect(comparisonCode(Uint8Array.of(0xff, 0xff, 0xff, 0))).toBe('7040');
    expect(comparisonCode(request.hash)).toMatch(/^\d{4}$/);
  });
});

describe('the code of a payment that was accepted', () => {
  const codeOf = (requestHash: Uint8Array, paymentHash: Uint8Array) =>
    ok(runSync(paidCode(requestHash, paymentHash), crypto));

  it('is six digits to which kiosk and phone have both contributed', () => {
    const payment = makePayment(world, request);
    const code = codeOf(request.hash, payment.hash);
    expect(code).toMatch(/^\d{6}$/);
    const otherPayment = makePayment(world, request, { signedAt: payment.signedAt + 1 });
    const otherRequest = makeRequest(world, { fill: 0x60 });
    expect(codeOf(request.hash, otherPayment.hash)).not.toBe(code);
    expect(codeOf(otherRequest.hash, payment.hash)).not.toBe(code);
  });

  it('is never shorter, whatever the hash begins with', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (hash) => {
        expect(codeOf(hash, hash)).toMatch(/^\d{6}$/);
      }),
    );
  });
});
