/** Proven double spends, as the merchants whose money they touch see them. */
import { z } from 'zod';
import { CurrencyCode, Hash, IsoTime, MinorUnits, Uuid } from './primitives.ts';

/** Which rule of the protocol's page 10 the phone broke. */
export const DoubleSpendRule = z.enum(['same_counter', 'cumulative_sum', 'closing_statement']);

/** `GET /v1/merchant/double-spends` pages of these: cases of allowances that paid at this merchant. */
export const DoubleSpendView = z.object({
  id: Uuid,
  rule: DoubleSpendRule,
  /** The pseudonym in the certificate; who that is, the issuer does not tell. */
  allowanceId: Uuid,
  maskedPhone: z.string(),
  currency: CurrencyCode,
  /** What the allowance was worth in all. */
  capMinor: MinorUnits,
  foundAt: IsoTime,
  /** This merchant's payments of the allowance, whether they are in the proof or not. */
  payments: z.array(
    z.object({
      paymentHash: Hash,
      amountMinor: MinorUnits,
      outcome: z.enum(['settled', 'settled_by_guarantee', 'refused', 'disputed']),
    }),
  ),
});
export type DoubleSpendView = z.infer<typeof DoubleSpendView>;

/**
 * `GET /v1/merchant/double-spends/{id}/proof` answers the proof file of the protocol (page 10), `application/cbor`:
 * `npx tikiwallet verify-fork FILE --root KEY` checks it anywhere.
 */
