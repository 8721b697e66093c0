/**
 * What a test vector asks of an implementation: each operation reads its input, runs the rule and answers plain JSON.
 * Isomorphic like the rules themselves, so that the phone, the kiosk and the cloud run the same vectors. The operations stand by kind
 * of object in the files beside this one.
 */
import type { Steps } from '../src/crypto.ts';
import { CERTIFICATES } from './operations-on-certificates.ts';
import { FORMS } from './operations-on-forms.ts';
import { JOURNALS } from './operations-on-journals.ts';
import { PAYMENTS } from './operations-on-payments.ts';
import { REFUNDS } from './operations-on-refunds.ts';
import {
  Input,
  inputOf,
  toJson,
  type Json,
  type JsonObject,
  type Operations,
  type Vector,
} from './vector.ts';

const OPERATIONS: Operations = { ...FORMS, ...CERTIFICATES, ...PAYMENTS, ...REFUNDS, ...JOURNALS };

/** The rule that a vector asks for, to be run by either driver. What opens seals has no rule: see vector-suite.ts. */
export function* stepsOf(vector: Vector, context: JsonObject): Steps<Json> {
  const operation = OPERATIONS[vector.operation];
  if (operation === undefined) throw new TypeError(`no operation ${vector.operation}`);
  return toJson(yield* operation(new Input(inputOf(vector, context))));
}
