// Proof of double spend (page 10): what two signed objects of one allowance say against each other.

import { readCbor } from './cbor.ts';
import { fromHex, type Hex } from './fields.ts';
import * as layouts from './layouts.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { demand } from './refusal.ts';

/** Whether two payments under one certificate prove a fraud; one that the phone did not sign proves nothing. */
export function findContradiction(messages: readonly [Hex, Hex], allowance: objects.Allowance) {
  const [one, two] = [
    objects.verifyPayment(messages[0], allowance),
    objects.verifyPayment(messages[1], allowance),
  ];
  return { contradicts: areContradicting(one, two), hashes: [one.hash, two.hash] };
}

type SignedPayment = ReturnType<typeof objects.verifyPayment>;

function areContradicting(one: SignedPayment, two: SignedPayment): boolean {
  const [lower, higher] = one.counter <= two.counter ? [one, two] : [two, one];
  const sumsContradict = higher.cumulativeMinor < lower.cumulativeMinor + higher.amountMinor;
  return one.hash !== two.hash && (one.counter === two.counter || sumsContradict);
}

/** The proof file, from the root's key alone. */
export function verifyDoubleSpendProof(message: Hex, rootPublicKey: Hex) {
  const parts = layouts.doubleSpendProof(readCbor(fromHex(message), limits.MAX_PROOF_BYTES));
  const issuer = objects.verifyIssuerCertificate(parts.issuerCertificate, rootPublicKey);
  const allowance = objects.verifyAllowanceCertificate(parts.allowanceCertificate, [issuer]);
  const { allowanceId } = allowance;
  const second = objects.verifyPayment(parts.second, allowance);
  if (objects.purposeOf(parts.first) === closingStatementPurpose) {
    const first = objects.verifyClosingStatement(parts.first, allowance);
    const isBeyond = second.counter > first.lastCounter || second.cumulativeMinor > first.cumulativeMinor;
    demand(isBeyond, 'payments_do_not_contradict');
    return { rule: 'closing_statement', allowanceId, first, second };
  }
  const first = objects.verifyPayment(parts.first, allowance);
  demand(areContradicting(first, second), 'payments_do_not_contradict');
  const rule = first.counter === second.counter ? 'same_counter' : 'cumulative_sum';
  return { rule, allowanceId, first, second };
}

const closingStatementPurpose = 12;
