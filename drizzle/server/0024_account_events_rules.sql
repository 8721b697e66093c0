-- The audit trail of accounts is append-only, for the application's role and for whoever owns the tables.
CREATE FUNCTION account_events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on account_events is refused: the audit trail is append-only', TG_OP
    USING ERRCODE = 'restrict_violation';
END
$$;
--> statement-breakpoint
CREATE TRIGGER account_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_events
  FOR EACH STATEMENT EXECUTE FUNCTION account_events_refuse_change();
--> statement-breakpoint
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    REVOKE UPDATE, DELETE ON account_events FROM tiki_app;
  END IF;
END
$$;
--> statement-breakpoint
-- Secrets and a trail that the code alone reads, as the application.
SELECT guard_tenant_table(one::regclass, NULL)
FROM unnest(ARRAY['owner_codes', 'password_resets', 'phone_changes', 'account_events']) AS one;
