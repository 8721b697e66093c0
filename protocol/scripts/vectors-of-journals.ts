/** Vectors of the journal file: a whole one, and what a hand that edits, cuts, adds or re-orders leaves behind (R43). */
import { concatBytes } from '../src/bytes.ts';
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { fieldsOf, itemsOf, malleated, resigned, withFields } from './tamper.ts';
import { given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { crypto, NOW, type VectorWorld } from './vector-world.ts';
import { journalWalkVectors } from './vectors-of-journal-walks.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { makePayment } from './vectors-of-payments.ts';

interface Entry {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly minor: bigint;
}

/** start, sale, sale, stop: a receipt for each sale, a batch over 1 to 3 and one over the rest. */
function makeParts(world: VectorWorld) {
  const entries: Entry[] = [];
  const receipts: Uint8Array[] = [];
  const first = makePayment(world, makeRequest(world));
  const second = makePayment(world, makeRequest(world, 0x60, 700n), {
    counter: 2,
    cumulativeMinor: 1_950n,
    previousLink: protocol.linkOf(first.hash),
  });
  const sales = [
    { request: makeRequest(world), payment: first },
    { request: makeRequest(world, 0x60, 700n), payment: second },
  ];
  const byKiosk = (steps: protocol.Steps<Uint8Array>) => world.run(steps, world.kioskKey);
  for (const kind of ['start', 'sale', 'sale', 'stop'] as const) {
    const sale = kind === 'sale' ? sales.shift() : undefined;
    const sequence = entries.length + 1;
    const body = sale === undefined ? [] : bodyOf(world, sale.request, sale.payment);
    const previousHash = entries.at(-1)?.hash ?? protocol.GENESIS_HASH;
    const bytes = protocol.encodeJournalEntry({
      sequence,
      previousHash,
      kind,
      at: NOW + 30 + sequence,
      body,
    });
    const hash = crypto.digest(bytes);
    entries.push({ bytes, hash, minor: sale?.payment.amountMinor ?? 0n });
    if (sale === undefined) continue;
    const { hash: paymentHash, amountMinor } = sale.payment;
    const receipt = {
      paymentHash,
      amountMinor,
      tier: 'reserved',
      sequence,
      journalHash: hash,
      checks: 255,
    } as const;
    receipts.push(byKiosk(protocol.signReceipt({ ...receipt, acceptedAt: NOW + 33 }, world.kiosk.hash)));
  }
  const sign = (fromSequence: number, toSequence: number, saleSumMinor: bigint, saleCount: number) =>
    byKiosk(
      protocol.signSettlementBatch(
        {
          fromSequence,
          toSequence,
          saleCount,
          saleSumMinor,
          previousHash: entries[fromSequence - 2]?.hash ?? protocol.GENESIS_HASH,
          headHash: entries[toSequence - 1]?.hash ?? protocol.GENESIS_HASH,
          denyListVersion: 3,
          createdAt: NOW + 60,
        },
        world.kiosk.hash,
      ),
    );
  return { entries: entries.map(({ bytes }) => bytes), receipts, sign };
}

function bodyOf(world: VectorWorld, request: protocol.PaymentRequest, payment: protocol.Payment) {
  return protocol.encodeSaleBody({
    kioskCertificateHash: world.kiosk.hash,
    request: request.bytes,
    allowanceCertificateHash: world.allowance.hash,
    payment: payment.bytes,
    tier: 'reserved',
    checks: 255,
  });
}

type Records = readonly protocol.JournalRecord[];
const of = (kind: protocol.JournalRecordKind, list: readonly Uint8Array[]): Records =>
  list.map((bytes) => ({ kind, bytes }));
const fileOf = (records: Records): Uint8Array =>
  concatBytes(protocol.encodeJournalOpening(), ...records.map(protocol.encodeJournalRecord));

function withChecks(sale: Uint8Array, checks: number): CborValue {
  const body = itemsOf(sale)[5];
  if (!Array.isArray(body)) throw new TypeError('a sale');
  return (body as readonly CborValue[]).with(5, checks);
}

export function journalFileVectors(world: VectorWorld): DraftFile {
  const { entries, receipts, sign } = makeParts(world);
  const batches = [sign(1, 3, 1_950n, 2), sign(4, 4, 0n, 0)];
  const certificates = [
    ...of('trustBundle', [world.trustBundle]),
    ...of('kioskCertificate', [world.kiosk.bytes]),
    ...of('allowanceCertificate', [world.allowance.bytes]),
  ];
  const file = (parts: {
    readonly certificates?: Records;
    readonly entries?: readonly Uint8Array[];
    readonly receipts?: readonly Uint8Array[];
    readonly batches?: readonly Uint8Array[];
  }) =>
    fileOf([
      ...(parts.certificates ?? certificates),
      ...of('journalEntry', parts.entries ?? entries),
      ...of('receipt', parts.receipts ?? receipts),
      ...of('settlementBatch', parts.batches ?? batches),
    ]);
  const operation = 'verifyJournalFile';
  const report = (name: string, bytes: Uint8Array) => valid(name, operation, { file: bytes });
  const bad = (name: string, code: protocol.RefusalCode, bytes: Uint8Array) =>
    invalid(name, operation, code, { file: bytes });
  /** Entry 3 with one field changed, the chain behind it left as it was. */
  const edited = (index: number, value: CborValue) =>
    entries.map((entry, i) => (i === 2 ? encodeCbor(itemsOf(entry).with(index, value)) : entry));
  const [start, sale, other, stop] = entries;
  const [receipt = new Uint8Array(0), secondReceipt = new Uint8Array(0)] = receipts;
  if (!start || !sale || !other || !stop) throw new TypeError('four entries');
  const whole = file({});
  /** Another entry of the sale of entry 2, rightly chained to entry 3. */
  const saleAgain = (signature: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes) => {
    const body = itemsOf(sale)[5];
    if (!Array.isArray(body)) throw new TypeError('a sale');
    const values = body as readonly CborValue[];
    const payment = values[3];
    if (!(payment instanceof Uint8Array)) throw new TypeError('a payment');
    return encodeCbor(
      itemsOf(sale)
        .with(1, 4)
        .with(2, crypto.digest(other))
        .with(5, values.with(3, signature(payment))),
    );
  };
  const repeated = (entry: Uint8Array) => ({
    entries: [start, sale, other, entry],
    batches: batches.slice(0, 1),
  });
  const [issuerCertificate = new Uint8Array(0)] = world.issuerCertificates;
  const falseBundle = withFields(world.trustBundle, fieldsOf(world.trustBundle).with(1, 8));
  const strangers = of('kioskCertificate', [
    resigned(world.kiosk.bytes, fieldsOf(world.kiosk.bytes), world.stranger),
  ]);
  return {
    description:
      'Journal files. In the valid half a report: `broken` names the first entry that does not hold, or is null. In the invalid half what is no journal file.',
    page: '07-journal.md',
    context: given({ rootPublicKey: world.root.publicKey }),
    valid: [
      report('a whole journal', whole),
      report('an empty journal', fileOf([])),
      report(
        'certificates, receipts and batches behind the entries, in another order',
        fileOf([
          ...of('settlementBatch', batches.toReversed()),
          ...of('journalEntry', entries),
          ...of('receipt', receipts.toReversed()),
          ...certificates.toReversed(),
        ]),
      ),
      report(
        'a receipt twice, once with the other signature',
        file({ receipts: [...receipts, malleated(receipt)] }),
      ),
      report(
        'without the allowance certificate: the payments are not checked',
        file({ certificates: certificates.slice(0, 2) }),
      ),
      report(
        'an issuer certificate in the place of the bundle',
        file({
          certificates: [...of('issuerCertificate', world.issuerCertificates), ...certificates.slice(1)],
        }),
      ),
      report('entries alone', fileOf(of('journalEntry', entries))),
      report('cut at its end, which batches and receipts remember', file({ entries: entries.slice(0, 2) })),
      report(
        'cut at its end with all that spoke of it',
        file({ entries: entries.slice(0, 2), receipts: [receipt], batches: [] }),
      ),
      report('without its first entry', file({ entries: entries.slice(1) })),
      report('an entry taken out', file({ entries: [start, sale, stop] })),
      report('an entry twice', file({ entries: [start, sale, sale, other, stop] })),
      report('two entries exchanged', file({ entries: [start, other, sale, stop] })),
      report('the time of an entry changed', file({ entries: edited(4, NOW) })),
      report('the kind of an entry changed', file({ entries: edited(3, 2) })),
      report('the checks in an entry changed', file({ entries: edited(5, withChecks(other, 1)) })),
      report('an entry that is no entry', file({ entries: [start, Uint8Array.of(0x80), other, stop] })),
      report(
        'a sale whose body is no sale',
        file({ entries: [encodeCbor(itemsOf(start).with(3, 1).with(5, []))] }),
      ),
      report(
        'the last entry changed, and no batch over it',
        file({
          entries: [start, sale, other, encodeCbor(itemsOf(stop).with(4, NOW + 99))],
          batches: batches.slice(0, 1),
        }),
      ),
      report(
        'the last entry changed',
        file({ entries: [start, sale, other, encodeCbor(itemsOf(stop).with(4, NOW + 99))] }),
      ),
      report(
        'a receipt of another key',
        file({
          receipts: [
            receipt,
            resigned(secondReceipt, fieldsOf(secondReceipt), {
              ...world.stranger,
              externalAad: world.kiosk.hash,
            }),
          ],
        }),
      ),
      report(
        'a receipt with another amount',
        file({ receipts: [withFields(receipt, fieldsOf(receipt).with(2, 1_251))] }),
      ),
      report(
        'a receipt that names a stop',
        file({
          receipts: [
            resigned(receipt, fieldsOf(receipt).with(4, 4), {
              ...world.kioskKey,
              externalAad: world.kiosk.hash,
            }),
          ],
        }),
      ),
      report('a batch with another sum', file({ batches: [sign(1, 3, 1_951n, 2)] })),
      report('a batch with another count', file({ batches: [sign(1, 3, 1_950n, 1)] })),
      report(
        'a batch of another key',
        file({
          batches: [
            resigned(batches[0] ?? start, fieldsOf(batches[0] ?? start), {
              ...world.stranger,
              externalAad: world.kiosk.hash,
            }),
          ],
        }),
      ),
      report(
        'a kiosk that no issuer certified',
        file({
          certificates: [...certificates.slice(0, 1), ...strangers, ...certificates.slice(2)],
        }),
      ),
      report('a sale twice', file(repeated(saleAgain()))),
      report('a sale twice, once with the other signature', file(repeated(saleAgain(malleated)))),
      report(
        'a sale twice, without any certificate',
        fileOf(of('journalEntry', repeated(saleAgain()).entries)),
      ),
      report(
        'a bundle of another root',
        file({
          certificates: [
            ...of('trustBundle', [resigned(world.trustBundle, fieldsOf(world.trustBundle), world.stranger)]),
            ...certificates.slice(1),
          ],
        }),
      ),
      // The issuer certificates in it are the root's own, and it brings none of them.
      report(
        'a bundle whose signature is false',
        file({ certificates: [...of('trustBundle', [falseBundle]), ...certificates.slice(1)] }),
      ),
      report(
        'an issuer certificate of another root beside one that is good',
        file({
          certificates: [
            ...of('issuerCertificate', [
              resigned(issuerCertificate, fieldsOf(issuerCertificate), world.stranger),
              issuerCertificate,
            ]),
            ...certificates.slice(1),
          ],
        }),
      ),
      report(
        'a bundle whose signature is false beside one that is good',
        file({ certificates: [...of('trustBundle', [falseBundle]), ...certificates] }),
      ),
      report(
        'a bundle whose signature is false beside an issuer certificate',
        file({
          certificates: [
            ...of('trustBundle', [falseBundle]),
            ...of('issuerCertificate', world.issuerCertificates.slice(0, 1)),
            ...certificates.slice(1),
          ],
        }),
      ),
      ...journalWalkVectors(world),
    ],
    invalid: [
      bad('nothing', 'message_malformed', new Uint8Array(0)),
      bad(
        'no opening',
        'object_has_wrong_purpose',
        protocol.encodeJournalRecord({ kind: 'journalEntry', bytes: start }),
      ),
      bad('an opening with more in it', 'message_malformed', encodeCbor([25, 1])),
      bad(
        'an opening twice',
        'object_has_wrong_purpose',
        concatBytes(whole, encodeCbor([25, Uint8Array.of(1)])),
      ),
      bad(
        'a record of a purpose that has no place here',
        'object_has_wrong_purpose',
        concatBytes(whole, encodeCbor([5, Uint8Array.of(1)])),
      ),
      bad('a record without bytes', 'message_malformed', concatBytes(whole, encodeCbor([7]))),
      bad(
        'a record of no bytes',
        'field_out_of_range',
        concatBytes(whole, encodeCbor([7, new Uint8Array(0)])),
      ),
      bad(
        'a record above its bound',
        'field_out_of_range',
        concatBytes(encodeCbor([25]), encodeCbor([6, new Uint8Array(2_049)])),
      ),
      bad('cut within its last record', 'message_malformed', whole.subarray(0, -1)),
      bad('a byte behind', 'message_malformed', concatBytes(whole, Uint8Array.of(0xff))),
      bad('an item that is no array', 'message_malformed', concatBytes(whole, Uint8Array.of(0))),
      bad(
        'a record in another encoding',
        'message_malformed',
        concatBytes(whole, Uint8Array.of(0x82, 0x18, 7, 0x41, 0)),
      ),
    ],
  };
}
