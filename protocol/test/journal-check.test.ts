/** An exported journal: whole, or broken at the first entry that does not hold (R43). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as protocol from '../src/index.ts';
import { crypto, id, makePayment, makeRequest, makeWorld, NOW, ok } from './world.ts';

type Record = protocol.JournalRecord;

const world = makeWorld();
const sign = (steps: protocol.Steps<Uint8Array>) => ok(protocol.runSync(steps, crypto, world.kioskKey.sign));

function makeSale(counter: number, amountMinor: bigint) {
  const request = makeRequest(world, { amountMinor, fill: 0x40 + counter * 2 });
  const payment = makePayment(world, request, { counter, cumulativeMinor: amountMinor * BigInt(counter) });
  const body = protocol.encodeSaleBody({
    kioskCertificateHash: world.kiosk.hash,
    request: request.bytes,
    allowanceCertificateHash: world.allowance.hash,
    payment: payment.bytes,
    tier: 'reserved',
    checks: 0,
  });
  return { payment, body };
}

function signBatch(from: number, entries: readonly { hash: Uint8Array; minor: bigint }[], sumMinor?: bigint) {
  const signed = entries.slice(from - 1);
  const sales = signed.filter(({ minor }) => minor > 0n);
  return sign(
    protocol.signSettlementBatch(
      {
        fromSequence: from,
        toSequence: entries.length,
        saleCount: sales.length,
        saleSumMinor: sumMinor ?? sales.reduce((sum, { minor }) => sum + minor, 0n),
        previousHash: entries[from - 2]?.hash ?? protocol.GENESIS_HASH,
        headHash: entries.at(-1)?.hash ?? protocol.GENESIS_HASH,
        denyListVersion: 3,
        createdAt: NOW + 40,
      },
      world.kiosk.hash,
    ),
  );
}

/** start, sale, sale, stop, sale: receipts for all sales, batches over 1..3, 4..5, and a heartbeat. */
function makeJournal(batchSumMinor?: bigint) {
  const entries: { bytes: Uint8Array; hash: Uint8Array; minor: bigint }[] = [];
  const receipts: Uint8Array[] = [];
  const batches: Uint8Array[] = [];
  let counter = 0;
  for (const kind of ['start', 'sale', 'sale', 'stop', 'sale'] as const) {
    const sale = kind === 'sale' ? makeSale((counter += 1), 500n) : null;
    const previousHash = entries.at(-1)?.hash ?? protocol.GENESIS_HASH;
    const sequence = entries.length + 1;
    const bytes = protocol.encodeJournalEntry({
      sequence,
      previousHash,
      kind,
      at: NOW + 30 + sequence,
      body: sale?.body ?? [],
    });
    const hash = crypto.digest(bytes);
    entries.push({ bytes, hash, minor: sale?.payment.amountMinor ?? 0n });
    if (sale !== null) {
      const { hash: paymentHash, amountMinor } = sale.payment;
      const receipt = { paymentHash, amountMinor, tier: 'reserved', sequence, journalHash: hash } as const;
      receipts.push(sign(protocol.signReceipt({ ...receipt, acceptedAt: NOW, checks: 0 }, world.kiosk.hash)));
    }
    if (sequence === 3) batches.push(signBatch(1, entries, batchSumMinor));
  }
  batches.push(signBatch(4, entries), signBatch(6, entries));
  const all = (kind: Record['kind'], list: readonly Uint8Array[]) => list.map((bytes) => ({ kind, bytes }));
  return [
    ...all('trustBundle', [world.trustBytes]),
    ...all('kioskCertificate', [world.kiosk.bytes]),
    ...all('allowanceCertificate', [world.allowance.bytes]),
    ...all(
      'journalEntry',
      entries.map(({ bytes }) => bytes),
    ),
    ...all('receipt', receipts),
    ...all('settlementBatch', batches),
  ];
}

const journal = makeJournal();
function fileOf(records: readonly Record[]): Uint8Array {
  const items = [protocol.encodeJournalOpening(), ...records.map(protocol.encodeJournalRecord)];
  return new Uint8Array(Buffer.concat(items));
}
function check(records: readonly Record[], root: Uint8Array | null = world.root.publicKey) {
  const read = protocol.decodeJournalFile(fileOf(records));
  return ok(protocol.runSync(protocol.checkJournal(read, root), crypto));
}
const entriesOf = (records: readonly Record[]) => records.filter(({ kind }) => kind === 'journalEntry');
/** The journal with its entry `sequence` replaced, or left out. */
function withEntry(sequence: number, ...replaced: readonly Uint8Array[]): Record[] {
  const target = entriesOf(journal)[sequence - 1];
  return journal.flatMap((one) =>
    one === target ? replaced.map((bytes) => ({ kind: 'journalEntry', bytes }) as const) : [one],
  );
}
const without = (kind: Record['kind']) => journal.filter((one) => one.kind !== kind);
const brokenAt = (records: readonly Record[], root?: Uint8Array | null) => {
  const { broken } = check(records, root);
  return broken === null ? null : `${broken.sequence} ${broken.fault} ${broken.code ?? ''}`.trim();
};

