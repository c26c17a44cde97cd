CREATE TYPE "public"."payout_conflict_status" AS ENUM('open', 'closed');--> statement-breakpoint
CREATE TYPE "public"."receipt_explanation" AS ENUM('booked', 'provider_settlement', 'house');--> statement-breakpoint
CREATE TYPE "public"."position_exit" AS ENUM('stop_loss', 'take_profit');--> statement-breakpoint
ALTER TYPE "public"."reconciliation_break_kind" ADD VALUE 'in_transit_overdue';--> statement-breakpoint
ALTER TYPE "public"."reconciliation_break_kind" ADD VALUE 'in_transit_unexplained';--> statement-breakpoint
ALTER TYPE "public"."debit_explanation" ADD VALUE 'settlement';--> statement-breakpoint
ALTER TYPE "public"."receipt_status" ADD VALUE 'explained';--> statement-breakpoint
ALTER TYPE "public"."risk_alert_kind" ADD VALUE 'position_exit';--> statement-breakpoint
ALTER TYPE "public"."order_origin" ADD VALUE 'position_exit';--> statement-breakpoint
CREATE TABLE "payout_file_downloads" (
	"id" uuid PRIMARY KEY NOT NULL,
	"file_id" uuid NOT NULL,
	"downloaded_by" text,
	"downloaded_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "payout_file_downloads" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "payout_file_voids" (
	"file_id" uuid PRIMARY KEY NOT NULL,
	"approval_id" uuid NOT NULL,
	"voided_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "payout_file_voids" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "payout_conflicts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"report_id" uuid NOT NULL,
	"withdrawal_id" uuid NOT NULL,
	"said" text NOT NULL,
	"stood" text NOT NULL,
	"status" "payout_conflict_status" NOT NULL,
	"closed_by" uuid,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"closed_at" timestamp (6) with time zone,
	CONSTRAINT "payout_conflicts_closed_check" CHECK (("payout_conflicts"."status" = 'closed') = ("payout_conflicts"."closed_by" is not null)
        and ("payout_conflicts"."status" = 'closed') = ("payout_conflicts"."closed_at" is not null)),
	CONSTRAINT "payout_conflicts_said_check" CHECK ("payout_conflicts"."said" in ('completed', 'failed', 'unknown'))
);
--> statement-breakpoint
ALTER TABLE "payout_conflicts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "provider_settlements" (
	"receipt_id" uuid NOT NULL,
	"deposit_id" uuid NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	CONSTRAINT "provider_settlements_pkey" PRIMARY KEY("receipt_id","deposit_id"),
	CONSTRAINT "provider_settlements_amount_check" CHECK ("provider_settlements"."amount" <> 0)
);
--> statement-breakpoint
ALTER TABLE "provider_settlements" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "position_exit_orders" (
	"id" uuid PRIMARY KEY NOT NULL,
	"position_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"symbol" text NOT NULL,
	"side" "order_side" NOT NULL,
	"attempt" integer NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"order_id" uuid,
	"abandoned_at" timestamp (6) with time zone,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "position_exit_orders_quantity_check" CHECK ("position_exit_orders"."quantity" > 0 and "position_exit_orders"."attempt" > 0),
	CONSTRAINT "position_exit_orders_outcome_check" CHECK ("position_exit_orders"."order_id" is null or "position_exit_orders"."abandoned_at" is null)
);
--> statement-breakpoint
ALTER TABLE "position_exit_orders" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "position_exits" (
	"position_id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"instrument_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"side" "position_side" NOT NULL,
	"stop_loss" numeric(20, 8),
	"take_profit" numeric(20, 8),
	"version" integer DEFAULT 1 NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	"triggered" "position_exit",
	"triggered_at" timestamp (6) with time zone,
	"trigger_mark" numeric(20, 8),
	"held_back" text,
	"next_try_at" timestamp (6) with time zone,
	"ended_at" timestamp (6) with time zone,
	CONSTRAINT "position_exits_levels_check" CHECK ("position_exits"."stop_loss" > 0 and "position_exits"."take_profit" > 0),
	CONSTRAINT "position_exits_triggered_check" CHECK (num_nulls("position_exits"."triggered", "position_exits"."triggered_at", "position_exits"."trigger_mark", "position_exits"."next_try_at") in (0, 4)
          and ("position_exits"."triggered" is not null or "position_exits"."held_back" is null) and "position_exits"."trigger_mark" > 0)
);
--> statement-breakpoint
ALTER TABLE "position_exits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "payout_file_items" DROP CONSTRAINT "payout_file_items_pkey";--> statement-breakpoint
ALTER TABLE "payout_file_items" ADD CONSTRAINT "payout_file_items_pkey" PRIMARY KEY("withdrawal_id","file_id");--> statement-breakpoint
ALTER TABLE "client_money_positions" ADD COLUMN "in_transit_overdue" numeric(20, 8) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payout_reports" ADD COLUMN "conflict_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "statement_debits" ADD COLUMN "named_withdrawal_id" uuid;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD COLUMN "explanation" "receipt_explanation";--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD COLUMN "explained_journal_id" uuid;--> statement-breakpoint
ALTER TABLE "wallets" ADD COLUMN "has_positions" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "triggered_cap" numeric(20, 8);--> statement-breakpoint
ALTER TABLE "payout_file_downloads" ADD CONSTRAINT "payout_file_downloads_file_id_payout_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."payout_files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_file_voids" ADD CONSTRAINT "payout_file_voids_file_id_payout_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."payout_files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_file_voids" ADD CONSTRAINT "payout_file_voids_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_conflicts" ADD CONSTRAINT "payout_conflicts_report_id_payout_reports_id_fk" FOREIGN KEY ("report_id") REFERENCES "public"."payout_reports"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_conflicts" ADD CONSTRAINT "payout_conflicts_withdrawal_id_withdrawals_id_fk" FOREIGN KEY ("withdrawal_id") REFERENCES "public"."withdrawals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_conflicts" ADD CONSTRAINT "payout_conflicts_closed_by_users_id_fk" FOREIGN KEY ("closed_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "provider_settlements" ADD CONSTRAINT "provider_settlements_receipt_id_unallocated_receipts_id_fk" FOREIGN KEY ("receipt_id") REFERENCES "public"."unallocated_receipts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "provider_settlements" ADD CONSTRAINT "provider_settlements_deposit_id_deposits_id_fk" FOREIGN KEY ("deposit_id") REFERENCES "public"."deposits"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "position_exit_orders" ADD CONSTRAINT "position_exit_orders_position_id_position_exits_position_id_fk" FOREIGN KEY ("position_id") REFERENCES "public"."position_exits"("position_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "position_exits" ADD CONSTRAINT "position_exits_position_id_positions_id_fk" FOREIGN KEY ("position_id") REFERENCES "public"."positions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "position_exits" ADD CONSTRAINT "position_exits_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "position_exits" ADD CONSTRAINT "position_exits_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "position_exits" ADD CONSTRAINT "position_exits_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "payout_file_downloads_file_id_idx" ON "payout_file_downloads" USING btree ("file_id","downloaded_at");--> statement-breakpoint
CREATE INDEX "payout_file_voids_approval_id_idx" ON "payout_file_voids" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "payout_conflicts_report_id_idx" ON "payout_conflicts" USING btree ("report_id");--> statement-breakpoint
CREATE INDEX "payout_conflicts_status_idx" ON "payout_conflicts" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "payout_conflicts_closed_by_idx" ON "payout_conflicts" USING btree ("closed_by");--> statement-breakpoint
CREATE UNIQUE INDEX "payout_conflicts_withdrawal_id_key" ON "payout_conflicts" USING btree ("withdrawal_id","said") WHERE "payout_conflicts"."status" = 'open';--> statement-breakpoint
CREATE INDEX "payout_conflicts_withdrawal_id_idx" ON "payout_conflicts" USING btree ("withdrawal_id");--> statement-breakpoint
CREATE INDEX "provider_settlements_deposit_id_idx" ON "provider_settlements" USING btree ("deposit_id");--> statement-breakpoint
CREATE UNIQUE INDEX "position_exit_orders_attempt_key" ON "position_exit_orders" USING btree ("position_id","attempt");--> statement-breakpoint
CREATE UNIQUE INDEX "position_exit_orders_order_id_key" ON "position_exit_orders" USING btree ("order_id");--> statement-breakpoint
CREATE UNIQUE INDEX "position_exit_orders_unplaced_key" ON "position_exit_orders" USING btree ("position_id") WHERE "position_exit_orders"."order_id" is null and "position_exit_orders"."abandoned_at" is null;--> statement-breakpoint
CREATE INDEX "position_exit_orders_user_id_idx" ON "position_exit_orders" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "position_exits_stop_loss_idx" ON "position_exits" USING btree ("instrument_id","side","stop_loss") WHERE "position_exits"."triggered_at" is null and "position_exits"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "position_exits_take_profit_idx" ON "position_exits" USING btree ("instrument_id","side","take_profit") WHERE "position_exits"."triggered_at" is null and "position_exits"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "position_exits_triggered_idx" ON "position_exits" USING btree ("next_try_at") WHERE "position_exits"."triggered_at" is not null and "position_exits"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "position_exits_wallet_id_idx" ON "position_exits" USING btree ("wallet_id") WHERE "position_exits"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "position_exits_account_id_idx" ON "position_exits" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "position_exits_user_id_idx" ON "position_exits" USING btree ("user_id");--> statement-breakpoint
ALTER TABLE "statement_debits" ADD CONSTRAINT "statement_debits_named_withdrawal_id_withdrawals_id_fk" FOREIGN KEY ("named_withdrawal_id") REFERENCES "public"."withdrawals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "statement_debits_named_withdrawal_id_idx" ON "statement_debits" USING btree ("named_withdrawal_id");--> statement-breakpoint
CREATE UNIQUE INDEX "unallocated_receipts_explained_journal_id_key" ON "unallocated_receipts" USING btree ("explained_journal_id");--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_explained_check" CHECK (("unallocated_receipts"."explanation" is null) = ("unallocated_receipts"."status" in ('open', 'allocated', 'returned'))
        and ("unallocated_receipts"."explanation" is not distinct from 'booked') = ("unallocated_receipts"."explained_journal_id" is not null));--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_triggered_cap_check" CHECK ("orders"."triggered_cap" is null or ("orders"."triggered_at" is not null and "orders"."side" = 'sell' and "orders"."triggered_cap" <= "orders"."price_cap"));--> statement-breakpoint
CREATE POLICY "feed_positions_app_read" ON "feed_positions" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "payout_file_downloads_staff" ON "payout_file_downloads" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_file_downloads_engine" ON "payout_file_downloads" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_file_voids_staff" ON "payout_file_voids" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_file_voids_engine" ON "payout_file_voids" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_conflicts_staff" ON "payout_conflicts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "payout_conflicts_engine" ON "payout_conflicts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "provider_settlements_staff" ON "provider_settlements" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "provider_settlements_engine" ON "provider_settlements" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "position_exit_orders_staff" ON "position_exit_orders" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "position_exit_orders_engine" ON "position_exit_orders" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "position_exits_app" ON "position_exits" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("position_exits"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("position_exits"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "position_exits_staff" ON "position_exits" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "position_exits_engine" ON "position_exits" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);