-- What an entry points at is looked up once a statement, as settlement's rows are (0026): a foreign key looks at each entry's
-- transfer and account by itself, four looks and four row locks a transfer, a fifth of what posting costs. What is refused is the
-- same on both sides: an entry without its transfer, or without an account of its currency, and a parent that goes from under
-- its entries. No row is locked for it, because no parent can go: transfers and accounts are refused to be deleted, and to be given
-- another identity, to their owner too. `reconcile` proves it again.
ALTER TABLE "ledger_entries" DROP CONSTRAINT "ledger_entries_transfer_id_ledger_transfers_id_fk";
--> statement-breakpoint
ALTER TABLE "ledger_entries" DROP CONSTRAINT "ledger_entries_account_currency";
--> statement-breakpoint
-- By the tables' owner: whoever writes sees their own rows only.
CREATE OR REPLACE FUNCTION ledger_entries_balanced() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
DECLARE
  odd record;
BEGIN
  SELECT transfer_id, currency, sum(amount_minor) AS total INTO odd
    FROM new_entries GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entries of transfer % sum to % %, not to zero',
      odd.transfer_id, odd.total, odd.currency USING ERRCODE = 'check_violation';
  END IF;
  SELECT n.transfer_id, s.entries, n.entries AS fresh INTO odd
    FROM (SELECT transfer_id, count(*) AS entries FROM new_entries GROUP BY transfer_id) n
    LEFT JOIN LATERAL (SELECT (SELECT count(*) FROM ledger_entries e WHERE e.transfer_id = t.id) AS entries
      FROM ledger_transfers t WHERE t.id = n.transfer_id) s ON true
    WHERE s.entries IS DISTINCT FROM n.entries LIMIT 1;
  IF FOUND AND odd.entries IS NULL THEN
    RAISE EXCEPTION 'an entry names transfer %, which is not there', odd.transfer_id USING ERRCODE = 'foreign_key_violation';
  ELSIF FOUND THEN
    RAISE EXCEPTION 'transfer % has its entries already', odd.transfer_id USING ERRCODE = 'check_violation';
  END IF;
  SELECT n.account_id, n.currency INTO odd
    FROM (SELECT DISTINCT account_id, currency FROM new_entries) n
    LEFT JOIN ledger_accounts a ON a.id = n.account_id AND a.currency = n.currency
    WHERE a.id IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'an entry names account % in %, which is not there', odd.account_id, odd.currency
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- Transfers may not be updated at all. Of an account only its balance, by the application's roles; its owner is refused what matters here.
CREATE TRIGGER ledger_accounts_stay BEFORE UPDATE OF id, currency ON ledger_accounts
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
--> statement-breakpoint
-- Numbers that the database alone makes, from a sequence, need no index to be unique; every list goes by another one.
ALTER TABLE "ledger_entries" DROP CONSTRAINT "ledger_entries_pkey";
--> statement-breakpoint
ALTER TABLE "sales" DROP CONSTRAINT "sales_pkey";
--> statement-breakpoint
-- Keys are compared as bytes: nobody reads them in the order of a language.
ALTER TABLE "ledger_transfers" ALTER COLUMN "idempotency_key" TYPE text COLLATE "C";
