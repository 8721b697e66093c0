-- Row-level security for what is written, too. Two more roles, each taken on for one transaction (server/src/db/acting-as.ts):
-- `tiki_member` writes on behalf of one signed-in person: rows of `app.user` and `app.merchant` only, and money between their
-- accounts and ours. `tiki_worker` settles and does the background work: it sees everybody's money and nobody's secrets.
-- `tiki_app` keeps its rights for now, because a release before this one may still run on this schema; `narrow_application_role()`
-- takes away what this release no longer writes as `tiki_app` (server/src/db/migrate.ts).

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['tiki_member', 'tiki_worker'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      END IF;
    EXCEPTION
      WHEN insufficient_privilege THEN RAISE NOTICE 'role % does not exist and may not be created', wanted;
      WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    BEGIN
      -- Worn, never inherited: what it may do, the application may only while it wears it.
      EXECUTE format('GRANT %I TO tiki_app WITH INHERIT FALSE, SET TRUE', wanted);
      EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', wanted);
    EXCEPTION
      WHEN insufficient_privilege OR undefined_object THEN RAISE NOTICE '% is not granted to tiki_app', wanted;
    END;
  END LOOP;
END $$;
--> statement-breakpoint
-- As before, and the worker beside the application. What it may do is granted by name, below and by later migrations.
CREATE OR REPLACE FUNCTION guard_tenant_table(guarded regclass, visible text, columns text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app')
    OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_tenant') THEN
    RAISE NOTICE 'no row-level security on %: a role is missing', guarded;
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
  EXECUTE format('CREATE POLICY service ON %s TO tiki_app USING (true) WITH CHECK (true)', guarded);
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_worker') THEN
    EXECUTE format('CREATE POLICY worker ON %s TO tiki_worker USING (true) WITH CHECK (true)', guarded);
  END IF;
  IF visible IS NULL THEN RETURN; END IF;
  EXECUTE format('CREATE POLICY tenant ON %s FOR SELECT TO tiki_tenant USING (%s)', guarded, visible);
  EXECUTE format('GRANT SELECT %s ON %s TO tiki_tenant', coalesce('(' || columns || ')', ''), guarded);
END $$;
--> statement-breakpoint
DO $$
DECLARE
  guarded regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_worker') THEN RETURN; END IF;
  FOR guarded IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity LOOP
    EXECUTE format('CREATE POLICY worker ON %s TO tiki_worker USING (true) WITH CHECK (true)', guarded);
  END LOOP;
END $$;
--> statement-breakpoint
-- Of people and merchants as well, and not guarded so far: the code alone reads them.
SELECT guard_tenant_table(one::regclass, NULL)
FROM unnest(ARRAY['registrations', 'operator_acts', 'kiosk_journal', 'kiosk_certificates', 'broken_chains', 'top_up_refund_failures']) AS one;
--> statement-breakpoint
-- The number of who is signed in. By the owner: policies of people, teams and invitations would ask each other for ever.
CREATE FUNCTION app_phone() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$ SELECT u.phone FROM public.users u WHERE u.id = public.app_user() $$;
--> statement-breakpoint
-- Its own team's people, and what its number was offered by whom.
CREATE FUNCTION guard_also(guarded regclass, name text, visible text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_tenant')
    OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_member') THEN RETURN; END IF;
  EXECUTE format('CREATE POLICY %I ON %s FOR SELECT TO tiki_tenant, tiki_member USING (%s)', name, guarded, visible);
END $$;
--> statement-breakpoint
SELECT guard_also('users', 'team', 'EXISTS (SELECT FROM team_members m
  WHERE m.user_id = users.id AND m.merchant_id = (SELECT app_merchant()) AND m.ended_at IS NULL)');
--> statement-breakpoint
SELECT guard_also('team_invitations', 'invited', 'phone = (SELECT app_phone())');
--> statement-breakpoint
SELECT guard_also('merchants', 'inviting', 'EXISTS (SELECT FROM team_invitations i WHERE i.merchant_id = merchants.id)');
--> statement-breakpoint
-- One table to the member: what it may do there (`rights`), which rows are its own (`mine`), and which it may add.
CREATE FUNCTION guard_member_table(guarded regclass, rights text, mine text, added text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_member') THEN
    RAISE NOTICE 'no row-level security on % for what is written: a role is missing', guarded;
    RETURN;
  END IF;
  EXECUTE format('GRANT %s ON %s TO tiki_member', rights, guarded);
  EXECUTE format('CREATE POLICY member_reads ON %s FOR SELECT TO tiki_member USING (%s)', guarded, mine);
  IF position('INSERT' IN rights) > 0 THEN
    EXECUTE format('CREATE POLICY member_adds ON %s FOR INSERT TO tiki_member WITH CHECK (%s)', guarded, coalesce(added, mine));
  END IF;
  IF position('UPDATE' IN rights) > 0 THEN
    EXECUTE format('CREATE POLICY member_changes ON %s FOR UPDATE TO tiki_member USING (%s) WITH CHECK (%s)', guarded, mine, mine);
  END IF;
  IF position('DELETE' IN rights) > 0 THEN
    EXECUTE format('CREATE POLICY member_ends ON %s FOR DELETE TO tiki_member USING (%s)', guarded, mine);
  END IF;
END $$;
--> statement-breakpoint
SELECT guard_member_table('users', 'SELECT', 'id = (SELECT app_user())');
--> statement-breakpoint
SELECT guard_member_table('merchants', 'SELECT', 'id = (SELECT app_merchant())');
--> statement-breakpoint
-- Somebody joins a team that has asked them, and no team makes owners.
SELECT guard_member_table('team_members', 'SELECT, INSERT, UPDATE (ended_by, ended_at)',
  'user_id = (SELECT app_user()) OR merchant_id = (SELECT app_merchant())',
  'role <> ''owner'' AND (merchant_id = (SELECT app_merchant()) OR (user_id = (SELECT app_user())
    AND EXISTS (SELECT FROM team_invitations i WHERE i.merchant_id = team_members.merchant_id)))');
--> statement-breakpoint
SELECT guard_member_table('team_invitations', 'SELECT, INSERT, UPDATE (ended_at, ended_reason)',
  'merchant_id = (SELECT app_merchant()) OR phone = (SELECT app_phone())',
  'merchant_id = (SELECT app_merchant())');
--> statement-breakpoint
SELECT guard_member_table('kiosks', 'SELECT, INSERT, UPDATE (status, suspended_at, enrolment_code, enrolment_code_hash, enrolment_expires_at)',
  'merchant_id = (SELECT app_merchant())');
--> statement-breakpoint
SELECT guard_member_table('kiosk_events', 'SELECT, INSERT', 'merchant_id = (SELECT app_merchant())',
  'merchant_id = (SELECT app_merchant()) AND by_user_id = (SELECT app_user())
    AND EXISTS (SELECT FROM kiosks k WHERE k.id = kiosk_id)');
--> statement-breakpoint
SELECT guard_member_table('kiosk_enrolments', 'SELECT, UPDATE (ended_at, ended_reason)', 'merchant_id = (SELECT app_merchant())');
--> statement-breakpoint
SELECT guard_member_table('settlement_batches', 'SELECT (enrolment_id, received_at)',
  'EXISTS (SELECT FROM kiosk_enrolments k WHERE k.id = enrolment_id)');
--> statement-breakpoint
SELECT guard_member_table('merchant_limits', 'SELECT, INSERT', 'merchant_id = (SELECT app_merchant())');
--> statement-breakpoint
SELECT guard_member_table('webhook_endpoints', 'SELECT, INSERT, UPDATE (disabled_at, deleted_at, secret_version, secret_changed_at)',
  'merchant_id = (SELECT app_merchant())');
--> statement-breakpoint
SELECT guard_member_table('webhook_events', 'SELECT', 'merchant_id = (SELECT app_merchant())');
--> statement-breakpoint
SELECT guard_member_table('webhook_deliveries', 'SELECT, UPDATE (state, delivered_at)', 'merchant_id = (SELECT app_merchant())');
--> statement-breakpoint
-- The list is public by nature, and its bounds are counts over all of it. What is added is one's own.
SELECT guard_member_table('denied_subjects', 'SELECT, INSERT', 'true',
  'CASE kind WHEN ''kiosk'' THEN EXISTS (SELECT FROM kiosks k WHERE k.id = subject_id)
    ELSE EXISTS (SELECT FROM allowances a WHERE a.id = subject_id) END');
--> statement-breakpoint
SELECT guard_member_table('top_ups', 'SELECT, INSERT, UPDATE (checkout_id, checkout_url)', 'user_id = (SELECT app_user())');
--> statement-breakpoint
SELECT guard_member_table('top_up_disputes', 'SELECT', 'EXISTS (SELECT FROM top_ups t WHERE t.id = top_up_id)');
--> statement-breakpoint
SELECT guard_member_table('bank_accounts', 'SELECT, INSERT, UPDATE', 'user_id = (SELECT app_user())');
--> statement-breakpoint
SELECT guard_member_table('withdrawals', 'SELECT, INSERT, UPDATE', 'user_id = (SELECT app_user())',
  'user_id = (SELECT app_user())
    AND EXISTS (SELECT FROM ledger_accounts a WHERE a.id = ledger_account_id AND a.holder_id = (SELECT app_user()))');
--> statement-breakpoint
SELECT guard_member_table('owner_codes', 'SELECT, INSERT, UPDATE, DELETE', 'user_id = (SELECT app_user())');
--> statement-breakpoint
SELECT guard_member_table('allowances', 'SELECT, INSERT, UPDATE', 'user_id = (SELECT app_user())');
--> statement-breakpoint
SELECT guard_member_table('debts', 'SELECT', 'user_id = (SELECT app_user())');
--> statement-breakpoint
SELECT guard_member_table('refunds', 'SELECT', 'merchant_id = (SELECT app_merchant())');
--> statement-breakpoint
-- Money moves between the person's accounts, the merchant's and ours: to somebody else's there is no row to move it to.
SELECT guard_member_table('ledger_accounts', 'SELECT, INSERT, UPDATE (balance_minor)',
  'holder_id = (SELECT app_user()) OR owner_id = (SELECT app_merchant()) OR owner_id IS NULL');
--> statement-breakpoint
SELECT guard_member_table('ledger_entries', 'SELECT, INSERT', 'EXISTS (SELECT FROM ledger_accounts a WHERE a.id = account_id)');
--> statement-breakpoint
-- A transfer's key is looked up before it has entries that would say whose it is.
SELECT guard_member_table('ledger_transfers', 'SELECT, INSERT', 'true');
--> statement-breakpoint
-- Asked of the table by a function of the owner's: a payer names a merchant, whose tills are not the payer's to see.
CREATE FUNCTION tills_of_payee(payee uuid) RETURNS TABLE (id uuid, status text, suspended_at timestamptz, currency char(3)) LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, public
  AS $$ SELECT k.id, k.status, k.suspended_at, k.currency FROM public.kiosks k WHERE k.merchant_id = payee $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION tills_of_payee(uuid) FROM PUBLIC;
--> statement-breakpoint
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    GRANT EXECUTE ON FUNCTION tills_of_payee(uuid) TO tiki_app;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_member') THEN
    GRANT SELECT, UPDATE (deny_list_version) ON trust_state TO tiki_member;
    GRANT EXECUTE ON FUNCTION tills_of_payee(uuid) TO tiki_member;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_worker') THEN
    GRANT SELECT ON ledger_accounts, ledger_transfers, ledger_entries, allowances, claims, kiosks, kiosk_enrolments, kiosk_certificates,
      kiosk_journal, settlement_batches, payments, sales, guarantee_use, debts, double_spend_cases, broken_chains, refunds, refund_sums,
      refund_entries, trust_state, trust_bundles, denied_subjects, issuer_certificates, revoked_issuers, top_ups, top_up_disputes,
      top_up_refund_failures, provider_events, bank_accounts, withdrawals, webhook_endpoints, webhook_events, webhook_deliveries TO tiki_worker;
    GRANT SELECT (id, business_name, owner_user_id) ON merchants TO tiki_worker;
    GRANT SELECT (id, phone, role, closed_at) ON users TO tiki_worker;
    GRANT INSERT ON ledger_accounts, ledger_transfers, ledger_entries, claims, kiosk_journal, settlement_batches, payments, sales, guarantee_use,
      debts, double_spend_cases, broken_chains, refunds, refund_sums, refund_entries, denied_subjects, provider_events, top_up_disputes,
      top_up_refund_failures TO tiki_worker;
    GRANT UPDATE (balance_minor) ON ledger_accounts TO tiki_worker;
    GRANT UPDATE (state, settled_at) ON refunds TO tiki_worker;
    GRANT UPDATE (refunded_minor) ON refund_sums TO tiki_worker;
    GRANT UPDATE (deny_list_version) ON trust_state TO tiki_worker;
    GRANT UPDATE (settled_sequence, settled_hash, reported_deny_list_version, quarantined_at) ON kiosk_enrolments TO tiki_worker;
    GRANT UPDATE ON allowances, guarantee_use, debts, top_ups, top_up_disputes, bank_accounts, withdrawals, webhook_deliveries TO tiki_worker;
    GRANT UPDATE (disabled_at) ON webhook_endpoints TO tiki_worker;
    -- What has done its work is forgotten by its age, unread.
    GRANT DELETE ON registrations, sessions, password_resets, phone_changes, idempotency_keys TO tiki_worker;
    GRANT SELECT (id, expires_at) ON registrations, sessions, password_resets TO tiki_worker;
    GRANT SELECT (expires_at) ON phone_changes TO tiki_worker;
    GRANT SELECT (created_at) ON idempotency_keys TO tiki_worker;
  END IF;
END $$;
--> statement-breakpoint
-- For when no older release runs on this schema any more. As the owner of the tables; repeatable.
CREATE FUNCTION narrow_application_role() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app')
    OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_member')
    OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_worker') THEN RETURN; END IF;
  -- Settlement's.
  REVOKE INSERT, UPDATE, DELETE ON claims, kiosk_journal, settlement_batches, payments, sales, guarantee_use, double_spend_cases, broken_chains,
    refunds, refund_sums, refund_entries FROM tiki_app;
  REVOKE UPDATE (state, settled_at) ON refunds FROM tiki_app;
  REVOKE UPDATE (refunded_minor) ON refund_sums FROM tiki_app;
  -- Of money in and out, and of what merchants' programs are told.
  REVOKE INSERT, DELETE ON withdrawals, top_ups FROM tiki_app;
  REVOKE INSERT, UPDATE, DELETE ON top_up_disputes, top_up_refund_failures, webhook_endpoints, webhook_deliveries FROM tiki_app;
  -- Closing an account ends and erases a merchant's.
  GRANT UPDATE (url, disabled_at) ON webhook_endpoints TO tiki_app;
  -- A merchant's and a person's own.
  REVOKE INSERT, UPDATE, DELETE ON merchant_limits, kiosk_events FROM tiki_app;
  REVOKE INSERT, DELETE ON kiosks, team_invitations, allowances FROM tiki_app;
END $$;
