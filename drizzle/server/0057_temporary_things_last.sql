-- What a session makes for itself (temporary tables, views, types) comes last where functions look names up that act as their owner, and
-- that check what is written. Unnamed in a search path it comes first: a table under the name of one that a trigger looks at stood for it,
-- and a view or a domain under a name that any of these functions uses had code of the session run with the owner's rights.
-- Nothing waits and no table is looked at: a function keeps its triggers, its rights and its other settings, and each session reads it anew
-- at its next call. A release before this one calls the same functions, and finds the same tables.
-- Without a path stay those that call only what no session can stand in for, functions and operators being never looked for among what is
-- temporary: app_user, app_merchant and may_manage_role, which policies ask of each row and which a path would keep from being part of the
-- query; triggers that refuse, or compare old with new, and read no table; journal_between, which reads as who calls it.
ALTER FUNCTION app_phone() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION app_team_role() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION journal_pieces_apart() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION ledger_entries_balanced() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION ledger_transfers_complete() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION merchant_was_paid_by(uuid) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION place_ended_now(uuid, uuid) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_parent_stays() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_rows_refer() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION tills_of_payee(uuid) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION webhook_tell(uuid, text, text, jsonb) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION webhook_tell_double_spend() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION webhook_tell_kiosk() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION webhook_tell_kiosk_standing() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION webhook_tell_payout() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION webhook_tell_refund() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION webhook_tell_sales() SET search_path = pg_catalog, public, pg_temp;
--> statement-breakpoint
-- As 0025: a trigger on a table of the session's own would hand these rows of types of its own, whose casts the owner would run.
REVOKE EXECUTE ON FUNCTION journal_pieces_apart(), ledger_entries_balanced(), ledger_transfers_complete(), settlement_parent_stays(),
  settlement_rows_refer() FROM PUBLIC;
--> statement-breakpoint
-- As in 0037, and nobody but who was granted it by name makes temporary tables: nothing of ours does. Who does not own the database cannot
-- take that away, and goes on without. A copy of a database has not what was taken from it: this is asked for again whenever rights are narrowed.
CREATE OR REPLACE FUNCTION narrow_application_role() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXCEPTION
    WHEN insufficient_privilege THEN RAISE NOTICE 'everybody may make temporary tables in this database';
  END;
  PERFORM narrow_before_operators();
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_operator') THEN
    RETURN;
  END IF;
  REVOKE INSERT, UPDATE ON suspensions FROM tiki_app;
END $$;
