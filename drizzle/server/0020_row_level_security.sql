-- Row-level security: the second line behind the code's own "where user_id = ...". Reads on behalf of a person run as
-- tiki_tenant, which sees the rows of `app.user` and `app.merchant` only, set for one transaction, and may write nothing.
-- Background work and settlement stay tiki_app, whose policies are constant true and cost nothing. The owner of the tables
-- (migrations, backups) is not bound.

-- Creating a role needs a right that a hosted database may not give to the owner: then the operator makes it (server/README.md).
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_tenant') THEN
    CREATE ROLE tiki_tenant NOLOGIN;
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN RAISE NOTICE 'role tiki_tenant does not exist and may not be created';
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
--> statement-breakpoint
DO $$
BEGIN
  GRANT tiki_tenant TO tiki_app;
EXCEPTION
  WHEN insufficient_privilege OR undefined_object THEN RAISE NOTICE 'tiki_tenant is not granted to tiki_app';
END $$;
--> statement-breakpoint
-- Whose rows this transaction may read; null for nobody.
CREATE FUNCTION app_user() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.user', true), '')::uuid $$;
--> statement-breakpoint
CREATE FUNCTION app_merchant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.merchant', true), '')::uuid $$;
--> statement-breakpoint
-- One table: everything to the application, to the tenant's reader the columns and rows that are named. Later migrations call it too.
CREATE FUNCTION guard_tenant_table(guarded regclass, visible text, columns text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app')
    OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_tenant') THEN
    RAISE NOTICE 'no row-level security on %: a role is missing', guarded;
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
  EXECUTE format('CREATE POLICY service ON %s TO tiki_app USING (true) WITH CHECK (true)', guarded);
  IF visible IS NULL THEN RETURN; END IF;
  EXECUTE format('CREATE POLICY tenant ON %s FOR SELECT TO tiki_tenant USING (%s)', guarded, visible);
  EXECUTE format('GRANT SELECT %s ON %s TO tiki_tenant', coalesce('(' || columns || ')', ''), guarded);
END $$;
--> statement-breakpoint
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_tenant') THEN
    GRANT USAGE ON SCHEMA public TO tiki_tenant;
    -- Public by nature: every phone and kiosk gets it.
    GRANT SELECT ON issuer_certificates TO tiki_tenant;
  END IF;
END $$;
--> statement-breakpoint
-- Of a person.
SELECT guard_tenant_table('users', 'id = (SELECT app_user())', 'id, role, phone, username, created_at');
--> statement-breakpoint
SELECT guard_tenant_table(one::regclass, 'user_id = (SELECT app_user())')
FROM unnest(ARRAY['top_ups', 'bank_accounts', 'debts']) AS one;
--> statement-breakpoint
-- A merchant's are ordered by its owner and seen by those of the team who may.
SELECT guard_tenant_table('withdrawals', 'user_id = (SELECT app_user())
  OR EXISTS (SELECT FROM ledger_accounts a WHERE a.id = ledger_account_id AND a.owner_id = (SELECT app_merchant()))');
--> statement-breakpoint
SELECT guard_tenant_table('top_up_disputes', 'EXISTS (SELECT FROM top_ups t WHERE t.id = top_up_id)');
--> statement-breakpoint
-- Secrets and answers that the code alone reads, as the application.
SELECT guard_tenant_table(one::regclass, NULL) FROM unnest(ARRAY['sessions', 'idempotency_keys', 'kiosk_tokens', 'suspensions']) AS one;
--> statement-breakpoint
-- Of a merchant.
SELECT guard_tenant_table(one::regclass, 'merchant_id = (SELECT app_merchant())')
FROM unnest(ARRAY['kiosks', 'kiosk_enrolments', 'merchant_limits', 'sales', 'refund_entries', 'guarantee_use', 'team_invitations']) AS one;
--> statement-breakpoint
-- When its kiosks settled last; not what they said.
SELECT guard_tenant_table('settlement_batches', 'EXISTS (SELECT FROM kiosk_enrolments k WHERE k.id = enrolment_id)',
  'enrolment_id, received_at');
--> statement-breakpoint
-- Of two: who paid and who was paid.
SELECT guard_tenant_table(one::regclass, 'user_id = (SELECT app_user()) OR merchant_id = (SELECT app_merchant())')
FROM unnest(ARRAY['claims', 'refunds', 'team_members']) AS one;
--> statement-breakpoint
-- A customer sees the names of the shops that gave something back or were paid by a receipt.
SELECT guard_tenant_table('merchants',
  'id = (SELECT app_merchant()) OR EXISTS (SELECT FROM refunds r WHERE r.merchant_id = merchants.id)
    OR EXISTS (SELECT FROM claims c WHERE c.merchant_id = merchants.id)', 'id, business_name');
--> statement-breakpoint
-- A merchant sees the payments that it was presented, a customer those of the own allowances.
SELECT guard_tenant_table('payments',
  'merchant_id = (SELECT app_merchant()) OR EXISTS (SELECT FROM allowances a WHERE a.id = allowance_id AND a.user_id = (SELECT app_user()))');
--> statement-breakpoint
-- Asked of the table by a function of the owner's: payments and allowances would ask each other for ever.
CREATE FUNCTION merchant_was_paid_by(allowance uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, public
  AS $$ SELECT EXISTS (SELECT FROM public.payments p WHERE p.allowance_id = allowance AND p.merchant_id = public.app_merchant()) $$;
--> statement-breakpoint
SELECT guard_tenant_table('allowances', 'user_id = (SELECT app_user()) OR merchant_was_paid_by(id)');
--> statement-breakpoint
SELECT guard_tenant_table('double_spend_cases', 'user_id = (SELECT app_user()) OR merchant_was_paid_by(allowance_id)');
--> statement-breakpoint
SELECT guard_tenant_table('denied_subjects', 'kind = ''allowance'' AND EXISTS (SELECT FROM allowances a WHERE a.id = subject_id)');
--> statement-breakpoint
SELECT guard_tenant_table('refund_sums', 'EXISTS (SELECT FROM payments p WHERE p.payment_hash = refund_sums.payment_hash)');
--> statement-breakpoint
-- The ledger: a person's pockets and a merchant's balance, their entries, and the transfers that these belong to.
SELECT guard_tenant_table('ledger_accounts', 'holder_id = (SELECT app_user()) OR owner_id = (SELECT app_merchant())');
--> statement-breakpoint
SELECT guard_tenant_table('ledger_entries', 'EXISTS (SELECT FROM ledger_accounts a WHERE a.id = account_id)');
--> statement-breakpoint
SELECT guard_tenant_table('ledger_transfers', 'EXISTS (SELECT FROM ledger_entries e WHERE e.transfer_id = ledger_transfers.id)');
