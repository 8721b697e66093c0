CREATE TABLE "operator_acts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"operator_id" uuid NOT NULL,
	"act" text NOT NULL,
	"subject_id" uuid NOT NULL,
	"verdict" text,
	"reason" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "operator_acts_act" CHECK ("operator_acts"."act" in ('user_suspended', 'user_restored', 'sessions_ended', 'quarantine_released', 'case_judged')),
	CONSTRAINT "operator_acts_verdict" CHECK (("operator_acts"."act" = 'case_judged') = ("operator_acts"."verdict" is not null)),
	CONSTRAINT "operator_acts_verdict_kind" CHECK ("operator_acts"."verdict" in ('fraud', 'no_fraud')),
	CONSTRAINT "operator_acts_reason" CHECK (length("operator_acts"."reason") > 0)
);
--> statement-breakpoint
CREATE TABLE "suspensions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"reason" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "operator_acts" ADD CONSTRAINT "operator_acts_operator_id_users_id_fk" FOREIGN KEY ("operator_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "suspensions" ADD CONSTRAINT "suspensions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "operator_acts_subject" ON "operator_acts" USING btree ("subject_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "suspensions_living" ON "suspensions" USING btree ("user_id") WHERE "suspensions"."ended_at" is null;--> statement-breakpoint
-- The audit log is evidence: the application adds rows and changes none. A suspension ends, and is not deleted.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    REVOKE UPDATE, DELETE ON operator_acts FROM tiki_app;
    REVOKE DELETE ON suspensions FROM tiki_app;
  END IF;
END
$$;
