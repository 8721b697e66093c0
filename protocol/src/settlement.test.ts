/** Settlement: a batch is the chain that it signs, and an acknowledgement is of that batch (R43, R47). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changed, fieldsOf, itemsOf, resigned, withFields } from '../scripts/tamper.ts';
import { crypto, id, makePayment, makeRequest, makeWorld, newKey, NOW, ok } from '../test/world.ts';
import { encodeCbor, type CborValue } from './cbor.ts';
import {
  attempt,
  decodeSettlementEnvelope,
  encodeJournalEntry,
  encodeSaleBody,
  encodeSettlementEnvelope,
  GENESIS_HASH,
  journalHash,
  MAX_BATCH_BYTES,
  runSync,
  ISSUER_USE,
  signSettlementAcknowledgement,
  signSettlementBatch,
  toUuid,
  verifySale,
  verifySaleOfBatch,
  verifySettlementAcknowledgement,
  verifySettlementBatch,
  type SaleBody,
  type AcknowledgementFacts,
  type SettlementAcknowledgement,
  type SettlementBatch,
} from './index.ts';

const world = makeWorld();
const refused = (code: string) => ({ ok: false, code });

function saleOf(here = world, fill = 0x44): SaleBody {
  const request = makeRequest(here, { fill });
  return {
    kioskCertificateHash: here.kiosk.hash,
    request: request.bytes,
    allowanceCertificateHash: here.allowance.hash,
    payment: makePayment(here, request).bytes,
    tier: 'reserved',
    checks: 255,
  };
}

/** Three entries on top of an older one: a sale between a start and a stop. */
function chain(fromSequence = 5) {
  const entries: Uint8Array[] = [];
  let head: Uint8Array = new Uint8Array(32).fill(5);
  const first = head;
  for (const kind of ['start', 'sale', 'stop'] as const) {
    const body = kind === 'sale' ? encodeSaleBody(saleOf()) : [];
    const bytes = encodeJournalEntry({
      sequence: fromSequence + entries.length,
      previousHash: head,
      kind,
      at: NOW,
      body,
    });
    entries.push(bytes);
    head = ok(runSync(journalHash(bytes), crypto));
  }
  return { entries, previousHash: first, headHash: head };
}

const { entries, previousHash, headHash } = chain();
const draft: Omit<SettlementBatch, 'hash' | 'bytes'> = {
  fromSequence: 5,
  toSequence: 7,
  saleCount: 1,
  saleSumMinor: 1_250n,
  previousHash,
  headHash,
  denyListVersion: 3,
  createdAt: NOW,
};
const signBatch = (changes: Partial<typeof draft> = {}, key = world.kioskKey) =>
  ok(runSync(signSettlementBatch({ ...draft, ...changes }, world.kiosk.hash), crypto, key.sign));
const verify = (batch: Uint8Array, given: readonly Uint8Array[]) => {
  const envelope = decodeSettlementEnvelope(encodeSettlementEnvelope(world.kiosk.hash, batch, given));
  return runSync(verifySettlementBatch(envelope, world.kiosk), crypto);
};

