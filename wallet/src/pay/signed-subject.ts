/** Whom and how much a request names, as far as its signatures held. Without cryptography: the screens load it. */
import type { ReadOutcome, SignedSubject } from './read-request.ts';

export function signedSubject(outcome: ReadOutcome): SignedSubject | null {
  switch (outcome.kind) {
    case 'offer':
      return {
        ...outcome.offer.request,
        merchantName: outcome.offer.merchantName,
        merchantPhone: outcome.offer.merchantPhone,
        comparisonCode: outcome.offer.comparisonCode,
      };
    case 'known':
      return outcome.payment;
    case 'refused':
      return outcome.subject;
  }
}

/** Those whose signatures held, if there is one such; else the first, so that its reason can be told. */
export function worthShowing(outcomes: readonly ReadOutcome[]): readonly ReadOutcome[] {
  const signed = outcomes.filter((outcome) => signedSubject(outcome) !== null);
  return signed.length > 0 ? signed : outcomes.slice(0, 1);
}
