-- A batch writes hundreds of rows that name one machine, one kiosk and a few hundred allowances. A foreign key looks at each
-- row's parents by itself; here all parents of a statement are looked up, and locked as a foreign key locks them, at once.
-- What is refused is the same on both sides: a row without its parent, and a parent that goes from under its rows.
ALTER TABLE "kiosk_journal" DROP CONSTRAINT "kiosk_journal_enrolment_id_kiosk_enrolments_id_fk";
--> statement-breakpoint
ALTER TABLE "payments" DROP CONSTRAINT "payments_allowance_id_allowances_id_fk";
--> statement-breakpoint
ALTER TABLE "payments" DROP CONSTRAINT "payments_enrolment_id_kiosk_enrolments_id_fk";
--> statement-breakpoint
ALTER TABLE "sales" DROP CONSTRAINT "sales_enrolment_id_kiosk_enrolments_id_fk";
--> statement-breakpoint
ALTER TABLE "sales" DROP CONSTRAINT "sales_kiosk_id_kiosks_id_fk";
--> statement-breakpoint
CREATE FUNCTION settlement_rows_refer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
DECLARE
  held bigint;
BEGIN
  PERFORM FROM kiosk_enrolments WHERE id IN (SELECT enrolment_id FROM fresh) FOR KEY SHARE;
  GET DIAGNOSTICS held = ROW_COUNT;
  IF held <> (SELECT count(DISTINCT enrolment_id) FROM fresh) THEN
    RAISE EXCEPTION 'a row of % names a machine that is not there', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF TG_TABLE_NAME = 'payments' THEN
    PERFORM FROM allowances WHERE id IN (SELECT allowance_id FROM fresh) FOR KEY SHARE;
    GET DIAGNOSTICS held = ROW_COUNT;
    IF held <> (SELECT count(DISTINCT allowance_id) FROM fresh) THEN
      RAISE EXCEPTION 'a payment names an allowance that is not there' USING ERRCODE = 'foreign_key_violation';
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
CREATE TRIGGER kiosk_journal_refers AFTER INSERT ON kiosk_journal
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_refer();
--> statement-breakpoint
CREATE TRIGGER payments_refer AFTER INSERT ON payments
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_refer();
--> statement-breakpoint
CREATE TRIGGER sales_refer AFTER INSERT ON sales
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_refer();
--> statement-breakpoint
-- The application's role may not update these columns of these tables; their owner is refused too.
CREATE FUNCTION settlement_rows_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of what % points at is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
--> statement-breakpoint
CREATE TRIGGER kiosk_journal_stays BEFORE UPDATE OF enrolment_id ON kiosk_journal
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_stay();
--> statement-breakpoint
CREATE TRIGGER payments_stay BEFORE UPDATE OF enrolment_id, allowance_id ON payments
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_stay();
--> statement-breakpoint
CREATE TRIGGER sales_stay BEFORE UPDATE OF enrolment_id, kiosk_id ON sales
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_stay();
--> statement-breakpoint
CREATE FUNCTION settlement_parent_stays() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public AS $$
DECLARE
  named boolean;
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.id = OLD.id THEN RETURN NULL; END IF;
  CASE TG_TABLE_NAME
    WHEN 'kiosk_enrolments' THEN named := EXISTS (SELECT FROM kiosk_journal WHERE enrolment_id = OLD.id)
      OR EXISTS (SELECT FROM payments WHERE enrolment_id = OLD.id) OR EXISTS (SELECT FROM sales WHERE enrolment_id = OLD.id);
    WHEN 'allowances' THEN named := EXISTS (SELECT FROM payments WHERE allowance_id = OLD.id);
    WHEN 'kiosks' THEN named := EXISTS (SELECT FROM sales WHERE kiosk_id = OLD.id);
  END CASE;
  IF named THEN
    RAISE EXCEPTION '% on % is refused: rows of settlement name %', TG_OP, TG_TABLE_NAME, OLD.id
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER kiosk_enrolments_stay AFTER DELETE OR UPDATE OF id ON kiosk_enrolments
  FOR EACH ROW EXECUTE FUNCTION settlement_parent_stays();
--> statement-breakpoint
CREATE TRIGGER allowances_stay AFTER DELETE OR UPDATE OF id ON allowances
  FOR EACH ROW EXECUTE FUNCTION settlement_parent_stays();
--> statement-breakpoint
CREATE TRIGGER kiosks_stay AFTER DELETE OR UPDATE OF id ON kiosks
  FOR EACH ROW EXECUTE FUNCTION settlement_parent_stays();
--> statement-breakpoint
-- Entries come in one statement, all of a transfer's, not one of them zero and zero in sum (ledger_entries_balanced): where there
-- is one, there are two at least and they balance. So a transfer is complete when it has any.
CREATE OR REPLACE FUNCTION ledger_transfers_complete() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  bare uuid;
BEGIN
  SELECT t.id INTO bare FROM new_transfers t
    LEFT JOIN LATERAL (SELECT true AS found FROM ledger_entries WHERE transfer_id = t.id LIMIT 1) e ON true
    WHERE e.found IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transfer % has 0 entries and does not sum to zero', bare USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$;
