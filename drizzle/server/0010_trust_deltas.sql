CREATE TABLE "revoked_issuers" (
	"generation" integer PRIMARY KEY NOT NULL,
	"honoured_until" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "revoked_issuers_generation" CHECK ("revoked_issuers"."generation" > 0)
);
--> statement-breakpoint
CREATE TABLE "trust_bundles" (
	"version" integer PRIMARY KEY NOT NULL,
	"deny_list_version" integer NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"list_hash" "bytea" NOT NULL
);