describe('a settlement batch', () => {
  it('gives its entries in order, each with its hash', () => {
    const verified = ok(verify(signBatch(), entries));
    expect(verified.batch).toMatchObject(draft);
    expect(verified.entries.map(({ entry }) => [entry.sequence, entry.kind])).toEqual([
      [5, 'start'],
      [6, 'sale'],
      [7, 'stop'],
    ]);
    expect(verified.entries.at(-1)?.hash).toEqual(headHash);
  });

  it('is refused with any field of its head changed', () => {
    const batch = signBatch();
    fieldsOf(batch).forEach((value, index, fields) => {
      const code = index === 0 ? 'object_has_wrong_purpose' : 'batch_signature_invalid';
      expect(verify(withFields(batch, fields.with(index, changed(value))), entries)).toEqual(refused(code));
    });
  });

  it.each([
    ['of another key', signBatch({}, newKey()), 'batch_signature_invalid'],
    ['that begins elsewhere', signBatch({ fromSequence: 6, toSequence: 8 }), 'batch_chain_broken'],
    ['that counts one more', signBatch({ toSequence: 8 }), 'batch_chain_broken'],
    ['on top of another entry', signBatch({ previousHash: GENESIS_HASH }), 'batch_chain_broken'],
    ['with another head', signBatch({ headHash: GENESIS_HASH }), 'batch_chain_broken'],
  ])('%s is refused', (_what, batch, code) => {
    expect(verify(batch, entries)).toEqual(refused(code));
  });

  it('with an entry left out, twice, or in another order is refused (R47)', () => {
    const [start, sale, stop] = entries;
    if (start === undefined || sale === undefined || stop === undefined) throw new TypeError('three entries');
    for (const other of [
      [start, sale],
      [start, stop],
      [sale, start, stop],
      [start, sale, sale],
      [start, sale, stop, stop],
      [],
    ]) {
      expect(verify(signBatch(), other)).toEqual(refused('batch_chain_broken'));
    }
  });

  it('with any bit of any entry changed is refused (R43)', () => {
    fc.assert(
      fc.property(fc.nat(entries.length - 1), fc.nat(), (index, position) => {
        const altered = entries.map((bytes) => bytes.slice());
        const entry = altered[index];
        if (entry === undefined) return;
        const bit = position % (entry.length * 8);
        entry[bit >> 3] = (entry[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verify(signBatch(), altered).ok).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('without entries is a heartbeat', () => {
    const heartbeat = signBatch({ toSequence: 4, saleCount: 0, saleSumMinor: 0n, headHash: previousHash });
    expect(ok(verify(heartbeat, [])).batch.toSequence).toBe(4);
    const moved = signBatch({ toSequence: 4, headHash });
    expect(verify(moved, [])).toEqual(refused('batch_chain_broken'));
  });

  it("is not of another kiosk's certificate", () => {
    const envelope = decodeSettlementEnvelope(
      encodeSettlementEnvelope(world.kiosk.hash, signBatch(), entries),
    );
    const other = { ...world.kiosk, hash: new Uint8Array(32) };
    expect(runSync(verifySettlementBatch(envelope, other), crypto)).toEqual(
      refused('batch_signature_invalid'),
    );
  });
});

describe('a settlement envelope', () => {
  const items = itemsOf(encodeSettlementEnvelope(world.kiosk.hash, signBatch(), entries));
  const decode = (values: readonly CborValue[]) =>
    attempt(() => decodeSettlementEnvelope(encodeCbor(values)));

  it.each<[string, number, CborValue, string]>([
    ['of another purpose', 0, 13, 'object_has_wrong_purpose'],
    ['with a short hash', 1, new Uint8Array(4), 'field_out_of_range'],
    ['with an entry of text', 3, ['entry'], 'message_malformed'],
    ['with an entry beyond its size', 3, [new Uint8Array(4_097)], 'field_out_of_range'],
    ['with 501 entries', 3, Array.from({ length: 501 }, () => new Uint8Array(1)), 'field_out_of_range'],
  ])('%s is refused', (_what, index, value, code) => {
    expect(decode(items.with(index, value))).toEqual(refused(code));
  });

  it('has room for an entry of the largest size', () => {
    expect(decode(items.with(3, [new Uint8Array(4_096)])).ok).toBe(true);
  });

  it('above its size is refused unread', () => {
    expect(attempt(() => decodeSettlementEnvelope(new Uint8Array(MAX_BATCH_BYTES + 1)))).toEqual(
      refused('message_too_large'),
    );
  });
});

describe("the cloud's check of a sale", () => {
  const check = (sale: SaleBody, here = world) =>
    runSync(verifySale(sale, { kiosk: here.kiosk, allowance: here.allowance }), crypto);

  it('passes what both signed', () => {
    const verified = ok(check(saleOf()));
    expect(verified.payment.requestHash).toEqual(verified.request.hash);
  });

  it('passes a sum of exactly the cap', () => {
    const request = makeRequest(world);
    const last = makePayment(world, request, { counter: 4, cumulativeMinor: 5_000n });
    expect(check({ ...saleOf(), request: request.bytes, payment: last.bytes }).ok).toBe(true);
  });

  it('takes the word of the batch for a request: its own signature is not asked for, everything else is', () => {
    const checkInBatch = (sale: SaleBody) =>
      runSync(verifySaleOfBatch(sale, { kiosk: world.kiosk, allowance: world.allowance }), crypto);
    const sale = saleOf();
    expect(checkInBatch(sale)).toEqual(check(sale));
    const request = sale.request.slice();
    request[request.length - 1] = (request.at(-1) ?? 0) ^ 1;
    expect(check({ ...sale, request })).toEqual(refused('request_signature_invalid'));
    expect(ok(checkInBatch({ ...sale, request })).payment).toEqual(ok(check(sale)).payment);
    const other = makeWorld();
    const faulty = [
      { ...sale, payment: saleOf(other).payment },
      { ...sale, request: saleOf(other, 0x60).request },
      { ...sale, request: saleOf(world, 0x60).request },
      saleOf({ ...world, phoneKey: newKey() }),
      { ...sale, request: new Uint8Array(3) },
    ];
    for (const one of faulty) expect([one, checkInBatch(one)]).toEqual([one, check(one)]);
  });

  it('refuses what the phone did not sign, or the kiosk did not ask', () => {
    const other = makeWorld();
    expect(check({ ...saleOf(), payment: saleOf(other).payment })).toEqual(
      refused('payment_is_for_another_request'),
    );
    expect(check({ ...saleOf(), request: saleOf(other).request })).toEqual(
      refused('request_signature_invalid'),
    );
    expect(check({ ...saleOf(), request: saleOf(world, 0x60).request })).toEqual(
      refused('payment_is_for_another_request'),
    );
    expect(check(saleOf({ ...world, phoneKey: newKey() }))).toEqual(refused('payment_signature_invalid'));
  });

  it.each([
    [
      'an amount that was not asked',
      { amountMinor: 1_300n, cumulativeMinor: 1_300n },
      'payment_amount_differs_from_request',
    ],
    ['a sum above the cap', { counter: 4, cumulativeMinor: 5_001n }, 'payment_exceeds_allowance'],
    ['a sum below the amount', { counter: 4, cumulativeMinor: 1_249n }, 'payment_cumulative_inconsistent'],
  ])('refuses %s', (_what, changes, code) => {
    const request = makeRequest(world);
    expect(
      check({ ...saleOf(), request: request.bytes, payment: makePayment(world, request, changes).bytes }),
    ).toEqual(refused(code));
  });

  it("refuses another shop's lock and another currency", () => {
    const locked = makeWorld({ payeeLock: { merchantId: toUuid(id(0x12)), kioskId: null } });
    expect(check(saleOf(locked), locked)).toEqual(refused('payment_is_for_another_shop'));
    const otherTill = makeWorld({ payeeLock: { merchantId: toUuid(id(0x11)), kioskId: toUuid(id(0x23)) } });
    expect(check(saleOf(otherTill), otherTill)).toEqual(refused('payment_is_for_another_shop'));
    const foreign = { ...world, allowance: { ...world.allowance, currency: 'IDR' } };
    expect(check(saleOf(), foreign)).toEqual(refused('payment_currency_differs_from_request'));
  });
});

describe('an acknowledgement', () => {
  const acknowledgement: SettlementAcknowledgement = {
    kioskId: toUuid(id(0x22)),
    batchHash: new Uint8Array(32).fill(8),
    highestSequence: 7,
    issuedAt: NOW + 50,
    results: [
      { sequence: 5, outcome: 'settled', code: null },
      { sequence: 6, outcome: 'settled_by_guarantee', code: null },
      { sequence: 7, outcome: 'refused', code: 'payment_signature_invalid' },
      { sequence: 8, outcome: 'disputed', code: 'payment_counter_not_increasing' },
      { sequence: 9, outcome: 'waiting', code: null },
    ],
  };
  const expected = { kioskId: acknowledgement.kioskId, batchHash: acknowledgement.batchHash };
  const bytes = ok(
    runSync(signSettlementAcknowledgement(acknowledgement, world.issuerKeyId), crypto, world.issuer.sign),
  );
  const read = (given: Uint8Array, about?: typeof expected) =>
    readAs(given, about === undefined ? {} : { expected: about });
  const readAs = (given: Uint8Array, changes: Partial<AcknowledgementFacts>) => {
    const facts = { trust: world.trust, nowSeconds: NOW + 60, ...changes };
    return runSync(verifySettlementAcknowledgement(given, facts), crypto);
  };
  const withResult = (result: CborValue) => resigned(bytes, fieldsOf(bytes).with(4, [result]), world.issuer);

  it('is read as the issuer signed it', () => {
    expect(ok(read(bytes))).toEqual(acknowledgement);
    expect(ok(read(bytes, expected))).toEqual(acknowledgement);
  });

  it('of another kiosk or another batch is refused', () => {
    const another = refused('acknowledgement_is_for_another_batch');
    expect(read(bytes, { ...expected, kioskId: toUuid(id(0x23)) })).toEqual(another);
    expect(read(bytes, { ...expected, batchHash: new Uint8Array(32) })).toEqual(another);
  });

  it('is refused with any field changed, or of nobody known', () => {
    fieldsOf(bytes).forEach((value, index, fields) => {
      const answer = read(withFields(bytes, fields.with(index, changed(value))));
      const code = index === 0 ? 'object_has_wrong_purpose' : 'acknowledgement_signature_invalid';
      expect(answer).toEqual(refused(code));
    });
    expect(readAs(bytes, { trust: { ...world.trust, issuers: [] } })).toEqual(
      refused('acknowledgement_signature_invalid'),
    );
  });

  it('is refused from a key whose time is over, of an older generation, or for other uses (R27)', () => {
    const { signer, issuers } = world.trust;
    expect(readAs(bytes, { nowSeconds: signer.notAfter - 1 }).ok).toBe(true);
    expect(readAs(bytes, { nowSeconds: signer.notAfter })).toEqual(refused('certificate_expired'));
    const newer = { issuers, signer: { ...signer, generation: signer.generation + 1 } };
    expect(readAs(bytes, { trust: newer })).toEqual(refused('issuer_key_superseded'));
    const other = issuers.map((issuer) => ({ ...issuer, uses: ISSUER_USE.certificates }));
    expect(readAs(bytes, { trust: { issuers: other, signer } })).toEqual(
      refused('issuer_key_not_for_this_use'),
    );
  });

  it('with a reason that only a newer cloud knows still settles', () => {
    expect(ok(read(withResult([5, 3, 'a_reason_of_the_future']))).results).toEqual([
      { sequence: 5, outcome: 'refused', code: null },
    ]);
  });

  it.each<[string, CborValue]>([
    ['outcome 0', [5, 0, null]],
    ['outcome 6', [5, 6, null]],
    ['sequence 0', [0, 1, null]],
    ['a reason that is a sentence', [5, 3, 'No.']],
    ['a reason without end', [5, 3, 'a'.repeat(65)]],
  ])('with %s is refused', (_what, result) => {
    expect(read(withResult(result))).toEqual(refused('field_out_of_range'));
  });

  it('with a result of another length is refused', () => {
    expect(read(withResult([5, 1]))).toEqual(refused('message_malformed'));
    expect(read(withResult([5, 1, null, 0]))).toEqual(refused('message_malformed'));
  });
});
