CREATE TYPE "public"."statement_standing" AS ENUM('waiting', 'confirmed', 'void');--> statement-breakpoint
ALTER TYPE "public"."reconciliation_break_kind" ADD VALUE 'work_overdue';--> statement-breakpoint
ALTER TYPE "public"."debit_status" ADD VALUE 'void';--> statement-breakpoint
ALTER TYPE "public"."receipt_status" ADD VALUE 'void';--> statement-breakpoint
ALTER TABLE "statement_debits" DROP CONSTRAINT "statement_debits_explained_check";--> statement-breakpoint
ALTER TABLE "unallocated_receipts" DROP CONSTRAINT "unallocated_receipts_explained_check";--> statement-breakpoint
DROP INDEX "bank_statements_file_hash_key";--> statement-breakpoint
DROP INDEX "bank_statements_statement_reference_key";--> statement-breakpoint
DROP INDEX "journals_reference_id_idx";--> statement-breakpoint
ALTER TABLE "activity_cursors" ADD COLUMN "caught_up_at" timestamp (6) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "activity_cursors" ADD COLUMN "behind_told_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "bank_statements" ADD COLUMN "standing" "statement_standing" DEFAULT 'waiting' NOT NULL;--> statement-breakpoint
ALTER TABLE "bank_statements" ADD COLUMN "confirmation_id" uuid;--> statement-breakpoint
ALTER TABLE "bank_statements" ADD COLUMN "void_id" uuid;--> statement-breakpoint
ALTER TABLE "fx_rates" ADD COLUMN "position_max" numeric(20, 8);--> statement-breakpoint
ALTER TABLE "market_calendars" ADD COLUMN "pre_open_minutes" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "circuit_breakers" ADD COLUMN "superseded_by" uuid;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "exceeded_limit" "risk_limit_type";--> statement-breakpoint
ALTER TABLE "bank_statements" ADD CONSTRAINT "bank_statements_confirmation_id_approvals_id_fk" FOREIGN KEY ("confirmation_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bank_statements" ADD CONSTRAINT "bank_statements_void_id_approvals_id_fk" FOREIGN KEY ("void_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bank_statements_confirmation_id_idx" ON "bank_statements" USING btree ("confirmation_id");--> statement-breakpoint
CREATE INDEX "bank_statements_void_id_idx" ON "bank_statements" USING btree ("void_id");--> statement-breakpoint
CREATE UNIQUE INDEX "bank_statements_file_hash_key" ON "bank_statements" USING btree ("file_hash") WHERE "bank_statements"."status" = 'imported' and "bank_statements"."standing" <> 'void';--> statement-breakpoint
CREATE UNIQUE INDEX "bank_statements_statement_reference_key" ON "bank_statements" USING btree ("bank_account_id","statement_reference") WHERE "bank_statements"."status" = 'imported' and "bank_statements"."standing" <> 'void';--> statement-breakpoint
CREATE INDEX "journals_reference_id_idx" ON "journals" USING btree ("reference_id") WHERE "journals"."kind" = 'trade';--> statement-breakpoint
ALTER TABLE "bank_statements" ADD CONSTRAINT "bank_statements_void_check" CHECK ("bank_statements"."void_id" is null or ("bank_statements"."standing" = 'void' and "bank_statements"."status" = 'imported'));--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_explained_check" CHECK (case when "statement_debits"."status" <> 'explained'
        then "statement_debits"."explanation" is null and "statement_debits"."withdrawal_id" is null and "statement_debits"."journal_id" is null
        else ("statement_debits"."explanation" = 'payout') = ("statement_debits"."withdrawal_id" is not null)
          and ("statement_debits"."explanation" <> 'payout') = ("statement_debits"."journal_id" is not null) end);--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_explained_check" CHECK (("unallocated_receipts"."explanation" is null or "unallocated_receipts"."status" not in ('open', 'allocated', 'returned'))
        and ("unallocated_receipts"."explanation" is not distinct from 'booked') = ("unallocated_receipts"."explained_journal_id" is not null));--> statement-breakpoint
ALTER TABLE "fx_rates" ADD CONSTRAINT "fx_rates_position_check" CHECK ("fx_rates"."position_max" > 0);--> statement-breakpoint
ALTER TABLE "market_calendars" ADD CONSTRAINT "market_calendars_pre_open_minutes_check" CHECK ("market_calendars"."pre_open_minutes" between 0 and 720);--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_exceeded_limit_check" CHECK ("orders"."exceeded_limit" is null or "orders"."rejection_reason" = 'limit_exceeded');