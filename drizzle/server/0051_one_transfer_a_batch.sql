-- All payments of a kiosk's batch are one transfer of a kind of its own, with an entry an account, and each names it
-- (decisions/0029-one-transfer-a-batch.md). Those that were paid before, or alone, have a transfer of their own and name none.
ALTER TABLE "ledger_transfers" DROP CONSTRAINT "ledger_transfers_kind";--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "transfer_id" uuid;--> statement-breakpoint
CREATE INDEX "payments_transfer" ON "payments" USING btree ("transfer_id","allowance_id") WHERE "payments"."transfer_id" is not null;--> statement-breakpoint
ALTER TABLE "ledger_transfers" ADD CONSTRAINT "ledger_transfers_kind" CHECK ("ledger_transfers"."kind" in ('opening', 'top_up', 'top_up_reversal', 'dispute_return', 'user_transfer', 'allowance_load', 'allowance_return', 'offline_payment', 'offline_payments', 'offline_refund', 'debt_recovery', 'pay_out', 'pay_out_sent', 'pay_out_recalled', 'pay_out_paid', 'pay_out_unpaid', 'pay_out_return', 'fee', 'correction'));--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_transferred" CHECK ("payments"."transfer_id" is null or "payments"."outcome" in ('settled', 'settled_by_guarantee'));--> statement-breakpoint
-- As in 0026 and 0049, and of a transfer that payments name: it is one of that kind, the merchant of their machine got by it what they come to,
-- and they are all that name it. A batch names one. Who paid how much of it is proved by `reconcile`.
CREATE OR REPLACE FUNCTION settlement_rows_refer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
DECLARE
  held bigint;
  odd record;
BEGIN
  PERFORM FROM kiosk_enrolments WHERE id IN (SELECT enrolment_id FROM fresh) FOR KEY SHARE;
  GET DIAGNOSTICS held = ROW_COUNT;
  IF held <> (SELECT count(DISTINCT enrolment_id) FROM fresh) THEN
    RAISE EXCEPTION 'a row of % names a machine that is not there', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF TG_TABLE_NAME = 'payments' THEN
    PERFORM FROM fresh f WHERE NOT EXISTS (SELECT FROM allowances a WHERE a.id = f.allowance_id) LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'a payment names an allowance that is not there' USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT n.transfer_id, t.id AS found INTO odd
      FROM (SELECT transfer_id, enrolment_id, count(*) AS payments, sum(amount_minor) AS total FROM fresh
        WHERE transfer_id IS NOT NULL GROUP BY transfer_id, enrolment_id) n
      LEFT JOIN ledger_transfers t ON t.id = n.transfer_id AND t.kind = 'offline_payments'
      LEFT JOIN kiosk_enrolments k ON k.id = n.enrolment_id
      LEFT JOIN ledger_entries e ON e.transfer_id = t.id AND e.account_id = k.merchant_account_id AND e.amount_minor = n.total
      WHERE e.id IS NULL OR n.payments <> (SELECT count(*) FROM payments p WHERE p.transfer_id = n.transfer_id) LIMIT 1;
    IF FOUND AND odd.found IS NULL THEN
      RAISE EXCEPTION 'a payment names transfer %, which is none of payments', odd.transfer_id USING ERRCODE = 'foreign_key_violation';
    ELSIF FOUND THEN
      RAISE EXCEPTION 'the payments of transfer % are not what it paid', odd.transfer_id USING ERRCODE = 'check_violation';
    END IF;
  ELSIF TG_TABLE_NAME = 'sales' THEN
    PERFORM FROM kiosks WHERE id IN (SELECT kiosk_id FROM fresh) FOR KEY SHARE;
    GET DIAGNOSTICS held = ROW_COUNT;
    IF held <> (SELECT count(DISTINCT kiosk_id) FROM fresh) THEN
      RAISE EXCEPTION 'a sale names a kiosk that is not there' USING ERRCODE = 'foreign_key_violation';
    END IF;
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
DROP TRIGGER payments_stay ON payments;
--> statement-breakpoint
CREATE TRIGGER payments_stay BEFORE UPDATE OF enrolment_id, allowance_id, transfer_id ON payments
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_stay();
--> statement-breakpoint
-- Whether a reader may see a transfer was asked of its entries one by one, which may be five hundred now: it is asked of the reader's own
-- accounts, which the index of entries looks for within the transfer. A role that comes later gets the policy from rights.sql.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_policies WHERE schemaname = 'public' AND tablename = 'ledger_transfers' AND policyname = 'tenant') THEN
    ALTER POLICY tenant ON ledger_transfers USING (EXISTS (SELECT FROM ledger_entries e
      WHERE e.transfer_id = ledger_transfers.id AND e.account_id = ANY ((SELECT array_agg(a.id) FROM ledger_accounts a)::uuid[])));
  END IF;
END $$;
