/** Vectors of the merchant's limits: whose they are, who signed them, and which of two is the newer. */
import type { CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { assemble, fieldsOf, malleated, partsOf, resigned, withFields } from './tamper.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { byteStringOf, everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { NOW, type Actor, type VectorWorld } from './vector-world.ts';

const LIMITS = { perPaymentMinor: 5_000n, daySumMinor: 40_000n, storedCount: 200 } as const;

export function merchantLimitsVectors(world: VectorWorld): DraftFile {
  const { issuer, nextIssuer, kiosk, signBundle } = world;
  const draft = {
    merchantId: kiosk.merchantId,
    version: 4,
    issuedAt: NOW + 30,
    currency: kiosk.currency,
    limits: LIMITS,
  };
  const sign = (by: Actor, changes: Partial<protocol.MerchantLimitsDraft> = {}) =>
    world.run(
      protocol.signMerchantLimits({ ...draft, ...changes }, world.run(protocol.keyIdOf(by.publicKey), by)),
      by,
    );
  const limits = sign(issuer);
  const names = [...protocol.MONEY_LIMITS, ...protocol.NUMBER_LIMITS];
  const all: protocol.LimitSettings = {
    ...Object.fromEntries(protocol.MONEY_LIMITS.map((name, index) => [name, BigInt(1_000 + index)])),
    ...Object.fromEntries(protocol.NUMBER_LIMITS.map((name, index) => [name, 10 + index])),
  };
  const take = (merchantLimits: Uint8Array, more: Readonly<Record<string, unknown>> = {}) => ({
    merchantLimits,
    ...more,
  });
  const known = (version: number, generation = 1) => ({ limitsInForce: { version, generation } });
  const good = (name: string, input: Readonly<Record<string, unknown>>, shown?: Uint8Array) =>
    valid(name, 'takeMerchantLimits', input, shown);
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(name, 'takeMerchantLimits', code, input);
  const again = (index: number, value: CborValue) =>
    take(resigned(limits, fieldsOf(limits).with(index, value), issuer));
  const nulls = names.map(() => null);
  const rotated = world.signBundleAs(nextIssuer, { version: 8 });
  const noBundles = signBundle({
    issuerCertificates: [
      world.certifyIssuer({
        publicKey: issuer.publicKey,
        generation: 1,
        uses: protocol.EVERY_ISSUER_USE,
        notBefore: NOW - 2_592_000,
        notAfter: NOW + 1,
      }),
      world.certifyIssuer({
        publicKey: issuer.publicKey,
        generation: 1,
        uses: protocol.ISSUER_USE.certificates,
        notBefore: NOW + 2,
        notAfter: NOW + 50_000_000,
      }),
    ],
    issuedAt: NOW,
  });
  return {
    description: "The merchant's limits that the cloud carries, as a kiosk takes them.",
    page: '09-trust-bundle-and-time.md',
    context: given({
      rootPublicKey: world.root.publicKey,
      trustBundle: world.trustBundle,
      kioskCertificate: kiosk.bytes,
      limitsInForce: null,
      nowSeconds: NOW + 60,
    }),
    valid: [
      good('limits of a merchant', take(limits), limits),
      good('every limit', take(sign(issuer, { limits: all }))),
      good('no limit any more', take(sign(issuer, { limits: {} }))),
      good('the same version again', take(limits, known(4))),
      good('a version that is far ahead', take(sign(issuer, { version: 2_147_483_647 }), known(4))),
      good('a newer generation, whatever its version', take(sign(nextIssuer, { version: 1 }), known(90, 1))),
      good('with a malleated signature', take(malleated(limits))),
      ...names.map((name) => good(`${name} alone`, take(sign(issuer, { limits: { [name]: all[name] } })))),
    ],
    invalid: [
      ...everyFieldChanged(limits, FIELD_NAMES.get(27) ?? [], (name, bytes, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'certificate_signature_invalid', take(bytes)),
      ),
      bad('a limit raised', 'certificate_signature_invalid', {
        merchantLimits: withLimits(limits, [9_000, ...nulls.slice(1)]),
      }),
      bad('a byte above its bound', 'message_too_large', {
        merchantLimits: byteStringOf(protocol.MAX_OBJECT_BYTES + 1),
      }),
      bad('version zero', 'field_out_of_range', again(2, 0)),
      bad('version 2^31', 'field_out_of_range', again(2, 2_147_483_648)),
      bad('a time after 2106', 'field_out_of_range', again(3, 4_294_967_296)),
      bad('a currency of two letters', 'field_out_of_range', again(4, 'SG')),
      bad('a merchant of 15 bytes', 'field_out_of_range', again(1, new Uint8Array(15))),
      bad('twelve limits', 'message_malformed', again(5, nulls.slice(1))),
      bad('fourteen limits', 'message_malformed', again(5, [...nulls, null])),
      bad('no list of limits', 'message_malformed', again(5, null)),
      ...names.flatMap((name, index) => [
        bad(`${name} zero`, 'field_out_of_range', again(5, nulls.with(index, 0 as never))),
        bad(
          `${name} above its bound`,
          'field_out_of_range',
          again(5, nulls.with(index, (index < 8 ? 1_000_000_000_000_001 : 2_147_483_648) as never)),
        ),
        bad(`${name} as a text`, 'message_malformed', again(5, nulls.with(index, '1' as never))),
      ]),
      bad(
        'a field too few',
        'message_malformed',
        take(resigned(limits, fieldsOf(limits).slice(0, -1), issuer)),
      ),
      bad('a field too many', 'message_malformed', take(resigned(limits, [...fieldsOf(limits), 0], issuer))),
      bad('a trust bundle', 'object_has_wrong_purpose', take(world.trustBundle)),
      bad('without a key id', 'issuer_unknown', {
        merchantLimits: assemble({ ...partsOf(limits), protectedHeader: Uint8Array.of(0xa1, 1, 0x26) }),
      }),
      bad('signed by the kiosk', 'issuer_unknown', take(sign(world.kioskKey))),
      bad("signed by another key under the issuer's key id", 'certificate_signature_invalid', {
        merchantLimits: resigned(limits, fieldsOf(limits), {
          ...world.stranger,
          protectedHeader: partsOf(limits).protectedHeader,
        }),
      }),
      bad(
        "signed before its issuer's time",
        'issuer_unknown',
        take(sign(issuer, { issuedAt: NOW - 2_592_301 })),
      ),
      bad('signed by a key for certificates only', 'issuer_key_not_for_this_use', {
        ...take(limits),
        trustBundle: noBundles,
      }),
      bad(
        'of another merchant',
        'merchant_limits_not_for_this_kiosk',
        take(sign(issuer, { merchantId: '99999999-9999-4999-8999-999999999999' })),
      ),
      bad(
        'of another currency',
        'merchant_limits_not_for_this_kiosk',
        take(sign(issuer, { currency: 'IDR' })),
      ),
      bad('after the time of the key that signed', 'certificate_expired', {
        ...take(limits),
        nowSeconds: NOW + 40_000_000,
      }),
      bad('by a key that a newer generation replaced', 'issuer_key_superseded', {
        ...take(limits),
        trustBundle: rotated,
      }),
      bad('by a revoked generation', 'issuer_key_revoked', {
        ...take(limits),
        trustBundle: signBundle({ revokedIssuers: [{ generation: 1, honouredUntil: NOW + 60 }] }),
      }),
      bad('a lower version', 'merchant_limits_older_than_known', take(limits, known(5))),
      bad('an older generation', 'merchant_limits_older_than_known', take(limits, known(1, 2))),
    ],
  };
}

function withLimits(bytes: Uint8Array, values: readonly CborValue[]): Uint8Array {
  return withFields(bytes, fieldsOf(bytes).with(5, values));
}
