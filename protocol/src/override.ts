/**
 * The manager's override: which refusals a person at the shop may set aside, at the shop's own risk, and which no
 * one may. Owns the list, the reasons, the second look at a refused payment and the journal's entry about it. Pure;
 * who may override, and how they prove it, is the kiosk's business (page 05).
 */
import { verifyPayment, type AcceptanceFacts, type VerifiedPayment } from './acceptance.ts';
import type { IdentifiedPayment } from './delivery.ts';
import { FieldReader, type CborValue } from './cbor.ts';
import type { Steps } from './crypto.ts';
import { Refusal, refuse } from './errors.ts';
import { OVERRIDABLE_CODES, type OverridableCode } from './lifted-limits.ts';

/** Why the manager decided so, closed; its place in this list, counted from 1, is its number on the wire. */
export const OVERRIDE_REASONS = [
  'knows_customer',
  'saw_identity',
  'goods_already_given',
  'emergency',
  'small_risk',
  'other',
] as const;
export type OverrideReason = (typeof OVERRIDE_REASONS)[number];

const OVERRIDABLE: ReadonlySet<string> = new Set(OVERRIDABLE_CODES);

export function isOverridable(code: string): code is OverridableCode {
  return OVERRIDABLE.has(code);
}

/** Everything that a person may set aside: what an offer to the manager is looked for with. */
export const EVERY_OVERRIDABLE: ReadonlySet<OverridableCode> = new Set(OVERRIDABLE_CODES);

/**
 * The decision with a person's consent to `consented`, and to nothing else: every other check is made as ever. The
 * result's `overridden` holds the codes that really stood in the way; where there is none, it is an ordinary
 * acceptance. @throws Refusal with the first code that was not consented to
 */
export function* verifyUnderOverride(
  identified: IdentifiedPayment,
  facts: AcceptanceFacts,
  consented: ReadonlySet<OverridableCode>,
): Steps<VerifiedPayment> {
  const override = new Set<OverridableCode>();
  for (;;) {
    const code = yield* codeAgainst(identified, { ...facts, override });
    if (typeof code === 'object') return code;
    // A code that stands although it was set aside is the issuer's own bound behind the shop's.
    if (!isOverridable(code) || !consented.has(code) || override.has(code)) refuse(code);
    override.add(code);
  }
}

function* codeAgainst(identified: IdentifiedPayment, facts: AcceptanceFacts) {
  try {
    return yield* verifyPayment(identified, facts);
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

/** What an override's entry in the journal holds; it stands directly before the sale that it lets through. */
export interface OverrideBody {
  readonly paymentHash: Uint8Array;
  readonly reason: OverrideReason;
  /** In the order of {@link OVERRIDABLE_CODES}, each once. */
  readonly codes: readonly OverridableCode[];
}

export function encodeOverrideBody(body: OverrideBody): readonly CborValue[] {
  const codes = OVERRIDABLE_CODES.filter((code) => body.codes.includes(code));
  return [body.paymentHash, OVERRIDE_REASONS.indexOf(body.reason) + 1, [...codes]];
}

/** @throws Refusal */
export function decodeOverrideBody(body: readonly unknown[]): OverrideBody {
  const fields = new FieldReader(body);
  const paymentHash = fields.bytes(32);
  const reason = fields.named(OVERRIDE_REASONS);
  const codes = fields.array(OVERRIDABLE_CODES.length).map(overridableCode);
  fields.end();
  const ordered = OVERRIDABLE_CODES.filter((code) => codes.includes(code));
  if (codes.length === 0 || ordered.join() !== codes.join()) refuse('field_out_of_range');
  return { paymentHash, reason, codes };
}

function overridableCode(value: unknown): OverridableCode {
  if (typeof value !== 'string') refuse('message_malformed');
  return isOverridable(value) ? value : refuse('field_out_of_range');
}