describe('a journal file', () => {
  it('that is whole is said to be, with what was checked', () => {
    expect(check(journal)).toMatchObject({
      broken: null,
      entries: 5,
      sales: 3,
      saleSumMinor: 1_500n,
      checkedPayments: 3,
      checkedReceipts: 3,
      checkedBatches: 3,
      firstAt: NOW + 31,
      lastAt: NOW + 35,
    });
    expect(check(journal).kiosk?.merchantName).toBe('Warung Sari');
  });

  it('without a root is checked for its chain alone, and without receipts and batches for the rest', () => {
    const chained = check(journal, null);
    expect(chained).toMatchObject({ broken: null, saleSumMinor: 1_500n, kiosk: null });
    expect([chained.checkedPayments, chained.checkedReceipts, chained.checkedBatches]).toEqual([0, 0, 0]);
    const bare = journal.filter(({ kind }) => kind !== 'receipt' && kind !== 'settlementBatch');
    expect(check(bare)).toMatchObject({ broken: null, checkedPayments: 3, checkedReceipts: 0 });
    expect(check(without('allowanceCertificate'))).toMatchObject({ broken: null, checkedPayments: 0 });
    expect(check([])).toMatchObject({ broken: null, entries: 0 });
  });

  it('names the first entry that was changed, left out, repeated or moved', () => {
    const [first, second, third, fourth] = entriesOf(journal).map(({ bytes }) => bytes);
    if (!first || !second || !third || !fourth) throw new TypeError('five entries');
    const decoded = protocol.decodeJournalEntry(fourth);
    const later = protocol.encodeJournalEntry({ ...decoded, at: decoded.at + 1, body: [] });
    expect(brokenAt(withEntry(4, later))).toBe('5 chain_broken');
    expect(brokenAt(withEntry(4, later), null)).toBe('5 chain_broken');
    expect(brokenAt(withEntry(2))).toBe('2 sequence_not_continuous');
    expect(brokenAt(withEntry(2, second, second))).toBe('3 sequence_not_continuous');
    expect(brokenAt(withEntry(1, second))).toBe('1 sequence_not_continuous');
    expect(brokenAt(withEntry(3, Uint8Array.of(1)))).toBe('3 entry_unreadable message_malformed');
    expect(brokenAt(withEntry(1, protocol.encodeJournalEntry({ ...decoded, sequence: 1, body: [] })))).toBe(
      '1 chain_broken',
    );
  });

  it('whose end was cut off is missed by whoever signed for it', () => {
    expect(brokenAt(withEntry(5))).toBe('5 entry_missing');
    const receiptsOnly = withEntry(5).filter(({ kind }) => kind !== 'settlementBatch');
    expect(brokenAt(receiptsOnly)).toBe('5 entry_missing');
  });

  it('whose last entry was rewritten contradicts its receipt or its batch', () => {
    const other = makeSale(3, 400n);
    const last = protocol.decodeJournalEntry(entriesOf(journal)[4]?.bytes ?? new Uint8Array(0));
    const rewritten = withEntry(5, protocol.encodeJournalEntry({ ...last, body: other.body }));
    expect(brokenAt(rewritten)).toBe('5 receipt_invalid receipt_is_for_another_payment');
    const later = withEntry(
      5,
      protocol.encodeJournalEntry({ ...last, at: last.at + 1, body: makeBodyOf(last) }),
    );
    expect(brokenAt(later)).toBe('5 receipt_names_another_entry');
    expect(brokenAt(later.filter(({ kind }) => kind !== 'receipt'))).toBe(
      '5 batch_invalid batch_chain_broken',
    );
  });

  it('with a batch that claims another sum, or of another signer, is broken where the batch ends', () => {
    expect(brokenAt(makeJournal(999n))).toBe('3 batch_sum_differs');
    const stranger = makeWorld();
    const theirs = [
      ...without('kioskCertificate'),
      { kind: 'kioskCertificate', bytes: stranger.kiosk.bytes } as const,
    ];
    expect(brokenAt(theirs)).toBe('2 kiosk_not_certified');
    expect(brokenAt(journal, stranger.root.publicKey)).toBe('2 kiosk_not_certified');
    const bent = journal.map((one) =>
      one.kind === 'receipt' ? { ...one, bytes: one.bytes.with(-1 + one.bytes.length, 0) } : one,
    );
    expect(brokenAt(bent)).toMatch(/^2 receipt_invalid/);
  });

  it('is no journal file with another opening, a foreign record, or nothing at all', () => {
    const code = (bytes: Uint8Array) => {
      const read = protocol.attempt(() => protocol.decodeJournalFile(bytes));
      return read.ok ? 'read' : read.code;
    };
    expect(code(new Uint8Array(0))).toBe('message_malformed');
    expect(code(fileOf(journal).subarray(3))).not.toBe('read');
    expect(code(Uint8Array.from([...fileOf([]), 0x82, 0x05, 0x41, 0x00]))).toBe('object_has_wrong_purpose');
    expect(code(Uint8Array.from([...fileOf([]), 0x82, 0x07]))).toBe('message_malformed');
    expect(code(fileOf([]))).toBe('read');
  });

  it('never throws and is never called whole when a byte of an entry changed', () => {
    const genuine = fileOf(journal);
    const places = entriesOf(journal).map(({ bytes }) => {
      const at = Buffer.from(genuine).indexOf(Buffer.from(bytes));
      return { at, length: bytes.length };
    });
    const place = fc
      .constantFrom(...places)
      .chain(({ at, length }) => fc.integer({ min: at, max: at + length - 1 }));
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = genuine.with(at, (genuine[at] ?? 0) ^ change);
        const read = protocol.attempt(() => protocol.decodeJournalFile(bytes));
        if (!read.ok) return;
        const report = ok(protocol.runSync(protocol.checkJournal(read.value, world.root.publicKey), crypto));
        expect(report.broken).not.toBe(null);
      }),
      { numRuns: 150 },
    );
  });
});

