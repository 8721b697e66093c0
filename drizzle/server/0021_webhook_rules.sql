-- What merchants' programs are told is written by the transaction that it tells of, whichever code runs it: a settled
-- payment without its event, or an event without its payment, cannot be. The functions act as their owner, so that no
-- role of the application needs rights on these tables to settle; merchants without endpoints cost one index look.

CREATE FUNCTION webhook_tell(merchant uuid, event_type text, about text, content jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH told AS (
    INSERT INTO public.webhook_events (merchant_id, type, subject, data)
    SELECT merchant, event_type, about, content
    -- A backup that is restored brings its events along; they are not told a second time.
    WHERE coalesce(current_setting('app.restoring', true), '') <> 'on' AND EXISTS (SELECT FROM public.webhook_endpoints e
      WHERE e.merchant_id = merchant AND e.disabled_at IS NULL AND event_type = ANY (e.events))
    ON CONFLICT DO NOTHING
    RETURNING id
  )
  INSERT INTO public.webhook_deliveries (merchant_id, event_id, endpoint_id)
  SELECT merchant, told.id, e.id FROM told, public.webhook_endpoints e
  WHERE e.merchant_id = merchant AND e.disabled_at IS NULL AND event_type = ANY (e.events)
$$;
--> statement-breakpoint
-- Once a batch, not once a sale.
CREATE FUNCTION webhook_tell_sales() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.webhook_endpoints WHERE merchant_id IN (SELECT DISTINCT merchant_id FROM fresh)) THEN
    RETURN NULL;
  END IF;
  PERFORM public.webhook_tell(merchant_id, 'payment.settled', encode(payment_hash, 'hex'), jsonb_build_object(
    'paymentHash', encode(payment_hash, 'hex'), 'kioskId', kiosk_id, 'amountMinor', amount_minor::text,
    'currency', currency, 'guaranteed', outcome = 'settled_by_guarantee', 'maskedPhone', masked_phone,
    'acceptedAt', to_jsonb(accepted_at), 'settledAt', to_jsonb(settled_at)))
  FROM fresh WHERE counted AND payment_hash IS NOT NULL AND outcome IN ('settled', 'settled_by_guarantee');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER webhook_sales AFTER INSERT ON sales REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION webhook_tell_sales();
--> statement-breakpoint
-- At commit: by then every payment that the case is about stands in its table.
CREATE FUNCTION webhook_tell_double_spend() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM public.webhook_tell(p.merchant_id, 'payment.double_spent', NEW.id::text, jsonb_build_object(
    'caseId', NEW.id, 'allowanceId', NEW.allowance_id, 'rule', NEW.rule, 'foundAt', to_jsonb(NEW.created_at)))
  FROM (SELECT DISTINCT merchant_id FROM public.payments WHERE allowance_id = NEW.allowance_id) p;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER webhook_double_spends AFTER INSERT ON double_spend_cases DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION webhook_tell_double_spend();
--> statement-breakpoint
CREATE FUNCTION webhook_tell_payout() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM public.webhook_tell(a.owner_id, CASE WHEN NEW.state = 'paid' THEN 'payout.paid' ELSE 'payout.failed' END,
    NEW.id::text || ':' || NEW.state, jsonb_build_object('withdrawalId', NEW.id, 'amountMinor', NEW.amount_minor::text,
      'feeMinor', NEW.fee_minor::text, 'currency', NEW.currency, 'bankName', NEW.bank_name, 'last4', NEW.bank_last4))
  FROM public.ledger_accounts a WHERE a.id = NEW.ledger_account_id AND a.kind = 'merchant_available';
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER webhook_payouts AFTER UPDATE OF state ON withdrawals FOR EACH ROW
  WHEN (NEW.state IN ('paid', 'returned') AND OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION webhook_tell_payout();
--> statement-breakpoint
CREATE FUNCTION webhook_tell_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM public.webhook_tell(NEW.merchant_id, 'refund.booked', encode(NEW.offer_hash, 'hex'), jsonb_build_object(
    'refundId', NEW.refund_id, 'kind', NEW.kind, 'paymentHash', encode(NEW.payment_hash, 'hex'), 'kioskId', NEW.kiosk_id,
    'amountMinor', NEW.amount_minor::text, 'currency', NEW.currency, 'refundedAt', to_jsonb(NEW.refunded_at)));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER webhook_refunds_at_once AFTER INSERT ON refunds FOR EACH ROW
  WHEN (NEW.state = 'settled') EXECUTE FUNCTION webhook_tell_refund();
--> statement-breakpoint
CREATE TRIGGER webhook_refunds_later AFTER UPDATE OF state ON refunds FOR EACH ROW
  WHEN (NEW.state = 'settled' AND OLD.state <> 'settled') EXECUTE FUNCTION webhook_tell_refund();
--> statement-breakpoint
CREATE FUNCTION webhook_tell_kiosk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM public.webhook_tell(NEW.merchant_id, 'kiosk.denied', NEW.id::text,
    jsonb_build_object('kioskId', NEW.id, 'name', NEW.name));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER webhook_kiosks AFTER UPDATE OF status ON kiosks FOR EACH ROW
  WHEN (NEW.status = 'denied' AND OLD.status <> 'denied') EXECUTE FUNCTION webhook_tell_kiosk();
--> statement-breakpoint
SELECT guard_tenant_table(one::regclass, 'merchant_id = (SELECT app_merchant())')
FROM unnest(ARRAY['webhook_endpoints', 'webhook_events', 'webhook_deliveries']) AS one;
--> statement-breakpoint
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    -- What was told stays told: only triggers write events.
    REVOKE INSERT, UPDATE, DELETE ON webhook_events FROM tiki_app;
    REVOKE INSERT, DELETE ON webhook_deliveries FROM tiki_app;
    REVOKE DELETE ON webhook_endpoints FROM tiki_app;
  END IF;
END $$;
