/** QR texts: one prefix each, alphanumeric mode throughout, refusal of what is too long or of another kind. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromQrText, isTikiQr, MAX_ENVELOPE_BYTES, toQrText, type QrContent } from './index.ts';

const KINDS: readonly QrContent[] = [
  'request',
  'delivery',
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
    ).toMatch(/^TIKI1:[RPCBAD]:[0-9A-Z $%*+\-./:]+$/);
  });

  it('is not read as another kind', () => {
    for (const other of KINDS.filter((name) => name !== kind)) {
      expect(fromQrText(other, toQrText(kind, Uint8Array.of(1)))).toEqual(refused('message_malformed'));
    }
  });

  it('holds an envelope of the largest size and no more', () => {
    expect(fromQrText(kind, toQrText(kind, new Uint8Array(MAX_ENVELOPE_BYTES))).ok).toBe(true);
    expect(fromQrText(kind, toQrText(kind, new Uint8Array(MAX_ENVELOPE_BYTES + 2)))).toEqual(
      refused('message_too_large'),
    );
  });
});

it.each(['', 'TIKI1:', 'tiki1:r:00', 'https://example.org', 'WIFI:S:DIRECT-xx;;', 'TIKI2:R:00'])(
  '%j is none of ours',
  (text) => {
    expect(isTikiQr(text)).toBe(false);
    for (const kind of KINDS) expect(fromQrText(kind, text)).toEqual(refused('message_malformed'));
  },
);

it('what is ours is recognised before it is read', () => {
  expect(isTikiQr('TIKI1:R:not base45')).toBe(true);
  expect(fromQrText('request', 'TIKI1:R:not base45')).toEqual(refused('message_malformed'));
});
