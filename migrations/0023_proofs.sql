CREATE TABLE "bank_holidays" (
	"id" uuid PRIMARY KEY NOT NULL,
	"currency" text NOT NULL,
	"day" text NOT NULL,
	"name" text NOT NULL,
	"observed" boolean NOT NULL,
	"approval_id" uuid NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "bank_holidays_day_check" CHECK ("bank_holidays"."day" ~ '^\d{4}-\d{2}-\d{2}$')
);
--> statement-breakpoint
ALTER TABLE "bank_holidays" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "feed_gaps" (
	"id" uuid PRIMARY KEY NOT NULL,
	"instrument_id" uuid NOT NULL,
	"feed" "feed_name" NOT NULL,
	"from_sequence" bigint NOT NULL,
	"through_sequence" bigint NOT NULL,
	"found_at" timestamp (6) with time zone NOT NULL,
	"filled_at" timestamp (6) with time zone,
	CONSTRAINT "feed_gaps_sequences_check" CHECK ("feed_gaps"."from_sequence" <= "feed_gaps"."through_sequence")
);
--> statement-breakpoint
ALTER TABLE "feed_gaps" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "liquidation_takeovers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"approval_id" uuid NOT NULL,
	"liquidation_id" uuid NOT NULL,
	"position_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"instrument_id" uuid NOT NULL,
	"symbol" text NOT NULL,
	"book" "book" NOT NULL,
	"side" "position_side" NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"price" numeric(20, 8) NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"settlement_asset" text NOT NULL,
	"mark" numeric(20, 8) NOT NULL,
	"order_id" uuid NOT NULL,
	"trade_id" uuid NOT NULL,
	"taken_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "liquidation_takeovers_price_check" CHECK ("liquidation_takeovers"."quantity" > 0 and "liquidation_takeovers"."mark" > 0 and "liquidation_takeovers"."amount" = "liquidation_takeovers"."price" * "liquidation_takeovers"."quantity"
        and ("liquidation_takeovers"."side" <> 'long' or "liquidation_takeovers"."price" >= "liquidation_takeovers"."mark"))
);
--> statement-breakpoint
ALTER TABLE "liquidation_takeovers" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "payout_conflicts" DROP CONSTRAINT "payout_conflicts_said_check";--> statement-breakpoint
DROP INDEX "custody_reports_file_hash_key";--> statement-breakpoint
DROP INDEX "custody_reports_as_of_key";--> statement-breakpoint
DROP INDEX "unallocated_receipts_statement_line_id_key";--> statement-breakpoint
ALTER TABLE "custody_reports" ADD COLUMN "standing" "statement_standing" DEFAULT 'waiting' NOT NULL;--> statement-breakpoint
ALTER TABLE "custody_reports" ADD COLUMN "confirmation_id" uuid;--> statement-breakpoint
ALTER TABLE "custody_reports" ADD COLUMN "void_id" uuid;--> statement-breakpoint
ALTER TABLE "payout_reports" ADD COLUMN "pending_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD COLUMN "rest_of" uuid;--> statement-breakpoint
ALTER TABLE "breaker_rules" ADD COLUMN "platform_move_bps" integer;--> statement-breakpoint
ALTER TABLE "venue_reports" ADD COLUMN "venue_order_id" text;--> statement-breakpoint
ALTER TABLE "bank_holidays" ADD CONSTRAINT "bank_holidays_currency_assets_code_fk" FOREIGN KEY ("currency") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bank_holidays" ADD CONSTRAINT "bank_holidays_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "feed_gaps" ADD CONSTRAINT "feed_gaps_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "liquidation_takeovers" ADD CONSTRAINT "liquidation_takeovers_liquidation_id_liquidations_id_fk" FOREIGN KEY ("liquidation_id") REFERENCES "public"."liquidations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "liquidation_takeovers" ADD CONSTRAINT "liquidation_takeovers_position_id_positions_id_fk" FOREIGN KEY ("position_id") REFERENCES "public"."positions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "liquidation_takeovers" ADD CONSTRAINT "liquidation_takeovers_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "liquidation_takeovers" ADD CONSTRAINT "liquidation_takeovers_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bank_holidays_day_idx" ON "bank_holidays" USING btree ("currency","day","id");--> statement-breakpoint
CREATE UNIQUE INDEX "bank_holidays_approval_id_key" ON "bank_holidays" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "feed_gaps_sequences_key" ON "feed_gaps" USING btree ("instrument_id","feed","from_sequence","through_sequence");--> statement-breakpoint
CREATE UNIQUE INDEX "liquidation_takeovers_approval_id_key" ON "liquidation_takeovers" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "liquidation_takeovers_trade_id_key" ON "liquidation_takeovers" USING btree ("trade_id");--> statement-breakpoint
CREATE UNIQUE INDEX "liquidation_takeovers_order_id_key" ON "liquidation_takeovers" USING btree ("order_id");--> statement-breakpoint
CREATE INDEX "liquidation_takeovers_instrument_id_idx" ON "liquidation_takeovers" USING btree ("instrument_id");--> statement-breakpoint
CREATE INDEX "liquidation_takeovers_position_id_idx" ON "liquidation_takeovers" USING btree ("position_id");--> statement-breakpoint
CREATE INDEX "liquidation_takeovers_liquidation_id_idx" ON "liquidation_takeovers" USING btree ("liquidation_id");--> statement-breakpoint
CREATE INDEX "liquidation_takeovers_account_id_idx" ON "liquidation_takeovers" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "liquidation_takeovers_user_id_idx" ON "liquidation_takeovers" USING btree ("user_id");--> statement-breakpoint
ALTER TABLE "custody_reports" ADD CONSTRAINT "custody_reports_confirmation_id_approvals_id_fk" FOREIGN KEY ("confirmation_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "custody_reports" ADD CONSTRAINT "custody_reports_void_id_approvals_id_fk" FOREIGN KEY ("void_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unallocated_receipts" ADD CONSTRAINT "unallocated_receipts_rest_of_unallocated_receipts_id_fk" FOREIGN KEY ("rest_of") REFERENCES "public"."unallocated_receipts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "custody_reports_confirmation_id_idx" ON "custody_reports" USING btree ("confirmation_id");--> statement-breakpoint
CREATE INDEX "custody_reports_void_id_idx" ON "custody_reports" USING btree ("void_id");--> statement-breakpoint
CREATE UNIQUE INDEX "unallocated_receipts_rest_of_key" ON "unallocated_receipts" USING btree ("rest_of");--> statement-breakpoint
CREATE UNIQUE INDEX "custody_reports_file_hash_key" ON "custody_reports" USING btree ("file_hash") WHERE "custody_reports"."status" = 'imported' and "custody_reports"."standing" <> 'void';--> statement-breakpoint
CREATE UNIQUE INDEX "custody_reports_as_of_key" ON "custody_reports" USING btree ("legal_entity","custodian","as_of") WHERE "custody_reports"."status" = 'imported' and "custody_reports"."standing" <> 'void';--> statement-breakpoint
CREATE UNIQUE INDEX "unallocated_receipts_statement_line_id_key" ON "unallocated_receipts" USING btree ("statement_line_id") WHERE "unallocated_receipts"."rest_of" is null;--> statement-breakpoint
ALTER TABLE "custody_reports" ADD CONSTRAINT "custody_reports_void_check" CHECK ("custody_reports"."void_id" is null or ("custody_reports"."standing" = 'void' and "custody_reports"."status" = 'imported'));--> statement-breakpoint
ALTER TABLE "payout_conflicts" ADD CONSTRAINT "payout_conflicts_said_check" CHECK ("payout_conflicts"."said" in ('completed', 'failed', 'pending', 'unknown'));--> statement-breakpoint
ALTER TABLE "journals" ADD CONSTRAINT "journals_play_money_check" CHECK (kind <> 'reset' or book = 'paper');--> statement-breakpoint
ALTER TABLE "breaker_rules" ADD CONSTRAINT "breaker_rules_platform_check" CHECK ("breaker_rules"."platform_move_bps" between "breaker_rules"."move_bps" and 10000);--> statement-breakpoint
ALTER TABLE "venue_reports" ADD CONSTRAINT "venue_reports_order_check" CHECK ("venue_reports"."venue_order_id" is null or "venue_reports"."type" = 'accepted');--> statement-breakpoint
CREATE POLICY "bank_holidays_staff" ON "bank_holidays" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "bank_holidays_engine" ON "bank_holidays" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "feed_gaps_staff" ON "feed_gaps" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "feed_gaps_engine" ON "feed_gaps" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "liquidation_takeovers_staff" ON "liquidation_takeovers" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "liquidation_takeovers_engine" ON "liquidation_takeovers" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);