-- What both sides signed is evidence: of a refund only its state moves, and a sum of refunds only grows.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    REVOKE UPDATE, DELETE ON refunds, refund_sums, refund_entries FROM tiki_app;
    GRANT UPDATE (state, settled_at) ON refunds TO tiki_app;
    GRANT UPDATE (refunded_minor) ON refund_sums TO tiki_app;
  END IF;
END
$$;
--> statement-breakpoint
CREATE FUNCTION refund_only_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'waiting' THEN
    RAISE EXCEPTION 'refund % has settled: it stays as it is', OLD.refund_id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER refunds_only_forward BEFORE UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION refund_only_forward();
--> statement-breakpoint
CREATE FUNCTION refund_sum_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.refunded_minor < OLD.refunded_minor THEN
    RAISE EXCEPTION 'what was given back is not taken again' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER refund_sums_only_grow BEFORE UPDATE ON refund_sums FOR EACH ROW EXECUTE FUNCTION refund_sum_only_grows();
