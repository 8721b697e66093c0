/**
 * Bytes from outside never make a reader throw: random ones, and mutated genuine ones, through every public function
 * that decodes or verifies. The short run is for every change; PROTOCOL_FUZZ_RUNS sets a longer one.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../src/bytes.ts';
import * as protocol from '../src/index.ts';
import {
  crypto,
  id,
  makeDelivery,
  makeFacts,
  makePayment,
  makeRequest,
  makeWorld,
  NOW,
  ok,
} from './world.ts';

const RUNS = Number(process.env['PROTOCOL_FUZZ_RUNS'] ?? 300);
const world = makeWorld();
const request = makeRequest(world);
const payment = makePayment(world, request);
const delivery = makeDelivery(world, payment);
const { issuers } = world.trust;
const sync = <T>(steps: protocol.Steps<T>, key = world.kioskKey) => protocol.runSync(steps, crypto, key.sign);

const receipt = ok(
  sync(
    protocol.signReceipt(
      {
        paymentHash: payment.hash,
        amountMinor: 1_250n,
        tier: 'reserved',
        sequence: 1,
        journalHash: payment.hash,
        acceptedAt: NOW,
        checks: 1,
      },
      world.kiosk.hash,
    ),
  ),
);
const saleBody: protocol.SaleBody = {
  kioskCertificateHash: world.kiosk.hash,
  request: request.bytes,
  allowanceCertificateHash: world.allowance.hash,
  payment: payment.bytes,
  tier: 'reserved',
  checks: 1,
};
const entry = protocol.encodeJournalEntry({
  sequence: 1,
  previousHash: protocol.GENESIS_HASH,
  kind: 'sale',
  at: NOW,
  body: protocol.encodeSaleBody(saleBody),
});
const batch = ok(
  sync(
    protocol.signSettlementBatch(
      {
        fromSequence: 1,
        toSequence: 1,
        saleCount: 1,
        saleSumMinor: 1_250n,
        previousHash: protocol.GENESIS_HASH,
        headHash: crypto.digest(entry),
        denyListVersion: 1,
        createdAt: NOW,
      },
      world.kiosk.hash,
    ),
  ),
);
const acknowledgement = ok(
  sync(
    protocol.signSettlementAcknowledgement(
      {
        kioskId: world.kiosk.kioskId,
        batchHash: payment.hash,
        highestSequence: 1,
        issuedAt: NOW,
        results: [{ sequence: 1, outcome: 'settled', code: null }],
      },
      world.issuerKeyId,
    ),
    world.issuer,
  ),
);
const statement = ok(
  sync(
    protocol.signClosingStatement(
      { lastCounter: 1, cumulativeMinor: 1n, signedAt: NOW },
      world.allowance.hash,
    ),
    world.phoneKey,
  ),
);
const delta = ok(
  sync(
    protocol.signDenyListDelta(
      {
        version: 8,
        issuedAt: NOW,
        policy: world.trust.policy,
        issuerCertificates: [world.issuerCertificate],
        denyListVersion: 4,
        baseVersion: world.trust.version,
        addedAllowances: [id(0x71)],
        removedAllowances: [],
        addedKiosks: [],
        removedKiosks: [],
        listHash: ok(
          sync(
            protocol.denyListHash({
              deniedAllowances: new Set([protocol.toUuid(id(0x71))]),
              deniedKiosks: new Set(),
            }),
          ),
        ),
      },
      world.issuerKeyId,
    ),
    world.issuer,
  ),
);
const kept = ok(sync(protocol.verifyTrustUpdate(delta, world.root.publicKey, world.trust))).bytes;
const possession = { publicKey: world.phoneKey.publicKey, context: 'allowance', occasion: 'now' } as const;
const proof = ok(sync(protocol.signProofOfPossession(possession), world.phoneKey));
const issuerCertificate = ok(
  sync(
    protocol.signIssuerCertificate({
      publicKey: world.issuer.publicKey,
      generation: 1,
      uses: protocol.EVERY_ISSUER_USE,
      notBefore: NOW,
      notAfter: NOW + 9,
    }),
    world.root,
  ),
);

const known = ok(sync(protocol.readAllowanceCertificate(world.allowance.bytes)));
const stored = [{ allowance: known.certificate, allowanceObject: known.object }];

/** A delivery of either kind all the way to the kiosk's decision. */
function decide(bytes: Uint8Array) {
  const decoded = protocol.attempt(() => protocol.decodeAnyDelivery(bytes));
  if (!decoded.ok) return decoded;
  const delivery = decoded.value;
  const identified = protocol.isRepeatDelivery(delivery)
    ? byReference(delivery)
    : sync(protocol.identifyPayment(delivery));
  return identified.ok
    ? sync(protocol.verifyPayment(identified.value, makeFacts(world, request)))
    : identified;
}

