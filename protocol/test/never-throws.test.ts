/**
 * Bytes from outside never make a reader throw: random ones, and mutated genuine ones, through every public function
 * that decodes or verifies. The short run is for every change; PROTOCOL_FUZZ_RUNS sets a longer one.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
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
// A long run on a busy machine is no hanging one.
vi.setConfig({ testTimeout: 20_000 + 20 * RUNS });
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

const repeat = protocol.encodeRepeatDelivery({
  certificateReference: protocol.certificateReference(world.allowance.hash),
  payment: payment.bytes,
  phoneSalt: null,
});
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

const twinRequest = makeRequest(world, { fill: 0x60 });
const twin = makePayment(world, twinRequest);
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

/** An override, the sale that it lets through, and limits that the shop set, behind the sale and its refund. */
const laterEntries = (() => {
  const entries = [refundEntry];
  const append = (kind: protocol.JournalKind, body: readonly protocol.CborValue[]) =>
    entries.push(
      protocol.encodeJournalEntry({
        sequence: entries.length + 2,
        previousHash: crypto.digest(entries.at(-1) ?? entry),
        kind,
        at: NOW,
        body,
      }),
    );
  const codes = ['trust_bundle_too_old', 'split_sale_suspected'] as const;
  append('override', protocol.encodeOverrideBody({ paymentHash: twin.hash, reason: 'small_risk', codes }));
  append(
    'sale',
    protocol.encodeSaleBody({
      ...saleBody,
      request: twinRequest.bytes,
      payment: twin.bytes,
      tier: 'at_risk',
    }),
  );
  append(
    'policyChange',
    protocol.encodePolicyChangeBody({ owner: 'kiosk', limits: { perPaymentMinor: 5_000n, dayCount: 12 } }),
  );
  return entries;
})();
const [, overrideEntry = entry, , policyEntry = entry] = laterEntries;

/** The body of one entry, by the rule of its kind. */
function readBody<T>(bytes: Uint8Array, read: (body: readonly unknown[]) => T): protocol.Result<T> {
  return protocol.attempt(() => read(protocol.decodeJournalEntry(bytes).body));
}

/** A delivery, with everything set aside that may be. */
function decideUnderOverride(bytes: Uint8Array) {
  const decoded = protocol.attempt(() => protocol.decodeDelivery(bytes));
  if (!decoded.ok) return decoded;
  const identified = sync(protocol.identifyPayment(decoded.value));
  if (!identified.ok) return identified;
  const facts = makeFacts(world, request, { trust: { ...world.trust, issuedAt: NOW - 400_000 } });
  return sync(protocol.verifyUnderOverride(identified.value, facts, protocol.EVERY_OVERRIDABLE));
}

/** A delta by itself, and then on the bundle in force. */
function follow(bytes: Uint8Array) {
  const change = sync(protocol.verifyDenyListDelta(bytes, world.root.publicKey));
  if (!change.ok) return change;
  const next = sync(protocol.applyDenyListDelta(change.value, world.trust));
  if (!next.ok) return next;
  return protocol.attempt(() => protocol.checkNotOlder(next.value, world.trust, { nowSeconds: NOW }));
}

/** An envelope all the way to what a phone shows. */
function consider(bytes: Uint8Array) {
  const opened = sync(protocol.openRequestEnvelope(bytes, issuers));
  return opened.ok
    ? protocol.attempt(() => protocol.checkKioskStanding(opened.value.kiosk, world.trust, NOW))
    : opened;
}

/** The offer of a refund all the way to what a phone shows. */
function considerRefund(bytes: Uint8Array) {
  const opened = sync(protocol.openRefundEnvelope(bytes, issuers));
  if (!opened.ok) return opened;
  const { kiosk, offer: read } = opened.value;
  const { kioskId } = world.kiosk;
  const paid = { paymentHash: payment.hash, amountMinor: 1_250n, refundedMinor: 0n, kioskId, sequence: 1 };
  return protocol.attempt(() => {
    protocol.checkRefundAmount(read, paid);
    protocol.checkRefundOffer(read, { kiosk, payment: paid, nowSeconds: NOW });
  });
}

