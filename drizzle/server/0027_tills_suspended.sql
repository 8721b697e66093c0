CREATE TABLE "kiosk_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kiosk_id" uuid NOT NULL,
	"merchant_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"by_user_id" uuid NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "kiosk_events_kind" CHECK ("kiosk_events"."kind" in ('suspended', 'resumed', 'denied'))
);
--> statement-breakpoint
ALTER TABLE "operator_acts" DROP CONSTRAINT "operator_acts_act";--> statement-breakpoint
ALTER TABLE "operator_acts" DROP CONSTRAINT "operator_acts_reason";--> statement-breakpoint
ALTER TABLE "kiosks" ADD COLUMN "suspended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "deleted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "kiosk_events" ADD CONSTRAINT "kiosk_events_kiosk_id_kiosks_id_fk" FOREIGN KEY ("kiosk_id") REFERENCES "public"."kiosks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kiosk_events" ADD CONSTRAINT "kiosk_events_merchant_id_merchants_id_fk" FOREIGN KEY ("merchant_id") REFERENCES "public"."merchants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kiosk_events" ADD CONSTRAINT "kiosk_events_by_user_id_users_id_fk" FOREIGN KEY ("by_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "kiosk_events_kiosk" ON "kiosk_events" USING btree ("kiosk_id","id");--> statement-breakpoint
ALTER TABLE "operator_acts" ADD CONSTRAINT "operator_acts_act" CHECK ("operator_acts"."act" in ('user_found', 'user_suspended', 'user_restored', 'sessions_ended', 'quarantine_released', 'case_judged'));--> statement-breakpoint
ALTER TABLE "operator_acts" ADD CONSTRAINT "operator_acts_reason" CHECK (length("operator_acts"."reason") > 0 or "operator_acts"."act" = 'user_found');--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_deleted" CHECK ("webhook_endpoints"."deleted_at" is null or "webhook_endpoints"."disabled_at" is not null);--> statement-breakpoint
-- Who suspended, resumed or blocked a till is evidence: rows are added and never changed, by whoever it is.
CREATE FUNCTION kiosk_events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on kiosk_events is refused: the audit trail is append-only', TG_OP
    USING ERRCODE = 'restrict_violation';
END
$$;
--> statement-breakpoint
CREATE TRIGGER kiosk_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kiosk_events
  FOR EACH STATEMENT EXECUTE FUNCTION kiosk_events_refuse_change();
--> statement-breakpoint
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    REVOKE UPDATE, DELETE ON kiosk_events FROM tiki_app;
  END IF;
END
$$;
--> statement-breakpoint
SELECT guard_tenant_table('kiosk_events', 'merchant_id = (SELECT app_merchant())');