function byReference(delivery: protocol.RepeatDelivery) {
  const named = protocol.attempt(() =>
    protocol.selectCertificate(delivery, stored, ({ allowance }) => allowance.hash),
  );
  return named.ok ? sync(protocol.identifyUnder(named.value, delivery)) : named;
}

const twin = makePayment(world, makeRequest(world, { fill: 0x60 }));
// Its own issuer certificate: the world's bundle holds one that began a moment earlier.
const doubleSpend = protocol.encodeDoubleSpendProof({
  issuerCertificate,
  allowanceCertificate: world.allowance.bytes,
  first: payment.bytes,
  second: twin.bytes,
});

function prove(bytes: Uint8Array) {
  const parts = protocol.attempt(() => protocol.decodeDoubleSpendProof(bytes));
  return parts.ok ? sync(protocol.verifyDoubleSpendProof(parts.value, world.root.publicKey)) : parts;
}

/** Envelope, chain and every sale in it, as the cloud reads them. */
function settle(bytes: Uint8Array) {
  const envelope = protocol.attempt(() => protocol.decodeSettlementEnvelope(bytes));
  if (!envelope.ok) return envelope;
  const verified = sync(protocol.verifySettlementBatch(envelope.value, world.kiosk));
  if (!verified.ok) return verified;
  const sale = protocol.attempt(() => protocol.decodeSaleBody(verified.value.entries[0]?.entry.body ?? []));
  return sale.ok
    ? sync(protocol.verifySale(sale.value, { kiosk: world.kiosk, allowance: world.allowance }))
    : sale;
}

const offer = ok(
  sync(
    protocol.signRefundOffer(
      {
        refundIdBytes: id(0x66),
        paymentHash: payment.hash,
        kind: 'refund',
        amountMinor: 500n,
        sequence: 1,
        issuedAt: NOW,
        ttlSeconds: 300,
        addresses: [],
      },
      world.kiosk.hash,
    ),
  ),
);
const offerHash = ok(sync(protocol.verifyRefundOffer(offer, world.kiosk))).hash;
const acceptance = ok(
  sync(protocol.signRefundAcceptance({ offerHash, signedAt: NOW }, world.allowance.hash), world.phoneKey),
);
const refundReceipt = ok(
  sync(
    protocol.signRefundReceipt(
      {
        refundId: protocol.toUuid(id(0x66)),
        paymentHash: payment.hash,
        amountMinor: 500n,
        refundedMinor: 500n,
        sequence: 2,
        journalHash: payment.hash,
        at: NOW,
      },
      world.kiosk.hash,
    ),
  ),
);
const refundEntry = protocol.encodeJournalEntry({
  sequence: 2,
  previousHash: crypto.digest(entry),
  kind: 'refund',
  at: NOW,
  body: protocol.encodeRefundBody({
    kioskCertificateHash: world.kiosk.hash,
    offer,
    allowanceCertificateHash: world.allowance.hash,
    acceptance,
    refundedMinor: 500n,
  }),
});

/** An acceptance all the way to the kiosk's decision. */
function giveBack(bytes: Uint8Array) {
  const read = protocol.attempt(() => protocol.readRefundAcceptance(bytes));
  if (!read.ok) return read;
  const sale = { amountMinor: 1_250n, refundedMinor: 0n, isRefused: false };
  const facts = {
    offer: { ...ok(sync(protocol.verifyRefundOffer(offer, world.kiosk))), hash: read.value.offerHash },
  };
  return sync(
    protocol.verifyRefund(read.value, { ...facts, offerState: 'open', allowance: world.allowance, sale }),
  );
}

