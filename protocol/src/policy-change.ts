/** The journal's entry about limits that the merchant or the kiosk set: all that they want from then on. And how limits are laid out. */
import { FieldReader, type CborValue } from './cbor.ts';
import { refuse } from './errors.ts';
import { MONEY_LIMITS, NUMBER_LIMITS, type LimitSettings } from './kiosk-limits.ts';
import { MAX_COUNTER } from './limits.ts';

/** `merchant`: as set at this kiosk. `merchantByCloud`: for all kiosks of the merchant, by the cloud's signed word. */
export type LimitOwner = 'merchant' | 'kiosk' | 'merchantByCloud';
const OWNERS: readonly LimitOwner[] = ['merchant', 'kiosk', 'merchantByCloud'];

export interface PolicyChangeBody {
  readonly owner: LimitOwner;
  /** What is absent is not limited by this owner any more. */
  readonly limits: LimitSettings;
}

export function encodePolicyChangeBody({ owner, limits }: PolicyChangeBody): readonly CborValue[] {
  return [OWNERS.indexOf(owner) + 1, limitFields(limits)];
}

/** @throws Refusal */
export function decodePolicyChangeBody(body: readonly unknown[]): PolicyChangeBody {
  const fields = new FieldReader(body);
  const owner = fields.named(OWNERS);
  const limits = readLimitFields(fields.layout());
  fields.end();
  return { owner, limits };
}

/** `policy-limits` of page 07: null where nothing is limited. */
export function limitFields(limits: LimitSettings): readonly CborValue[] {
  return [
    ...MONEY_LIMITS.map((name) => limits[name] ?? null),
    ...NUMBER_LIMITS.map((name) => limits[name] ?? null),
  ];
}

/** @throws Refusal */
export function readLimitFields(values: readonly unknown[]): LimitSettings {
  if (values.length !== MONEY_LIMITS.length + NUMBER_LIMITS.length) refuse('message_malformed');
  const money = MONEY_LIMITS.flatMap((name, index) => {
    const given = values[index];
    return given === null ? [] : [[name, new FieldReader([given]).amountMinor(1n)] as const];
  });
  const numbers = NUMBER_LIMITS.flatMap((name, index) => {
    const given = values[MONEY_LIMITS.length + index];
    return given === null ? [] : [[name, new FieldReader([given]).uint(MAX_COUNTER, 1)] as const];
  });
  return { ...Object.fromEntries(money), ...Object.fromEntries(numbers) };
}
