-- Each payment locked its allowance's row a second time, to keep it from going meanwhile: five hundred locks a batch, by whoever had
-- written the same rows a moment before. No allowance goes at all, as no transfer and no account does (0034): nothing of the product
-- deletes one or gives it another identity, and from here on its owner is refused too. So it is enough to look whether it is there.
DROP TRIGGER allowances_stay ON allowances;
--> statement-breakpoint
CREATE TRIGGER allowances_stay BEFORE DELETE OR UPDATE OF id ON allowances
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_stay();
--> statement-breakpoint
CREATE OR REPLACE FUNCTION settlement_rows_refer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
    PERFORM FROM fresh f WHERE NOT EXISTS (SELECT FROM allowances a WHERE a.id = f.allowance_id) LIMIT 1;
    IF FOUND THEN
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
