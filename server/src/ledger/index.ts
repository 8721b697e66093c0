/** The public door of the ledger: other rooms import this file and nothing behind it. */
export {
  balances,
  findAccount,
  findAccounts,
  findTransferTimes,
  lockBalances,
  openAccount,
  otherCurrency,
} from './accounts.ts';
export { type HistoryEntry, type HistoryPlace, readHistory } from './history.ts';
export {
  contentHash,
  type HashedTransfer,
  type LockedAccount,
  type NewTransfer,
  type Plan,
  plan,
  type PostResult,
} from './plan.ts';
export { moveCovered, movePairs, postPairs, tellPosted } from './post-pairs.ts';
export { postDecided, postTransfers } from './post-transfers.ts';
export { formatMinor, printLedger } from './print.ts';
export { reconcile } from './reconcile.ts';
export { type ReadStatement, statementCsv } from './statement.ts';