function makeBodyOf(entry: protocol.JournalEntry) {
  return protocol.encodeSaleBody(protocol.decodeSaleBody(entry.body));
}

describe('without a root', () => {
  const entries = entriesOf(journal).map(({ bytes }) => protocol.decodeJournalEntry(bytes));
  /** The first `count` entries and then these, rightly chained. */
  const chain = (
    count: number,
    ...more: readonly (readonly [protocol.JournalKind, readonly protocol.CborValue[]])[]
  ) => {
    const bytes = entriesOf(journal)
      .slice(0, count)
      .map((one) => one.bytes);
    for (const [kind, body] of more) {
      const previousHash = crypto.digest(bytes.at(-1) ?? new Uint8Array(0));
      const place = { sequence: bytes.length + 1, previousHash, at: NOW + 90 };
      bytes.push(protocol.encodeJournalEntry({ ...place, kind, body }));
    }
    return bytes.map((one) => ({ kind: 'journalEntry', bytes: one }) as const);
  };
  const saleBody = (entries[1]?.body ?? []) as readonly protocol.CborValue[];

  it('a sale that stands there twice is found all the same, and counted once', () => {
    expect(brokenAt(chain(3, ['sale', saleBody]), null)).toBe('4 sale_repeated');
    expect(check(chain(3, ['sale', saleBody]), null)).toMatchObject({ sales: 2, saleSumMinor: 1_000n });
  });

  it('nobody is believed who speaks of a later entry, and the chain is all', () => {
    const words = journal.filter(({ kind }) => kind === 'receipt' || kind === 'settlementBatch');
    expect(brokenAt([...chain(2), ...words], null)).toBeNull();
    expect(brokenAt([...chain(2), ...words])).not.toBeNull();
  });

  it('an override without its sale is found', () => {
    const hash = new Uint8Array(32);
    const codes = ['trust_bundle_too_old'] as const;
    const override = protocol.encodeOverrideBody({ paymentHash: hash, reason: 'other', codes });
    expect(brokenAt(chain(2, ['override', override]), null)).toBe('4 entry_missing');
    expect(brokenAt(chain(2, ['override', override], ['stop', []]), null)).toBe(
      '4 override_without_its_sale',
    );
  });
});

it('a fault of the program is no finding about the journal', () => {
  const fails = {
    ...crypto,
    verify: () => {
      throw new RangeError('broken');
    },
  };
  expect(() => protocol.runSync(protocol.checkJournal(journal, world.root.publicKey), fails)).toThrow(
    RangeError,
  );
  // Nor is one that lies in the steps themselves.
  for (const kind of ['kioskCertificate', 'receipt'] as const) {
    const records = [...journal, { kind, bytes: null as never }];
    expect(() => protocol.runSync(protocol.checkJournal(records, world.root.publicKey), crypto)).toThrow(
      TypeError,
    );
  }
});

