CREATE TABLE "bank_accounts" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"provider_id" text NOT NULL,
	"payouts_enabled" boolean DEFAULT false NOT NULL,
	"details_submitted" boolean DEFAULT false NOT NULL,
	"bank_name" text,
	"bank_last4" text,
	"bank_id" text,
	"bank_fingerprint" text,
	"created_at" timestamp with time zone NOT NULL,
	"asked_at" timestamp with time zone NOT NULL,
	CONSTRAINT "bank_accounts_provider" UNIQUE("provider_id")
);
--> statement-breakpoint
CREATE TABLE "top_up_disputes" (
	"id" text PRIMARY KEY NOT NULL,
	"top_up_id" uuid NOT NULL,
	"amount_minor" bigint NOT NULL,
	"state" text NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"closed_at" timestamp with time zone,
	CONSTRAINT "top_up_disputes_amount" CHECK ("top_up_disputes"."amount_minor" > 0),
	CONSTRAINT "top_up_disputes_state" CHECK ("top_up_disputes"."state" in ('open', 'won', 'lost')),
	CONSTRAINT "top_up_disputes_closed" CHECK (("top_up_disputes"."state" = 'open') = ("top_up_disputes"."closed_at" is null))
);
--> statement-breakpoint
CREATE TABLE "withdrawals" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"ledger_account_id" uuid NOT NULL,
	"amount_minor" bigint NOT NULL,
	"fee_minor" bigint NOT NULL,
	"currency" char(3) NOT NULL,
	"provider_account_id" text NOT NULL,
	"bank_name" text NOT NULL,
	"bank_last4" text NOT NULL,
	"bank_id" text NOT NULL,
	"bank_fingerprint" text NOT NULL,
	"state" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"requested_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"transfer_id" text,
	"transfer_refused" text,
	"is_reversed" boolean DEFAULT false NOT NULL,
	"payout_id" text,
	"payout_refused" text,
	"is_paid" boolean DEFAULT false NOT NULL,
	"payout_failed" text,
	"is_returned" boolean DEFAULT false NOT NULL,
	"next_step_at" timestamp with time zone,
	"attempt" integer DEFAULT 0 NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"verification_id" text,
	"code_check_count" integer DEFAULT 0 NOT NULL,
	"code_sent_count" integer DEFAULT 0 NOT NULL,
	"code_sent_at" timestamp with time zone,
	"code_expires_at" timestamp with time zone,
	"confirmed_by_code" boolean DEFAULT false NOT NULL,
	CONSTRAINT "withdrawals_transfer" UNIQUE("transfer_id"),
	CONSTRAINT "withdrawals_payout" UNIQUE("payout_id"),
	CONSTRAINT "withdrawals_state" CHECK ("withdrawals"."state" in ('awaiting_code', 'requested', 'sent', 'paying', 'paid', 'returning', 'returned')),
	CONSTRAINT "withdrawals_amount" CHECK ("withdrawals"."fee_minor" >= 0 and "withdrawals"."amount_minor" > "withdrawals"."fee_minor"),
	CONSTRAINT "withdrawals_requested" CHECK (("withdrawals"."state" = 'awaiting_code') = ("withdrawals"."requested_at" is null)),
	CONSTRAINT "withdrawals_one_end" CHECK (not ("withdrawals"."is_returned" and "withdrawals"."is_paid" and "withdrawals"."payout_failed" is null))
);
--> statement-breakpoint
ALTER TABLE "ledger_accounts" DROP CONSTRAINT "ledger_accounts_kind";--> statement-breakpoint
ALTER TABLE "ledger_transfers" DROP CONSTRAINT "ledger_transfers_kind";--> statement-breakpoint
ALTER TABLE "debts" ALTER COLUMN "allowance_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "debts" ALTER COLUMN "payment_hash" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "top_ups" ADD COLUMN "payment_id" text;--> statement-breakpoint
ALTER TABLE "top_ups" ADD COLUMN "refunded_minor" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "top_ups" ADD COLUMN "cancelled_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "debts" ADD COLUMN "reversal_key" text;--> statement-breakpoint
ALTER TABLE "bank_accounts" ADD CONSTRAINT "bank_accounts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "top_up_disputes" ADD CONSTRAINT "top_up_disputes_top_up_id_top_ups_id_fk" FOREIGN KEY ("top_up_id") REFERENCES "public"."top_ups"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_ledger_account_id_ledger_accounts_id_fk" FOREIGN KEY ("ledger_account_id") REFERENCES "public"."ledger_accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "top_up_disputes_top_up" ON "top_up_disputes" USING btree ("top_up_id");--> statement-breakpoint
CREATE INDEX "withdrawals_user" ON "withdrawals" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE INDEX "withdrawals_due" ON "withdrawals" USING btree ("next_step_at") WHERE "withdrawals"."next_step_at" is not null;--> statement-breakpoint
ALTER TABLE "top_ups" ADD CONSTRAINT "top_ups_payment" UNIQUE("payment_id");--> statement-breakpoint
ALTER TABLE "debts" ADD CONSTRAINT "debts_reversal" UNIQUE("reversal_key");--> statement-breakpoint
ALTER TABLE "ledger_accounts" ADD CONSTRAINT "ledger_accounts_kind" CHECK ("ledger_accounts"."kind" in ('user_online', 'allowance_reserve', 'merchant_available', 'stripe_clearing', 'stripe_connected', 'pay_outs_in_transit', 'guarantee_fund', 'fees', 'opening'));--> statement-breakpoint
ALTER TABLE "ledger_transfers" ADD CONSTRAINT "ledger_transfers_kind" CHECK ("ledger_transfers"."kind" in ('opening', 'top_up', 'top_up_reversal', 'dispute_return', 'user_transfer', 'allowance_load', 'allowance_return', 'offline_payment', 'offline_refund', 'debt_recovery', 'pay_out', 'pay_out_sent', 'pay_out_recalled', 'pay_out_paid', 'pay_out_unpaid', 'pay_out_return', 'fee', 'correction'));--> statement-breakpoint
ALTER TABLE "top_ups" ADD CONSTRAINT "top_ups_refunded" CHECK ("top_ups"."refunded_minor" between 0 and "top_ups"."amount_minor");--> statement-breakpoint
ALTER TABLE "debts" ADD CONSTRAINT "debts_cause" CHECK (("debts"."reversal_key" is null) = ("debts"."payment_hash" is not null and "debts"."allowance_id" is not null));