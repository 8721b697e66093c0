CREATE TABLE "merchant_limits" (
	"merchant_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"set_by" uuid NOT NULL,
	"set_at" timestamp with time zone NOT NULL,
	"per_payment_minor" bigint,
	"stored_sum_minor" bigint,
	"per_allowance_minor" bigint,
	"first_payment_minor" bigint,
	"new_standing_minor" bigint,
	"split_sum_minor" bigint,
	"hour_sum_minor" bigint,
	"day_sum_minor" bigint,
	"stored_count" bigint,
	"max_offline_seconds" bigint,
	"split_count" bigint,
	"hour_count" bigint,
	"day_count" bigint,
	CONSTRAINT "merchant_limits_merchant_id_version_pk" PRIMARY KEY("merchant_id","version"),
	CONSTRAINT "merchant_limits_version" CHECK ("merchant_limits"."version" > 0),
	CONSTRAINT "merchant_limits_positive" CHECK (least("merchant_limits"."per_payment_minor", "merchant_limits"."stored_sum_minor", "merchant_limits"."per_allowance_minor", "merchant_limits"."first_payment_minor", "merchant_limits"."new_standing_minor", "merchant_limits"."split_sum_minor", "merchant_limits"."hour_sum_minor", "merchant_limits"."day_sum_minor", "merchant_limits"."stored_count", "merchant_limits"."max_offline_seconds", "merchant_limits"."split_count", "merchant_limits"."hour_count", "merchant_limits"."day_count") > 0)
);
--> statement-breakpoint
ALTER TABLE "merchant_limits" ADD CONSTRAINT "merchant_limits_merchant_id_merchants_id_fk" FOREIGN KEY ("merchant_id") REFERENCES "public"."merchants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "merchant_limits" ADD CONSTRAINT "merchant_limits_set_by_users_id_fk" FOREIGN KEY ("set_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;