/** Vectors of a payment and of the kiosk's decision about it, with the certificate in the delivery or by reference. */
import { concatBytes } from '../src/bytes.ts';
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { fieldsOf, itemsOf, malleated, resigned, withFields } from './tamper.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { crypto, id, NOW, PHONE, PHONE_SALT, unwrap, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';

export const namesOf = (purpose: number) => FIELD_NAMES.get(purpose) ?? [];
type PaymentDraft = Omit<protocol.Payment, 'hash' | 'bytes'>;

export function makePayment(
  world: VectorWorld,
  request: protocol.PaymentRequest,
  changes: Partial<PaymentDraft> = {},
  allowance = world.allowance,
): protocol.Payment {
  const draft: PaymentDraft = {
    counter: 1,
    amountMinor: request.amountMinor,
    cumulativeMinor: request.amountMinor,
    previousLink: protocol.linkOf(allowance.hash),
    requestHash: request.hash,
    signedAt: NOW + 20,
    ...changes,
  };
  const bytes = world.run(protocol.signPayment(draft, allowance.hash), world.phone);
  return world.run(protocol.readPayment(bytes, allowance), world.phone);
}

export const certificatesOf = (world: VectorWorld) => ({
  rootPublicKey: world.root.publicKey,
  issuerCertificates: world.issuerCertificates,
  kioskCertificate: world.kiosk.bytes,
  allowanceCertificate: world.allowance.bytes,
});

export function deliveryOf(
  payment: Uint8Array,
  allowance: protocol.AllowanceCertificate,
  phoneSalt: Uint8Array | null = null,
) {
  return protocol.encodeDelivery({
    allowanceCertificate: allowance.bytes,
    payment,
    phoneSalt,
  });
}

export function repeatOf(
  payment: Uint8Array,
  allowance: protocol.AllowanceCertificate,
  phoneSalt: Uint8Array | null = null,
) {
  const certificateReference = protocol.certificateReference(allowance.hash);
  return protocol.encodeRepeatDelivery({ certificateReference, payment, phoneSalt });
}

