/** The public door of the ledger: other rooms import this file and nothing behind it. */
export {
  balances,
  type BalanceQuery,
  findAccount,
  findTransferTime,
  type HouseAccount,
  type HouseAccountKind,
  openAccount,
  type OwnedAccount,
  type OwnedAccountKind,
} from './accounts.ts';
export { LedgerError, type LedgerErrorCode } from './errors.ts';
export { readHistory, type HistoryEntry, type HistoryPage } from './history.ts';
export { type NewTransfer, type PostResult, type PostStatus, type TransferEntry } from './plan.ts';
export { postTransfers } from './post-transfers.ts';
export { formatMinor, printLedger } from './print.ts';
export { type Reconciliation, reconcile } from './reconcile.ts';
