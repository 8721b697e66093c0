/** The public door of the settlement room. */
export { BatchStream } from './batch-stream.ts';
export { listClaims } from './claim-list.ts';
export { settleClaim } from './claims.ts';
export { doubleSpendProof, listDoubleSpends } from './double-spends.ts';
export { exportJournal } from './journal-export.ts';
export { OpenStreams } from './open-streams.ts';
export { describeDamage, findDamage, listDamage } from './damage.ts';
export { describeJournals, reconcileJournals } from './reconcile-journals.ts';
export { listMerchantRefunds, listRefunds } from './refund-list.ts';
export { listSales, merchantSummary, salesDays } from './merchant-sales.ts';
export { settleBatch, settleNeeds } from './settle.ts';
export { Turns } from './turns.ts';
