ALTER TABLE "sessions" ADD COLUMN "proof_key" text;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "proof_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "proved_at" timestamp with time zone;