/** Journal entries: one form each, every kind known, every hash that of the bytes (R43). */
import { describe, expect, it } from 'vitest';
import { itemsOf } from '../scripts/tamper.ts';
import { crypto, makePayment, makeRequest, makeWorld, NOW, ok } from '../test/world.ts';
import { encodeCbor, type CborValue } from './cbor.ts';
import {
  attempt,
  decodeJournalEntry,
  decodeSaleBody,
  encodeJournalEntry,
  encodeSaleBody,
  GENESIS_HASH,
  JOURNAL_KIND,
  journalHash,
  MAX_JOURNAL_ENTRY_BYTES,
  runSync,
  type JournalKind,
  type SaleBody,
} from './index.ts';

const world = makeWorld();
const request = makeRequest(world);
const sale: SaleBody = {
  kioskCertificateHash: world.kiosk.hash,
  request: request.bytes,
  allowanceCertificateHash: world.allowance.hash,
  payment: makePayment(world, request).bytes,
  tier: 'reserved',
  checks: 255,
};
const entry = encodeJournalEntry({
  sequence: 1,
  previousHash: GENESIS_HASH,
  kind: 'sale',
  at: NOW,
  body: encodeSaleBody(sale),
});
const refused = (code: string) => ({ ok: false, code });
const decode = (items: readonly CborValue[]) => attempt(() => decodeJournalEntry(encodeCbor(items)));

describe('a journal entry', () => {
  it('holds a sale that comes back as it was', () => {
    const decoded = decodeJournalEntry(entry);
    expect(decoded).toMatchObject({ sequence: 1, kind: 'sale', at: NOW, previousHash: GENESIS_HASH });
    expect(decodeSaleBody(decoded.body)).toEqual(sale);
  });

  it.each(Object.keys(JOURNAL_KIND) as JournalKind[])('of kind %s comes back', (kind) => {
    const bytes = encodeJournalEntry({ sequence: 2, previousHash: GENESIS_HASH, kind, at: NOW, body: [] });
    expect(decodeJournalEntry(bytes).kind).toBe(kind);
  });

  it.each<[string, number, CborValue, string]>([
    ['of another purpose', 0, 8, 'object_has_wrong_purpose'],
    ['with sequence 0', 1, 0, 'field_out_of_range'],
    ['with sequence 2^31', 1, 2 ** 31, 'field_out_of_range'],
    ['with a short hash', 2, new Uint8Array(31), 'field_out_of_range'],
    ['of no known kind', 3, 12, 'field_out_of_range'],
    ['of kind 0', 3, 0, 'field_out_of_range'],
    ['with a body of text', 5, 'sale', 'message_malformed'],
    ['with a body of 17 fields', 5, Array.from({ length: 17 }, () => 0), 'field_out_of_range'],
  ])('%s is refused', (_what, index, value, code) => {
    expect(decode(itemsOf(entry).with(index, value))).toEqual(refused(code));
  });

  it('longer or larger than allowed is refused', () => {
    expect(decode([...itemsOf(entry), 0])).toEqual(refused('message_malformed'));
    expect(decode(itemsOf(entry).with(5, [new Uint8Array(MAX_JOURNAL_ENTRY_BYTES)]))).toEqual(
      refused('message_too_large'),
    );
  });

  it('has the hash of its bytes', () => {
    expect(ok(runSync(journalHash(entry), crypto))).toEqual(crypto.digest(entry));
  });
});

describe("a sale's body", () => {
  it.each<[string, number, CborValue, string]>([
    ['a short certificate hash', 0, new Uint8Array(31), 'field_out_of_range'],
    ['no request', 1, new Uint8Array(0), 'field_out_of_range'],
    ['a payment of text', 3, 'paid', 'message_malformed'],
    ['a fourth tier', 4, 4, 'field_out_of_range'],
    ['too many check bits', 5, 65_536, 'field_out_of_range'],
  ])('with %s is refused', (_what, index, value, code) => {
    expect(attempt(() => decodeSaleBody(encodeSaleBody(sale).with(index, value)))).toEqual(refused(code));
  });

  it('with a field more is refused', () => {
    expect(attempt(() => decodeSaleBody([...encodeSaleBody(sale), 0]))).toEqual(refused('message_malformed'));
  });
});