/** The entry of a refund, as the cloud and a verifier of journals read it. */
function settleRefund(bytes: Uint8Array) {
  const records = [entry, bytes].map((item) => ({ kind: 'journalEntry', bytes: item }) as const);
  ok(sync(protocol.checkJournal(records, null)));
  const body = protocol.attempt(() => protocol.decodeRefundBody(protocol.decodeJournalEntry(bytes).body));
  if (!body.ok) return body;
  const facts = { kiosk: world.kiosk, allowance: world.allowance };
  return sync(protocol.verifyRefundEntry({ kind: 'refund', body: body.value }, facts));
}

const file = concatBytes(
  protocol.encodeJournalOpening(),
  ...(
    [
      ['trustBundle', world.trustBytes],
      ['kioskCertificate', world.kiosk.bytes],
      ['allowanceCertificate', world.allowance.bytes],
      ['journalEntry', entry],
      ['settlementBatch', batch],
    ] as const
  ).map(([kind, bytes]) => protocol.encodeJournalRecord({ kind, bytes })),
);

/** A whole file as anybody may send one: cut into records, and every record looked at. */
function checkFile(bytes: Uint8Array) {
  const records = protocol.attempt(() => protocol.decodeJournalFile(bytes));
  return records.ok ? sync(protocol.checkJournal(records.value, world.root.publicKey)) : records;
}

const readers: Readonly<
  Record<string, readonly [Uint8Array, (bytes: Uint8Array) => protocol.Result<unknown>]>
> = {
  'delivery and decision': [protocol.encodeDelivery(delivery), decide],
  'repeat delivery and decision': [
    protocol.encodeRepeatDelivery({
      certificateReference: protocol.certificateReference(world.allowance.hash),
      payment: payment.bytes,
      phoneSalt: null,
    }),
    decide,
  ],
  'payment alone': [
    payment.bytes,
    (payment) => decide(protocol.encodeDelivery({ ...delivery, payment: nonEmpty(payment) })),
  ],
  'allowance in a delivery': [
    world.allowance.bytes,
    (bytes) => decide(protocol.encodeDelivery({ ...delivery, allowanceCertificate: nonEmpty(bytes) })),
  ],
  'request envelope': [
    protocol.encodeRequestEnvelope(world.kiosk.bytes, request.bytes),
    (bytes) => sync(protocol.openRequestEnvelope(bytes, issuers)),
  ],
  request: [request.bytes, (bytes) => sync(protocol.verifyPaymentRequest(bytes, world.kiosk))],
  'kiosk certificate': [world.kiosk.bytes, (bytes) => sync(protocol.verifyKioskCertificate(bytes, issuers))],
  'allowance certificate': [
    world.allowance.bytes,
    (bytes) => sync(protocol.verifyAllowanceCertificate(bytes, issuers)),
  ],
  'issuer certificate': [
    issuerCertificate,
    (bytes) => sync(protocol.verifyIssuerCertificate(bytes, world.root.publicKey)),
  ],
  'trust bundle': [
    world.trustBytes,
    (bytes) => sync(protocol.verifyTrustBundle(bytes, world.root.publicKey)),
  ],
  'deny-list delta': [
    delta,
    (bytes) => sync(protocol.verifyTrustUpdate(bytes, world.root.publicKey, world.trust)),
  ],
  'kept trust': [kept, (bytes) => sync(protocol.verifyTrustRecord(bytes, world.root.publicKey))],
  receipt: [
    receipt,
    (bytes) =>
      sync(protocol.verifyReceipt(bytes, world.kiosk, { paymentHash: payment.hash, amountMinor: 1_250n })),
  ],
  'refund envelope': [
    protocol.encodeRefundEnvelope(world.kiosk.bytes, offer),
    (bytes) => sync(protocol.openRefundEnvelope(bytes, issuers)),
  ],
  'refund acceptance': [acceptance, giveBack],
  'refund receipt': [
    refundReceipt,
    (bytes) =>
      sync(
        protocol.verifyRefundReceipt(bytes, world.kiosk, {
          refundId: protocol.toUuid(id(0x66)),
          paymentHash: payment.hash,
          amountMinor: 500n,
        }),
      ),
  ],
  'refund entry': [refundEntry, settleRefund],
  'journal file': [file, checkFile],
  'journal entry': [entry, (bytes) => protocol.attempt(() => protocol.decodeJournalEntry(bytes))],
  settlement: [protocol.encodeSettlementEnvelope(world.kiosk.hash, batch, [entry]), settle],
  acknowledgement: [
    acknowledgement,
    (bytes) => sync(protocol.verifySettlementAcknowledgement(bytes, { trust: world.trust, nowSeconds: NOW })),
  ],
  'closing statement': [statement, (bytes) => sync(protocol.verifyClosingStatement(bytes, world.allowance))],
  'proof of possession': [proof, (bytes) => sync(protocol.verifyProofOfPossession(bytes, possession))],
  'proof of double spend': [doubleSpend, prove],
  'public key': [
    world.phoneKey.publicKey,
    (bytes) => protocol.attempt(() => protocol.decompressPoint(bytes)),
  ],
};