describe('the records of a file', () => {
  const opening = protocol.encodeJournalOpening();
  const record = (kind: Record['kind'], length: number) => ({ kind, bytes: new Uint8Array(length).fill(1) });
  const read = (...records: readonly Record[]) =>
    protocol.attempt(() => protocol.decodeJournalFile(fileOf(records)));

  it('are none behind the opening alone', () => {
    expect(protocol.decodeJournalFile(opening)).toEqual([]);
  });

  it.each([
    ['issuerCertificate', protocol.MAX_OBJECT_BYTES],
    ['allowanceCertificate', protocol.MAX_OBJECT_BYTES],
    ['kioskCertificate', protocol.MAX_OBJECT_BYTES],
    ['receipt', protocol.MAX_OBJECT_BYTES],
    ['refundReceipt', protocol.MAX_OBJECT_BYTES],
    ['settlementBatch', protocol.MAX_OBJECT_BYTES],
    ['journalEntry', protocol.MAX_JOURNAL_ENTRY_BYTES],
    ['trustBundle', protocol.MAX_TRUST_BUNDLE_BYTES],
  ] as const)('hold of a %s at most %i bytes', (kind, most) => {
    const lengthOf = (length: number) => {
      const records = read(record(kind, length));
      return records.ok ? records.value.map((one) => [one.kind, one.bytes.length]) : records;
    };
    for (const length of [1, most]) expect(lengthOf(length)).toEqual([[kind, length]]);
    for (const length of [0, most + 1])
      expect(lengthOf(length)).toEqual({ ok: false, code: 'field_out_of_range' });
  });
});

