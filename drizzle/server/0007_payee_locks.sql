ALTER TABLE "allowances" ADD COLUMN "payee_merchant_id" uuid;--> statement-breakpoint
ALTER TABLE "allowances" ADD COLUMN "payee_kiosk_id" uuid;--> statement-breakpoint
ALTER TABLE "allowances" ADD CONSTRAINT "allowances_payee_lock" CHECK ("allowances"."payee_kiosk_id" is null or "allowances"."payee_merchant_id" is not null);