/** One genuine message of every kind, for tests that change them: what two phones, a shop and an issuer say in one small world. */
import { concatBytes } from '../src/bytes.ts';
import * as protocol from '../src/index.ts';
import { crypto, id, makeDelivery, makePayment, makeRequest, makeWorld, NOW, ok } from './world.ts';

export const world = makeWorld();
export const request = makeRequest(world);
export const payment = makePayment(world, request);
export const delivery = makeDelivery(world, payment);
export const { issuers } = world.trust;
export const sync = <T>(steps: protocol.Steps<T>, key = world.kioskKey) =>
  protocol.runSync(steps, crypto, key.sign);
export const receipt = ok(
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
export const saleBody: protocol.SaleBody = {
  kioskCertificateHash: world.kiosk.hash,
  request: request.bytes,
  allowanceCertificateHash: world.allowance.hash,
  payment: payment.bytes,
  tier: 'reserved',
  checks: 1,
};
export const entry = protocol.encodeJournalEntry({
  sequence: 1,
  previousHash: protocol.GENESIS_HASH,
  kind: 'sale',
  at: NOW,
  body: protocol.encodeSaleBody(saleBody),
});
export const batch = ok(
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
export const acknowledgement = ok(
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
export const statement = ok(
  sync(
    protocol.signClosingStatement(
      { lastCounter: 1, cumulativeMinor: 1n, signedAt: NOW },
      world.allowance.hash,
    ),
    world.phoneKey,
  ),
);
export const delta = ok(
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
export const kept = ok(sync(protocol.verifyTrustUpdate(delta, world.root.publicKey, world.trust))).bytes;
export const possession = {
  publicKey: world.phoneKey.publicKey,
  context: 'allowance',
  occasion: 'now',
} as const;
export const proof = ok(sync(protocol.signProofOfPossession(possession), world.phoneKey));
export const issuerCertificate = ok(
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
export const repeat = protocol.encodeRepeatDelivery({
  certificateReference: protocol.certificateReference(world.allowance.hash),
  payment: payment.bytes,
  phoneSalt: null,
});
export const twinRequest = makeRequest(world, { fill: 0x60 });
export const twin = makePayment(world, twinRequest);
// Its own issuer certificate: the world's bundle holds one that began a moment earlier.
export const doubleSpend = protocol.encodeDoubleSpendProof({
  issuerCertificate,
  allowanceCertificate: world.allowance.bytes,
  first: payment.bytes,
  second: twin.bytes,
});
export const offer = ok(
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
export const offerHash = ok(sync(protocol.verifyRefundOffer(offer, world.kiosk))).hash;
export const acceptance = ok(
  sync(protocol.signRefundAcceptance({ offerHash, signedAt: NOW }, world.allowance.hash), world.phoneKey),
);
export const refundReceipt = ok(
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
export const refundEntry = protocol.encodeJournalEntry({
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
/** An override, the sale that it lets through, and limits that the shop set, behind the sale and its refund. */
export const laterEntries = (() => {
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
export const [, overrideEntry = entry, , policyEntry = entry] = laterEntries;
export const receiptOfSale = ok(
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
export const file = concatBytes(
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
export const merchantLimits = ok(
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
export const cloudSealingKey = ok(
  sync(
    protocol.signCloudSealingKey(
      { publicKey: world.sealingKey.publicKey, generation: 7, issuedAt: NOW, notAfter: NOW + 1_000 },
      ok(sync(protocol.keyIdOf(world.issuer.publicKey))),
    ),
    world.issuer,
  ),
);
const sealingKeyId = ok(sync(protocol.keyIdOf(world.sealingKey.publicKey)));
/** Its seal does not open: what is fed with it reads the form. */
export const sealedSettlement = protocol.encodeSealedSettlement({
  keyId: sealingKeyId,
  kioskCertificateHash: world.kiosk.hash,
  sealed: new Uint8Array(200).fill(4),
});
