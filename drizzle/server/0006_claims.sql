CREATE TABLE "claims" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "claims_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"payment_hash" "bytea" NOT NULL,
	"allowance_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"enrolment_id" uuid NOT NULL,
	"kiosk_id" uuid NOT NULL,
	"merchant_id" uuid NOT NULL,
	"state" text NOT NULL,
	"sequence" integer NOT NULL,
	"contradicts_journal" boolean NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" char(3) NOT NULL,
	"masked_phone" text NOT NULL,
	"receipt" "bytea" NOT NULL,
	"request" "bytea" NOT NULL,
	"payment" "bytea" NOT NULL,
	"accepted_at" timestamp with time zone NOT NULL,
	"claimed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "claims_payment" UNIQUE("payment_hash"),
	CONSTRAINT "claims_state" CHECK ("claims"."state" in ('paid', 'not_covered', 'refused'))
);
--> statement-breakpoint
ALTER TABLE "claims" ADD CONSTRAINT "claims_allowance_id_allowances_id_fk" FOREIGN KEY ("allowance_id") REFERENCES "public"."allowances"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "claims" ADD CONSTRAINT "claims_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "claims" ADD CONSTRAINT "claims_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "claims" ADD CONSTRAINT "claims_kiosk_id_kiosks_id_fk" FOREIGN KEY ("kiosk_id") REFERENCES "public"."kiosks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "claims_merchant" ON "claims" USING btree ("merchant_id","id");--> statement-breakpoint
-- A receipt that somebody brought is evidence: the application adds rows and changes none.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    REVOKE UPDATE, DELETE ON claims FROM tiki_app;
  END IF;
END
$$;
