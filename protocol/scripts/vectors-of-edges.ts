/**
 * The kiosk's decision at its edges: dates to the second, limits to the unit, every field that a payment binds, and which
 * code wins where two checks would refuse.
 */
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { assemble, fieldsOf, itemsOf, partsOf, resigned } from './tamper.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import type { Vector } from './vector.ts';
import { crypto, id, NOW, PHONE, PHONE_SALT, unwrap, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { certificatesOf, deliveryOf, makePayment } from './vectors-of-payments.ts';

type Given = Readonly<Record<string, unknown>>;
const PAYER = { hasPaidHere: true, recent: [], allowanceSumMinor: 0n };
const AT = NOW + 30;

const yes = (name: string, input: Given) => valid(name, 'acceptPayment', input);
const no = (name: string, code: protocol.RefusalCode, input: Given) =>
  invalid(name, 'acceptPayment', code, input);

/** A request and its first payment, under other certificates than the world's. */
function sale(
  world: VectorWorld,
  {
    allowance = world.allowance,
    kiosk = world.kiosk,
    amountMinor = 1_250n,
    changes = {},
  }: {
    allowance?: protocol.AllowanceCertificate;
    kiosk?: protocol.KioskCertificate;
    amountMinor?: bigint;
    changes?: Parameters<typeof makePayment>[2];
  } = {},
) {
  const request = makeRequest(world, 0x44, amountMinor, kiosk);
  const payment = makePayment(world, request, changes, allowance);
  return {
    kioskCertificate: kiosk.bytes,
    request: { bytes: request.bytes, state: 'open' },
    delivery: deliveryOf(payment.bytes, allowance),
  };
}

const withHeader = (bytes: Uint8Array, protectedHeader: Uint8Array) =>
  assemble({ ...partsOf(bytes), protectedHeader });

const aged = (world: VectorWorld, seconds: number, policy: Partial<protocol.Policy> = {}) => ({
  trustBundle: world.signBundle({ issuedAt: AT - seconds, policy: { ...world.policy, ...policy } }),
});

function dateVectors(world: VectorWorld) {
  const shopFrom = (notBefore: number) =>
    sale(world, { kiosk: world.certifyKiosk({ notBefore, notAfter: NOW + 7_776_000 }) });
  const shopUntil = (notAfter: number) => sale(world, { kiosk: world.certifyKiosk({ notAfter }) });
  const payerFrom = (notBefore: number) =>
    sale(world, {
      allowance: world.certifyAllowance(id(0x33), null, { notBefore, notAfter: NOW + 259_200 }),
    });
  const payerUntil = (notAfter: number) =>
    sale(world, { allowance: world.certifyAllowance(id(0x33), null, { notAfter }) });
  return {
    valid: [
      yes("the kiosk's certificate 300 seconds before its time", shopFrom(AT + 300)),
      yes("the kiosk's certificate in its last second", shopUntil(AT + 1)),
      yes('the allowance 300 seconds before its time', payerFrom(AT + 300)),
      yes('the allowance in its last second', payerUntil(AT + 1)),
    ],
    invalid: [
      no(
        "the kiosk's certificate 301 seconds before its time",
        'certificate_not_yet_valid',
        shopFrom(AT + 301),
      ),
      no("the kiosk's certificate at its end", 'certificate_expired', shopUntil(AT)),
      no('the allowance 301 seconds before its time', 'certificate_not_yet_valid', payerFrom(AT + 301)),
      no('the allowance at its end', 'certificate_expired', payerUntil(AT)),
    ],
  };
}

/** An issuer's dates are held against the certificate's not-before. */
function issuerVectors(world: VectorWorld) {
  const issuerOf = (dates: { notBefore: number; notAfter: number }, uses = protocol.EVERY_ISSUER_USE) =>
    world.signBundleAs(world.nextIssuer, {
      issuerCertificates: [
        world.certifyIssuer({ publicKey: world.issuer.publicKey, generation: 1, uses, ...dates }),
        ...world.issuerCertificates.slice(1),
      ],
    });
  const under = (trustBundle: Uint8Array) => ({ ...sale(world), trustBundle });
  const long = { notBefore: NOW - 1_000, notAfter: NOW + 1_000 };
  /** The allowance certified by the second generation, and a bundle that revokes one of the two. */
  const nextKeyId = world.run(protocol.keyIdOf(world.nextIssuer.publicKey), world.nextIssuer);
  const protectedHeader = Uint8Array.of(0xa2, 1, 0x26, 4, 0x44, ...nextKeyId);
  const bytes = resigned(world.allowance.bytes, fieldsOf(world.allowance.bytes), {
    ...world.nextIssuer,
    protectedHeader,
  });
  const allowance = world.run(protocol.verifyAllowanceCertificate(bytes, world.issuers), world.issuer);
  const revoking = (...generations: readonly number[]) => ({
    ...sale(world, { allowance }),
    trustBundle: world.signBundle({
      revokedIssuers: generations.map((generation) => ({ generation, honouredUntil: NOW })),
    }),
  });
  // The allowance is of the second generation, and the bundle knows no other: the kiosk's issuer has left it.
  const leftBundle = (generation: number) => ({
    ...sale(world, { allowance }),
    trustBundle: world.signBundleAs(world.nextIssuer, {
      issuerCertificates: world.issuerCertificates.slice(1),
      revokedIssuers: [{ generation, honouredUntil: NOW }],
    }),
  });
  const nameless = withHeader(world.allowance.bytes, Uint8Array.of(0xa1, 1, 0x26));
  // The kiosk's own certificate is verified with the file's issuers, the allowance's with the bundle's.
  return {
    valid: [
      yes(
        'certified 300 seconds before its issuer began',
        under(issuerOf({ ...long, notBefore: NOW + 300 })),
      ),
      yes("certified in its issuer's last second", under(issuerOf({ ...long, notAfter: NOW + 1 }))),
      yes('certified by a key that may do nothing else', under(issuerOf(long, 1))),
      yes('certified by two generations, and a third revoked', revoking(3)),
    ],
    invalid: [
      no(
        'certified 301 seconds before its issuer began',
        'issuer_unknown',
        under(issuerOf({ ...long, notBefore: NOW + 301 })),
      ),
      no(
        "certified when its issuer's time was over",
        'issuer_unknown',
        under(issuerOf({ ...long, notAfter: NOW })),
      ),
      no('the kiosk certified by a generation that is revoked', 'issuer_key_revoked', revoking(1)),
      no('the allowance certified by a generation that is revoked', 'issuer_key_revoked', revoking(2)),
      no('certified by one of two generations that are revoked', 'issuer_key_revoked', revoking(2, 3)),
      no(
        'the kiosk certified by a generation that is revoked and has left the bundle',
        'issuer_unknown',
        leftBundle(1),
      ),
      no(
        'the kiosk certified by a key that has left the bundle, while another generation is revoked',
        'issuer_unknown',
        leftBundle(2),
      ),
      no('certified by nobody in particular, while a generation is revoked', 'issuer_unknown', {
        ...revoking(3),
        delivery: encodeCbor(
          itemsOf(sale(world, { changes: { counter: 2, previousLink: id(9) } }).delivery).with(1, nameless),
        ),
      }),
      no('certified by a key that may not certify', 'issuer_key_not_for_this_use', under(issuerOf(long, 6))),
      no(
        'certified by an issuer that is not in the bundle',
        'issuer_unknown',
        under(
          world.signBundleAs(world.nextIssuer, { issuerCertificates: world.issuerCertificates.slice(1) }),
        ),
      ),
    ],
  };
}

function moneyVectors(world: VectorWorld) {
  const shopAt = (perPaymentMinor: bigint) => sale(world, { kiosk: world.certifyKiosk({ perPaymentMinor }) });
  const later = (counter: number, cumulativeMinor = 1_250n) =>
    sale(world, {
      allowance: world.laterAllowance,
      changes: { counter, cumulativeMinor, ...(counter === 5 ? {} : { previousLink: id(9) }) },
    });
  const known = {
    history: { lastCounter: 4, lastCumulativeMinor: 1_000n, lastHash: new Uint8Array(32).fill(7) },
  };
  const fifth = sale(world, {
    changes: { counter: 5, cumulativeMinor: 2_250n, previousLink: id(7) },
  });
  const stored = (sumMinor: bigint) => ({ ...sale(world), stored: { sumMinor, count: 1 } });
  return {
    valid: [
      yes("at the allowance's limit of one payment", sale(world, { amountMinor: 3_000n })),
      yes("at the allowance's limit, which no age of the bundle halves", {
        ...sale(world, { amountMinor: 3_000n }),
        ...aged(world, 86_401),
      }),
      yes("at the kiosk certificate's limit of one payment", shopAt(1_250n)),
      yes("at half the kiosk certificate's limit", { ...shopAt(2_500n), ...aged(world, 86_401) }),
      yes('at half an even limit', { ...sale(world), ...aged(world, 86_401, { perPaymentMinor: 2_500n }) }),
      yes('at half an odd limit, rounded down', {
        ...sale(world),
        ...aged(world, 86_401, { perPaymentMinor: 2_501n }),
      }),
      yes("at half the merchant's own limit", {
        ...sale(world),
        ...aged(world, 86_401),
        settings: [{ perPaymentMinor: 2_500n }],
      }),
      yes('at half an odd stored sum, rounded down', {
        ...stored(750n),
        ...aged(world, 86_401, { storedSumMinor: 4_001n }),
      }),
      yes('half limits for a known payer at 72 hours and a second', {
        ...fifth,
        ...known,
        ...aged(world, 259_201),
      }),
      yes('a payee lock to this shop at 72 hours and a second, never seen', {
        ...sale(world, { allowance: world.lockedAllowance }),
        ...aged(world, 259_201),
      }),
      yes('at the longest time without contact', {
        ...sale(world),
        ...aged(world, 30, { maxOfflineSeconds: 30 }),
      }),
      yes('the first counter of an allowance that begins at 5', later(5)),
      yes('the last counter of an allowance that begins at 5', later(34)),
      yes('one payment below the soft counter limit: no word to the phone', later(23)),
      yes('the whole cap in one payment', {
        ...sale(world, {
          allowance: world.certifyAllowance(id(0x33), null, { perPaymentMinor: 5_000n }),
          amountMinor: 5_000n,
        }),
      }),
    ],
    invalid: [
      no("above the kiosk certificate's limit", 'payment_exceeds_kiosk_limit', shopAt(1_249n)),
      no("above half the kiosk certificate's limit", 'payment_exceeds_kiosk_limit', {
        ...shopAt(2_499n),
        ...aged(world, 86_401),
      }),
      no("above half the merchant's own limit", 'payment_exceeds_kiosk_limit', {
        ...sale(world),
        ...aged(world, 86_401),
        settings: [{ perPaymentMinor: 2_499n }],
      }),
      no('above half an odd stored sum', 'kiosk_stored_sum_exceeded', {
        ...stored(751n),
        ...aged(world, 86_401, { storedSumMinor: 4_001n }),
      }),
      no('offline for longer than the merchant wants', 'kiosk_offline_too_long', {
        ...sale(world),
        settings: [{ maxOfflineSeconds: 29 }],
      }),
      no('a counter below the first', 'payment_counter_not_increasing', later(4)),
      no(
        'one payment too many of an allowance that begins at 5',
        'allowance_counter_limit_reached',
        later(35),
      ),
      no('the first counter with another sum', 'payment_cumulative_inconsistent', later(5, 1_251n)),
      no('the cap and a unit in one payment', 'payment_exceeds_allowance', {
        ...sale(world, {
          allowance: world.certifyAllowance(id(0x33), null, { perPaymentMinor: 6_000n }),
          amountMinor: 5_001n,
        }),
      }),
    ],
  };
}

/** R21: the same payment, and one thing changed in what it binds: every field of request and both certificates. */
function bindingVectors(world: VectorWorld): readonly Vector[] {
  const request = makeRequest(world);
  const payment = makePayment(world, request, { counter: 2, previousLink: id(9) });
  const delivery = deliveryOf(payment.bytes, world.allowance);
  const names = (purpose: number) => FIELD_NAMES.get(purpose) ?? [];
  const replaced: Readonly<Record<string, CborValue>> = {
    'items-hash': new Uint8Array(32).fill(1),
    ttl: 119,
    addresses: [],
    flags: 1,
    'payee-lock': [id(0x11), null],
    standing: 2,
    currency: 'IDR',
    uses: 1,
  };
  const other = (name: string, value: CborValue): CborValue => {
    const known = replaced[name];
    if (known !== undefined) return known;
    if (value instanceof Uint8Array) return value.map((byte, i) => (i === 15 ? byte ^ 1 : byte));
    if (typeof value === 'string') return `${value.slice(0, -1)}5`;
    return typeof value === 'number' ? value + 1 : value;
  };
  const asked = fieldsOf(request.bytes).flatMap((value, index, fields) => {
    const name = names(4)[index] ?? '';
    // A request in another currency than its kiosk's is refused by itself, on page 03.
    if (index === 0 || name === 'currency') return [];
    const by = { ...world.kioskKey, externalAad: world.kiosk.hash };
    const bytes = resigned(request.bytes, fields.with(index, other(name, value)), by);
    return no(`R21 a request with another ${name}`, 'payment_is_for_another_request', {
      delivery,
      request: { bytes, state: 'open' },
    });
  });
  const shops = fieldsOf(world.kiosk.bytes).flatMap((value, index, fields) => {
    const name = names(3)[index] ?? '';
    if (index === 0 || name === 'currency') return [];
    const bytes = resigned(world.kiosk.bytes, fields.with(index, other(name, value)), world.issuer);
    const kiosk = unwrap(protocol.runSync(protocol.verifyKioskCertificate(bytes, world.issuers), crypto));
    // The same request again, under the other certificate; another signing key has signed nothing at all.
    const by = { ...world.kioskKey, externalAad: kiosk.hash };
    const code = name === 'signing-key' ? 'request_signature_invalid' : 'payment_is_for_another_request';
    return no(`R21 a kiosk certificate with another ${name}`, code, {
      delivery,
      kioskCertificate: bytes,
      request: { bytes: resigned(request.bytes, fieldsOf(request.bytes), by), state: 'open' },
    });
  });
  const early: Readonly<Record<string, protocol.RefusalCode>> = {
    currency: 'payment_currency_differs_from_request',
    'first-counter': 'payment_chain_broken',
  };
  const payers = fieldsOf(world.allowance.bytes).flatMap((value, index, fields) => {
    const name = names(2)[index] ?? '';
    if (index === 0) return [];
    const bytes = resigned(world.allowance.bytes, fields.with(index, other(name, value)), world.issuer);
    return no(
      `R21 an allowance certificate with another ${name}`,
      early[name] ?? 'payment_signature_invalid',
      { delivery: encodeCbor(itemsOf(delivery).with(1, bytes)) },
    );
  });
  return [...asked, ...shops, ...payers];
}

/** Two things wrong at once: the earlier row of page 05 gives the code. */
function orderVectors(world: VectorWorld): readonly Vector[] {
  const request = makeRequest(world);
  const paid = (bytes: Uint8Array, state = 'paid') => ({ request: { bytes, state } });
  const good = sale(world);
  const poor = sale(world, { changes: { amountMinor: 1_249n, cumulativeMinor: 1_249n } });
  const locked = sale(world, { allowance: world.elsewhereAllowance, changes: { amountMinor: 1n } });
  const strangerAbroad = sale(world, {
    allowance: world.certifyAllowance(id(0x33), world.elsewhereAllowance.payeeLock, { currency: 'IDR' }),
  });
  const behind = { nowSeconds: NOW - 301 };
  const denied = (changes: Partial<protocol.TrustBundleDraft>) => ({
    trustBundle: world.signBundle(changes),
  });
  const chainless = sale(world, { changes: { counter: 1, previousLink: id(9), cumulativeMinor: 5_001n } });
  const numbered = { expectedPhone: PHONE };
  const forgedCertificate = resigned(world.allowance.bytes, fieldsOf(world.allowance.bytes), world.stranger);
  const forgedPayment = resigned(
    makePayment(world, request).bytes,
    fieldsOf(makePayment(world, request).bytes),
    { ...world.stranger, externalAad: world.allowance.hash },
  );
  const [elsewhere, elsewhereDenying] = [[], [id(0x22)]].map((deniedKiosks) =>
    world.signBundleAs(world.nextIssuer, {
      issuerCertificates: world.issuerCertificates.slice(1),
      deniedKiosks,
    }),
  );
  const forgedBoth = encodeCbor(itemsOf(good.delivery).with(1, forgedCertificate).with(2, forgedPayment));
  return [
    no('order: another request, and paid', 'payment_is_for_another_request', {
      ...good,
      ...paid(makeRequest(world, 0x60).bytes),
    }),
    no('order: paid, and less than asked', 'request_already_paid', { ...poor, ...paid(request.bytes) }),
    no('order: less than asked, and locked to another shop', 'payment_amount_differs_from_request', locked),
    no(
      'order: locked to another shop, and in another currency',
      'payment_is_for_another_shop',
      strangerAbroad,
    ),
    no('order: another currency, and the clock behind', 'payment_currency_differs_from_request', {
      ...sale(world, { allowance: world.foreignAllowance }),
      ...behind,
    }),
    no('order: the clock behind, and the certificates not yet valid', 'clock_behind_trusted_time', {
      ...good,
      ...behind,
    }),
    no("order: the kiosk's certificate over, and the kiosk denied", 'certificate_expired', {
      ...sale(world, { kiosk: world.certifyKiosk({ notAfter: AT }) }),
      ...denied({ deniedKiosks: [id(0x22)] }),
    }),
    no('order: the kiosk denied, and the allowance', 'kiosk_denied', {
      ...good,
      ...denied({ deniedKiosks: [id(0x22)], deniedAllowances: [id(0x33)] }),
    }),
    no('order: the allowance denied, and a sum that does not fit', 'allowance_denied', {
      ...chainless,
      ...denied({ deniedAllowances: [id(0x33)] }),
    }),
    no('order: a sum that does not fit, and a limit', 'payment_cumulative_inconsistent', {
      ...chainless,
      settings: [{ perPaymentMinor: 1n }],
    }),
    no('order: a limit, and the number not shown', 'payment_exceeds_kiosk_limit', {
      ...good,
      ...numbered,
      settings: [{ perPaymentMinor: 1n }],
    }),
    no('order: the number not shown, and a forged certificate', 'payer_phone_differs', {
      ...good,
      ...numbered,
      delivery: encodeCbor(itemsOf(good.delivery).with(1, forgedCertificate)),
    }),
    no('order: a forged certificate, and a forged payment', 'certificate_signature_invalid', {
      ...good,
      delivery: forgedBoth,
    }),
    no('order: the shop offline too long, and a payer unknown at that age', 'kiosk_offline_too_long', {
      ...good,
      ...aged(world, 259_201, { maxOfflineSeconds: 10 }),
    }),
    no("order: the allowance's limit, and the kiosk's", 'payment_exceeds_limit', {
      ...sale(world, { amountMinor: 3_001n }),
      settings: [{ perPaymentMinor: 1n }],
    }),
    no('order: a first payment, and a new standing', 'first_payment_exceeds_limit', {
      ...good,
      payer: { ...PAYER, hasPaidHere: false },
      settings: [{ firstPaymentMinor: 1n, newStandingMinor: 1n }],
    }),
    no('order: the count of the hour, and its sum', 'payer_count_per_hour_exceeded', {
      ...good,
      settings: [{ hourCount: 1, hourSumMinor: 1n }],
      payer: { ...PAYER, recent: [{ acceptedAt: AT - 121, amountMinor: 1n }] },
    }),
    no('order: the stored count, and the stored sum', 'kiosk_stored_count_exceeded', {
      ...good,
      stored: { sumMinor: 1n, count: 1 },
      settings: [{ storedCount: 1, storedSumMinor: 1n }],
    }),
    no("order: an allowance expired, and the kiosk's issuer unknown", 'certificate_expired', {
      ...good,
      trustBundle: elsewhere,
      nowSeconds: NOW + 259_200,
    }),
    no("order: the kiosk's issuer unknown, and the kiosk denied", 'issuer_unknown', {
      ...good,
      trustBundle: elsewhereDenying,
    }),
    // What the phone opens is there, and the forged certificate decides.
    no('order: the number shown, and a forged payment', 'payment_signature_invalid', {
      ...good,
      ...numbered,
      delivery: encodeCbor(itemsOf(good.delivery).with(2, forgedPayment).with(3, PHONE_SALT)),
    }),
  ];
}

export function edgeVectors(world: VectorWorld): DraftFile {
  const parts = [dateVectors(world), issuerVectors(world), moneyVectors(world)];
  return {
    description:
      "The kiosk's decision at its edges: to the second, to the unit, field by field (R21, R26, R27), check by check.",
    page: '05-acceptance.md',
    context: given({
      ...certificatesOf(world),
      trustBundle: world.trustBundle,
      request: { bytes: makeRequest(world).bytes, state: 'open' },
      nowSeconds: AT,
      history: null,
      stored: { sumMinor: 0n, count: 0 },
      payer: PAYER,
      settings: [],
    }),
    valid: parts.flatMap((part) => part.valid),
    invalid: [...parts.flatMap((part) => part.invalid), ...bindingVectors(world), ...orderVectors(world)],
  };
}