function nonEmpty(bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? id(0) : bytes;
}

type Mutation = (bytes: Uint8Array) => Uint8Array;
const at = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
/** What a fuzzer does to a genuine message: flip, cut, insert, overwrite, repeat. */
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(at, fc.nat(255)).map(
    ([place, value]): Mutation =>
      (bytes) =>
        bytes.with(Math.floor(place * bytes.length), value),
  ),
  at.map(
    (place): Mutation =>
      (bytes) =>
        bytes.subarray(0, Math.floor(place * bytes.length)),
  ),
  fc.tuple(at, fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
    ([place, inserted]): Mutation =>
      (bytes) => {
        const index = Math.floor(place * bytes.length);
        return concatBytes(bytes.subarray(0, index), inserted, bytes.subarray(index));
      },
  ),
  // Heads that announce much, nest, or name what the protocol never writes.
  fc
    .tuple(at, fc.constantFrom(0x81, 0x9f, 0xa2, 0x5f, 0x9b, 0x5b, 0xc0, 0xf7, 0xf9, 0xfb, 0x3b, 0x1b, 0xff))
    .map(
      ([place, head]): Mutation =>
        (bytes) =>
          bytes.with(Math.floor(place * bytes.length), head),
    ),
  at.map(
    (place): Mutation =>
      (bytes) =>
        concatBytes(bytes, bytes.subarray(Math.floor(place * bytes.length))),
  ),
);
const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });

describe.each(Object.entries(readers))('%s', (_name, [genuine, read]) => {
  it('is accepted as it is', () => {
    expect(read(genuine).ok).toBe(true);
  });

  it('never throws when mutated', () => {
    fc.assert(
      fc.property(mutations, (changes) => {
        let bytes = genuine;
        for (const change of changes) if (bytes.length > 0) bytes = change(bytes);
        expect(typeof read(bytes).ok).toBe('boolean');
      }),
      { numRuns: RUNS },
    );
  });

  it('never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(typeof read(bytes).ok).toBe('boolean');
      }),
      { numRuns: RUNS },
    );
  });
});

describe('texts from outside', () => {
  it('never throw in the readers of text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const kind of [
          'request',
          'delivery',
          'sealedDelivery',
          'receipt',
          'refundOffer',
          'refundAcceptance',
        ] as const) {
          protocol.fromQrText(kind, text);
          protocol.fromQrText(kind, `TIKI1:R:${text}`);
        }
        protocol.attempt(() => protocol.Amount.parse(text, 'SGD'));
        protocol.attempt(() => protocol.fromUuid(text));
        expect(typeof protocol.isTikiQr(text)).toBe('boolean');
      }),
      { numRuns: RUNS },
    );
  });
});
