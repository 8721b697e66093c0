/** QR texts: one prefix each, alphanumeric mode throughout, refusal of what is too long or of another kind. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeDelivery, makePayment, makeRequest, makeWorld } from '../test/world.ts';
import {
  carriesPhoneSalt,
  certificateReference,
  encodeDelivery,
  encodeRepeatDelivery,
  fromQrText,
  isSealedDelivery,
  isTikiQr,
  MAX_ENVELOPE_BYTES,
  SEAL_BYTES,
  sealToKiosk,
  toQrText,
  type QrContent,
} from './index.ts';

const KINDS: readonly QrContent[] = [
  'request',
  'delivery',
  'sealedDelivery',
  'receipt',
  'refundOffer',
  'refundAcceptance',
  'refundReceipt',
];
const refused = (code: string) => ({ ok: false, code });

describe.each(KINDS)('a %s', (kind) => {
  it('comes back as the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(fromQrText(kind, toQrText(kind, bytes))).toEqual({ ok: true, value: bytes });
      }),
    );
  });

  it("stays in the QR code's alphanumeric mode", () => {
    expect(
      toQrText(
        kind,
        Uint8Array.from({ length: 256 }, (_, i) => i),
      ),
    ).toMatch(/^TIKI1:[RPSCBAD]:[0-9A-Z $%*+\-./:]+$/);
  });

  it('is not read as another kind', () => {
    for (const other of KINDS.filter((name) => name !== kind)) {
      expect(fromQrText(other, toQrText(kind, Uint8Array.of(1)))).toEqual(refused('message_malformed'));
    }
  });

  it('holds an envelope of the largest size and no more', () => {
    const most = MAX_ENVELOPE_BYTES + (kind === 'sealedDelivery' ? SEAL_BYTES : 0);
    expect(fromQrText(kind, toQrText(kind, new Uint8Array(most))).ok).toBe(true);
    expect(fromQrText(kind, toQrText(kind, new Uint8Array(most + 2)))).toEqual(refused('message_too_large'));
  });
});

it.each(['', 'TIKI1:', 'tiki1:r:00', 'https://example.org', 'WIFI:S:DIRECT-xx;;', 'TIKI2:R:00'])(
  '%j is none of ours',
  (text) => {
    expect(isTikiQr(text)).toBe(false);
    for (const kind of KINDS) expect(fromQrText(kind, text)).toEqual(refused('message_malformed'));
  },
);

it('what only its kiosk can read is known by its prefix', () => {
  for (const kind of KINDS)
    expect(isSealedDelivery(toQrText(kind, Uint8Array.of(1)))).toBe(kind === 'sealedDelivery');
  expect(isSealedDelivery(`TIKI1:P:${toQrText('sealedDelivery', Uint8Array.of(1))}`)).toBe(false);
});

it('what is ours is recognised before it is read', () => {
  expect(isTikiQr('TIKI1:R:not base45')).toBe(true);
  expect(fromQrText('request', 'TIKI1:R:not base45')).toEqual(refused('message_malformed'));
});

describe('the salt that opens a phone commitment', () => {
  const world = makeWorld();
  const delivery = makeDelivery(world, makePayment(world, makeRequest(world)));
  const certificate = certificateReference(world.allowance.hash);
  const both = (phoneSalt: Uint8Array | null) => [
    encodeDelivery({ ...delivery, phoneSalt }),
    encodeRepeatDelivery({ certificateReference: certificate, payment: delivery.payment, phoneSalt }),
  ];

  it('is in no unsealed text: there is no such text', () => {
    for (const bytes of both(world.phoneSalt)) {
      expect(carriesPhoneSalt(bytes)).toBe(true);
      for (const kind of KINDS) expect(() => toQrText(kind, bytes)).toThrow('shown sealed');
    }
    for (const bytes of both(null)) expect(toQrText('delivery', bytes)).toMatch(/^TIKI1:P:/);
  });

  it('leaves sealed, in a code of 1,000 characters (R1)', async () => {
    for (const bytes of both(world.phoneSalt)) {
      const sealed = await sealToKiosk(bytes, world.kiosk);
      const text = toQrText('sealedDelivery', sealed);
      expect(text.length).toBeLessThanOrEqual(1_000);
      expect(Buffer.from(sealed).includes(Buffer.from(world.phoneSalt))).toBe(false);
    }
  });
});