function signedPayment(bytes: Uint8Array) {
  const read = sync(protocol.readPayment(bytes, world.allowance));
  return read.ok ? sync(protocol.hasPaymentSignature(read.value, world.allowance)) : read;
}

const receiptOfSale = ok(
  sync(
    protocol.signReceipt(
      {
        paymentHash: payment.hash,
        amountMinor: 1_250n,
        tier: 'reserved',
        sequence: 1,
        journalHash: crypto.digest(entry),
        acceptedAt: NOW,
        checks: 1,
      },
      world.kiosk.hash,
    ),
  ),
);

const file = concatBytes(
  protocol.encodeJournalOpening(),
  ...(
    [
      ['trustBundle', world.trustBytes],
      ['kioskCertificate', world.kiosk.bytes],
      ['allowanceCertificate', world.allowance.bytes],
      ['issuerCertificate', issuerCertificate],
      ['journalEntry', entry],
      ...laterEntries.map((bytes) => ['journalEntry', bytes] as const),
      ['receipt', receiptOfSale],
      ['settlementBatch', batch],
    ] as const
  ).map(([kind, bytes]) => protocol.encodeJournalRecord({ kind, bytes })),
);

/** A whole file as anybody may send one: cut into records, and every record looked at. */
function checkFile(bytes: Uint8Array) {
  const records = protocol.attempt(() => protocol.decodeJournalFile(bytes));
  return records.ok ? sync(protocol.checkJournal(records.value, world.root.publicKey)) : records;
}

const merchantLimits = ok(
  sync(
    protocol.signMerchantLimits(
      {
        merchantId: world.kiosk.merchantId,
        version: 1,
        issuedAt: NOW,
        currency: world.kiosk.currency,
        limits: { perPaymentMinor: 5_000n },
      },
      ok(sync(protocol.keyIdOf(world.issuer.publicKey))),
    ),
    world.issuer,
  ),
);

const readers: Readonly<
  Record<string, readonly [Uint8Array, (bytes: Uint8Array) => protocol.Result<unknown>]>
