/** Certificates, the trust bundle and what travels beside it. Owns how the others come by a certificate that is believed. */
import type { Steps } from '../src/crypto.ts';
import * as protocol from '../src/index.ts';
import { type Input, type Operations } from './vector.ts';

export function* issuersOf(input: Input): Steps<readonly protocol.IssuerCertificate[]> {
  const issuers: protocol.IssuerCertificate[] = [];
  for (const bytes of input.bytesList('issuerCertificates')) {
    issuers.push(yield* protocol.verifyIssuerCertificate(bytes, input.bytes('rootPublicKey')));
  }
  return issuers;
}

export function* kioskOf(input: Input): Steps<protocol.KioskCertificate> {
  return yield* protocol.verifyKioskCertificate(input.bytes('kioskCertificate'), yield* issuersOf(input));
}

export function* allowanceOf(input: Input): Steps<protocol.AllowanceCertificate> {
  return yield* protocol.verifyAllowanceCertificate(
    input.bytes('allowanceCertificate'),
    yield* issuersOf(input),
  );
}

export function* trustOf(input: Input, name = 'trustBundle'): Steps<protocol.TrustBundle> {
  return yield* protocol.verifyTrustBundle(input.bytes(name), input.bytes('rootPublicKey'));
}

/** A kiosk's whole way with the merchant's limits: believed, then held against what is in force. */
function* takeMerchantLimits(input: Input): Steps<unknown> {
  const trust = yield* trustOf(input);
  const candidate = yield* protocol.verifyMerchantLimits(input.bytes('merchantLimits'), trust.issuers);
  const kiosk = yield* protocol.verifyKioskCertificate(input.bytes('kioskCertificate'), trust.issuers);
  const known = input.object('limitsInForce');
  protocol.checkMerchantLimits(candidate, {
    kiosk,
    trust,
    known:
      known === null ? null : { version: known.number('version'), generation: known.number('generation') },
    nowSeconds: input.number('nowSeconds'),
  });
  const { merchantId, version, issuedAt, currency, limits } = candidate;
  return { merchantId, version, issuedAt, currency, limits };
}

/** The same with the cloud's sealing key. */
function* takeSealingKey(input: Input): Steps<unknown> {
  const trust = yield* trustOf(input);
  const candidate = yield* protocol.verifyCloudSealingKey(input.bytes('sealingKey'), trust.issuers);
  const known = input.object('sealingKeyInForce');
  protocol.checkCloudSealingKey(candidate, {
    trust,
    known:
      known === null
        ? null
        : {
            generation: known.number('generation'),
            issuedAt: known.number('issuedAt'),
            signerGeneration: known.number('signerGeneration'),
          },
    nowSeconds: input.number('nowSeconds'),
  });
  const { publicKey, keyId, generation, issuedAt, notAfter } = candidate;
  return { publicKey, keyId, generation, issuedAt, notAfter };
}

function* possession(input: Input): Steps<unknown> {
  const context = input.text('context');
  if (context !== 'allowance' && context !== 'kiosk') throw new TypeError(context);
  const expected = {
    publicKey: input.bytes('publicKey'),
    context,
    occasion: input.text('occasion'),
  } as const;
  yield* protocol.verifyProofOfPossession(input.bytes('proof'), expected);
  return true;
}

function* notOlder(input: Input): Steps<unknown> {
  const known = yield* trustOf(input, 'known');
  protocol.checkNotOlder(yield* trustOf(input, 'candidate'), known, {
    nowSeconds: input.number('nowSeconds'),
  });
  return true;
}

export const CERTIFICATES: Operations = {
  *verifyIssuerCertificate(input) {
    return yield* protocol.verifyIssuerCertificate(input.bytes('certificate'), input.bytes('rootPublicKey'));
  },
  *verifyAllowanceCertificate(input) {
    return yield* protocol.verifyAllowanceCertificate(input.bytes('certificate'), yield* issuersOf(input));
  },
  *verifyKioskCertificate(input) {
    return yield* protocol.verifyKioskCertificate(input.bytes('certificate'), yield* issuersOf(input));
  },
  *verifyTrustBundle(input) {
    return yield* trustOf(input);
  },
  checkNotOlder: notOlder,
  takeMerchantLimits,
  takeSealingKey,
  *applyDenyListDelta(input) {
    const delta = yield* protocol.verifyDenyListDelta(input.bytes('delta'), input.bytes('rootPublicKey'));
    return yield* protocol.applyDenyListDelta(delta, yield* trustOf(input, 'known'));
  },
  *denyListHash(input) {
    return yield* protocol.denyListHash(yield* trustOf(input));
  },
  *checkIssuerNotRevoked(input) {
    const trust = yield* trustOf(input);
    protocol.checkIssuerNotRevoked(input.bytes('certificate'), trust, input.number('nowSeconds'));
    return true;
  },
  verifyProofOfPossession: possession,
};