describe('an override in a journal', () => {
  const { payment, body } = makeSale(1, 500n);
  const risky = (tier: protocol.GuaranteeTier) =>
    protocol.encodeSaleBody({ ...protocol.decodeSaleBody(body), tier });
  const consent = (paymentHash: Uint8Array) =>
    protocol.encodeOverrideBody({
      paymentHash,
      reason: 'knows_customer',
      codes: ['first_payment_exceeds_limit'],
    });
  const chained = (
    ...drafts: readonly (readonly [protocol.JournalKind, readonly protocol.CborValue[]])[]
  ) => {
    let previousHash = protocol.GENESIS_HASH;
    return drafts.map(([kind, content], index): Record => {
      const place = { sequence: index + 1, previousHash, at: NOW };
      const bytes = protocol.encodeJournalEntry({ ...place, kind, body: content });
      previousHash = crypto.digest(bytes);
      return { kind: 'journalEntry', bytes };
    });
  };

  it('stands directly before its sale', () => {
    const records = chained(['override', consent(payment.hash)], ['sale', risky('at_risk')], ['stop', []]);
    expect(brokenAt(records, null)).toBeNull();
  });

  it.each([
    ['1 sale_at_risk_without_override', chained(['sale', risky('at_risk')])],
    ['2 override_without_its_sale', chained(['override', consent(payment.hash)], ['stop', []])],
    [
      '2 override_without_its_sale',
      chained(['override', consent(payment.hash)], ['sale', risky('reserved')]),
    ],
    [
      '2 override_without_its_sale',
      chained(['override', consent(new Uint8Array(32))], ['sale', risky('at_risk')]),
    ],
    ['1 override_unreadable message_malformed', chained(['override', []])],
  ])('%s', (finding, records) => {
    expect(brokenAt(records, null)).toBe(finding);
  });
});
describe('a journal with refunds', () => {
  const sale = makeSale(1, 500n);
  /** start, sale, then what `make` gives. */
  function makeRefunded(parts: readonly (Partial<RefundPart> & { readonly amountMinor: bigint })[]) {
    const entries: Uint8Array[] = [];
    const receipts: Uint8Array[] = [];
    const add = (kind: protocol.JournalKind, body: protocol.CborValue[]) => {
      const previousHash = entries.length === 0 ? protocol.GENESIS_HASH : crypto.digest(last(entries));
      const sequence = entries.length + 1;
      entries.push(protocol.encodeJournalEntry({ sequence, previousHash, kind, at: NOW + 40, body }));
    };
    add('start', []);
    add('sale', [...sale.body]);
    let refundedMinor = 0n;
    for (const [index, part] of parts.entries()) {
      const refundIdBytes = id(part.refundId ?? index + 1);
      const { paymentHash = sale.payment.hash, kind = 'refund', sequence = 2, amountMinor } = part;
      refundedMinor += amountMinor;
      const offer = sign(
        protocol.signRefundOffer(
          {
            refundIdBytes,
            paymentHash,
            kind,
            amountMinor,
            sequence,
            issuedAt: NOW,
            ttlSeconds: 9,
            addresses: [],
          },
          world.kiosk.hash,
        ),
      );
      const offerHash = ok(protocol.runSync(protocol.verifyRefundOffer(offer, world.kiosk), crypto)).hash;
      const signer = part.signer ?? world.phoneKey;
      const acceptance = ok(
        protocol.runSync(
          protocol.signRefundAcceptance({ offerHash, signedAt: NOW }, world.allowance.hash),
          crypto,
          signer.sign,
        ),
      );
      const body = protocol.encodeRefundBody({
        kioskCertificateHash: world.kiosk.hash,
        offer,
        allowanceCertificateHash: world.allowance.hash,
        acceptance,
        refundedMinor: part.refundedMinor ?? refundedMinor,
      });
      add(part.entryKind ?? kind, [...body]);
      receipts.push(
        sign(
          protocol.signRefundReceipt(
            {
              refundId: protocol.toUuid(refundIdBytes),
              paymentHash,
              amountMinor,
              refundedMinor: part.receiptMinor ?? refundedMinor,
              sequence: entries.length,
              journalHash: crypto.digest(last(entries)),
              at: NOW,
            },
            world.kiosk.hash,
          ),
        ),
      );
    }
    return [
      ...journal.filter(({ kind }) => /Bundle|Certificate/.test(kind)),
      ...entries.map((bytes) => ({ kind: 'journalEntry', bytes }) as const),
      ...receipts.map((bytes) => ({ kind: 'refundReceipt', bytes }) as const),
    ];
  }

  it('that give back no more than was sold is whole', () => {
    const records = makeRefunded([{ amountMinor: 200n }, { amountMinor: 300n }]);
    expect(check(records)).toMatchObject({
      broken: null,
      sales: 1,
      saleSumMinor: 500n,
      refunds: 2,
      refundSumMinor: 500n,
      checkedRefunds: 2,
      checkedReceipts: 2,
    });
    expect(check(records, null)).toMatchObject({ broken: null, refunds: 2, checkedRefunds: 0 });
    expect(brokenAt(makeRefunded([{ amountMinor: 500n, kind: 'void' }]))).toBe(null);
  });

  it('is broken by the refund that exceeds its sale, repeats an id, or fits no sale', () => {
    const at = (...parts: Parameters<typeof makeRefunded>[0]) => brokenAt(makeRefunded(parts));
    expect(at({ amountMinor: 200n }, { amountMinor: 301n })).toBe('4 refund_invalid refund_exceeds_sale');
    expect(at({ amountMinor: 1n }, { amountMinor: 1n, refundId: 1 })).toBe(
      '4 refund_invalid refund_id_used_twice',
    );
    expect(at({ amountMinor: 1n, paymentHash: world.kiosk.hash })).toBe(
      '3 refund_invalid refund_is_for_another_payment',
    );
    expect(at({ amountMinor: 1n, sequence: 1 })).toBe('3 refund_invalid refund_entry_inconsistent');
    expect(at({ amountMinor: 1n, refundedMinor: 2n })).toBe('3 refund_invalid refund_entry_inconsistent');
    expect(at({ amountMinor: 500n, entryKind: 'void' })).toBe('3 refund_invalid refund_entry_inconsistent');
    expect(at({ amountMinor: 400n, kind: 'void' })).toBe('3 refund_invalid void_is_not_whole');
  });

  it('is broken by an acceptance that the payer did not sign, and by a receipt of another sum', () => {
    expect(brokenAt(makeRefunded([{ amountMinor: 1n, signer: world.kioskKey }]))).toBe(
      '3 refund_invalid refund_acceptance_signature_invalid',
    );
    expect(brokenAt(makeRefunded([{ amountMinor: 1n, receiptMinor: 2n }]))).toBe(
      '3 receipt_invalid refund_receipt_is_for_another_refund',
    );
    const records = makeRefunded([{ amountMinor: 1n }]);
    expect(brokenAt(records.filter((_, index) => index !== records.length - 2))).toBe('3 entry_missing');
  });
});

interface RefundPart {
  readonly refundId: number;
  readonly paymentHash: Uint8Array;
  readonly kind: protocol.RefundKind;
  readonly entryKind: protocol.RefundKind;
  readonly sequence: number;
  readonly refundedMinor: bigint;
  readonly receiptMinor: bigint;
  readonly signer: { readonly sign: protocol.SyncSigner };
}

function last(list: readonly Uint8Array[]): Uint8Array {
  const item = list.at(-1);
  if (item === undefined) throw new TypeError('an entry');
  return item;
}