export function paymentVectors(world: VectorWorld): DraftFile {
  const request = makeRequest(world);
  const payment = makePayment(world, request);
  const delivery = deliveryOf(payment.bytes, world.allowance);
  const salted = encodeCbor(itemsOf(delivery).with(3, PHONE_SALT));
  const byPhone = { ...world.phone, externalAad: world.allowance.hash };
  const again = (index: number, value: CborValue) => ({
    payment: resigned(payment.bytes, fieldsOf(payment.bytes).with(index, value), byPhone),
  });
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`payment: ${name}`, 'verifyPaymentObject', code, input);
  const closing = (lastCounter: number, cumulativeMinor: bigint) =>
    world.run(
      protocol.signClosingStatement(
        { lastCounter, cumulativeMinor, signedAt: NOW + 90 },
        world.allowance.hash,
      ),
      world.phone,
    );
  const closed = (name: string, code: protocol.RefusalCode, statement: Uint8Array) =>
    invalid(`closing statement: ${name}`, 'verifyClosingStatement', code, { statement });
  const envelope = (name: string, code: protocol.RefusalCode, items: readonly CborValue[]) =>
    invalid(`delivery: ${name}`, 'decodeDelivery', code, { delivery: encodeCbor(items) });
  const repeat = repeatOf(payment.bytes, world.allowance);
  const saltedRepeat = encodeCbor(itemsOf(repeat).with(3, PHONE_SALT));
  const repeated = (name: string, code: protocol.RefusalCode, items: readonly CborValue[]) =>
    invalid(`repeat delivery: ${name}`, 'decodeRepeatDelivery', code, { delivery: encodeCbor(items) });
  const statement = closing(3, 2_500n);
  return {
    description: 'Payments and closing statements under an allowance certificate, and deliveries.',
    page: '04-payment-and-delivery.md',
    context: given(certificatesOf(world)),
    valid: [
      valid('a first payment', 'verifyPaymentObject', { payment: payment.bytes }, payment.bytes),
      valid('the same payment with a malleated signature: the same hash', 'verifyPaymentObject', {
        payment: malleated(payment.bytes),
      }),
      valid('a second payment', 'verifyPaymentObject', {
        payment: makePayment(world, makeRequest(world, 0x60, 700n), {
          counter: 2,
          cumulativeMinor: 1_950n,
          previousLink: protocol.linkOf(payment.hash),
        }).bytes,
      }),
      valid('a delivery', 'decodeDelivery', { delivery }, delivery),
      valid('a delivery that opens the phone commitment', 'decodeDelivery', { delivery: salted }),
      valid('a repeat delivery', 'decodeRepeatDelivery', { delivery: repeat }, repeat),
      valid('a repeat delivery that opens the phone commitment', 'decodeRepeatDelivery', {
        delivery: saltedRepeat,
      }),
      valid('a closing statement', 'verifyClosingStatement', { statement }, statement),
      valid('a closing statement of an unused allowance', 'verifyClosingStatement', {
        statement: closing(0, 0n),
      }),
    ],
    invalid: [
      ...everyFieldChanged(payment.bytes, namesOf(5), (name, tampered, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'payment_signature_invalid', {
          payment: tampered,
        }),
      ),
      bad('of another key', 'payment_signature_invalid', {
        payment: resigned(payment.bytes, fieldsOf(payment.bytes), {
          ...world.stranger,
          externalAad: world.allowance.hash,
        }),
      }),
      bad('under another certificate of the same key', 'payment_signature_invalid', {
        payment: makePayment(world, request, {}, world.lockedAllowance).bytes,
      }),
      bad('counter zero', 'field_out_of_range', again(1, 0)),
      bad('counter 2^31', 'field_out_of_range', again(1, 2 ** 31)),
      bad('amount zero', 'field_out_of_range', again(2, 0)),
      bad('amount 2^53', 'field_out_of_range', again(2, 2n ** 53n)),
      bad('amount negative', 'message_malformed', again(2, -1)),
      bad('a link of 32 bytes', 'field_out_of_range', again(4, new Uint8Array(32))),
      bad('a request', 'object_has_wrong_purpose', { payment: request.bytes }),
      envelope('of another purpose', 'object_has_wrong_purpose', itemsOf(delivery).with(0, 14)),
      envelope('a salt of 15 bytes', 'field_out_of_range', itemsOf(delivery).with(3, new Uint8Array(15))),
      envelope('without a payment', 'message_malformed', itemsOf(delivery).with(2, null)),
      envelope('a repeat delivery', 'object_has_wrong_purpose', itemsOf(repeat)),
      envelope('an item too many', 'message_malformed', [...itemsOf(delivery), 0]),
      repeated('a delivery', 'object_has_wrong_purpose', itemsOf(delivery)),
      repeated('a reference of 7 bytes', 'field_out_of_range', itemsOf(repeat).with(1, new Uint8Array(7))),
      repeated('a reference of 16 bytes', 'field_out_of_range', itemsOf(repeat).with(1, new Uint8Array(16))),
      repeated('a reference that is a number', 'message_malformed', itemsOf(repeat).with(1, 7)),
      repeated('without a payment', 'message_malformed', itemsOf(repeat).with(2, null)),
      repeated('a salt of 15 bytes', 'field_out_of_range', itemsOf(repeat).with(3, new Uint8Array(15))),
      repeated('without a salt or null', 'message_malformed', itemsOf(repeat).slice(0, 3)),
      repeated('an item too many', 'message_malformed', [...itemsOf(repeat), 0]),
      closed('more than the cap', 'payment_exceeds_allowance', closing(3, 5_001n)),
      closed('a sum without a payment', 'payment_cumulative_inconsistent', closing(0, 5n)),
      closed('a payment without a sum', 'payment_cumulative_inconsistent', closing(1, 0n)),
      closed(
        'a sum changed',
        'statement_signature_invalid',
        withFields(statement, fieldsOf(statement).with(2, 2_499)),
      ),
      closed('a payment', 'object_has_wrong_purpose', payment.bytes),
    ],
  };
}

const PAYER = { hasPaidHere: true, recent: [], allowanceSumMinor: 0n };
const FRESH = {
  nowSeconds: NOW + 30,
  history: null,
  stored: { sumMinor: 0n, count: 0 },
  payer: PAYER,
  settings: [],
};
/** `count` payments of this payer at this kiosk, together `sumMinor`, the last of them `ago` seconds back. */
const recently = (count: number, sumMinor: bigint, ago: number) => ({
  payer: {
    ...PAYER,
    recent: Array.from({ length: count }, (_, index) => ({
      acceptedAt: NOW + 30 - ago,
      amountMinor: index === 0 ? sumMinor - BigInt(count - 1) : 1n,
    })),
  },
});

