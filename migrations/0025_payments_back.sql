CREATE TYPE "public"."repayment_status" AS ENUM('payable', 'in_file', 'completed', 'failed', 'unknown', 'by_hand');--> statement-breakpoint
CREATE TYPE "public"."gap_failure" AS ENUM('unreachable', 'busy', 'refused', 'unknown_product', 'unreadable', 'unproved', 'contradicts', 'jump', 'incomplete', 'too_wide');--> statement-breakpoint
ALTER TYPE "public"."debit_explanation" ADD VALUE 'repayment';--> statement-breakpoint
CREATE TABLE "payout_file_repayments" (
	"repayment_id" uuid NOT NULL,
	"file_id" uuid NOT NULL,
	"position" integer NOT NULL,
	CONSTRAINT "payout_file_repayments_pkey" PRIMARY KEY("repayment_id","file_id")
);
--> statement-breakpoint
ALTER TABLE "payout_file_repayments" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "repayments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"deposit_id" uuid,
	"receipt_id" uuid,
	"approval_id" uuid NOT NULL,
	"journal_id" uuid NOT NULL,
	"debt_journal_id" uuid,
	"wallet_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"statement_line_id" uuid,
	"payer_hash" "bytea",
	"payout_reference" text NOT NULL,
	"status" "repayment_status" NOT NULL,
	"file_id" uuid,
	"screening_id" uuid,
	"payout_report_id" uuid,
	"paid_line_id" uuid,
	"resolution_id" uuid,
	"transaction_reference" text,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"completed_at" timestamp (6) with time zone,
	CONSTRAINT "repayments_amount_check" CHECK ("repayments"."amount" > 0),
	CONSTRAINT "repayments_source_check" CHECK (num_nonnulls("repayments"."deposit_id", "repayments"."receipt_id") = 1),
	CONSTRAINT "repayments_payer_check" CHECK (("repayments"."statement_line_id" is null) = ("repayments"."payer_hash" is null)
        and ("repayments"."status" not in ('payable', 'in_file') or "repayments"."payer_hash" is not null)),
	CONSTRAINT "repayments_file_check" CHECK ("repayments"."status" <> 'in_file' or "repayments"."file_id" is not null),
	CONSTRAINT "repayments_completed_check" CHECK (("repayments"."status" = 'completed') = ("repayments"."completed_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "repayments" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "price_spans" (
	"instrument_id" uuid NOT NULL,
	"number" bigint NOT NULL,
	"low" numeric(20, 8) NOT NULL,
	"high" numeric(20, 8) NOT NULL,
	"way" numeric(20, 8)[] NOT NULL,
	CONSTRAINT "price_spans_instrument_id_number_pk" PRIMARY KEY("instrument_id","number"),
	CONSTRAINT "price_spans_way_check" CHECK ("price_spans"."low" > 0 and cardinality("price_spans"."way") between 1 and 5 and "price_spans"."low" = any ("price_spans"."way") and "price_spans"."high" = any ("price_spans"."way"))
);
--> statement-breakpoint
ALTER TABLE "price_spans" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "statement_debits" DROP CONSTRAINT "statement_debits_explained_check";--> statement-breakpoint
ALTER TABLE "journals" DROP CONSTRAINT "journals_value_date_check";--> statement-breakpoint
ALTER TABLE "orders" DROP CONSTRAINT "orders_size_check";--> statement-breakpoint
ALTER TABLE "orders" DROP CONSTRAINT "orders_group_check";--> statement-breakpoint
ALTER TABLE "orders" DROP CONSTRAINT "orders_notional_check";--> statement-breakpoint
ALTER TABLE "simulated_orders" DROP CONSTRAINT "simulated_orders_size_check";--> statement-breakpoint
ALTER TABLE "payout_conflicts" ALTER COLUMN "withdrawal_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "journals" ALTER COLUMN "value_date" SET DATA TYPE date USING "value_date"::date;--> statement-breakpoint
ALTER TABLE "payout_conflicts" ADD COLUMN "repayment_id" uuid;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD COLUMN "repayment_id" uuid;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD COLUMN "named_repayment_id" uuid;--> statement-breakpoint
ALTER TABLE "feed_gaps" ADD COLUMN "fetches" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "feed_gaps" ADD COLUMN "fetch_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "feed_gaps" ADD COLUMN "fetch_failure" "gap_failure";--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "spans" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "portfolio_days" ADD COLUMN "commissions_since" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "breaker_prices" ADD COLUMN "spans" bigint;--> statement-breakpoint
ALTER TABLE "position_exits" ADD COLUMN "spans_before" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payout_file_repayments" ADD CONSTRAINT "payout_file_repayments_repayment_id_repayments_id_fk" FOREIGN KEY ("repayment_id") REFERENCES "public"."repayments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_file_repayments" ADD CONSTRAINT "payout_file_repayments_file_id_payout_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."payout_files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_deposit_id_deposits_id_fk" FOREIGN KEY ("deposit_id") REFERENCES "public"."deposits"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_receipt_id_unallocated_receipts_id_fk" FOREIGN KEY ("receipt_id") REFERENCES "public"."unallocated_receipts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_statement_line_id_bank_statement_lines_id_fk" FOREIGN KEY ("statement_line_id") REFERENCES "public"."bank_statement_lines"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_file_id_payout_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."payout_files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_payout_report_id_payout_reports_id_fk" FOREIGN KEY ("payout_report_id") REFERENCES "public"."payout_reports"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_paid_line_id_bank_statement_lines_id_fk" FOREIGN KEY ("paid_line_id") REFERENCES "public"."bank_statement_lines"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_resolution_id_approvals_id_fk" FOREIGN KEY ("resolution_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "payout_file_repayments_file_id_position_key" ON "payout_file_repayments" USING btree ("file_id","position");--> statement-breakpoint
CREATE UNIQUE INDEX "repayments_approval_id_key" ON "repayments" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "repayments_journal_id_key" ON "repayments" USING btree ("journal_id");--> statement-breakpoint
CREATE UNIQUE INDEX "repayments_debt_journal_id_key" ON "repayments" USING btree ("debt_journal_id");--> statement-breakpoint
CREATE UNIQUE INDEX "repayments_payout_reference_key" ON "repayments" USING btree ("payout_reference");--> statement-breakpoint
CREATE UNIQUE INDEX "repayments_paid_line_id_key" ON "repayments" USING btree ("paid_line_id");--> statement-breakpoint
CREATE UNIQUE INDEX "repayments_receipt_id_key" ON "repayments" USING btree ("receipt_id");--> statement-breakpoint
CREATE INDEX "repayments_deposit_id_idx" ON "repayments" USING btree ("deposit_id");--> statement-breakpoint
CREATE INDEX "repayments_statement_line_id_idx" ON "repayments" USING btree ("statement_line_id");--> statement-breakpoint
CREATE INDEX "repayments_status_idx" ON "repayments" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "repayments_wallet_id_idx" ON "repayments" USING btree ("wallet_id");--> statement-breakpoint
CREATE INDEX "repayments_asset_idx" ON "repayments" USING btree ("asset");--> statement-breakpoint
CREATE INDEX "repayments_file_id_idx" ON "repayments" USING btree ("file_id");--> statement-breakpoint
CREATE INDEX "repayments_screening_id_idx" ON "repayments" USING btree ("screening_id");--> statement-breakpoint
CREATE INDEX "repayments_payout_report_id_idx" ON "repayments" USING btree ("payout_report_id");--> statement-breakpoint
CREATE INDEX "repayments_resolution_id_idx" ON "repayments" USING btree ("resolution_id");--> statement-breakpoint
ALTER TABLE "payout_conflicts" ADD CONSTRAINT "payout_conflicts_repayment_id_repayments_id_fk" FOREIGN KEY ("repayment_id") REFERENCES "public"."repayments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_repayment_id_repayments_id_fk" FOREIGN KEY ("repayment_id") REFERENCES "public"."repayments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_named_repayment_id_repayments_id_fk" FOREIGN KEY ("named_repayment_id") REFERENCES "public"."repayments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "payout_conflicts_repayment_id_key" ON "payout_conflicts" USING btree ("repayment_id","said") WHERE "payout_conflicts"."status" = 'open';--> statement-breakpoint
CREATE INDEX "payout_conflicts_repayment_id_idx" ON "payout_conflicts" USING btree ("repayment_id");--> statement-breakpoint
CREATE UNIQUE INDEX "statement_debits_repayment_id_key" ON "statement_debits" USING btree ("repayment_id");--> statement-breakpoint
CREATE INDEX "statement_debits_named_repayment_id_idx" ON "statement_debits" USING btree ("named_repayment_id");--> statement-breakpoint
CREATE INDEX "conversion_quotes_untaken_idx" ON "conversion_quotes" USING btree ("expires_at") WHERE "conversion_quotes"."executed_at" is null;--> statement-breakpoint
ALTER TABLE "payout_conflicts" ADD CONSTRAINT "payout_conflicts_payment_check" CHECK (num_nonnulls("payout_conflicts"."withdrawal_id", "payout_conflicts"."repayment_id") = 1);--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_explained_check" CHECK (case when "statement_debits"."status" <> 'explained'
        then "statement_debits"."explanation" is null
          and num_nonnulls("statement_debits"."withdrawal_id", "statement_debits"."repayment_id", "statement_debits"."journal_id") = 0
        else ("statement_debits"."explanation"::text = 'payout') = ("statement_debits"."withdrawal_id" is not null)
          and ("statement_debits"."explanation"::text = 'repayment') = ("statement_debits"."repayment_id" is not null)
          and ("statement_debits"."explanation"::text not in ('payout', 'repayment')) = ("statement_debits"."journal_id" is not null) end);--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_size_check" CHECK (num_nonnulls("orders"."quantity", "orders"."notional") > 0
        and ("orders"."quantity" is null or "orders"."notional" is null
          or ("orders"."limit_price" is null and "orders"."side" = 'sell')
          or coalesce("orders"."quantity" * "orders"."limit_price" <= "orders"."notional", false)));--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_group_check" CHECK (("orders"."group_id" is null) = ("orders"."group_role" is null) and ("orders"."group_role" is null or "orders"."quantity" is not null or "orders"."status" = 'rejected')
        and ("orders"."parent_id" is not null) = ("orders"."group_role" is not null and "orders"."group_role" in ('take_profit', 'stop_loss')));--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_notional_check" CHECK ("orders"."notional" > 0 and ("orders"."limit_price" is not null or "orders"."filled_amount" <= "orders"."notional"));--> statement-breakpoint
ALTER TABLE "simulated_orders" ADD CONSTRAINT "simulated_orders_size_check" CHECK (num_nonnulls("simulated_orders"."quantity", "simulated_orders"."notional") > 0);--> statement-breakpoint
CREATE POLICY "payout_file_repayments_staff" ON "payout_file_repayments" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_file_repayments_engine" ON "payout_file_repayments" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "repayments_staff" ON "repayments" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "repayments_engine" ON "repayments" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "price_spans_staff" ON "price_spans" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "price_spans_engine" ON "price_spans" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);