/** A sale's entry read in one pass is the entry that the rules read; what is no such entry is theirs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOW } from '../test/world.ts';
import { encodeCbor, type CborValue } from './cbor.ts';
import { attempt, decodeJournalEntry, decodeSaleBody, MAX_COUNTER, MAX_OBJECT_BYTES } from './index.ts';
import { PURPOSE } from './purposes.ts';
import { saleBodyOf, UsualSaleEntry } from './usual-sale-entry.ts';

const filled = (length: number, fill = 7) => new Uint8Array(length).fill(fill);
const body: readonly CborValue[] = [filled(32, 1), filled(200, 2), filled(32, 3), filled(170, 4), 2, 255];
const fields: readonly CborValue[] = [PURPOSE.journalEntry, 5, filled(32), 1, NOW, body];

/** What the rules make of it; null for what they refuse, or know as another kind. */
function byRules(bytes: Uint8Array) {
  const read = attempt(() => {
    const { body: items, ...entry } = decodeJournalEntry(bytes);
    return { entry, items, sale: decodeSaleBody(items) };
  });
  return read.ok && read.value.entry.kind === 'sale' ? read.value : null;
}

function atOnce(bytes: Uint8Array) {
  const entry = UsualSaleEntry.read(bytes);
  if (entry === null) return null;
  const { sequence, previousHash, kind, at, body: items } = entry;
  const { kioskCertificateHash, request, allowanceCertificateHash, payment, tier, checks } = entry;
  return {
    entry: { sequence, previousHash, kind, at },
    items,
    sale: { kioskCertificateHash, request, allowanceCertificateHash, payment, tier, checks },
  };
}

describe('an entry of a sale', () => {
  it('is read as the rules read it', () => {
    const bytes = encodeCbor(fields);
    expect(atOnce(bytes)).not.toBeNull();
    expect(atOnce(bytes)).toEqual(byRules(bytes));
    expect(saleBodyOf(decodeJournalEntry(bytes))).toEqual(byRules(bytes)?.sale);
  });

  it.each([1, 23, 24, 255, 256, MAX_OBJECT_BYTES])('with objects of %i bytes is read at once', (length) => {
    const other = body.with(1, filled(length)).with(3, filled(length, 9));
    const isWithin = 2 * length < 3_900;
    const bytes = encodeCbor(fields.with(5, other));
    expect(atOnce(bytes) === null).toBe(!isWithin);
    if (isWithin) expect(atOnce(bytes)).toEqual(byRules(bytes));
  });

  it('with whatever value in whatever place is read as the rules read it, or left to them', () => {
    const values: readonly CborValue[] = [
      ...[
        0,
        1,
        2,
        3,
        4,
        7,
        10,
        23,
        24,
        255,
        256,
        0xffff,
        0x1_0000,
        MAX_COUNTER,
        MAX_COUNTER + 1,
        0xffff_ffff,
      ],
      ...[
        2 ** 32,
        -1n,
        2n ** 60n,
        null,
        true,
        'text',
        [],
        [1],
        body,
        filled(0),
        filled(31),
        filled(32),
        filled(33),
      ],
      ...[filled(MAX_OBJECT_BYTES), filled(MAX_OBJECT_BYTES + 1), filled(4_000)],
    ];
    const compare = (bytes: Uint8Array) => {
      const read = atOnce(bytes);
      if (read !== null || byRules(bytes) === null) expect(read).toEqual(byRules(bytes));
    };
    for (const value of values) {
      for (const index of fields.keys()) compare(encodeCbor(fields.with(index, value)));
      for (const index of body.keys()) compare(encodeCbor(fields.with(5, body.with(index, value))));
    }
    for (const other of [
      fields.slice(0, -1),
      [...fields, 0],
      fields.with(5, body.slice(1)),
      fields.with(5, [...body, 0]),
    ])
      compare(encodeCbor(other));
  });

  it('with any byte of it changed, cut or put in is read as the rules read it, or left to them', () => {
    const genuine = encodeCbor(fields);
    fc.assert(
      fc.property(
        fc.constantFrom('flip', 'cut', 'insert', 'end'),
        fc.nat(),
        fc.nat(255),
        (how, place, byte) => {
          const bytes = [...genuine];
          // The heads are few among so many bytes: half of the changes are near them.
          const at = place % 2 === 0 ? place % bytes.length : (place >> 1) % 90;
          if (how === 'flip') bytes[at] = byte;
          else if (how === 'end') bytes.length = at;
          else bytes.splice(at, how === 'cut' ? 1 : 0, ...(how === 'cut' ? [] : [byte]));
          const other = Uint8Array.from(bytes);
          const read = atOnce(other);
          if (read !== null || byRules(other) === null) expect(read).toEqual(byRules(other));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('in a Buffer is left to the rules, whose parts are no Buffers', () => {
    expect(UsualSaleEntry.read(Buffer.from(encodeCbor(fields)))).toBeNull();
  });
});
