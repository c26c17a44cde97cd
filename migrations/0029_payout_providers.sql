ALTER TYPE "public"."debit_explanation" ADD VALUE 'payout_file';--> statement-breakpoint
CREATE TABLE "payout_submissions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"withdrawal_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"sent_at" timestamp (6) with time zone,
	"tries" integer DEFAULT 0 NOT NULL,
	"said" text,
	"said_at" timestamp (6) with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"last_failure" text,
	"next_at" timestamp (6) with time zone NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "payout_submissions_said_check" CHECK ("payout_submissions"."said" in ('accepted', 'paid', 'rejected', 'unknown') and ("payout_submissions"."said" is null) = ("payout_submissions"."said_at" is null)),
	CONSTRAINT "payout_submissions_tries_check" CHECK ("payout_submissions"."tries" >= 0 and "payout_submissions"."failures" >= 0 and ("payout_submissions"."tries" = 0 or "payout_submissions"."sent_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "payout_submissions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "statement_debits" DROP CONSTRAINT "statement_debits_explained_check";--> statement-breakpoint
DROP INDEX "bank_accounts_currency_house_reference_key";--> statement-breakpoint
DROP INDEX "withdrawals_statement_line_id_key";--> statement-breakpoint
DROP INDEX "repayments_paid_line_id_key";--> statement-breakpoint
DROP INDEX "custody_reports_as_of_key";--> statement-breakpoint
ALTER TABLE "deposit_accounts" ADD COLUMN "legal_entity" text;--> statement-breakpoint
ALTER TABLE "bank_accounts" ADD COLUMN "house_role" "house_role" DEFAULT 'client_money_bank' NOT NULL;--> statement-breakpoint
ALTER TABLE "inbound_events" ADD COLUMN "withdrawal_id" uuid;--> statement-breakpoint
ALTER TABLE "custody_reports" ADD COLUMN "house_role" "house_role" DEFAULT 'custody' NOT NULL;--> statement-breakpoint
ALTER TABLE "payout_files" ADD COLUMN "format" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD COLUMN "paid_amount" numeric(20, 8);--> statement-breakpoint
ALTER TABLE "statement_debits" ADD COLUMN "payout_file_id" uuid;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD COLUMN "named_payout_file_id" uuid;--> statement-breakpoint
ALTER TABLE "margin_calls" ADD COLUMN "reminded_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "payout_submissions" ADD CONSTRAINT "payout_submissions_withdrawal_id_withdrawals_id_fk" FOREIGN KEY ("withdrawal_id") REFERENCES "public"."withdrawals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "payout_submissions_withdrawal_id_key" ON "payout_submissions" USING btree ("withdrawal_id");--> statement-breakpoint
CREATE INDEX "payout_submissions_next_at_idx" ON "payout_submissions" USING btree ("next_at");--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_payout_file_id_payout_files_id_fk" FOREIGN KEY ("payout_file_id") REFERENCES "public"."payout_files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_named_payout_file_id_payout_files_id_fk" FOREIGN KEY ("named_payout_file_id") REFERENCES "public"."payout_files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "bank_accounts_house_reference_key" ON "bank_accounts" USING btree ("currency","house_role","house_reference");--> statement-breakpoint
CREATE INDEX "inbound_events_withdrawal_id_idx" ON "inbound_events" USING btree ("withdrawal_id");--> statement-breakpoint
CREATE INDEX "withdrawals_statement_line_id_idx" ON "withdrawals" USING btree ("statement_line_id");--> statement-breakpoint
CREATE INDEX "repayments_paid_line_id_idx" ON "repayments" USING btree ("paid_line_id");--> statement-breakpoint
CREATE UNIQUE INDEX "statement_debits_payout_file_id_key" ON "statement_debits" USING btree ("payout_file_id");--> statement-breakpoint
CREATE INDEX "statement_debits_named_payout_file_id_idx" ON "statement_debits" USING btree ("named_payout_file_id");--> statement-breakpoint
CREATE UNIQUE INDEX "custody_reports_as_of_key" ON "custody_reports" USING btree ("legal_entity","house_role","custodian","as_of") WHERE "custody_reports"."status" = 'imported' and "custody_reports"."standing" <> 'void';--> statement-breakpoint
ALTER TABLE "bank_accounts" ADD CONSTRAINT "bank_accounts_house_role_check" CHECK ("bank_accounts"."house_role" in ('client_money_bank', 'firm_account'));--> statement-breakpoint
ALTER TABLE "custody_reports" ADD CONSTRAINT "custody_reports_house_role_check" CHECK ("custody_reports"."house_role" in ('custody', 'firm_account'));--> statement-breakpoint
ALTER TABLE "payout_files" ADD CONSTRAINT "payout_files_format_check" CHECK ("payout_files"."format" in (1, 2));--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_paid_amount_check" CHECK ("withdrawals"."paid_amount" is null or ("withdrawals"."status" = 'completed' and "withdrawals"."paid_amount" > 0
        and "withdrawals"."paid_amount" <> "withdrawals"."amount"));--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_explained_check" CHECK (case when "statement_debits"."status" <> 'explained'
        then "statement_debits"."explanation" is null
          and num_nonnulls("statement_debits"."withdrawal_id", "statement_debits"."repayment_id", "statement_debits"."payout_file_id", "statement_debits"."journal_id") = 0
        else ("statement_debits"."explanation"::text = 'payout') = ("statement_debits"."withdrawal_id" is not null)
          and ("statement_debits"."explanation"::text = 'repayment') = ("statement_debits"."repayment_id" is not null)
          and ("statement_debits"."explanation"::text = 'payout_file') = ("statement_debits"."payout_file_id" is not null)
          and ("statement_debits"."explanation"::text not in ('payout', 'repayment', 'payout_file')) = ("statement_debits"."journal_id" is not null) end);--> statement-breakpoint
CREATE POLICY "payout_submissions_staff" ON "payout_submissions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_submissions_engine" ON "payout_submissions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);