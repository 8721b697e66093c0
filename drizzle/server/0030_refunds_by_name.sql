CREATE TABLE "top_up_refunds" (
	"id" text PRIMARY KEY NOT NULL,
	"top_up_id" uuid NOT NULL,
	"amount_minor" bigint NOT NULL,
	"heard_at" timestamp with time zone NOT NULL,
	"failed_at" timestamp with time zone,
	CONSTRAINT "top_up_refunds_amount" CHECK ("top_up_refunds"."amount_minor" > 0)
);
--> statement-breakpoint
ALTER TABLE "top_up_refunds" ADD CONSTRAINT "top_up_refunds_top_up_id_top_ups_id_fk" FOREIGN KEY ("top_up_id") REFERENCES "public"."top_ups"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "top_up_refunds_top_up" ON "top_up_refunds" USING btree ("top_up_id");--> statement-breakpoint
-- Which refunds failed was kept before; which stand was kept as their sum, and is asked of the provider when there is news.
INSERT INTO top_up_refunds (id, top_up_id, amount_minor, heard_at, failed_at)
SELECT id, top_up_id, amount_minor, failed_at, failed_at FROM top_up_refund_failures;
--> statement-breakpoint
SELECT guard_tenant_table('top_up_refunds', NULL);
--> statement-breakpoint
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_worker') THEN
    GRANT SELECT, INSERT, UPDATE (failed_at) ON top_up_refunds TO tiki_worker;
    -- No release before this one knows the table.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
      REVOKE INSERT, UPDATE, DELETE ON top_up_refunds FROM tiki_app;
    END IF;
  END IF;
END $$;
