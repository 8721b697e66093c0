-- The operator's pages wear a role of their own, `tiki_operator` (server/src/db/acting-as.ts): it sees how everybody's money stands, and
-- no password, code, token or key; it moves no money and denies nobody. What it writes is what an operator does: suspend and restore,
-- release a till from quarantine, and the log of it, in which each stands under the own name and no other.
DO $$
BEGIN
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_operator') THEN
      CREATE ROLE tiki_operator NOLOGIN;
    END IF;
  EXCEPTION
    WHEN insufficient_privilege THEN RAISE NOTICE 'role tiki_operator does not exist and may not be created';
    WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  BEGIN
    GRANT tiki_operator TO tiki_app WITH INHERIT FALSE, SET TRUE;
    GRANT USAGE ON SCHEMA public TO tiki_operator;
  EXCEPTION
    WHEN insufficient_privilege OR undefined_object THEN RAISE NOTICE 'tiki_operator is not granted to tiki_app';
  END;
END $$;
--> statement-breakpoint
DO $$
DECLARE
  guarded regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_operator') THEN RETURN; END IF;
  GRANT SELECT ON ledger_accounts, ledger_transfers, ledger_entries, allowances, claims, kiosk_enrolments, payments, guarantee_use, debts,
    double_spend_cases, broken_chains, refunds, refund_sums, trust_state, denied_subjects, issuer_certificates, top_ups, provider_events,
    withdrawals, suspensions, operator_acts, rate_limits, team_members TO tiki_operator;
  GRANT SELECT (id, role, phone, username, created_at) ON users TO tiki_operator;
  GRANT SELECT (id, business_name) ON merchants TO tiki_operator;
  GRANT SELECT (id, merchant_id, name, status, suspended_at, last_contact_at, created_at) ON kiosks TO tiki_operator;
  GRANT SELECT (id, user_id, expires_at, revoked_at) ON sessions TO tiki_operator;
  GRANT INSERT ON operator_acts, suspensions TO tiki_operator;
  GRANT UPDATE (ended_at) ON suspensions TO tiki_operator;
  GRANT UPDATE (quarantined_at) ON kiosk_enrolments TO tiki_operator;
  FOR guarded IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
    AND has_any_column_privilege('tiki_operator', c.oid, 'SELECT') LOOP
    EXECUTE format('CREATE POLICY operator_reads ON %s FOR SELECT TO tiki_operator USING (true)', guarded);
  END LOOP;
  CREATE POLICY operator_writes_down ON operator_acts FOR INSERT TO tiki_operator WITH CHECK (operator_id = (SELECT app_user()));
  CREATE POLICY operator_suspends ON suspensions FOR INSERT TO tiki_operator WITH CHECK (user_id <> (SELECT app_user()));
  CREATE POLICY operator_restores ON suspensions FOR UPDATE TO tiki_operator USING (ended_at IS NULL) WITH CHECK (ended_at IS NOT NULL);
  CREATE POLICY operator_releases ON kiosk_enrolments FOR UPDATE TO tiki_operator
    USING (quarantined_at IS NOT NULL) WITH CHECK (quarantined_at IS NULL);
END $$;
--> statement-breakpoint
ALTER FUNCTION narrow_application_role() RENAME TO narrow_before_operators;
--> statement-breakpoint
CREATE FUNCTION narrow_application_role() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM narrow_before_operators();
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_operator') THEN
    RETURN;
  END IF;
  REVOKE INSERT, UPDATE ON suspensions FROM tiki_app;
END $$;
