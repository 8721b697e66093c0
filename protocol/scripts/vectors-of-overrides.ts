/** Vectors of what a manager lets through, what no one may, and of the journal's entries about both owners' decisions. */
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { itemsOf, resigned, fieldsOf } from './tamper.ts';
import { given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { id, NOW, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { certificatesOf, deliveryOf, makePayment } from './vectors-of-payments.ts';

const EVERYTHING = [...protocol.OVERRIDABLE_CODES];
const PAYER = { hasPaidHere: true, recent: [], allowanceSumMinor: 0n };

function entryOf(kind: protocol.JournalKind, body: readonly CborValue[]): Uint8Array {
  const place = { sequence: 2, previousHash: new Uint8Array(32).fill(3), at: NOW + 31 };
  return protocol.encodeJournalEntry({ ...place, kind, body });
}

export function overrideVectors(world: VectorWorld): DraftFile {
  const request = makeRequest(world);
  const payment = makePayment(world, request);
  const delivery = deliveryOf(payment.bytes, world.allowance);
  const yes = (name: string, consented: readonly string[], more: Readonly<Record<string, unknown>>) =>
    valid(name, 'acceptUnderOverride', { delivery, consented, ...more });
  const no = (
    name: string,
    code: protocol.RefusalCode,
    more: Readonly<Record<string, unknown>>,
    consented: readonly string[] = EVERYTHING,
  ) => invalid(name, 'acceptUnderOverride', code, { delivery, consented, ...more });
  const aged = (seconds: number) => ({ trustBundle: world.signBundle({ issuedAt: NOW + 30 - seconds }) });
  const limited = (policy: Partial<protocol.Policy>) => ({
    trustBundle: world.signBundle({ policy: { ...world.policy, ...policy } }),
  });
  const isNew = { payer: { ...PAYER, hasPaidHere: false } };
  const body: protocol.OverrideBody = {
    paymentHash: payment.hash,
    reason: 'knows_customer',
    codes: ['trust_bundle_too_old', 'first_payment_exceeds_limit'],
  };
  const override = entryOf('override', protocol.encodeOverrideBody(body));
  const change = entryOf(
    'policyChange',
    protocol.encodePolicyChangeBody({ owner: 'kiosk', limits: { perPaymentMinor: 5_000n, dayCount: 12 } }),
  );
  const reasons = protocol.OVERRIDE_REASONS.map((reason, index) =>
    valid(`reason ${index + 1} is ${reason}`, 'readOverrideEntry', {
      entry: entryOf('override', [payment.hash, index + 1, ['trust_bundle_too_old']]),
    }),
  );
  const stop = entryOf('stop', []);
  const badEntry = (
    name: string,
    code: protocol.RefusalCode,
    operation: string,
    values: readonly CborValue[],
  ) => invalid(name, operation, code, { entry: encodeCbor(values) });
  const overrideItems = itemsOf(override);
  const overridden = (...values: readonly CborValue[]) => overrideItems.with(5, [...values]);
  const changeItems = itemsOf(change);
  const nulls = Array.from({ length: 13 }, () => null);
  return {
    description: 'Payments that a manager lets through or may not, and the entries of overrides and limits.',
    page: '05-acceptance.md',
    context: given({
      ...certificatesOf(world),
      trustBundle: world.trustBundle,
      request: { bytes: request.bytes, state: 'open' },
      nowSeconds: NOW + 30,
      history: null,
      stored: { sumMinor: 0n, count: 0 },
      payer: PAYER,
      settings: [],
    }),
    valid: [
      yes('nothing stands in the way: an ordinary acceptance', EVERYTHING, {}),
      yes('above the limit of a first payment', ['first_payment_exceeds_limit'], {
        ...limited({ firstPaymentMinor: 1_249n }),
        ...isNew,
      }),
      yes('two windows at once, in the order of the checks', EVERYTHING, {
        payer: {
          ...PAYER,
          recent: Array.from({ length: 10 }, () => ({ acceptedAt: NOW, amountMinor: 1n })),
        },
      }),
      yes("above the shop's own limit, at the issuer's", ['payment_exceeds_kiosk_limit'], {
        ...limited({ perPaymentMinor: 1_250n }),
        settings: [{ perPaymentMinor: 1_000n }],
      }),
      yes('a bundle a second too old for a stranger', ['trust_bundle_too_old'], aged(259_201)),
      yes('the clock in doubt', ['clock_behind_trusted_time'], { clockIsBehind: true }),
      // The time without contact is one of the limits: bit 64 is not set, though the bundle is fresh (128).
      yes("a bundle a second too old for the shop's own limit", ['kiosk_offline_too_long'], {
        ...aged(3_601),
        settings: [{ maxOfflineSeconds: 3_600 }],
      }),
      yes('the shop offline too long, and a stranger', EVERYTHING, {
        ...aged(259_201),
        settings: [{ maxOfflineSeconds: 3_600 }],
      }),
      yes('above what the shop may hold, in number and in sum', EVERYTHING, {
        settings: [{ storedCount: 1, storedSumMinor: 1_250n }],
        stored: { sumMinor: 1n, count: 1 },
      }),
      ...reasons,
      valid('an override', 'readOverrideEntry', { entry: override }, override),
      valid("a kiosk's own limits", 'readPolicyChangeEntry', { entry: change }, change),
    ],
    invalid: [
      no(
        'consent to something else',
        'first_payment_exceeds_limit',
        {
          ...limited({ firstPaymentMinor: 1_249n }),
          ...isNew,
        },
        ['trust_bundle_too_old'],
      ),
      no(
        "above the issuer's limit for one payment",
        'payment_exceeds_kiosk_limit',
        limited({ perPaymentMinor: 1_249n }),
      ),
      no("above half of the issuer's limit, the bundle not fresh", 'payment_exceeds_kiosk_limit', {
        trustBundle: world.signBundle({
          issuedAt: NOW + 30 - 86_401,
          policy: { ...world.policy, perPaymentMinor: 2_499n },
        }),
      }),
      no("above the issuer's stored sum", 'kiosk_stored_sum_exceeded', {
        ...limited({ storedSumMinor: 2_000n }),
        stored: { sumMinor: 751n, count: 1 },
      }),
      no("above the issuer's stored number", 'kiosk_stored_count_exceeded', {
        ...limited({ storedCount: 1 }),
        stored: { sumMinor: 1n, count: 1 },
      }),
      no('a bundle older than the issuer allows at all', 'kiosk_offline_too_long', {
        trustBundle: world.signBundle({
          issuedAt: NOW + 30 - 86_401,
          policy: { ...world.policy, maxOfflineSeconds: 86_400 },
        }),
      }),
      no('the allowance denied', 'allowance_denied', {
        delivery: deliveryOf(
          makePayment(world, request, {}, world.deniedAllowance).bytes,
          world.deniedAllowance,
        ),
      }),
      no('this kiosk denied', 'kiosk_denied', {
        trustBundle: world.signBundle({ deniedKiosks: [id(0x22)] }),
      }),
      no('the allowance expired', 'certificate_expired', { nowSeconds: NOW + 259_200 }),
      no('the request expired', 'request_expired', { request: { bytes: request.bytes, state: 'expired' } }),
      no('a counter seen before', 'payment_counter_not_increasing', {
        history: { lastCounter: 1, lastCumulativeMinor: 1n, lastHash: new Uint8Array(32) },
      }),
      no('signed by another phone', 'payment_signature_invalid', {
        delivery: deliveryOf(
          resigned(payment.bytes, fieldsOf(payment.bytes), {
            ...world.stranger,
            externalAad: world.allowance.hash,
          }),
          world.allowance,
        ),
      }),
      badEntry(
        'a reason of zero',
        'field_out_of_range',
        'readOverrideEntry',
        overridden(payment.hash, 0, ['trust_bundle_too_old']),
      ),
      badEntry(
        'a seventh reason',
        'field_out_of_range',
        'readOverrideEntry',
        overridden(payment.hash, 7, ['trust_bundle_too_old']),
      ),
      badEntry('no code', 'field_out_of_range', 'readOverrideEntry', overridden(payment.hash, 1, [])),
      badEntry(
        'a code that no one may override',
        'field_out_of_range',
        'readOverrideEntry',
        overridden(payment.hash, 1, ['payment_signature_invalid']),
      ),
      badEntry(
        'codes in another order',
        'field_out_of_range',
        'readOverrideEntry',
        overridden(payment.hash, 1, ['first_payment_exceeds_limit', 'trust_bundle_too_old']),
      ),
      badEntry(
        'a code that is no text',
        'message_malformed',
        'readOverrideEntry',
        overridden(payment.hash, 1, [1]),
      ),
      invalid("limits read as an override's entry", 'readOverrideEntry', 'message_malformed', {
        entry: change,
      }),
      invalid("a stop read as an override's entry", 'readOverrideEntry', 'message_malformed', {
        entry: stop,
      }),
      invalid('an override read as an entry of limits', 'readPolicyChangeEntry', 'message_malformed', {
        entry: override,
      }),
      // What the body says does not matter where its kind is another.
      badEntry('limits under the kind of an override', 'message_malformed', 'readPolicyChangeEntry', [
        ...changeItems.with(3, protocol.JOURNAL_KIND.override),
      ]),
      badEntry(
        'limits of a fourth owner',
        'field_out_of_range',
        'readPolicyChangeEntry',
        changeItems.with(5, [4, nulls]),
      ),
      badEntry(
        'twelve limits',
        'message_malformed',
        'readPolicyChangeEntry',
        changeItems.with(5, [1, nulls.slice(1)]),
      ),
      badEntry(
        'a limit of zero',
        'field_out_of_range',
        'readPolicyChangeEntry',
        changeItems.with(5, [1, nulls.with(0, 0 as never)]),
      ),
    ],
  };
}
