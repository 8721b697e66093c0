/** The objects of a refund, and the bodies of journal entries, at the bounds of their fields and beyond. */
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import * as bound from './field-bounds.ts';
import { free, tied, type Bound, type Subject } from './field-bounds.ts';
import { itemsOf } from './tamper.ts';
import { invalid } from './vector-drafts.ts';
import type { Vector } from './vector.ts';
import { NOW, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { makePayment } from './vectors-of-payments.ts';
import {
  acceptOffer,
  makeOffer,
  makeRefundEntries,
  makeRefundReceipt,
  refundFacts,
} from './vectors-of-refunds.ts';
import { makeJournal } from './vectors-of-settlement.ts';

export function refundSubjects(world: VectorWorld): readonly Subject[] {
  const offer = makeOffer(world);
  const facts = refundFacts(world);
  const otherHeader = 'algorithm_not_allowed';
  return [
    {
      purpose: 18,
      name: 'refund acceptance',
      operation: 'acceptRefund',
      input: 'acceptance',
      bytes: acceptOffer(world, offer),
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [tied(bound.hash), free(bound.time)],
      signed: { by: world.phone, under: world.allowance.hash, otherHeader },
      facts: { offer: facts.offer, sale: facts.sale },
    },
    {
      purpose: 19,
      name: 'refund receipt',
      operation: 'verifyRefundReceipt',
      input: 'refundReceipt',
      bytes: makeRefundReceipt(world, offer),
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [
        tied(bound.id),
        tied(bound.hash),
        tied(bound.amount(1)),
        tied(bound.amount(1)),
        free(bound.count),
        tied(bound.hash),
        free(bound.time),
      ],
      signed: { by: world.kioskKey, under: world.kiosk.hash, otherHeader },
      facts: { refundId: facts.refundId, amountMinor: facts.amountMinor },
    },
    {
      purpose: 21,
      name: 'refund envelope',
      operation: 'considerRefundOffer',
      input: 'envelope',
      bytes: protocol.encodeRefundEnvelope(world.kiosk.bytes, offer.bytes),
      maxBytes: protocol.MAX_ENVELOPE_BYTES,
      fields: [tied(bound.object), tied(bound.object)],
      signed: null,
      facts: { paid: facts.paid, nowSeconds: facts.nowSeconds },
    },
  ];
}

interface Body {
  readonly name: string;
  readonly operation: string;
  readonly entry: Uint8Array;
  readonly fields: readonly (readonly [name: string, bound: Bound])[];
}

const LIMIT_NAMES = [...protocol.MONEY_LIMITS, ...protocol.NUMBER_LIMITS];

/** A body with a field beyond its bounds, with one too few and one too many. */
export function bodiesRefused(world: VectorWorld): readonly Vector[] {
  const { refunded, voided } = makeRefundEntries(world);
  const payment = makePayment(world, makeRequest(world));
  const entryOf = (kind: protocol.JournalKind, body: readonly CborValue[]) =>
    protocol.encodeJournalEntry({
      sequence: 2,
      previousHash: new Uint8Array(32).fill(3),
      kind,
      at: NOW + 31,
      body,
    });
  const codes = ['trust_bundle_too_old'] as const;
  const override = entryOf(
    'override',
    protocol.encodeOverrideBody({ paymentHash: payment.hash, reason: 'other', codes }),
  );
  const change = entryOf('policyChange', protocol.encodePolicyChangeBody({ owner: 'merchant', limits: {} }));
  const { saleEntry: sale } = makeJournal(world);
  const ofRefund = [
    ['kiosk-certificate-hash', bound.hash],
    ['offer', bound.object],
    ['allowance-certificate-hash', bound.hash],
    ['acceptance', bound.object],
    ['refunded', bound.amount(1)],
  ] as const;
  const bodies: readonly Body[] = [
    {
      name: 'sale',
      operation: 'readJournalEntry',
      entry: sale,
      fields: [
        ['kiosk-certificate-hash', bound.hash],
        ['request', bound.object],
        ['allowance-certificate-hash', bound.hash],
        ['payment', bound.object],
        ['tier', bound.uint(1, 3)],
        ['checks', bound.uint(0, 65_535)],
      ],
    },
    { name: 'refund', operation: 'readRefundEntry', entry: refunded, fields: ofRefund },
    { name: 'void', operation: 'readRefundEntry', entry: voided, fields: ofRefund },
    {
      name: 'override',
      operation: 'readOverrideEntry',
      entry: override,
      fields: [
        ['payment-hash', bound.hash],
        ['reason', bound.uint(1, 6)],
        ['codes', bound.list(14, 'trust_bundle_too_old')],
      ],
    },
    {
      name: 'policy change',
      operation: 'readPolicyChangeEntry',
      entry: change,
      fields: [
        ['owner', bound.uint(1, 3)],
        ['limits', bound.list(13, null)],
      ],
    },
  ];
  return [...bodies.flatMap(ofBody), ...ofOverride(override), ...ofLimits(change)];
}

function ofBody({ name, operation, entry, fields }: Body): readonly Vector[] {
  const body = itemsOf(entry)[5];
  if (!Array.isArray(body)) throw new TypeError(`the body of a ${name}`);
  const values = body as readonly CborValue[];
  const bad = (what: string, code: protocol.RefusalCode, changed: readonly CborValue[]) =>
    invalid(`body of a ${name}: ${what}`, operation, code, {
      entry: encodeCbor(itemsOf(entry).with(5, changed)),
    });
  return [
    bad('without its last field', 'message_malformed', values.slice(0, -1)),
    bad('with a field more', 'message_malformed', [...values, 0]),
    bad('empty', 'message_malformed', []),
    ...fields.flatMap(([field, one], index) =>
      bound
        .refusedBy(one)
        .map(([what, value, code]) => bad(`${field} ${what}`, code, values.with(index, value))),
    ),
  ];
}

function ofOverride(entry: Uint8Array): readonly Vector[] {
  const hash = new Uint8Array(32).fill(9);
  const bad = (what: string, codes: readonly CborValue[]) =>
    invalid(`body of an override: ${what}`, 'readOverrideEntry', 'field_out_of_range', {
      entry: encodeCbor(itemsOf(entry).with(5, [hash, 1, [...codes]])),
    });
  return [
    bad('a code twice', ['trust_bundle_too_old', 'trust_bundle_too_old']),
    bad('fifteen codes', [...protocol.OVERRIDABLE_CODES, 'kiosk_stored_sum_exceeded']),
    bad('a code that nobody knows', ['no_such_code']),
  ];
}

/** Each of the thirteen limits: null is one, zero is none. */
function ofLimits(entry: Uint8Array): readonly Vector[] {
  const none: readonly CborValue[] = LIMIT_NAMES.map(() => null);
  return LIMIT_NAMES.flatMap((name, index) =>
    bound
      .refusedBy(index < protocol.MONEY_LIMITS.length ? bound.amount(1) : bound.count)
      .filter(([, value]) => value !== null)
      .map(([what, value, code]) =>
        invalid(`body of a policy change: ${name} ${what}`, 'readPolicyChangeEntry', code, {
          entry: encodeCbor(itemsOf(entry).with(5, [1, none.with(index, value)])),
        }),
      ),
  );
}
