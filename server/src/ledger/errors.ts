/** What can be wrong with a caller of the ledger. Refusals of money are results, not errors. */

export type LedgerErrorCode =
  | 'account_unknown'
  | 'transfer_unknown'
  | 'transfer_unbalanced'
  | 'transfer_too_small'
  | 'entry_amount_zero'
  | 'account_twice_in_transfer';

/** A programmer's error: the batch was never going to be a ledger batch. */
export class LedgerError extends Error {
  readonly code: LedgerErrorCode;
  constructor(code: LedgerErrorCode, message: string) {
    super(message);
    this.name = 'LedgerError';
    this.code = code;
  }
}
