CREATE TYPE "public"."bank_statement_status" AS ENUM('imported', 'refused');--> statement-breakpoint
CREATE TYPE "public"."inbound_event_state" AS ENUM('processed', 'kept', 'ignored');--> statement-breakpoint
CREATE TYPE "public"."line_direction" AS ENUM('credit', 'debit');--> statement-breakpoint
CREATE TYPE "public"."reconciliation_break_kind" AS ENUM('internal_check', 'bank_difference', 'bank_account_missing', 'bank_overdrawn', 'statement_missing', 'statement_line_unbooked', 'booking_not_on_statement', 'custody_difference', 'custody_report_missing', 'client_money_shortfall', 'client_money_unexplained', 'dormant_balance', 'unclaimed_balance', 'sign_off_overdue');--> statement-breakpoint
CREATE TYPE "public"."reconciliation_break_resolution" AS ENUM('gone', 'by_hand');--> statement-breakpoint
CREATE TYPE "public"."reconciliation_break_severity" AS ENUM('warning', 'critical');--> statement-breakpoint
CREATE TYPE "public"."reconciliation_break_status" AS ENUM('open', 'explained', 'resolved');--> statement-breakpoint
CREATE TYPE "public"."custody_report_status" AS ENUM('imported', 'refused');--> statement-breakpoint
CREATE TYPE "public"."debit_explanation" AS ENUM('payout', 'bank_charge', 'booked');--> statement-breakpoint
CREATE TYPE "public"."debit_status" AS ENUM('open', 'explained');--> statement-breakpoint
CREATE TYPE "public"."receipt_status" AS ENUM('open', 'allocated', 'returned');--> statement-breakpoint
CREATE TYPE "public"."conversion_rounding" AS ENUM('to_amount_down', 'from_amount_up');--> statement-breakpoint
ALTER TYPE "public"."beneficiary_status" ADD VALUE 'pending';--> statement-breakpoint
ALTER TYPE "public"."funding_method" ADD VALUE 'my_t_money';--> statement-breakpoint
ALTER TYPE "public"."funding_method" ADD VALUE 'blink';--> statement-breakpoint
ALTER TYPE "public"."house_role" ADD VALUE 'taxes_withheld';--> statement-breakpoint
ALTER TYPE "public"."house_role" ADD VALUE 'firm_account';--> statement-breakpoint
CREATE TABLE "bank_accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"iban" text NOT NULL,
	"currency" text NOT NULL,
	"house_reference" text NOT NULL,
	"name" text NOT NULL,
	"approval_id" uuid,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "bank_accounts_house_reference_check" CHECK ("bank_accounts"."house_reference" ~ '^[a-z0-9-]{1,32}$')
);
--> statement-breakpoint
ALTER TABLE "bank_accounts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "bank_statement_lines" (
	"id" uuid PRIMARY KEY NOT NULL,
	"statement_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"direction" "line_direction" NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"reversal" boolean NOT NULL,
	"booking_date" text NOT NULL,
	"value_date" text NOT NULL,
	"bank_reference" text,
	"end_to_end_id" text,
	"payment_reference" text,
	"counterparty" "bytea" NOT NULL,
	CONSTRAINT "bank_statement_lines_amount_check" CHECK ("bank_statement_lines"."amount" > 0),
	CONSTRAINT "bank_statement_lines_dates_check" CHECK ("bank_statement_lines"."booking_date" ~ '^\d{4}-\d{2}-\d{2}$' and "bank_statement_lines"."value_date" ~ '^\d{4}-\d{2}-\d{2}$')
);
--> statement-breakpoint
ALTER TABLE "bank_statement_lines" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "bank_statements" (
	"id" uuid PRIMARY KEY NOT NULL,
	"status" "bank_statement_status" NOT NULL,
	"file_hash" "bytea" NOT NULL,
	"content" "bytea",
	"bank_account_id" uuid,
	"statement_reference" text,
	"currency" text,
	"opening_balance" numeric(20, 8),
	"closing_balance" numeric(20, 8),
	"closing_date" text,
	"entry_count" integer NOT NULL,
	"refusal_code" text,
	"refusal" text,
	"imported_by" text NOT NULL,
	"imported_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "bank_statements_refused_check" CHECK (("bank_statements"."status" = 'refused') = ("bank_statements"."refusal_code" is not null)),
	CONSTRAINT "bank_statements_imported_check" CHECK ("bank_statements"."status" = 'refused' or ("bank_statements"."bank_account_id" is not null
        and "bank_statements"."statement_reference" is not null and "bank_statements"."currency" is not null
        and "bank_statements"."opening_balance" is not null and "bank_statements"."closing_balance" is not null
        and "bank_statements"."closing_date" is not null))
);
--> statement-breakpoint
ALTER TABLE "bank_statements" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "inbound_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"event_id" text NOT NULL,
	"type" text NOT NULL,
	"payload" "bytea" NOT NULL,
	"state" "inbound_event_state" NOT NULL,
	"reason" text,
	"deposit_id" uuid,
	"occurred_at" timestamp (6) with time zone NOT NULL,
	"received_at" timestamp (6) with time zone NOT NULL,
	"settled_at" timestamp (6) with time zone,
	CONSTRAINT "inbound_events_kept_check" CHECK ("inbound_events"."state" = 'processed' or "inbound_events"."reason" is not null)
);
--> statement-breakpoint
ALTER TABLE "inbound_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "client_money_positions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"run_id" uuid NOT NULL,
	"legal_entity" text NOT NULL,
	"asset" text NOT NULL,
	"owed_to_clients" numeric(20, 8) NOT NULL,
	"owed_to_others" numeric(20, 8) NOT NULL,
	"held" numeric(20, 8) NOT NULL,
	"in_transit" numeric(20, 8) NOT NULL,
	"fees_not_swept" numeric(20, 8) NOT NULL,
	"firm_stake" numeric(20, 8) NOT NULL,
	"debts" numeric(20, 8) NOT NULL,
	"shortfall" numeric(20, 8) NOT NULL,
	"surplus" numeric(20, 8) NOT NULL,
	"unexplained" numeric(20, 8) NOT NULL,
	CONSTRAINT "client_money_positions_sign_check" CHECK ("client_money_positions"."shortfall" >= 0 and "client_money_positions"."surplus" >= 0)
);
--> statement-breakpoint
ALTER TABLE "client_money_positions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "custody_report_lines" (
	"id" uuid PRIMARY KEY NOT NULL,
	"report_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	CONSTRAINT "custody_report_lines_quantity_check" CHECK ("custody_report_lines"."quantity" >= 0)
);
--> statement-breakpoint
ALTER TABLE "custody_report_lines" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "custody_reports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"status" "custody_report_status" NOT NULL,
	"legal_entity" text NOT NULL,
	"file_hash" "bytea" NOT NULL,
	"content" "bytea",
	"custodian" text,
	"as_of" text,
	"line_count" integer NOT NULL,
	"refusal_code" text,
	"refusal" text,
	"imported_by" text NOT NULL,
	"imported_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "custody_reports_refused_check" CHECK (("custody_reports"."status" = 'refused') = ("custody_reports"."refusal_code" is not null)
        and ("custody_reports"."status" = 'refused' or ("custody_reports"."custodian" is not null and "custody_reports"."as_of" is not null)))
);
--> statement-breakpoint
ALTER TABLE "custody_reports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "reconciliation_break_notes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"break_id" uuid NOT NULL,
	"author_id" uuid NOT NULL,
	"note" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "reconciliation_break_notes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "reconciliation_breaks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"legal_entity" text NOT NULL,
	"kind" "reconciliation_break_kind" NOT NULL,
	"severity" "reconciliation_break_severity" NOT NULL,
	"object" text NOT NULL,
	"amount" numeric(20, 8),
	"currency" text,
	"detail" text NOT NULL,
	"status" "reconciliation_break_status" NOT NULL,
	"resolution" "reconciliation_break_resolution",
	"owner_id" uuid,
	"approval_id" uuid,
	"first_run_id" uuid NOT NULL,
	"last_run_id" uuid NOT NULL,
	"first_seen_at" timestamp (6) with time zone NOT NULL,
	"last_seen_at" timestamp (6) with time zone NOT NULL,
	"resolved_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "reconciliation_breaks_resolved_check" CHECK (("reconciliation_breaks"."status" = 'resolved') = ("reconciliation_breaks"."resolved_at" is not null)
        and ("reconciliation_breaks"."status" = 'resolved') = ("reconciliation_breaks"."resolution" is not null)),
	CONSTRAINT "reconciliation_breaks_amount_check" CHECK (("reconciliation_breaks"."amount" is null) = ("reconciliation_breaks"."currency" is null))
);
--> statement-breakpoint
ALTER TABLE "reconciliation_breaks" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "reconciliation_runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"legal_entity" text NOT NULL,
	"business_date" text NOT NULL,
	"time_zone" text NOT NULL,
	"requested_by" text NOT NULL,
	"results" jsonb NOT NULL,
	"result_hash" "bytea" NOT NULL,
	"log_tree_size" text,
	"log_root_hash" text,
	"completed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "reconciliation_runs_business_date_check" CHECK ("reconciliation_runs"."business_date" ~ '^\d{4}-\d{2}-\d{2}$')
);
--> statement-breakpoint
ALTER TABLE "reconciliation_runs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "reconciliation_sign_offs" (
	"run_id" uuid PRIMARY KEY NOT NULL,
	"approval_id" uuid NOT NULL,
	"preparer_id" uuid NOT NULL,
	"reviewer_id" uuid NOT NULL,
	"result_hash" "bytea" NOT NULL,
	"breaks" jsonb NOT NULL,
	"signed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "reconciliation_sign_offs_people_check" CHECK ("reconciliation_sign_offs"."preparer_id" <> "reconciliation_sign_offs"."reviewer_id")
);
--> statement-breakpoint
ALTER TABLE "reconciliation_sign_offs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "clearing_periods" (
	"method" "funding_method" PRIMARY KEY NOT NULL,
	"days" integer NOT NULL,
	"approval_id" uuid,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "clearing_periods_days_check" CHECK ("clearing_periods"."days" between 0 and 365)
);
--> statement-breakpoint
ALTER TABLE "clearing_periods" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "fee_schedules" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tier" text NOT NULL,
	"effective_from" timestamp (6) with time zone NOT NULL,
	"approval_id" uuid,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "fee_schedules_tier_check" CHECK ("fee_schedules"."tier" in ('basic', 'standard', 'enhanced'))
);
--> statement-breakpoint
ALTER TABLE "fee_schedules" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "funding_fees" (
	"id" uuid PRIMARY KEY NOT NULL,
	"schedule_id" uuid NOT NULL,
	"direction" text NOT NULL,
	"method" "funding_method" NOT NULL,
	"asset" text NOT NULL,
	"fixed" numeric(20, 8) NOT NULL,
	"rate_bps" integer NOT NULL,
	"minimum" numeric(20, 8) DEFAULT 0 NOT NULL,
	"maximum" numeric(20, 8),
	CONSTRAINT "funding_fees_direction_check" CHECK ("funding_fees"."direction" in ('deposit', 'withdrawal')),
	CONSTRAINT "funding_fees_amount_check" CHECK ("funding_fees"."fixed" >= 0 and "funding_fees"."rate_bps" between 0 and 10000 and "funding_fees"."minimum" >= 0
        and ("funding_fees"."maximum" is null or "funding_fees"."maximum" >= "funding_fees"."minimum"))
);
--> statement-breakpoint
ALTER TABLE "funding_fees" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "payout_accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"asset" text NOT NULL,
	"holder_name" text NOT NULL,
	"iban" text NOT NULL,
	"bic" text NOT NULL,
	"approval_id" uuid,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "payout_accounts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "payout_file_items" (
	"withdrawal_id" uuid PRIMARY KEY NOT NULL,
	"file_id" uuid NOT NULL,
	"position" integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE "payout_file_items" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "payout_files" (
	"id" uuid PRIMARY KEY NOT NULL,
	"message_id" text NOT NULL,
	"provider" text NOT NULL,
	"asset" text NOT NULL,
	"payout_account_id" uuid NOT NULL,
	"execution_date" text NOT NULL,
	"transaction_count" integer NOT NULL,
	"control_sum" numeric(20, 8) NOT NULL,
	"file_hash" "bytea" NOT NULL,
	"created_by" uuid NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "payout_files_totals_check" CHECK ("payout_files"."transaction_count" > 0 and "payout_files"."control_sum" > 0)
);
--> statement-breakpoint
ALTER TABLE "payout_files" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "payout_reports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"file_id" uuid NOT NULL,
	"message_id" text NOT NULL,
	"report_hash" "bytea" NOT NULL,
	"completed_count" integer NOT NULL,
	"failed_count" integer NOT NULL,
	"unknown_count" integer NOT NULL,
	"imported_by" uuid NOT NULL,
	"imported_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "payout_reports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "statement_debits" (
	"id" uuid PRIMARY KEY NOT NULL,
	"statement_line_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"reason" text NOT NULL,
	"status" "debit_status" NOT NULL,
	"explanation" "debit_explanation",
	"withdrawal_id" uuid,
	"journal_id" uuid,
	"approval_id" uuid,
	"assignee_id" uuid,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"closed_at" timestamp (6) with time zone,
	CONSTRAINT "statement_debits_amount_check" CHECK ("statement_debits"."amount" > 0),
	CONSTRAINT "statement_debits_explained_check" CHECK (case when "statement_debits"."status" = 'open'
        then "statement_debits"."explanation" is null and "statement_debits"."withdrawal_id" is null and "statement_debits"."journal_id" is null
        else ("statement_debits"."explanation" = 'payout') = ("statement_debits"."withdrawal_id" is not null)
          and ("statement_debits"."explanation" <> 'payout') = ("statement_debits"."journal_id" is not null) end)
);
--> statement-breakpoint
ALTER TABLE "statement_debits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "unallocated_receipts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"statement_line_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"reason" text NOT NULL,
	"deposit_id" uuid,
	"account_id" uuid,
	"status" "receipt_status" NOT NULL,
	"assignee_id" uuid,
	"journal_id" uuid NOT NULL,
	"closing_journal_id" uuid,
	"approval_id" uuid,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"closed_at" timestamp (6) with time zone,
	CONSTRAINT "unallocated_receipts_amount_check" CHECK ("unallocated_receipts"."amount" > 0),
	CONSTRAINT "unallocated_receipts_closed_check" CHECK (("unallocated_receipts"."status" = 'open') = ("unallocated_receipts"."closing_journal_id" is null))
);
--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "conversion_quotes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"from_asset" text NOT NULL,
	"to_asset" text NOT NULL,
	"from_amount" numeric(20, 8) NOT NULL,
	"to_amount" numeric(20, 8) NOT NULL,
	"rate" numeric(20, 10) NOT NULL,
	"mid_rate" numeric(20, 10) NOT NULL,
	"spread_bps" integer NOT NULL,
	"rate_id" uuid NOT NULL,
	"rate_source" text NOT NULL,
	"rate_at" timestamp (6) with time zone NOT NULL,
	"rate_valid_until" timestamp (6) with time zone NOT NULL,
	"rounding" "conversion_rounding" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	"executed_at" timestamp (6) with time zone,
	"journal_id" uuid,
	CONSTRAINT "conversion_quotes_amounts_check" CHECK ("conversion_quotes"."from_amount" > 0 and "conversion_quotes"."to_amount" > 0),
	CONSTRAINT "conversion_quotes_rate_check" CHECK ("conversion_quotes"."rate" > 0 and "conversion_quotes"."rate" <= "conversion_quotes"."mid_rate"),
	CONSTRAINT "conversion_quotes_assets_check" CHECK ("conversion_quotes"."from_asset" <> "conversion_quotes"."to_asset"),
	CONSTRAINT "conversion_quotes_expires_check" CHECK ("conversion_quotes"."expires_at" <= "conversion_quotes"."rate_valid_until"),
	CONSTRAINT "conversion_quotes_executed_check" CHECK (("conversion_quotes"."executed_at" is null) = ("conversion_quotes"."journal_id" is null)
        and ("conversion_quotes"."executed_at" is null or "conversion_quotes"."executed_at" < "conversion_quotes"."expires_at"))
);
--> statement-breakpoint
ALTER TABLE "conversion_quotes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "fx_rate_withdrawals" (
	"rate_id" uuid PRIMARY KEY NOT NULL,
	"withdrawn_by" uuid NOT NULL,
	"reason" text NOT NULL,
	"withdrawn_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "fx_rate_withdrawals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "fx_rates" (
	"id" uuid PRIMARY KEY NOT NULL,
	"base" text NOT NULL,
	"quote" text NOT NULL,
	"rate" numeric(20, 10) NOT NULL,
	"spread_bps" integer NOT NULL,
	"source" text NOT NULL,
	"as_of" timestamp (6) with time zone NOT NULL,
	"valid_until" timestamp (6) with time zone NOT NULL,
	"approval_id" uuid,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "fx_rates_rate_check" CHECK ("fx_rates"."rate" > 0),
	CONSTRAINT "fx_rates_pair_check" CHECK ("fx_rates"."base" <> "fx_rates"."quote"),
	CONSTRAINT "fx_rates_spread_check" CHECK ("fx_rates"."spread_bps" between 0 and 2000),
	CONSTRAINT "fx_rates_valid_check" CHECK ("fx_rates"."valid_until" > "fx_rates"."as_of"),
	CONSTRAINT "fx_rates_approval_check" CHECK (("fx_rates"."approval_id" is null) = ("fx_rates"."source" = 'seed'))
);
--> statement-breakpoint
ALTER TABLE "fx_rates" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "hold_captures" (
	"id" uuid PRIMARY KEY NOT NULL,
	"hold_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"journal_id" uuid NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"destination_wallet_id" uuid NOT NULL,
	"approval_id" uuid NOT NULL,
	"captured_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "hold_captures_amount_check" CHECK ("hold_captures"."amount" > 0)
);
--> statement-breakpoint
ALTER TABLE "hold_captures" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "journal_reversals" (
	"journal_id" uuid PRIMARY KEY NOT NULL,
	"reversal_id" uuid NOT NULL,
	"reversed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "journal_reversals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "transfers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"from_account_id" uuid NOT NULL,
	"to_account_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"journal_id" uuid NOT NULL,
	"idempotency_key" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "transfers_amount_check" CHECK ("transfers"."amount" > 0),
	CONSTRAINT "transfers_accounts_check" CHECK ("transfers"."from_account_id" <> "transfers"."to_account_id")
);
--> statement-breakpoint
ALTER TABLE "transfers" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
DROP INDEX "journals_id_idx";--> statement-breakpoint
DROP INDEX "ledger_entries_wallet_id_idx";--> statement-breakpoint
DROP INDEX "ledger_entries_account_id_idx";--> statement-breakpoint
DROP INDEX "outbox_position_key";--> statement-breakpoint
DROP INDEX "outbox_user_id_idx";--> statement-breakpoint
DROP INDEX "beneficiaries_destination_key";--> statement-breakpoint
DROP INDEX "funding_limits_key";--> statement-breakpoint
ALTER TABLE "beneficiaries" ADD COLUMN "screening_id" uuid;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "fee" numeric(20, 8) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "provider_event_id" uuid;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "fee_journal_id" uuid;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "unsettled" numeric(20, 8) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "taken_back" numeric(20, 8) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "reversal_event_id" uuid;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "reversal_approval_id" uuid;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "reversal_journal_id" uuid;--> statement-breakpoint
ALTER TABLE "deposits" ADD COLUMN "debt" numeric(20, 8) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "funding_limits" ADD COLUMN "method" "funding_method" DEFAULT 'other' NOT NULL;--> statement-breakpoint
ALTER TABLE "funding_limits" ADD COLUMN "approval_id" uuid;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD COLUMN "fee_id" uuid;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD COLUMN "method" "funding_method" DEFAULT 'other' NOT NULL;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD COLUMN "payout_reference" text;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD COLUMN "resolution_id" uuid;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD COLUMN "payout_report_id" uuid;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD COLUMN "statement_line_id" uuid;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD COLUMN "travel_rule" "bytea";--> statement-breakpoint
ALTER TABLE "holds" ADD COLUMN "by_hand" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "holds" ADD COLUMN "reference" text;--> statement-breakpoint
ALTER TABLE "holds" ADD COLUMN "placed_by" uuid;--> statement-breakpoint
ALTER TABLE "holds" ADD COLUMN "placed_by_key" uuid;--> statement-breakpoint
ALTER TABLE "journals" ADD COLUMN "approval_id" uuid;--> statement-breakpoint
ALTER TABLE "journals" ADD COLUMN "rate_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "wallets" ADD COLUMN "metadata" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "wallets" ADD COLUMN "revision" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bank_accounts" ADD CONSTRAINT "bank_accounts_currency_assets_code_fk" FOREIGN KEY ("currency") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bank_accounts" ADD CONSTRAINT "bank_accounts_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bank_statement_lines" ADD CONSTRAINT "bank_statement_lines_statement_id_bank_statements_id_fk" FOREIGN KEY ("statement_id") REFERENCES "public"."bank_statements"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bank_statements" ADD CONSTRAINT "bank_statements_bank_account_id_bank_accounts_id_fk" FOREIGN KEY ("bank_account_id") REFERENCES "public"."bank_accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "client_money_positions" ADD CONSTRAINT "client_money_positions_run_id_reconciliation_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."reconciliation_runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "client_money_positions" ADD CONSTRAINT "client_money_positions_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "custody_report_lines" ADD CONSTRAINT "custody_report_lines_report_id_custody_reports_id_fk" FOREIGN KEY ("report_id") REFERENCES "public"."custody_reports"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "custody_report_lines" ADD CONSTRAINT "custody_report_lines_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_break_notes" ADD CONSTRAINT "reconciliation_break_notes_break_id_reconciliation_breaks_id_fk" FOREIGN KEY ("break_id") REFERENCES "public"."reconciliation_breaks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_break_notes" ADD CONSTRAINT "reconciliation_break_notes_author_id_users_id_fk" FOREIGN KEY ("author_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_breaks" ADD CONSTRAINT "reconciliation_breaks_owner_id_users_id_fk" FOREIGN KEY ("owner_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_breaks" ADD CONSTRAINT "reconciliation_breaks_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_breaks" ADD CONSTRAINT "reconciliation_breaks_first_run_id_reconciliation_runs_id_fk" FOREIGN KEY ("first_run_id") REFERENCES "public"."reconciliation_runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_breaks" ADD CONSTRAINT "reconciliation_breaks_last_run_id_reconciliation_runs_id_fk" FOREIGN KEY ("last_run_id") REFERENCES "public"."reconciliation_runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_runs" ADD CONSTRAINT "reconciliation_runs_id_reconciliations_id_fk" FOREIGN KEY ("id") REFERENCES "public"."reconciliations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_sign_offs" ADD CONSTRAINT "reconciliation_sign_offs_run_id_reconciliation_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."reconciliation_runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_sign_offs" ADD CONSTRAINT "reconciliation_sign_offs_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_sign_offs" ADD CONSTRAINT "reconciliation_sign_offs_preparer_id_users_id_fk" FOREIGN KEY ("preparer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_sign_offs" ADD CONSTRAINT "reconciliation_sign_offs_reviewer_id_users_id_fk" FOREIGN KEY ("reviewer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "clearing_periods" ADD CONSTRAINT "clearing_periods_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fee_schedules" ADD CONSTRAINT "fee_schedules_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "funding_fees" ADD CONSTRAINT "funding_fees_schedule_id_fee_schedules_id_fk" FOREIGN KEY ("schedule_id") REFERENCES "public"."fee_schedules"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "funding_fees" ADD CONSTRAINT "funding_fees_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_accounts" ADD CONSTRAINT "payout_accounts_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_accounts" ADD CONSTRAINT "payout_accounts_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_file_items" ADD CONSTRAINT "payout_file_items_withdrawal_id_withdrawals_id_fk" FOREIGN KEY ("withdrawal_id") REFERENCES "public"."withdrawals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_file_items" ADD CONSTRAINT "payout_file_items_file_id_payout_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."payout_files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_files" ADD CONSTRAINT "payout_files_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_files" ADD CONSTRAINT "payout_files_payout_account_id_payout_accounts_id_fk" FOREIGN KEY ("payout_account_id") REFERENCES "public"."payout_accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_reports" ADD CONSTRAINT "payout_reports_file_id_payout_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."payout_files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_statement_line_id_bank_statement_lines_id_fk" FOREIGN KEY ("statement_line_id") REFERENCES "public"."bank_statement_lines"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_withdrawal_id_withdrawals_id_fk" FOREIGN KEY ("withdrawal_id") REFERENCES "public"."withdrawals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_assignee_id_users_id_fk" FOREIGN KEY ("assignee_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_statement_line_id_bank_statement_lines_id_fk" FOREIGN KEY ("statement_line_id") REFERENCES "public"."bank_statement_lines"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_deposit_id_deposits_id_fk" FOREIGN KEY ("deposit_id") REFERENCES "public"."deposits"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_assignee_id_users_id_fk" FOREIGN KEY ("assignee_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversion_quotes" ADD CONSTRAINT "conversion_quotes_from_asset_assets_code_fk" FOREIGN KEY ("from_asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversion_quotes" ADD CONSTRAINT "conversion_quotes_to_asset_assets_code_fk" FOREIGN KEY ("to_asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversion_quotes" ADD CONSTRAINT "conversion_quotes_rate_id_fx_rates_id_fk" FOREIGN KEY ("rate_id") REFERENCES "public"."fx_rates"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversion_quotes" ADD CONSTRAINT "conversion_quotes_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fx_rate_withdrawals" ADD CONSTRAINT "fx_rate_withdrawals_rate_id_fx_rates_id_fk" FOREIGN KEY ("rate_id") REFERENCES "public"."fx_rates"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fx_rates" ADD CONSTRAINT "fx_rates_base_assets_code_fk" FOREIGN KEY ("base") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fx_rates" ADD CONSTRAINT "fx_rates_quote_assets_code_fk" FOREIGN KEY ("quote") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "hold_captures" ADD CONSTRAINT "hold_captures_hold_id_holds_id_fk" FOREIGN KEY ("hold_id") REFERENCES "public"."holds"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "hold_captures" ADD CONSTRAINT "hold_captures_destination_wallet_id_wallets_id_fk" FOREIGN KEY ("destination_wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "bank_accounts_iban_currency_key" ON "bank_accounts" USING btree ("iban","currency");--> statement-breakpoint
CREATE UNIQUE INDEX "bank_accounts_currency_house_reference_key" ON "bank_accounts" USING btree ("currency","house_reference");--> statement-breakpoint
CREATE INDEX "bank_accounts_approval_id_idx" ON "bank_accounts" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "bank_statement_lines_end_to_end_id_idx" ON "bank_statement_lines" USING btree ("end_to_end_id");--> statement-breakpoint
CREATE UNIQUE INDEX "bank_statement_lines_position_key" ON "bank_statement_lines" USING btree ("statement_id","position");--> statement-breakpoint
CREATE UNIQUE INDEX "bank_statements_file_hash_key" ON "bank_statements" USING btree ("file_hash") WHERE "bank_statements"."status" = 'imported';--> statement-breakpoint
CREATE UNIQUE INDEX "bank_statements_statement_reference_key" ON "bank_statements" USING btree ("bank_account_id","statement_reference") WHERE "bank_statements"."status" = 'imported';--> statement-breakpoint
CREATE INDEX "bank_statements_bank_account_id_idx" ON "bank_statements" USING btree ("bank_account_id");--> statement-breakpoint
CREATE UNIQUE INDEX "inbound_events_event_id_key" ON "inbound_events" USING btree ("provider","event_id");--> statement-breakpoint
CREATE INDEX "inbound_events_state_idx" ON "inbound_events" USING btree ("state","id");--> statement-breakpoint
CREATE INDEX "inbound_events_deposit_id_idx" ON "inbound_events" USING btree ("deposit_id");--> statement-breakpoint
CREATE UNIQUE INDEX "client_money_positions_run_id_key" ON "client_money_positions" USING btree ("run_id","legal_entity","asset");--> statement-breakpoint
CREATE INDEX "client_money_positions_asset_idx" ON "client_money_positions" USING btree ("asset");--> statement-breakpoint
CREATE UNIQUE INDEX "custody_report_lines_asset_key" ON "custody_report_lines" USING btree ("report_id","asset");--> statement-breakpoint
CREATE INDEX "custody_report_lines_asset_idx" ON "custody_report_lines" USING btree ("asset");--> statement-breakpoint
CREATE UNIQUE INDEX "custody_reports_file_hash_key" ON "custody_reports" USING btree ("file_hash") WHERE "custody_reports"."status" = 'imported';--> statement-breakpoint
CREATE UNIQUE INDEX "custody_reports_as_of_key" ON "custody_reports" USING btree ("legal_entity","custodian","as_of") WHERE "custody_reports"."status" = 'imported';--> statement-breakpoint
CREATE INDEX "reconciliation_break_notes_break_id_idx" ON "reconciliation_break_notes" USING btree ("break_id","id");--> statement-breakpoint
CREATE INDEX "reconciliation_break_notes_author_id_idx" ON "reconciliation_break_notes" USING btree ("author_id");--> statement-breakpoint
CREATE UNIQUE INDEX "reconciliation_breaks_object_key" ON "reconciliation_breaks" USING btree ("legal_entity","kind","object") WHERE "reconciliation_breaks"."status" <> 'resolved';--> statement-breakpoint
CREATE INDEX "reconciliation_breaks_status_idx" ON "reconciliation_breaks" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "reconciliation_breaks_owner_id_idx" ON "reconciliation_breaks" USING btree ("owner_id");--> statement-breakpoint
CREATE INDEX "reconciliation_breaks_approval_id_idx" ON "reconciliation_breaks" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "reconciliation_breaks_first_run_id_idx" ON "reconciliation_breaks" USING btree ("first_run_id");--> statement-breakpoint
CREATE INDEX "reconciliation_breaks_last_run_id_idx" ON "reconciliation_breaks" USING btree ("last_run_id");--> statement-breakpoint
CREATE INDEX "reconciliation_runs_business_date_idx" ON "reconciliation_runs" USING btree ("legal_entity","business_date");--> statement-breakpoint
CREATE INDEX "reconciliation_sign_offs_approval_id_idx" ON "reconciliation_sign_offs" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "reconciliation_sign_offs_preparer_id_idx" ON "reconciliation_sign_offs" USING btree ("preparer_id");--> statement-breakpoint
CREATE INDEX "reconciliation_sign_offs_reviewer_id_idx" ON "reconciliation_sign_offs" USING btree ("reviewer_id");--> statement-breakpoint
CREATE INDEX "clearing_periods_approval_id_idx" ON "clearing_periods" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "fee_schedules_tier_idx" ON "fee_schedules" USING btree ("tier","effective_from","id");--> statement-breakpoint
CREATE INDEX "fee_schedules_approval_id_idx" ON "fee_schedules" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "funding_fees_key" ON "funding_fees" USING btree ("schedule_id","direction","method","asset");--> statement-breakpoint
CREATE INDEX "funding_fees_asset_idx" ON "funding_fees" USING btree ("asset");--> statement-breakpoint
CREATE INDEX "payout_accounts_asset_idx" ON "payout_accounts" USING btree ("asset","id");--> statement-breakpoint
CREATE INDEX "payout_accounts_approval_id_idx" ON "payout_accounts" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "payout_file_items_file_id_position_key" ON "payout_file_items" USING btree ("file_id","position");--> statement-breakpoint
CREATE UNIQUE INDEX "payout_files_message_id_key" ON "payout_files" USING btree ("message_id");--> statement-breakpoint
CREATE INDEX "payout_files_asset_idx" ON "payout_files" USING btree ("asset");--> statement-breakpoint
CREATE INDEX "payout_files_payout_account_id_idx" ON "payout_files" USING btree ("payout_account_id");--> statement-breakpoint
CREATE UNIQUE INDEX "payout_reports_file_id_message_id_key" ON "payout_reports" USING btree ("file_id","message_id");--> statement-breakpoint
CREATE UNIQUE INDEX "payout_reports_report_hash_key" ON "payout_reports" USING btree ("report_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "statement_debits_statement_line_id_key" ON "statement_debits" USING btree ("statement_line_id");--> statement-breakpoint
CREATE UNIQUE INDEX "statement_debits_withdrawal_id_key" ON "statement_debits" USING btree ("withdrawal_id");--> statement-breakpoint
CREATE UNIQUE INDEX "statement_debits_journal_id_key" ON "statement_debits" USING btree ("journal_id");--> statement-breakpoint
CREATE INDEX "statement_debits_status_idx" ON "statement_debits" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "statement_debits_wallet_id_idx" ON "statement_debits" USING btree ("wallet_id");--> statement-breakpoint
CREATE INDEX "statement_debits_asset_idx" ON "statement_debits" USING btree ("asset");--> statement-breakpoint
CREATE INDEX "statement_debits_approval_id_idx" ON "statement_debits" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "statement_debits_assignee_id_idx" ON "statement_debits" USING btree ("assignee_id");--> statement-breakpoint
CREATE UNIQUE INDEX "unallocated_receipts_statement_line_id_key" ON "unallocated_receipts" USING btree ("statement_line_id");--> statement-breakpoint
CREATE INDEX "unallocated_receipts_status_idx" ON "unallocated_receipts" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "unallocated_receipts_deposit_id_idx" ON "unallocated_receipts" USING btree ("deposit_id");--> statement-breakpoint
CREATE INDEX "unallocated_receipts_account_id_idx" ON "unallocated_receipts" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "unallocated_receipts_wallet_id_idx" ON "unallocated_receipts" USING btree ("wallet_id");--> statement-breakpoint
CREATE INDEX "unallocated_receipts_asset_idx" ON "unallocated_receipts" USING btree ("asset");--> statement-breakpoint
CREATE INDEX "unallocated_receipts_approval_id_idx" ON "unallocated_receipts" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "unallocated_receipts_assignee_id_idx" ON "unallocated_receipts" USING btree ("assignee_id");--> statement-breakpoint
CREATE INDEX "conversion_quotes_account_id_idx" ON "conversion_quotes" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "conversion_quotes_user_id_idx" ON "conversion_quotes" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "conversion_quotes_from_asset_idx" ON "conversion_quotes" USING btree ("from_asset");--> statement-breakpoint
CREATE INDEX "conversion_quotes_to_asset_idx" ON "conversion_quotes" USING btree ("to_asset");--> statement-breakpoint
CREATE INDEX "conversion_quotes_rate_id_idx" ON "conversion_quotes" USING btree ("rate_id");--> statement-breakpoint
CREATE UNIQUE INDEX "conversion_quotes_journal_id_key" ON "conversion_quotes" USING btree ("journal_id");--> statement-breakpoint
CREATE INDEX "fx_rates_base_idx" ON "fx_rates" USING btree ("base","quote","as_of");--> statement-breakpoint
CREATE INDEX "fx_rates_quote_idx" ON "fx_rates" USING btree ("quote");--> statement-breakpoint
CREATE UNIQUE INDEX "fx_rates_approval_id_key" ON "fx_rates" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "hold_captures_hold_id_idx" ON "hold_captures" USING btree ("hold_id");--> statement-breakpoint
CREATE INDEX "hold_captures_destination_wallet_id_idx" ON "hold_captures" USING btree ("destination_wallet_id");--> statement-breakpoint
CREATE UNIQUE INDEX "hold_captures_approval_id_key" ON "hold_captures" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "hold_captures_journal_id_key" ON "hold_captures" USING btree ("journal_id");--> statement-breakpoint
CREATE INDEX "hold_captures_user_id_idx" ON "hold_captures" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "journal_reversals_reversal_id_key" ON "journal_reversals" USING btree ("reversal_id");--> statement-breakpoint
CREATE UNIQUE INDEX "transfers_idempotency_key" ON "transfers" USING btree ("from_account_id","idempotency_key");--> statement-breakpoint
CREATE INDEX "transfers_user_id_idx" ON "transfers" USING btree ("user_id","id");--> statement-breakpoint
ALTER TABLE "beneficiaries" ADD CONSTRAINT "beneficiaries_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_statement_line_id_bank_statement_lines_id_fk" FOREIGN KEY ("statement_line_id") REFERENCES "public"."bank_statement_lines"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_provider_event_id_inbound_events_id_fk" FOREIGN KEY ("provider_event_id") REFERENCES "public"."inbound_events"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_reversal_event_id_inbound_events_id_fk" FOREIGN KEY ("reversal_event_id") REFERENCES "public"."inbound_events"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_reversal_approval_id_approvals_id_fk" FOREIGN KEY ("reversal_approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "funding_limits" ADD CONSTRAINT "funding_limits_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_fee_id_funding_fees_id_fk" FOREIGN KEY ("fee_id") REFERENCES "public"."funding_fees"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_resolution_id_approvals_id_fk" FOREIGN KEY ("resolution_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_payout_report_id_payout_reports_id_fk" FOREIGN KEY ("payout_report_id") REFERENCES "public"."payout_reports"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_statement_line_id_bank_statement_lines_id_fk" FOREIGN KEY ("statement_line_id") REFERENCES "public"."bank_statement_lines"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "beneficiaries_screening_id_idx" ON "beneficiaries" USING btree ("screening_id");--> statement-breakpoint
CREATE UNIQUE INDEX "deposits_statement_line_id_key" ON "deposits" USING btree ("statement_line_id");--> statement-breakpoint
CREATE INDEX "deposits_provider_event_id_idx" ON "deposits" USING btree ("provider_event_id");--> statement-breakpoint
CREATE INDEX "deposits_reversal_event_id_idx" ON "deposits" USING btree ("reversal_event_id");--> statement-breakpoint
CREATE INDEX "deposits_reversal_approval_id_idx" ON "deposits" USING btree ("reversal_approval_id");--> statement-breakpoint
CREATE INDEX "deposits_settlement_date_idx" ON "deposits" USING btree ("settlement_date") WHERE "deposits"."unsettled" > 0;--> statement-breakpoint
CREATE INDEX "funding_limits_approval_id_idx" ON "funding_limits" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "withdrawals_resolution_id_idx" ON "withdrawals" USING btree ("resolution_id");--> statement-breakpoint
CREATE INDEX "withdrawals_payout_report_id_idx" ON "withdrawals" USING btree ("payout_report_id");--> statement-breakpoint
CREATE INDEX "withdrawals_fee_id_idx" ON "withdrawals" USING btree ("fee_id");--> statement-breakpoint
CREATE UNIQUE INDEX "withdrawals_statement_line_id_key" ON "withdrawals" USING btree ("statement_line_id");--> statement-breakpoint
CREATE UNIQUE INDEX "withdrawals_payout_reference_key" ON "withdrawals" USING btree ("payout_reference");--> statement-breakpoint
CREATE UNIQUE INDEX "holds_given_reference_key" ON "holds" USING btree ("reason","reference") WHERE "holds"."reference" is not null;--> statement-breakpoint
CREATE INDEX "holds_expiring_idx" ON "holds" USING btree ("wallet_id","expires_at") WHERE "holds"."status" = 'active' and "holds"."expires_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "outbox_position_key" ON "outbox" USING btree ("position") WHERE "outbox"."position" is not null;--> statement-breakpoint
CREATE INDEX "outbox_user_id_idx" ON "outbox" USING btree ("user_id","position") WHERE "outbox"."customer_visible" and "outbox"."position" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "beneficiaries_destination_key" ON "beneficiaries" USING btree ("user_id","destination_index") WHERE "beneficiaries"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "funding_limits_key" ON "funding_limits" USING btree ("asset","kyc_level","direction","method","window_hours");--> statement-breakpoint
ALTER TABLE "journals" DROP CONSTRAINT "journals_pkey";
--> statement-breakpoint
ALTER TABLE "journals" ADD CONSTRAINT "journals_pkey" PRIMARY KEY("id","booked_at");--> statement-breakpoint
ALTER TABLE "ledger_entries" DROP CONSTRAINT "ledger_entries_pkey";
--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_pkey" PRIMARY KEY("wallet_id","booked_at","wallet_version");--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_parts_check" CHECK ("deposits"."taken_back" between 0 and "deposits"."amount" and "deposits"."debt" between 0 and "deposits"."taken_back"
        and "deposits"."unsettled" between 0 and "deposits"."amount");--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_fee_check" CHECK ("deposits"."fee" between 0 and "deposits"."amount");--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_fee_journal_check" CHECK (("deposits"."journal_id" is not null and "deposits"."fee" > 0) = ("deposits"."fee_journal_id" is not null));--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_reversal_check" CHECK (("deposits"."status" in ('refunded', 'charged_back')) = ("deposits"."taken_back" = "deposits"."amount")
        and ("deposits"."taken_back" > 0) = ("deposits"."reversal_journal_id" is not null));--> statement-breakpoint
ALTER TABLE "holds" ADD CONSTRAINT "holds_by_hand_check" CHECK ("holds"."by_hand" = ("holds"."reference" is not null) and "holds"."by_hand" = ("holds"."placed_by" is not null)
        and ("holds"."by_hand" or "holds"."placed_by_key" is null));--> statement-breakpoint
ALTER TABLE "holds" ADD CONSTRAINT "holds_by_hand_reason_check" CHECK (not "holds"."by_hand" or "holds"."reason" not in ('withdrawal', 'margin', 'system'));--> statement-breakpoint
ALTER TABLE "wallets" ADD CONSTRAINT "wallets_receivable_check" CHECK ("wallets"."house_role" is distinct from 'receivable' or "wallets"."total" <= 0);--> statement-breakpoint
CREATE POLICY "funding_limits_app_read" ON "funding_limits" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "bank_accounts_staff" ON "bank_accounts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "bank_accounts_engine" ON "bank_accounts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "bank_statement_lines_staff" ON "bank_statement_lines" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "bank_statement_lines_engine" ON "bank_statement_lines" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "bank_statements_staff" ON "bank_statements" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "bank_statements_engine" ON "bank_statements" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "inbound_events_staff" ON "inbound_events" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "inbound_events_engine" ON "inbound_events" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "client_money_positions_staff" ON "client_money_positions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "client_money_positions_engine" ON "client_money_positions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "custody_report_lines_staff" ON "custody_report_lines" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "custody_report_lines_engine" ON "custody_report_lines" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "custody_reports_staff" ON "custody_reports" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "custody_reports_engine" ON "custody_reports" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliation_break_notes_staff" ON "reconciliation_break_notes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliation_break_notes_engine" ON "reconciliation_break_notes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliation_breaks_staff" ON "reconciliation_breaks" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliation_breaks_engine" ON "reconciliation_breaks" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliation_runs_staff" ON "reconciliation_runs" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliation_runs_engine" ON "reconciliation_runs" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliation_sign_offs_staff" ON "reconciliation_sign_offs" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliation_sign_offs_engine" ON "reconciliation_sign_offs" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "clearing_periods_staff" ON "clearing_periods" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "clearing_periods_engine" ON "clearing_periods" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fee_schedules_app_read" ON "fee_schedules" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "fee_schedules_staff" ON "fee_schedules" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fee_schedules_engine" ON "fee_schedules" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "funding_fees_app_read" ON "funding_fees" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "funding_fees_staff" ON "funding_fees" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "funding_fees_engine" ON "funding_fees" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_accounts_staff" ON "payout_accounts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_accounts_engine" ON "payout_accounts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_file_items_staff" ON "payout_file_items" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_file_items_engine" ON "payout_file_items" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_files_staff" ON "payout_files" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_files_engine" ON "payout_files" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_reports_staff" ON "payout_reports" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_reports_engine" ON "payout_reports" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "statement_debits_staff" ON "statement_debits" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "statement_debits_engine" ON "statement_debits" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "unallocated_receipts_staff" ON "unallocated_receipts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "unallocated_receipts_engine" ON "unallocated_receipts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "conversion_quotes_app" ON "conversion_quotes" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("conversion_quotes"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("conversion_quotes"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "conversion_quotes_staff" ON "conversion_quotes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "conversion_quotes_engine" ON "conversion_quotes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fx_rate_withdrawals_staff" ON "fx_rate_withdrawals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fx_rate_withdrawals_engine" ON "fx_rate_withdrawals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fx_rates_staff" ON "fx_rates" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fx_rates_engine" ON "fx_rates" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "hold_captures_app" ON "hold_captures" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("hold_captures"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("hold_captures"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "hold_captures_staff" ON "hold_captures" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "hold_captures_engine" ON "hold_captures" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "journal_reversals_staff" ON "journal_reversals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "journal_reversals_engine" ON "journal_reversals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "transfers_app" ON "transfers" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("transfers"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("transfers"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "transfers_staff" ON "transfers" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "transfers_engine" ON "transfers" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);