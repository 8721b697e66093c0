CREATE TABLE "refund_entries" (
	"enrolment_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"kiosk_id" uuid NOT NULL,
	"merchant_id" uuid NOT NULL,
	"offer_hash" "bytea",
	"code" text,
	"recorded_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	CONSTRAINT "refund_entries_enrolment_id_sequence_pk" PRIMARY KEY("enrolment_id","sequence"),
	CONSTRAINT "refund_entries_reason" CHECK (("refund_entries"."offer_hash" is null) = ("refund_entries"."code" is not null))
);
--> statement-breakpoint
CREATE TABLE "refund_sums" (
	"payment_hash" "bytea" PRIMARY KEY NOT NULL,
	"credited_minor" bigint NOT NULL,
	"refunded_minor" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "refund_sums_within_sale" CHECK ("refund_sums"."refunded_minor" between 0 and "refund_sums"."credited_minor")
);
--> statement-breakpoint
CREATE TABLE "refunds" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "refunds_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"offer_hash" "bytea" NOT NULL,
	"refund_id" uuid NOT NULL,
	"kiosk_id" uuid NOT NULL,
	"enrolment_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"merchant_id" uuid NOT NULL,
	"payment_hash" "bytea" NOT NULL,
	"allowance_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" char(3) NOT NULL,
	"masked_phone" text NOT NULL,
	"offer" "bytea" NOT NULL,
	"acceptance" "bytea" NOT NULL,
	"by_claim" boolean NOT NULL,
	"state" text NOT NULL,
	"has_waited" boolean NOT NULL,
	"refunded_at" timestamp with time zone NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"settled_at" timestamp with time zone,
	CONSTRAINT "refunds_offer" UNIQUE("offer_hash"),
	CONSTRAINT "refunds_refund_id" UNIQUE("kiosk_id","refund_id"),
	CONSTRAINT "refunds_kind" CHECK ("refunds"."kind" in ('void', 'refund')),
	CONSTRAINT "refunds_state" CHECK ("refunds"."state" in ('settled', 'waiting')),
	CONSTRAINT "refunds_amount" CHECK ("refunds"."amount_minor" > 0),
	CONSTRAINT "refunds_settled" CHECK (("refunds"."state" = 'settled') = ("refunds"."settled_at" is not null)),
	CONSTRAINT "refunds_waited" CHECK ("refunds"."state" = 'settled' or "refunds"."has_waited")
);
--> statement-breakpoint
ALTER TABLE "ledger_transfers" DROP CONSTRAINT "ledger_transfers_kind";--> statement-breakpoint
ALTER TABLE "refund_entries" ADD CONSTRAINT "refund_entries_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refund_entries" ADD CONSTRAINT "refund_entries_offer_hash_refunds_offer_hash_fk" FOREIGN KEY ("offer_hash") REFERENCES "public"."refunds"("offer_hash") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refund_sums" ADD CONSTRAINT "refund_sums_payment_hash_payments_payment_hash_fk" FOREIGN KEY ("payment_hash") REFERENCES "public"."payments"("payment_hash") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_kiosk_id_kiosks_id_fk" FOREIGN KEY ("kiosk_id") REFERENCES "public"."kiosks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_payment_hash_payments_payment_hash_fk" FOREIGN KEY ("payment_hash") REFERENCES "public"."payments"("payment_hash") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_allowance_id_allowances_id_fk" FOREIGN KEY ("allowance_id") REFERENCES "public"."allowances"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "refunds_merchant" ON "refunds" USING btree ("merchant_id","id");--> statement-breakpoint
CREATE INDEX "refunds_user" ON "refunds" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "refunds_payment" ON "refunds" USING btree ("payment_hash");--> statement-breakpoint
CREATE INDEX "refunds_waiting" ON "refunds" USING btree ("merchant_id","id") WHERE "refunds"."state" = 'waiting';--> statement-breakpoint
ALTER TABLE "ledger_transfers" ADD CONSTRAINT "ledger_transfers_kind" CHECK ("ledger_transfers"."kind" in ('opening', 'top_up', 'top_up_reversal', 'user_transfer', 'allowance_load', 'allowance_return', 'offline_payment', 'offline_refund', 'pay_out', 'pay_out_return', 'fee', 'correction'));