/** Sealing: only the kiosk of the certificate opens it, and only whole (HPKE, RFC 9180). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeDelivery, makePayment, makeRequest, makeWorld, newKey, ok } from '../test/world.ts';
import { encodeDelivery, MAX_ENVELOPE_BYTES, openSealed, sealToKiosk } from './index.ts';

const world = makeWorld();
const request = makeRequest(world);
const plaintext = encodeDelivery(makeDelivery(world, makePayment(world, request)));
const mine = { privateKey: world.sealingKey.scalar, kioskCertificateHash: world.kiosk.hash };
const unreadable = { ok: false, code: 'sealed_message_unreadable' };

describe('a sealed delivery', () => {
  it('opens for the kiosk it is meant for', async () => {
    const sealed = await sealToKiosk(plaintext, world.kiosk);
    expect(ok(await openSealed(sealed, mine))).toEqual(plaintext);
    expect(sealed.length).toBe(plaintext.length + 65 + 16);
  });

  it('never looks the same twice and shows nothing of what it holds', async () => {
    const [one, two] = await Promise.all([
      sealToKiosk(plaintext, world.kiosk),
      sealToKiosk(plaintext, world.kiosk),
    ]);
    expect(one).not.toEqual(two);
    expect(Buffer.from(one).includes(Buffer.from(plaintext.subarray(0, 32)))).toBe(false);
  });

  it('stays closed for another key and for another certificate of the same key', async () => {
    const sealed = await sealToKiosk(plaintext, world.kiosk);
    expect(await openSealed(sealed, { ...mine, privateKey: newKey().scalar })).toEqual(unreadable);
    expect(await openSealed(sealed, { ...mine, kioskCertificateHash: new Uint8Array(32) })).toEqual(
      unreadable,
    );
  });

  it('stays closed when any part of it is changed or cut', async () => {
    const sealed = await sealToKiosk(plaintext, world.kiosk);
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length * 8 - 1), async (bit) => {
        const altered = sealed.slice();
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(await openSealed(altered, mine)).toEqual(unreadable);
        expect(await openSealed(sealed.subarray(0, bit >> 3), mine)).toEqual(unreadable);
      }),
      { numRuns: 40 },
    );
  });

  it('is refused unread above its size, and random bytes never throw', async () => {
    expect(await openSealed(new Uint8Array(MAX_ENVELOPE_BYTES + 82), mine)).toEqual({
      ok: false,
      code: 'message_too_large',
    });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect(await openSealed(bytes, mine)).toEqual(unreadable);
      }),
      { numRuns: 40 },
    );
  });
});