> = {
  'delivery and decision': [protocol.encodeDelivery(delivery), decide],
  'repeat delivery and decision': [repeat, decide],
  'whole delivery': [
    protocol.encodeDelivery(delivery),
    (bytes) => protocol.attempt(() => protocol.decodeDelivery(bytes)),
  ],
  'repeat delivery': [repeat, (bytes) => protocol.attempt(() => protocol.decodeRepeatDelivery(bytes))],
  'salt in a delivery': [
    protocol.encodeDelivery({ ...delivery, phoneSalt: world.phoneSalt }),
    (bytes) => protocol.attempt(() => protocol.carriesPhoneSalt(bytes)),
  ],
  'delivery under an override': [protocol.encodeDelivery(delivery), decideUnderOverride],
  'signed payment': [payment.bytes, signedPayment],
  'form of a payment': [payment.bytes, (bytes) => protocol.attempt(() => protocol.requirePaymentForm(bytes))],
  'payment alone': [
    payment.bytes,
    (payment) => decide(protocol.encodeDelivery({ ...delivery, payment: nonEmpty(payment) })),
  ],
  'allowance in a delivery': [
    world.allowance.bytes,
    (bytes) => decide(protocol.encodeDelivery({ ...delivery, allowanceCertificate: nonEmpty(bytes) })),
  ],
  "merchant's limits": [merchantLimits, (bytes) => sync(protocol.verifyMerchantLimits(bytes, issuers))],
  "merchant's limits that were stored": [
    merchantLimits,
    (bytes) => protocol.attempt(() => protocol.readStoredMerchantLimits(bytes)),
  ],
  'request list': [
    protocol.encodeRequestList([protocol.encodeRequestEnvelope(world.kiosk.bytes, request.bytes)]),
    (bytes) => protocol.attempt(() => protocol.decodeRequestList(bytes)),
  ],
  'request envelope': [protocol.encodeRequestEnvelope(world.kiosk.bytes, request.bytes), consider],
  request: [request.bytes, (bytes) => sync(protocol.verifyPaymentRequest(bytes, world.kiosk))],
  'kiosk certificate': [world.kiosk.bytes, (bytes) => sync(protocol.verifyKioskCertificate(bytes, issuers))],
  'allowance certificate': [
    world.allowance.bytes,
    (bytes) => sync(protocol.verifyAllowanceCertificate(bytes, issuers)),
  ],
  'certificate to ask about its issuer': [
    world.kiosk.bytes,
    (bytes) => protocol.attempt(() => protocol.checkIssuerNotRevoked(bytes, world.trust, NOW)),
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
  'deny-list delta alone': [delta, follow],
  'kept trust': [kept, (bytes) => sync(protocol.verifyTrustRecord(bytes, world.root.publicKey))],
  receipt: [
    receipt,
    (bytes) =>
      sync(protocol.verifyReceipt(bytes, world.kiosk, { paymentHash: payment.hash, amountMinor: 1_250n })),
  ],
  'refund envelope': [protocol.encodeRefundEnvelope(world.kiosk.bytes, offer), considerRefund],
  'form of a receipt': [receipt, (bytes) => protocol.attempt(() => protocol.readReceipt(bytes))],
  'form of a refund receipt': [
    refundReceipt,
    (bytes) => protocol.attempt(() => protocol.readRefundReceipt(bytes)),
  ],
  'form of a refund offer': [offer, (bytes) => protocol.attempt(() => protocol.readRefundOffer(bytes))],
  'form of a batch': [batch, (bytes) => protocol.attempt(() => protocol.readSettlementBatch(bytes))],
  'refund offer': [offer, (bytes) => sync(protocol.verifyRefundOffer(bytes, world.kiosk))],
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
  'override entry': [overrideEntry, (bytes) => readBody(bytes, protocol.decodeOverrideBody)],
  'policy change entry': [policyEntry, (bytes) => readBody(bytes, protocol.decodePolicyChangeBody)],
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

/** What takes its bytes in another form than these readers, and where it is fed with hostile ones. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  openSealed: 'src/sealing.test.ts, and adapters/node-sealing.test.ts for the kiosk',
  readPayeeLock: 'within allowance certificates, above',
  readAddresses: 'within requests and refund offers, above',
  requireIssuerSignature:
    'within certificates, bundles and acknowledgements, above: it takes an object that was read',
};

it('the genuine journal file is whole: what is changed in it lies behind no earlier fault', () => {
  const report = checkFile(file);
  expect(report.ok && report.value).toMatchObject({ broken: null, entries: 5, sales: 2, refunds: 1 });
});

it('every public function that takes bytes from outside is fed with hostile ones', () => {
  const text = readFileSync(import.meta.filename, 'utf8');
  const takesBytes = /^(decode|verify|open|read|identify|apply|select|decompress|carries|require|from)[A-Z]/;
  const exported = Object.keys(protocol).filter((name) => takesBytes.test(name) && !(name in ELSEWHERE));
  expect(exported.length).toBeGreaterThan(35);
  expect(exported.filter((name) => !text.includes(`protocol.${name}`))).toEqual([]);
});

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
          'refundReceipt',
        ] as const) {
          protocol.fromQrText(kind, text);
          protocol.fromQrText(kind, `TIKI1:R:${text}`);
        }
        protocol.attempt(() => protocol.Amount.parse(text, 'SGD'));
        protocol.attempt(() => protocol.fromUuid(text));
        protocol.attempt(() => protocol.fromHex(text));
        protocol.attempt(() => protocol.fromBase64Url(text));
        protocol.isSealedDelivery(text);
        expect(typeof protocol.isTikiQr(text)).toBe('boolean');
      }),
      { numRuns: RUNS },
    );
  });
});
