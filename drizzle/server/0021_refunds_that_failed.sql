CREATE TABLE "top_up_refund_failures" (
	"id" text PRIMARY KEY NOT NULL,
	"top_up_id" uuid NOT NULL,
	"amount_minor" bigint NOT NULL,
	"failed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "top_up_refund_failures_amount" CHECK ("top_up_refund_failures"."amount_minor" > 0)
);
--> statement-breakpoint
ALTER TABLE "top_up_disputes" ADD COLUMN "said_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "top_up_disputes" ADD COLUMN "turns" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "top_up_refund_failures" ADD CONSTRAINT "top_up_refund_failures_top_up_id_top_ups_id_fk" FOREIGN KEY ("top_up_id") REFERENCES "public"."top_ups"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "top_up_refund_failures_top_up" ON "top_up_refund_failures" USING btree ("top_up_id");