-- What the ledger promises whatever the code does: append-only, zero sums, and a role that cannot rewrite history.

-- The application connects as tiki_app. Creating a role needs a right that a hosted database may not give to the
-- owner of the schema; then the operator creates it beforehand (server/README.md, "Your own PostgreSQL").
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    CREATE ROLE tiki_app NOLOGIN;
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN RAISE NOTICE 'role tiki_app does not exist and may not be created';
  WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
--> statement-breakpoint
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    GRANT USAGE ON SCHEMA public TO tiki_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tiki_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO tiki_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tiki_app;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO tiki_app;
    REVOKE UPDATE, DELETE ON ledger_entries, ledger_transfers, ledger_accounts, provider_events FROM tiki_app;
    -- Needed to lock account rows and to keep balances; nothing else of an account ever changes.
    GRANT UPDATE (balance_minor) ON ledger_accounts TO tiki_app;
  END IF;
END
$$;
--> statement-breakpoint
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: the ledger is append-only, corrections are new transfers', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END
$$;
--> statement-breakpoint
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
--> statement-breakpoint
CREATE TRIGGER ledger_transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
--> statement-breakpoint
CREATE TRIGGER ledger_accounts_keep BEFORE DELETE OR TRUNCATE ON ledger_accounts
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
--> statement-breakpoint
-- Entries arrive balanced, statement by statement: so nothing can be added later to a transfer that stands.
CREATE FUNCTION ledger_entries_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  unbalanced record;
BEGIN
  SELECT transfer_id, currency, sum(amount_minor) AS total INTO unbalanced
    FROM new_entries GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entries of transfer % sum to % %, not to zero',
      unbalanced.transfer_id, unbalanced.total, unbalanced.currency USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER ledger_entries_balanced AFTER INSERT ON ledger_entries
  REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_balanced();
--> statement-breakpoint
-- And at commit every transfer has its entries, at least two, with a zero sum in each currency.
CREATE FUNCTION ledger_transfer_complete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  entry_count bigint;
  unbalanced bigint;
BEGIN
  SELECT coalesce(sum(s.n), 0), count(*) FILTER (WHERE s.total <> 0) INTO entry_count, unbalanced
    FROM (SELECT count(*) AS n, sum(amount_minor) AS total
            FROM ledger_entries WHERE transfer_id = NEW.id GROUP BY currency) s;
  IF entry_count < 2 OR unbalanced > 0 THEN
    RAISE EXCEPTION 'transfer % has % entries and does not sum to zero', NEW.id, entry_count
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER ledger_transfer_complete AFTER INSERT ON ledger_transfers
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transfer_complete();
