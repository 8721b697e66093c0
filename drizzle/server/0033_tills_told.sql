-- A till that is suspended, or brought back, is told as one that is blocked: by the row of its audit trail, in the same
-- transaction. Each time is an event of its own.
CREATE FUNCTION webhook_tell_kiosk_standing() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM public.webhook_tell(NEW.merchant_id, 'kiosk.' || NEW.kind, NEW.id::text,
    jsonb_build_object('kioskId', k.id, 'name', k.name, 'at', to_jsonb(NEW.at)))
  FROM public.kiosks k WHERE k.id = NEW.kiosk_id;
  RETURN NULL;
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION webhook_tell_kiosk_standing() FROM PUBLIC;
--> statement-breakpoint
CREATE TRIGGER webhook_kiosk_standing AFTER INSERT ON kiosk_events FOR EACH ROW
  WHEN (NEW.kind IN ('suspended', 'resumed')) EXECUTE FUNCTION webhook_tell_kiosk_standing();
