CREATE TABLE "allowances" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"idempotency_key" uuid NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"currency" char(3) NOT NULL,
	"cap_minor" bigint NOT NULL,
	"reserve_account_id" uuid NOT NULL,
	"settled_minor" bigint DEFAULT 0 NOT NULL,
	"returned_minor" bigint DEFAULT 0 NOT NULL,
	"settled_counter" integer DEFAULT 0 NOT NULL,
	"disputed_count" integer DEFAULT 0 NOT NULL,
	"not_before" timestamp with time zone NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"returns_at" timestamp with time zone NOT NULL,
	"certificate" "bytea" NOT NULL,
	"certificate_hash" "bytea" NOT NULL,
	"device_public_key" "bytea" NOT NULL,
	"phone_salt" "bytea" NOT NULL,
	"masked_phone" text NOT NULL,
	"denied_version" integer,
	"closing_statement" "bytea",
	"closing_counter" integer,
	"closing_cumulative_minor" bigint,
	"closing_at" timestamp with time zone,
	"closed_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "allowances_certificate_hash" UNIQUE("certificate_hash"),
	CONSTRAINT "allowances_idempotency_key" UNIQUE("user_id","idempotency_key"),
	CONSTRAINT "allowances_status" CHECK ("allowances"."status" in ('active', 'closing', 'denied', 'closed')),
	CONSTRAINT "allowances_cap" CHECK ("allowances"."cap_minor" > 0),
	CONSTRAINT "allowances_within_cap" CHECK ("allowances"."settled_minor" >= 0 and "allowances"."returned_minor" >= 0 and "allowances"."settled_minor" + "allowances"."returned_minor" <= "allowances"."cap_minor"),
	CONSTRAINT "allowances_listed" CHECK ("allowances"."status" not in ('closing', 'denied') or "allowances"."denied_version" is not null),
	CONSTRAINT "allowances_closing_statement" CHECK ("allowances"."status" <> 'closing' or "allowances"."closing_statement" is not null)
);
--> statement-breakpoint
CREATE TABLE "kiosk_certificates" (
	"hash" "bytea" PRIMARY KEY NOT NULL,
	"enrolment_id" uuid NOT NULL,
	"certificate" "bytea" NOT NULL,
	"not_before" timestamp with time zone NOT NULL,
	"not_after" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kiosk_enrolments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kiosk_id" uuid NOT NULL,
	"merchant_id" uuid NOT NULL,
	"merchant_account_id" uuid NOT NULL,
	"signing_public_key" "bytea" NOT NULL,
	"sealing_public_key" "bytea" NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"last_bundle_at" timestamp with time zone NOT NULL,
	"settled_sequence" integer DEFAULT 0 NOT NULL,
	"settled_hash" "bytea" NOT NULL,
	"reported_deny_list_version" integer NOT NULL,
	"quarantined_at" timestamp with time zone,
	"enrolled_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"ended_reason" text,
	CONSTRAINT "kiosk_enrolments_key" UNIQUE("kiosk_id","signing_public_key"),
	CONSTRAINT "kiosk_enrolments_end" CHECK (("kiosk_enrolments"."ended_at" is null) = ("kiosk_enrolments"."ended_reason" is null))
);
--> statement-breakpoint
CREATE TABLE "kiosk_tokens" (
	"token_hash" "bytea" PRIMARY KEY NOT NULL,
	"enrolment_id" uuid NOT NULL,
	"created_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kiosks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"merchant_id" uuid NOT NULL,
	"idempotency_key" text NOT NULL,
	"name" text NOT NULL,
	"status" text DEFAULT 'awaiting_enrolment' NOT NULL,
	"currency" char(3) NOT NULL,
	"enrolment_code" text,
	"enrolment_code_hash" "bytea",
	"enrolment_expires_at" timestamp with time zone,
	"last_contact_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "kiosks_idempotency_key" UNIQUE("idempotency_key"),
	CONSTRAINT "kiosks_enrolment_code" UNIQUE("enrolment_code_hash"),
	CONSTRAINT "kiosks_status" CHECK ("kiosks"."status" in ('awaiting_enrolment', 'active', 'denied')),
	CONSTRAINT "kiosks_code" CHECK ("kiosks"."enrolment_code" is null or "kiosks"."enrolment_expires_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "broken_chains" (
	"id" uuid PRIMARY KEY NOT NULL,
	"enrolment_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"stored_hash" "bytea" NOT NULL,
	"envelope" "bytea" NOT NULL,
	"created_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "debts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"allowance_id" uuid NOT NULL,
	"payment_hash" "bytea" NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" char(3) NOT NULL,
	"recovered_minor" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "debts_payment" UNIQUE("payment_hash"),
	CONSTRAINT "debts_amount" CHECK ("debts"."amount_minor" > 0 and "debts"."recovered_minor" between 0 and "debts"."amount_minor")
);
--> statement-breakpoint
CREATE TABLE "double_spend_cases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"allowance_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"rule" text NOT NULL,
	"allowance_certificate" "bytea" NOT NULL,
	"first_bytes" "bytea" NOT NULL,
	"second_bytes" "bytea" NOT NULL,
	"second_payment_hash" "bytea" NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "double_spend_cases_allowance" UNIQUE("allowance_id"),
	CONSTRAINT "double_spend_cases_rule" CHECK ("double_spend_cases"."rule" in ('same_counter', 'cumulative_sum', 'closing_statement'))
);
--> statement-breakpoint
CREATE TABLE "guarantee_use" (
	"merchant_id" uuid NOT NULL,
	"month" char(7) NOT NULL,
	"used_minor" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "guarantee_use_merchant_id_month_pk" PRIMARY KEY("merchant_id","month")
);
--> statement-breakpoint
CREATE TABLE "kiosk_journal" (
	"enrolment_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"hash" "bytea" NOT NULL,
	"kind" smallint NOT NULL,
	"bytes" "bytea" NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	CONSTRAINT "kiosk_journal_enrolment_id_sequence_pk" PRIMARY KEY("enrolment_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "payments" (
	"payment_hash" "bytea" PRIMARY KEY NOT NULL,
	"allowance_id" uuid NOT NULL,
	"enrolment_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"merchant_id" uuid NOT NULL,
	"counter" integer NOT NULL,
	"amount_minor" bigint NOT NULL,
	"cumulative_minor" bigint NOT NULL,
	"bytes" "bytea" NOT NULL,
	"outcome" text NOT NULL,
	"code" text,
	"from_reserve_minor" bigint NOT NULL,
	"from_guarantee_minor" bigint NOT NULL,
	"settled_at" timestamp with time zone NOT NULL,
	CONSTRAINT "payments_outcome" CHECK ("payments"."outcome" in ('settled', 'settled_by_guarantee', 'refused', 'disputed')),
	CONSTRAINT "payments_covered" CHECK ("payments"."from_reserve_minor" + "payments"."from_guarantee_minor" =
        case when "payments"."outcome" in ('settled', 'settled_by_guarantee') then "payments"."amount_minor" else 0 end)
);
--> statement-breakpoint
CREATE TABLE "sales" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sales_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"enrolment_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"kiosk_id" uuid NOT NULL,
	"merchant_id" uuid NOT NULL,
	"counted" boolean NOT NULL,
	"outcome" text NOT NULL,
	"code" text,
	"payment_hash" "bytea",
	"amount_minor" bigint,
	"currency" char(3) NOT NULL,
	"masked_phone" text NOT NULL,
	"accepted_at" timestamp with time zone NOT NULL,
	"settled_at" timestamp with time zone NOT NULL,
	CONSTRAINT "sales_entry" UNIQUE("enrolment_id","sequence"),
	CONSTRAINT "sales_outcome" CHECK ("sales"."outcome" in ('settled', 'settled_by_guarantee', 'refused', 'disputed')),
	CONSTRAINT "sales_reason" CHECK ("sales"."outcome" in ('settled', 'settled_by_guarantee') or "sales"."code" is not null)
);
--> statement-breakpoint
CREATE TABLE "settlement_batches" (
	"enrolment_id" uuid NOT NULL,
	"batch_hash" "bytea" NOT NULL,
	"head" "bytea" NOT NULL,
	"from_sequence" integer NOT NULL,
	"to_sequence" integer NOT NULL,
	"deny_list_version" integer NOT NULL,
	"acknowledgement" "bytea" NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	CONSTRAINT "settlement_batches_enrolment_id_batch_hash_pk" PRIMARY KEY("enrolment_id","batch_hash")
);
--> statement-breakpoint
CREATE TABLE "denied_subjects" (
	"kind" text NOT NULL,
	"subject_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"reason" text NOT NULL,
	"listed_until" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "denied_subjects_kind_subject_id_pk" PRIMARY KEY("kind","subject_id"),
	CONSTRAINT "denied_subjects_kind" CHECK ("denied_subjects"."kind" in ('allowance', 'kiosk')),
	CONSTRAINT "denied_subjects_reason" CHECK ("denied_subjects"."reason" in ('closing', 'double_spend', 'lost', 'operator'))
);
--> statement-breakpoint
CREATE TABLE "issuer_certificates" (
	"key_id" "bytea" NOT NULL,
	"not_before" timestamp with time zone NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"public_key" "bytea" NOT NULL,
	"certificate" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "issuer_certificates_key_id_not_before_pk" PRIMARY KEY("key_id","not_before")
);
--> statement-breakpoint
CREATE TABLE "trust_state" (
	"id" integer PRIMARY KEY DEFAULT 1 NOT NULL,
	"root_public_key" "bytea" NOT NULL,
	"deny_list_version" integer DEFAULT 0 NOT NULL,
	"bundle_version" integer DEFAULT 0 NOT NULL,
	"bundle_bytes" "bytea",
	"bundle_issued_at" timestamp with time zone,
	"bundle_deny_list_version" integer,
	"bundle_basis" text,
	CONSTRAINT "trust_state_single" CHECK ("trust_state"."id" = 1)
);
--> statement-breakpoint
ALTER TABLE "allowances" ADD CONSTRAINT "allowances_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kiosk_certificates" ADD CONSTRAINT "kiosk_certificates_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kiosk_enrolments" ADD CONSTRAINT "kiosk_enrolments_kiosk_id_kiosks_id_fk" FOREIGN KEY ("kiosk_id") REFERENCES "public"."kiosks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kiosk_enrolments" ADD CONSTRAINT "kiosk_enrolments_merchant_id_merchants_id_fk" FOREIGN KEY ("merchant_id") REFERENCES "public"."merchants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kiosk_tokens" ADD CONSTRAINT "kiosk_tokens_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kiosks" ADD CONSTRAINT "kiosks_merchant_id_merchants_id_fk" FOREIGN KEY ("merchant_id") REFERENCES "public"."merchants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "broken_chains" ADD CONSTRAINT "broken_chains_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "debts" ADD CONSTRAINT "debts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "debts" ADD CONSTRAINT "debts_allowance_id_allowances_id_fk" FOREIGN KEY ("allowance_id") REFERENCES "public"."allowances"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "debts" ADD CONSTRAINT "debts_payment_hash_payments_payment_hash_fk" FOREIGN KEY ("payment_hash") REFERENCES "public"."payments"("payment_hash") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "double_spend_cases" ADD CONSTRAINT "double_spend_cases_allowance_id_allowances_id_fk" FOREIGN KEY ("allowance_id") REFERENCES "public"."allowances"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "double_spend_cases" ADD CONSTRAINT "double_spend_cases_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kiosk_journal" ADD CONSTRAINT "kiosk_journal_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_allowance_id_allowances_id_fk" FOREIGN KEY ("allowance_id") REFERENCES "public"."allowances"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sales" ADD CONSTRAINT "sales_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sales" ADD CONSTRAINT "sales_kiosk_id_kiosks_id_fk" FOREIGN KEY ("kiosk_id") REFERENCES "public"."kiosks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "settlement_batches" ADD CONSTRAINT "settlement_batches_enrolment_id_kiosk_enrolments_id_fk" FOREIGN KEY ("enrolment_id") REFERENCES "public"."kiosk_enrolments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "allowances_user" ON "allowances" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE INDEX "allowances_open" ON "allowances" USING btree ("returns_at") WHERE "allowances"."status" <> 'closed';--> statement-breakpoint
CREATE INDEX "allowances_closing" ON "allowances" USING btree ("denied_version") WHERE "allowances"."status" = 'closing';--> statement-breakpoint
CREATE INDEX "kiosk_certificates_enrolment" ON "kiosk_certificates" USING btree ("enrolment_id","not_after");--> statement-breakpoint
CREATE UNIQUE INDEX "kiosk_enrolments_living" ON "kiosk_enrolments" USING btree ("kiosk_id") WHERE "kiosk_enrolments"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "kiosk_enrolments_reported" ON "kiosk_enrolments" USING btree ("reported_deny_list_version") WHERE "kiosk_enrolments"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "kiosk_tokens_enrolment" ON "kiosk_tokens" USING btree ("enrolment_id");--> statement-breakpoint
CREATE INDEX "kiosks_merchant" ON "kiosks" USING btree ("merchant_id","created_at");--> statement-breakpoint
CREATE INDEX "debts_user" ON "debts" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "payments_allowance" ON "payments" USING btree ("allowance_id","counter");--> statement-breakpoint
CREATE INDEX "sales_merchant" ON "sales" USING btree ("merchant_id","id");--> statement-breakpoint
CREATE INDEX "sales_merchant_day" ON "sales" USING btree ("merchant_id","settled_at");--> statement-breakpoint
CREATE INDEX "denied_subjects_until" ON "denied_subjects" USING btree ("listed_until");