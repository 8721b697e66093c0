/** The payment request and its envelope: nothing unsigned, nothing of another shop reaches the payer (R28). */
import { describe, expect, it } from 'vitest';
import { changed, fieldsOf, itemsOf, resigned, withFields } from '../scripts/tamper.ts';
import { crypto, id, makeRequest, makeWorld, newKey, ok } from '../test/world.ts';
import { encodeCbor, type CborValue } from './cbor.ts';
import {
  asksForPhone,
  attempt,
  encodeRequestEnvelope,
  MAX_ENVELOPE_BYTES,
  openRequestEnvelope,
  runSync,
  verifyPaymentRequest,
} from './index.ts';

const world = makeWorld();
const request = makeRequest(world);
const refused = (code: string) => ({ ok: false, code });
const verify = (bytes: Uint8Array, kiosk = world.kiosk) =>
  runSync(verifyPaymentRequest(bytes, kiosk), crypto);
const open = (bytes: Uint8Array, { trust } = world) =>
  runSync(openRequestEnvelope(bytes, trust.issuers), crypto);
const byKiosk = { ...world.kioskKey, externalAad: world.kiosk.hash };
const again = (index: number, value: CborValue) =>
  resigned(request.bytes, fieldsOf(request.bytes).with(index, value), byKiosk);

describe('a payment request', () => {
  it('is read as the kiosk signed it', () => {
    expect(request).toMatchObject({
      amountMinor: 1_250n,
      currency: 'SGD',
      itemsHash: null,
      ttlSeconds: 120,
      checksPhone: false,
      addresses: ['http://192.168.49.1:7070'],
    });
    expect(request.hash).toHaveLength(32);
  });

  it('is refused with any field changed (R21)', () => {
    fieldsOf(request.bytes).forEach((value, index, fields) => {
      const answer = verify(withFields(request.bytes, fields.with(index, changed(value))));
      const code = index === 0 ? 'object_has_wrong_purpose' : 'request_signature_invalid';
      // A changed address or TTL may leave its bounds before its signature is asked.
      expect([code, 'field_out_of_range']).toContain(answer.ok ? 'accepted' : answer.code);
    });
  });

  it("says to who has signed it whether it asks for the payer's number", () => {
    expect(asksForPhone(request.bytes)).toBe(false);
    expect(asksForPhone(makeRequest(world, { checksPhone: true }).bytes)).toBe(true);
    expect(attempt(() => asksForPhone(request.bytes.subarray(1)))).toEqual(refused('message_malformed'));
  });

  it('of another kiosk, or under a certificate of the same key, is refused (R28)', () => {
    expect(verify(request.bytes, { ...world.kiosk, signingPublicKey: newKey().publicKey })).toEqual(
      refused('request_signature_invalid'),
    );
    expect(verify(request.bytes, { ...world.kiosk, hash: id(1) })).toEqual(
      refused('request_signature_invalid'),
    );
    const unsigned = resigned(request.bytes, fieldsOf(request.bytes), {
      sign: () => new Uint8Array(64),
      externalAad: world.kiosk.hash,
    });
    expect(verify(unsigned)).toEqual(refused('request_signature_invalid'));
  });

  it.each([
    ['an amount of zero', 2, 0, 'field_out_of_range'],
    ['an amount beyond the bound', 2, 1_000_000_000_000_001, 'field_out_of_range'],
    ['an amount as text', 2, '12.50', 'message_malformed'],
    ['another currency than its kiosk', 3, 'IDR', 'payment_currency_differs_from_request'],
    ['an items hash of 31 bytes', 4, new Uint8Array(31), 'field_out_of_range'],
    ['a nonce of 15 bytes (R24)', 5, new Uint8Array(15), 'field_out_of_range'],
    ['no time to live', 7, 0, 'field_out_of_range'],
    ['a time to live of 121 seconds (R24)', 7, 121, 'field_out_of_range'],
    ['five addresses', 9, Array.from({ length: 5 }, () => 'http://a'), 'field_out_of_range'],
    ['an unknown flag', 10, 2, 'field_out_of_range'],
    ['a flag as boolean', 10, true, 'message_malformed'],
  ])('with %s is refused though the kiosk signed', (_what, index, value, code) => {
    expect(verify(again(index, value))).toEqual(refused(code));
  });

  it.each([
    'https://192.168.49.1',
    'javascript:alert(1)',
    'http://',
    'http://user@host',
    'http://host/path',
    'http://host?q',
    'http://host#f',
    'HTTP://host',
    ' http://host',
    'http://host\n',
    `http://${'a'.repeat(58)}`,
    'http://hôte',
    'file:///etc',
  ])('with the address %j is refused', (address) => {
    expect(verify(again(9, [address]))).toEqual(refused('field_out_of_range'));
  });

  it.each([
    `http://${'a'.repeat(57)}`,
    'http://192.168.49.1:65535',
    'http://[fe80::1]:7070',
    'http://kiosk.local',
  ])('may be reached at %s', (address) => {
    expect(ok(verify(again(9, [address]))).addresses).toEqual([address]);
  });

  it('asks for the phone number when its flag says so', () => {
    expect(ok(verify(again(10, 1))).checksPhone).toBe(true);
  });
});

describe('the envelope of a request', () => {
  const envelope = encodeRequestEnvelope(world.kiosk.bytes, request.bytes);

  it("gives the shop's name and the amount, both signed (R28, R29)", () => {
    const opened = ok(open(envelope));
    expect(opened.kiosk.merchantName).toBe('Warung Sari');
    expect(opened.request).toEqual(request);
  });

  it('with the request of another shop is refused (R28)', () => {
    const other = makeWorld();
    const mixed = encodeRequestEnvelope(world.kiosk.bytes, makeRequest(other).bytes);
    expect(open(mixed)).toEqual(refused('request_signature_invalid'));
    expect(open(encodeRequestEnvelope(other.kiosk.bytes, request.bytes))).toEqual(refused('issuer_unknown'));
  });

  it('in another shape is refused', () => {
    const items = itemsOf(envelope);
    expect(open(encodeCbor(items.with(0, 13)))).toEqual(refused('object_has_wrong_purpose'));
    expect(open(encodeCbor(items.slice(0, 2)))).toEqual(refused('message_malformed'));
    expect(open(encodeCbor([...items, 0]))).toEqual(refused('message_malformed'));
    expect(open(encodeCbor(items.with(1, new Uint8Array(0))))).toEqual(refused('field_out_of_range'));
    expect(open(new Uint8Array(MAX_ENVELOPE_BYTES + 1))).toEqual(refused('message_too_large'));
  });

  it('fits one QR code of 1,000 characters (R1)', () => {
    expect(Math.ceil(envelope.length / 2) * 3).toBeLessThanOrEqual(1_000);
  });
});
