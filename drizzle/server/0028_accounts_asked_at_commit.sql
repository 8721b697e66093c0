-- Large batches write their entries before they lock their accounts (post-transfers.ts). Asked at once, this key would share
-- locks on accounts that other batches hold; asked at the commit, the accounts are this transaction's own.
ALTER TABLE ledger_entries ALTER CONSTRAINT ledger_entries_account_currency DEFERRABLE INITIALLY DEFERRED;
