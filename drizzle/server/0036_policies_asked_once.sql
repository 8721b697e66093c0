-- What a tenant's reader may see is asked once a statement, not once a row: a set of the ids that it may see, which PostgreSQL keeps
-- hashed. It was a question for each entry, and each transfer of a history asked it again for each of its entries.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_tenant') THEN
    RETURN;
  END IF;
  ALTER POLICY tenant ON ledger_entries USING (account_id IN (SELECT a.id FROM ledger_accounts a));
  ALTER POLICY tenant ON settlement_batches USING (enrolment_id IN (SELECT k.id FROM kiosk_enrolments k));
END $$;