export function acceptanceVectors(world: VectorWorld): DraftFile {
  const request = makeRequest(world);
  const open = { bytes: request.bytes, state: 'open' };
  const pay = (changes: Partial<PaymentDraft> = {}, allowance = world.allowance) => ({
    delivery: deliveryOf(makePayment(world, request, changes, allowance).bytes, allowance),
  });
  const second = { counter: 2, cumulativeMinor: 2_250n, previousLink: id(9) };
  const history = { lastCounter: 4, lastCumulativeMinor: 1_000n, lastHash: new Uint8Array(32).fill(7) };
  const fifth = { counter: 5, cumulativeMinor: 2_250n, previousLink: protocol.linkOf(history.lastHash) };
  const salted = (salt: Uint8Array | null) => ({
    delivery: deliveryOf(makePayment(world, request).bytes, world.allowance, salt),
    expectedPhone: PHONE,
  });
  const yes = (name: string, given: Readonly<Record<string, unknown>>) =>
    valid(name, 'acceptPayment', { ...pay(), ...given });
  const no = (name: string, code: protocol.RefusalCode, given: Readonly<Record<string, unknown>>) =>
    invalid(name, 'acceptPayment', code, { ...pay(), ...given });
  const aged = (seconds: number) => ({ trustBundle: world.signBundle({ issuedAt: NOW + 30 - seconds }) });
  const limited = (policy: Partial<protocol.Policy>) => ({
    trustBundle: world.signBundle({ policy: { ...world.policy, ...policy } }),
  });
  /** The kiosk has accepted payments under these before; the payment comes with a reference. */
  const byReference = (
    changes: Partial<PaymentDraft> = {},
    storedCertificates: readonly Uint8Array[] = [world.lockedAllowance.bytes, world.allowance.bytes],
  ) => ({
    delivery: repeatOf(makePayment(world, request, changes).bytes, world.allowance),
    storedCertificates,
  });
  const yesAgain = (name: string, given: Readonly<Record<string, unknown>>) =>
    valid(`by reference: ${name}`, 'acceptRepeat', given);
  const noAgain = (name: string, code: protocol.RefusalCode, given: Readonly<Record<string, unknown>>) =>
    invalid(`by reference: ${name}`, 'acceptRepeat', code, given);
  const forged = resigned(
    world.allowance.bytes,
    fieldsOf(world.allowance.bytes).with(4, 999_999),
    world.stranger,
  );
  return {
    description: "The kiosk's decision on a delivered payment: facts in, decision or code out.",
    page: '05-acceptance.md',
    context: given({ ...certificatesOf(world), trustBundle: world.trustBundle, request: open, ...FRESH }),
    valid: [
      yes('a first payment', {}),
      yes('under a payee lock to this kiosk: locked', pay({}, world.lockedAllowance)),
      yes('under a payee lock to this merchant: reserved', pay({}, world.merchantAllowance)),
      yes('a malleated signature: the same hash', {
        delivery: deliveryOf(malleated(makePayment(world, request).bytes), world.allowance),
      }),
      yes('a later payment, first seen here', pay(second)),
      yes('the next after what was seen', { ...pay(fifth), history }),
      yes('a gap after what was seen', { ...pay({ ...fifth, counter: 9, previousLink: id(1) }), history }),
      yes('the last counter', pay({ ...second, counter: 30 })),
      yes('cumulative one below the cap', pay({ ...second, cumulativeMinor: 4_999n })),
      yes('cumulative at the cap', pay({ ...second, cumulativeMinor: 5_000n })),
      yes('at the payment limit of the policy', limited({ perPaymentMinor: 1_250n })),
      yes('at the stored sum of the policy', {
        ...limited({ storedSumMinor: 2_000n }),
        stored: { sumMinor: 750n, count: 1 },
      }),
      yes('at the stored count of the policy', {
        ...limited({ storedCount: 2 }),
        stored: { sumMinor: 750n, count: 1 },
      }),
      yes('a first payment here at its limit', {
        ...limited({ firstPaymentMinor: 1_250n }),
        payer: { ...PAYER, hasPaidHere: false },
      }),
      yes('above the first payment limit, of a payer known here', limited({ firstPaymentMinor: 1_249n })),
      yes('at the limit of a new standing', limited({ newStandingMinor: 1_250n })),
      yes('at the sum of one allowance at one kiosk', {
        ...limited({ perAllowanceMinor: 5_000n }),
        payer: { ...PAYER, allowanceSumMinor: 3_750n },
      }),
      yes('a third payment within two minutes, at the sum of the window', recently(2, 23_750n, 119)),
      yes('a fourth payment, the others two minutes old', recently(3, 30n, 120)),
      yes('a tenth payment within the hour, at its sum', recently(9, 48_750n, 121)),
      yes('an eleventh payment, the others an hour old', recently(10, 100n, 3_600)),
      yes('a 20th payment within the day, at its sum', recently(19, 78_750n, 3_600)),
      yes('a 21st payment, the others a day old', recently(20, 100n, 86_400)),
      yes("a limit that a kiosk sets above the issuer's changes nothing", { settings: [{ splitCount: 99 }] }),
      yes('the soft counter limit reached: the phone needs internet soon', pay({ ...second, counter: 20 })),
      yes("the payer's number as the cashier typed it", salted(PHONE_SALT)),
      yes('a salt that nobody asked for', { delivery: salted(PHONE_SALT).delivery }),
      yes('the bundle is 24 hours old', aged(86_400)),
      yes('the bundle is a second older: half limits, trust not fresh', aged(86_401)),
      yes('the bundle is 7 days old, a known payer', { ...aged(604_800), ...pay(fifth), history }),
      yes('the bundle is older, a payer locked to this kiosk', {
        ...aged(604_801),
        ...pay({}, world.lockedAllowance),
      }),
      yes('the clock is 300 seconds behind the bundle', { nowSeconds: NOW - 300 }),
      yesAgain('the next after what was seen', { ...byReference(fifth), history }),
      yesAgain('a malleated signature: the same hash', {
        ...byReference(),
        delivery: repeatOf(malleated(makePayment(world, request).bytes), world.allowance),
      }),
      yesAgain("the payer's number as the cashier typed it", {
        ...byReference(),
        delivery: repeatOf(makePayment(world, request).bytes, world.allowance, PHONE_SALT),
        expectedPhone: PHONE,
      }),
    ],
    invalid: [
      no('no such request', 'request_not_open', { request: null }),
      no('request cancelled', 'request_not_open', { request: { ...open, state: 'cancelled' } }),
      no('request expired', 'request_expired', { request: { ...open, state: 'expired' } }),
      no('request paid', 'request_already_paid', { request: { ...open, state: 'paid' } }),
      no('another request', 'payment_is_for_another_request', {
        request: { ...open, bytes: makeRequest(world, 0x60).bytes },
      }),
      no(
        'one unit less than asked',
        'payment_amount_differs_from_request',
        pay({ amountMinor: 1_249n, cumulativeMinor: 1_249n }),
      ),
      no('locked to another shop', 'payment_is_for_another_shop', pay({}, world.elsewhereAllowance)),
      no(
        'locked to another till of this shop',
        'payment_is_for_another_shop',
        pay({}, world.otherTillAllowance),
      ),
      no('the bundle is 7 days old, a stranger locked to the merchant alone', 'trust_bundle_too_old', {
        ...aged(604_800),
        ...pay({}, world.merchantAllowance),
      }),
      no('the bundle is older, a payer locked to the merchant alone', 'trust_bundle_too_old', {
        ...aged(604_801),
        ...pay({}, world.merchantAllowance),
      }),
      no(
        'an allowance in another currency',
        'payment_currency_differs_from_request',
        pay({}, world.foreignAllowance),
      ),
      no('the clock 301 seconds behind the bundle', 'clock_behind_trusted_time', { nowSeconds: NOW - 301 }),
      no('the clock a year behind', 'clock_behind_trusted_time', { nowSeconds: NOW - 31_536_000 }),
      no('the allowance expired', 'certificate_expired', { nowSeconds: NOW + 259_200 }),
      no('this kiosk denied', 'kiosk_denied', {
        trustBundle: world.signBundle({ deniedKiosks: [id(0x22)] }),
      }),
      no('the allowance denied', 'allowance_denied', pay({}, world.deniedAllowance)),
      no(
        'a sum below the amount',
        'payment_cumulative_inconsistent',
        pay({ ...second, cumulativeMinor: 1_249n }),
      ),
      no(
        'a first payment with another sum',
        'payment_cumulative_inconsistent',
        pay({ cumulativeMinor: 1_251n }),
      ),
      no('a first payment with another link', 'payment_chain_broken', pay({ previousLink: id(9) })),
      no(
        'cumulative one above the cap',
        'payment_exceeds_allowance',
        pay({ ...second, cumulativeMinor: 5_001n }),
      ),
      no('one payment too many', 'allowance_counter_limit_reached', pay({ ...second, counter: 31 })),
      no('the counter seen last', 'payment_counter_not_increasing', {
        ...pay({ ...fifth, counter: 4 }),
        history,
      }),
      no('an earlier counter', 'payment_counter_not_increasing', {
        ...pay({ ...fifth, counter: 3 }),
        history,
      }),
      no('the next with a sum too low', 'payment_cumulative_inconsistent', {
        ...pay({ ...fifth, cumulativeMinor: 2_249n }),
        history,
      }),
      no('the next with a sum too high', 'payment_cumulative_inconsistent', {
        ...pay({ ...fifth, cumulativeMinor: 2_251n }),
        history,
      }),
      no('the next with another link', 'payment_chain_broken', {
        ...pay({ ...fifth, previousLink: id(1) }),
        history,
      }),
      no('a gap with a sum too low', 'payment_cumulative_inconsistent', {
        ...pay({ ...fifth, counter: 9, cumulativeMinor: 2_249n }),
        history,
      }),
      no(
        'above the payment limit of the policy',
        'payment_exceeds_kiosk_limit',
        limited({ perPaymentMinor: 1_249n }),
      ),
      no("above the merchant's payment limit, below the policy's", 'payment_exceeds_kiosk_limit', {
        settings: [{ perPaymentMinor: 1_249n }, { perPaymentMinor: 9_000n }],
      }),
      no('a payment of 30.01 where the allowance says 30.00', 'payment_exceeds_limit', aboveOwnLimit(world)),
      no('a first payment here above its limit', 'first_payment_exceeds_limit', {
        ...limited({ firstPaymentMinor: 1_249n }),
        payer: { ...PAYER, hasPaidHere: false },
      }),
      no(
        'above the limit of a new standing',
        'payment_exceeds_standing_limit',
        limited({ newStandingMinor: 1_249n }),
      ),
      no('above the sum of one allowance at one kiosk', 'allowance_sum_exceeded_here', {
        ...limited({ perAllowanceMinor: 5_000n }),
        payer: { ...PAYER, allowanceSumMinor: 3_751n },
      }),
      no('another number than the payer has', 'payer_phone_differs', {
        ...salted(PHONE_SALT),
        expectedPhone: '+6598765433',
      }),
      no('the number asked for, no salt', 'payer_phone_differs', salted(null)),
      no('the number asked for, another salt', 'payer_phone_differs', salted(id(0x56))),
      no('a fourth payment within two minutes', 'split_sale_suspected', recently(3, 30n, 119)),
      no('a sum within two minutes above the window', 'split_sale_suspected', recently(1, 23_751n, 0)),
      no('an eleventh payment within the hour', 'payer_count_per_hour_exceeded', recently(10, 100n, 3_599)),
      no('a sum within the hour above its limit', 'payer_sum_per_hour_exceeded', recently(2, 48_751n, 121)),
      no('a 21st payment within the day', 'payer_count_per_day_exceeded', recently(20, 100n, 86_399)),
      no('a sum within the day above its limit', 'payer_sum_per_day_exceeded', recently(2, 78_751n, 3_600)),
      no("above the kiosk's own count for a day", 'payer_count_per_day_exceeded', {
        ...recently(2, 10n, 3_600),
        settings: [{ dayCount: 2 }],
      }),
      no('above the stored sum', 'kiosk_stored_sum_exceeded', {
        ...limited({ storedSumMinor: 2_000n }),
        stored: { sumMinor: 751n, count: 1 },
      }),
      no('above the stored count', 'kiosk_stored_count_exceeded', {
        ...limited({ storedCount: 1 }),
        stored: { sumMinor: 0n, count: 1 },
      }),
      no(
        'above half the payment limit when the bundle is 24 hours and a second old',
        'payment_exceeds_kiosk_limit',
        {
          trustBundle: world.signBundle({
            issuedAt: NOW + 30 - 86_401,
            policy: { ...world.policy, perPaymentMinor: 2_499n },
          }),
        },
      ),
      no('the bundle is 72 hours and a second old, an unknown payer', 'trust_bundle_too_old', {
        ...aged(259_201),
      }),
      no('the bundle is 7 days and a second old, a known payer', 'trust_bundle_too_old', {
        ...aged(604_801),
        ...pay(fifth),
        history,
      }),
      no(
        'offline for longer than the policy allows',
        'kiosk_offline_too_long',
        limited({ maxOfflineSeconds: 29 }),
      ),
      no(
        'a certificate that the issuer did not sign, the payment linked to it',
        'certificate_signature_invalid',
        forgedPayment(world, request, forged),
      ),
      no('a payment of another key', 'payment_signature_invalid', {
        delivery: deliveryOf(
          resigned(makePayment(world, request).bytes, fieldsOf(makePayment(world, request).bytes), {
            ...world.stranger,
            externalAad: world.allowance.hash,
          }),
          world.allowance,
        ),
      }),
      noAgain('no certificate stored', 'allowance_certificate_unknown', byReference({}, [])),
      noAgain(
        'another certificate stored',
        'allowance_certificate_unknown',
        byReference({}, [world.lockedAllowance.bytes]),
      ),
      noAgain('of the certificate of somebody else', 'payment_signature_invalid', {
        ...byReference(),
        delivery: repeatOf(makePayment(world, request, second).bytes, world.lockedAllowance),
      }),
      noAgain('no such request', 'request_not_open', { ...byReference(), request: null }),
      noAgain('a payment cut short', 'message_malformed', {
        ...byReference(),
        delivery: repeatOf(makePayment(world, request).bytes.slice(0, -1), world.allowance),
      }),
      // A fault of form comes first: to send the whole delivery would not help.
      noAgain('a payment cut short, and no certificate stored', 'message_malformed', {
        ...byReference({}, []),
        delivery: repeatOf(makePayment(world, request).bytes.slice(0, -1), world.allowance),
      }),
      noAgain('a payment with a counter of zero, and no certificate stored', 'field_out_of_range', {
        ...byReference({}, []),
        delivery: repeatOf(
          withFields(
            makePayment(world, request).bytes,
            fieldsOf(makePayment(world, request).bytes).with(1, 0),
          ),
          world.allowance,
        ),
      }),
      noAgain('a receipt for a payment, and no certificate stored', 'object_has_wrong_purpose', {
        ...byReference({}, []),
        delivery: repeatOf(
          withFields(makePayment(world, request).bytes, [
            6,
            ...fieldsOf(makePayment(world, request).bytes).slice(1),
          ]),
          world.allowance,
        ),
      }),
      no('a delivery cut short', 'message_malformed', { delivery: pay().delivery.slice(0, -1) }),
      no('a delivery with a byte more', 'message_malformed', {
        delivery: concatBytes(pay().delivery, Uint8Array.of(0)),
      }),
    ],
  };
}

/** The request asks for more than the certificate lets one payment be. */
function aboveOwnLimit(world: VectorWorld) {
  const request = makeRequest(world, 0x48, 3_001n);
  const payment = makePayment(world, request);
  return {
    delivery: deliveryOf(payment.bytes, world.allowance),
    request: { bytes: request.bytes, state: 'open' },
  };
}

function forgedPayment(world: VectorWorld, request: protocol.PaymentRequest, certificate: Uint8Array) {
  const header = resigned(certificate, fieldsOf(certificate), world.stranger);
  const allowance = unwrap(protocol.runSync(protocol.readAllowanceCertificate(header), crypto)).certificate;
  return { delivery: deliveryOf(makePayment(world, request, {}, allowance).bytes, allowance) };
}
