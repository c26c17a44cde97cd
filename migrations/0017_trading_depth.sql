CREATE TYPE "public"."lot_method" AS ENUM('fifo', 'lifo', 'hifo', 'average', 'specific');--> statement-breakpoint
CREATE TYPE "public"."liquidation_cause" AS ENUM('threshold', 'deadline');--> statement-breakpoint
CREATE TYPE "public"."liquidation_outcome" AS ENUM('restored', 'closed_out');--> statement-breakpoint
CREATE TYPE "public"."margin_call_outcome" AS ENUM('cured', 'liquidated');--> statement-breakpoint
CREATE TYPE "public"."position_side" AS ENUM('long', 'short');--> statement-breakpoint
CREATE TYPE "public"."position_status" AS ENUM('open', 'closed', 'liquidated');--> statement-breakpoint
CREATE TYPE "public"."order_group_role" AS ENUM('parent', 'take_profit', 'stop_loss', 'oco');--> statement-breakpoint
CREATE TYPE "public"."order_origin" AS ENUM('customer', 'liquidation');--> statement-breakpoint
CREATE TYPE "public"."venue_order_state" AS ENUM('sending', 'working', 'unknown', 'done');--> statement-breakpoint
CREATE TYPE "public"."venue_report_standing" AS ENUM('noted', 'booked', 'contested');--> statement-breakpoint
CREATE TYPE "public"."venue_report_type" AS ENUM('accepted', 'fill', 'rejected', 'cancelled', 'done');--> statement-breakpoint
ALTER TYPE "public"."risk_alert_kind" ADD VALUE 'margin_call';--> statement-breakpoint
ALTER TYPE "public"."risk_alert_kind" ADD VALUE 'liquidation';--> statement-breakpoint
ALTER TYPE "public"."risk_alert_kind" ADD VALUE 'loss_borne';--> statement-breakpoint
ALTER TYPE "public"."risk_alert_kind" ADD VALUE 'stale_mark';--> statement-breakpoint
ALTER TYPE "public"."risk_alert_kind" ADD VALUE 'venue_unknown';--> statement-breakpoint
CREATE TABLE "settlement_obligations" (
	"fill_id" uuid PRIMARY KEY NOT NULL,
	"trade_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"book" "book" NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"used" numeric(20, 8) DEFAULT 0 NOT NULL,
	"trade_date" date NOT NULL,
	"settles_on" date NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"settled_at" timestamp (6) with time zone,
	CONSTRAINT "settlement_obligations_amount_check" CHECK ("settlement_obligations"."amount" > 0),
	CONSTRAINT "settlement_obligations_used_check" CHECK ("settlement_obligations"."used" between 0 and "settlement_obligations"."amount")
);
--> statement-breakpoint
ALTER TABLE "settlement_obligations" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "portfolio_days" (
	"day" date PRIMARY KEY NOT NULL,
	"begins_at" timestamp (6) with time zone NOT NULL,
	"ends_at" timestamp (6) with time zone NOT NULL,
	"snapshots" integer NOT NULL,
	"gaps" integer NOT NULL,
	"completed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "portfolio_days" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "portfolio_snapshots" (
	"account_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"day" date NOT NULL,
	"currency" text NOT NULL,
	"opening" numeric(20, 8),
	"equity" numeric(20, 8),
	"cash_value" numeric(20, 8),
	"holdings_value" numeric(20, 8),
	"contracts_value" numeric(20, 8),
	"realised" numeric(20, 8),
	"income" numeric(20, 8),
	"unrealised" numeric(20, 8),
	"fees" numeric(20, 8),
	"transfers" numeric(20, 8),
	"missing" jsonb NOT NULL,
	"basis" jsonb NOT NULL,
	"taken_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "portfolio_snapshots_pkey" PRIMARY KEY("account_id","day"),
	CONSTRAINT "portfolio_snapshots_change_check" CHECK ("portfolio_snapshots"."equity" - "portfolio_snapshots"."opening" = "portfolio_snapshots"."realised" + "portfolio_snapshots"."unrealised" + "portfolio_snapshots"."fees" + "portfolio_snapshots"."transfers"),
	CONSTRAINT "portfolio_snapshots_known_check" CHECK ("portfolio_snapshots"."unrealised" is null or num_nulls("portfolio_snapshots"."equity", "portfolio_snapshots"."opening", "portfolio_snapshots"."realised", "portfolio_snapshots"."fees", "portfolio_snapshots"."transfers") = 0),
	CONSTRAINT "portfolio_snapshots_parts_check" CHECK (num_nulls("portfolio_snapshots"."equity", "portfolio_snapshots"."cash_value", "portfolio_snapshots"."holdings_value", "portfolio_snapshots"."contracts_value") in (0, 4)
        and coalesce("portfolio_snapshots"."equity" = "portfolio_snapshots"."cash_value" + "portfolio_snapshots"."holdings_value" + "portfolio_snapshots"."contracts_value", true)),
	CONSTRAINT "portfolio_snapshots_missing_check" CHECK ((num_nulls("portfolio_snapshots"."equity", "portfolio_snapshots"."realised", "portfolio_snapshots"."income", "portfolio_snapshots"."fees", "portfolio_snapshots"."transfers") > 0)
        = ("portfolio_snapshots"."missing" <> '[]'::jsonb))
);
--> statement-breakpoint
ALTER TABLE "portfolio_snapshots" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "fee_standings" (
	"user_id" uuid NOT NULL,
	"day" date NOT NULL,
	"schedule_id" uuid NOT NULL,
	"tier_id" uuid,
	"volume" numeric(20, 8) NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "fee_standings_pkey" PRIMARY KEY("user_id","day")
);
--> statement-breakpoint
ALTER TABLE "fee_standings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "fee_tier_schedules" (
	"id" uuid PRIMARY KEY NOT NULL,
	"currency" text NOT NULL,
	"effective_on" date NOT NULL,
	"approval_id" uuid NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "fee_tier_schedules" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "fee_tiers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"schedule_id" uuid NOT NULL,
	"name" text NOT NULL,
	"min_volume" numeric(20, 8) NOT NULL,
	"maker_fee_bps" integer NOT NULL,
	"taker_fee_bps" integer NOT NULL,
	CONSTRAINT "fee_tiers_min_volume_check" CHECK ("fee_tiers"."min_volume" > 0),
	CONSTRAINT "fee_tiers_fees_check" CHECK ("fee_tiers"."maker_fee_bps" between 0 and 1000 and "fee_tiers"."taker_fee_bps" between 0 and 1000)
);
--> statement-breakpoint
ALTER TABLE "fee_tiers" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "trading_volumes" (
	"user_id" uuid NOT NULL,
	"day" date NOT NULL,
	"volume" numeric(20, 8) NOT NULL,
	CONSTRAINT "trading_volumes_pkey" PRIMARY KEY("user_id","day"),
	CONSTRAINT "trading_volumes_volume_check" CHECK ("trading_volumes"."volume" >= 0)
);
--> statement-breakpoint
ALTER TABLE "trading_volumes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "funding_cursors" (
	"instrument_id" uuid PRIMARY KEY NOT NULL,
	"charged_to" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "funding_cursors" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "liquidation_orders" (
	"id" uuid PRIMARY KEY NOT NULL,
	"liquidation_id" uuid NOT NULL,
	"position_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"symbol" text NOT NULL,
	"side" "order_side" NOT NULL,
	"step" integer NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"order_id" uuid,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "liquidation_orders_quantity_check" CHECK ("liquidation_orders"."quantity" > 0)
);
--> statement-breakpoint
ALTER TABLE "liquidation_orders" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "liquidations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"cause" "liquidation_cause" NOT NULL,
	"equity" numeric(20, 8) NOT NULL,
	"initial_margin" numeric(20, 8) NOT NULL,
	"maintenance_margin" numeric(20, 8) NOT NULL,
	"steps" integer NOT NULL,
	"held_back" text,
	"next_step_at" timestamp (6) with time zone NOT NULL,
	"started_at" timestamp (6) with time zone NOT NULL,
	"ended_at" timestamp (6) with time zone,
	"outcome" "liquidation_outcome",
	CONSTRAINT "liquidations_outcome_check" CHECK (("liquidations"."ended_at" is null) = ("liquidations"."outcome" is null))
);
--> statement-breakpoint
ALTER TABLE "liquidations" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "margin_calls" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"equity" numeric(20, 8) NOT NULL,
	"initial_margin" numeric(20, 8) NOT NULL,
	"maintenance_margin" numeric(20, 8) NOT NULL,
	"short_by" numeric(20, 8) NOT NULL,
	"called_at" timestamp (6) with time zone NOT NULL,
	"deadline_at" timestamp (6) with time zone NOT NULL,
	"overdue_told_at" timestamp (6) with time zone,
	"ended_at" timestamp (6) with time zone,
	"outcome" "margin_call_outcome",
	CONSTRAINT "margin_calls_outcome_check" CHECK (("margin_calls"."ended_at" is null) = ("margin_calls"."outcome" is null)),
	CONSTRAINT "margin_calls_deadline_check" CHECK ("margin_calls"."deadline_at" > "margin_calls"."called_at")
);
--> statement-breakpoint
ALTER TABLE "margin_calls" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "margin_keepers" (
	"name" text PRIMARY KEY NOT NULL,
	"epoch" bigint NOT NULL,
	"since" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "margin_keepers" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "position_funding" (
	"position_id" uuid NOT NULL,
	"period_end" timestamp (6) with time zone NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"instrument_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"price" numeric(20, 8) NOT NULL,
	"rate_bps" integer NOT NULL,
	"period_seconds" integer NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"borne" numeric(20, 8) NOT NULL,
	"waived" boolean NOT NULL,
	"journal_id" uuid,
	"charged_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "position_funding_pkey" PRIMARY KEY("position_id","period_end"),
	CONSTRAINT "position_funding_borne_check" CHECK ("position_funding"."borne" >= 0 and "position_funding"."borne" <= greatest("position_funding"."amount", 0))
);
--> statement-breakpoint
ALTER TABLE "position_funding" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "margin_holds" (
	"wallet_id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"book" "book" NOT NULL,
	"asset" text NOT NULL,
	"held" numeric(20, 8) NOT NULL,
	"initial_margin" numeric(20, 8) NOT NULL,
	"maintenance_margin" numeric(20, 8) NOT NULL,
	"unrealised_pnl" numeric(20, 8) NOT NULL,
	"unrealised_loss" numeric(20, 8) NOT NULL,
	"updated_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "margin_holds_held_check" CHECK ("margin_holds"."held" between 0 and "margin_holds"."initial_margin" + "margin_holds"."unrealised_loss"),
	CONSTRAINT "margin_holds_sums_check" CHECK ("margin_holds"."initial_margin" >= 0 and "margin_holds"."unrealised_loss" >= 0)
);
--> statement-breakpoint
ALTER TABLE "margin_holds" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "positions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"book" "book" NOT NULL,
	"instrument_id" uuid NOT NULL,
	"symbol" text NOT NULL,
	"wallet_id" uuid NOT NULL,
	"settlement_asset" text NOT NULL,
	"side" "position_side" NOT NULL,
	"status" "position_status" NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"entry_value" numeric(20, 8) NOT NULL,
	"initial_margin" numeric(20, 8) NOT NULL,
	"opened_quantity" numeric(20, 8) NOT NULL,
	"opened_value" numeric(20, 8) NOT NULL,
	"closed_quantity" numeric(20, 8) NOT NULL,
	"closed_value" numeric(20, 8) NOT NULL,
	"fill_count" integer NOT NULL,
	"fees" numeric(20, 8) NOT NULL,
	"realised_pnl" numeric(20, 8) NOT NULL,
	"funding_paid" numeric(20, 8) DEFAULT 0 NOT NULL,
	"loss_borne" numeric(20, 8) DEFAULT 0 NOT NULL,
	"mark_price" numeric(20, 8) NOT NULL,
	"marked_at" timestamp (6) with time zone NOT NULL,
	"unrealised_pnl" numeric(20, 8) NOT NULL,
	"maintenance_margin" numeric(20, 8) NOT NULL,
	"liquidation_price" numeric(20, 8),
	"version" integer DEFAULT 1 NOT NULL,
	"opened_at" timestamp (6) with time zone NOT NULL,
	"updated_at" timestamp (6) with time zone NOT NULL,
	"closed_at" timestamp (6) with time zone,
	CONSTRAINT "positions_quantity_check" CHECK ("positions"."quantity" >= 0 and "positions"."quantity" = "positions"."opened_quantity" - "positions"."closed_quantity"),
	CONSTRAINT "positions_closed_check" CHECK (("positions"."status" = 'open') = ("positions"."closed_at" is null)),
	CONSTRAINT "positions_open_check" CHECK (("positions"."status" = 'open') = ("positions"."quantity" > 0)),
	CONSTRAINT "positions_margin_check" CHECK (case when "positions"."quantity" > 0 then "positions"."entry_value" > 0 and "positions"."initial_margin" > 0
          and "positions"."maintenance_margin" >= 0
        else "positions"."entry_value" = 0 and "positions"."initial_margin" = 0 and "positions"."unrealised_pnl" = 0
          and "positions"."maintenance_margin" = 0 end),
	CONSTRAINT "positions_loss_borne_check" CHECK ("positions"."loss_borne" >= 0 and "positions"."mark_price" > 0)
);
--> statement-breakpoint
ALTER TABLE "positions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "venue_orders" (
	"order_id" uuid PRIMARY KEY NOT NULL,
	"instrument_id" uuid NOT NULL,
	"book" "book" NOT NULL,
	"venue" text NOT NULL,
	"state" "venue_order_state" NOT NULL,
	"unknown_reason" text,
	"unknown_since" timestamp (6) with time zone,
	"recalled_at" timestamp (6) with time zone,
	"end_reason" text,
	"end_executed" numeric(20, 8),
	"resolution" jsonb,
	"resolution_id" uuid,
	"routed_at" timestamp (6) with time zone NOT NULL,
	"done_at" timestamp (6) with time zone,
	CONSTRAINT "venue_orders_done_check" CHECK (("venue_orders"."state" = 'done') = ("venue_orders"."done_at" is not null)),
	CONSTRAINT "venue_orders_unknown_check" CHECK (("venue_orders"."state" = 'unknown') = ("venue_orders"."unknown_reason" is not null) and ("venue_orders"."unknown_reason" is null) = ("venue_orders"."unknown_since" is null)),
	CONSTRAINT "venue_orders_end_check" CHECK (("venue_orders"."end_reason" is null) = ("venue_orders"."end_executed" is null)),
	CONSTRAINT "venue_orders_resolution_check" CHECK (("venue_orders"."resolution" is null) = ("venue_orders"."resolution_id" is null))
);
--> statement-breakpoint
ALTER TABLE "venue_orders" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "venue_reports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"order_id" uuid NOT NULL,
	"venue" text NOT NULL,
	"report_key" text NOT NULL,
	"type" "venue_report_type" NOT NULL,
	"standing" "venue_report_standing" NOT NULL,
	"price" numeric(20, 8),
	"quantity" numeric(20, 8),
	"fee" numeric(20, 8),
	"fee_asset" text,
	"reason" text,
	"executed" numeric(20, 8),
	"trade_id" uuid,
	"resolution_id" uuid,
	"received_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "venue_reports_booked_check" CHECK (("venue_reports"."standing" = 'booked') = ("venue_reports"."trade_id" is not null)),
	CONSTRAINT "venue_reports_fill_check" CHECK (("venue_reports"."type" = 'fill') = ("venue_reports"."price" is not null and "venue_reports"."quantity" is not null) and ("venue_reports"."standing" = 'noted') = ("venue_reports"."type" <> 'fill'))
);
--> statement-breakpoint
ALTER TABLE "venue_reports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "simulated_orders" (
	"id" uuid PRIMARY KEY NOT NULL,
	"instrument_id" uuid NOT NULL,
	"symbol" text NOT NULL,
	"side" "order_side" NOT NULL,
	"time_in_force" time_in_force NOT NULL,
	"limit_price" numeric(20, 8),
	"is_market" boolean NOT NULL,
	"quantity" numeric(20, 8),
	"notional" numeric(20, 8),
	"post_only" boolean NOT NULL,
	"executed" numeric(20, 8) NOT NULL,
	"executed_amount" numeric(20, 8) NOT NULL,
	"resting" boolean NOT NULL,
	"quote_key" text,
	"report_count" integer NOT NULL,
	"closed" boolean NOT NULL,
	"received_at" timestamp (6) with time zone NOT NULL,
	"due_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "simulated_orders_size_check" CHECK (num_nonnulls("simulated_orders"."quantity", "simulated_orders"."notional") = 1)
);
--> statement-breakpoint
ALTER TABLE "simulated_orders" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "simulated_reports" (
	"reference" uuid NOT NULL,
	"place" integer NOT NULL,
	"type" "venue_report_type" NOT NULL,
	"price" numeric(20, 8),
	"quantity" numeric(20, 8),
	"liquidity" text,
	"fee" numeric(20, 8),
	"fee_asset" text,
	"reason" text,
	"executed" numeric(20, 8),
	"made_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "simulated_reports_pkey" PRIMARY KEY("reference","place")
);
--> statement-breakpoint
ALTER TABLE "simulated_reports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "margin_approval_id" uuid;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "lot_method" "lot_method" DEFAULT 'fifo' NOT NULL;--> statement-breakpoint
ALTER TABLE "lot_disposals" ADD COLUMN "method" "lot_method" DEFAULT 'fifo' NOT NULL;--> statement-breakpoint
ALTER TABLE "lots" ADD COLUMN "cost_open" numeric(20, 8);--> statement-breakpoint
ALTER TABLE "wallets" ADD COLUMN "margin_short" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "fills" ADD COLUMN "settles_on" date;--> statement-breakpoint
ALTER TABLE "fills" ADD COLUMN "trade_day" date;--> statement-breakpoint
ALTER TABLE "fills" ADD COLUMN "volume" numeric(20, 8);--> statement-breakpoint
ALTER TABLE "fills" ADD COLUMN "listed_fee_bps" integer;--> statement-breakpoint
ALTER TABLE "fills" ADD COLUMN "fee_tier_id" uuid;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "lots" jsonb;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "origin" "order_origin" DEFAULT 'customer' NOT NULL;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "group_role" "order_group_role";--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "parent_id" uuid;--> statement-breakpoint
ALTER TABLE "trades" ADD COLUMN "venue" text;--> statement-breakpoint
ALTER TABLE "portfolio_snapshots" ADD CONSTRAINT "portfolio_snapshots_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fee_standings" ADD CONSTRAINT "fee_standings_schedule_id_fee_tier_schedules_id_fk" FOREIGN KEY ("schedule_id") REFERENCES "public"."fee_tier_schedules"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fee_standings" ADD CONSTRAINT "fee_standings_tier_id_fee_tiers_id_fk" FOREIGN KEY ("tier_id") REFERENCES "public"."fee_tiers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fee_tiers" ADD CONSTRAINT "fee_tiers_schedule_id_fee_tier_schedules_id_fk" FOREIGN KEY ("schedule_id") REFERENCES "public"."fee_tier_schedules"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "funding_cursors" ADD CONSTRAINT "funding_cursors_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "liquidation_orders" ADD CONSTRAINT "liquidation_orders_liquidation_id_liquidations_id_fk" FOREIGN KEY ("liquidation_id") REFERENCES "public"."liquidations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "liquidation_orders" ADD CONSTRAINT "liquidation_orders_position_id_positions_id_fk" FOREIGN KEY ("position_id") REFERENCES "public"."positions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "liquidations" ADD CONSTRAINT "liquidations_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "liquidations" ADD CONSTRAINT "liquidations_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "margin_calls" ADD CONSTRAINT "margin_calls_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "margin_calls" ADD CONSTRAINT "margin_calls_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "position_funding" ADD CONSTRAINT "position_funding_position_id_positions_id_fk" FOREIGN KEY ("position_id") REFERENCES "public"."positions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "position_funding" ADD CONSTRAINT "position_funding_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "margin_holds" ADD CONSTRAINT "margin_holds_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "positions" ADD CONSTRAINT "positions_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "positions" ADD CONSTRAINT "positions_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "positions" ADD CONSTRAINT "positions_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "simulated_reports" ADD CONSTRAINT "simulated_reports_reference_simulated_orders_id_fk" FOREIGN KEY ("reference") REFERENCES "public"."simulated_orders"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "settlement_obligations_open_idx" ON "settlement_obligations" USING btree ("wallet_id","settles_on","fill_id") WHERE "settlement_obligations"."settled_at" is null and "settlement_obligations"."used" < "settlement_obligations"."amount";--> statement-breakpoint
CREATE INDEX "settlement_obligations_due_idx" ON "settlement_obligations" USING btree ("settles_on") WHERE "settlement_obligations"."settled_at" is null;--> statement-breakpoint
CREATE INDEX "settlement_obligations_account_id_idx" ON "settlement_obligations" USING btree ("account_id","fill_id");--> statement-breakpoint
CREATE INDEX "settlement_obligations_user_id_idx" ON "settlement_obligations" USING btree ("user_id","fill_id");--> statement-breakpoint
CREATE INDEX "portfolio_snapshots_day_idx" ON "portfolio_snapshots" USING btree ("day","account_id");--> statement-breakpoint
CREATE INDEX "portfolio_snapshots_user_id_idx" ON "portfolio_snapshots" USING btree ("user_id","account_id","day");--> statement-breakpoint
CREATE INDEX "fee_standings_schedule_id_idx" ON "fee_standings" USING btree ("schedule_id");--> statement-breakpoint
CREATE INDEX "fee_standings_tier_id_idx" ON "fee_standings" USING btree ("tier_id");--> statement-breakpoint
CREATE UNIQUE INDEX "fee_tier_schedules_approval_id_key" ON "fee_tier_schedules" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "fee_tiers_name_key" ON "fee_tiers" USING btree ("schedule_id","name");--> statement-breakpoint
CREATE UNIQUE INDEX "fee_tiers_min_volume_key" ON "fee_tiers" USING btree ("schedule_id","min_volume");--> statement-breakpoint
CREATE UNIQUE INDEX "liquidation_orders_step_key" ON "liquidation_orders" USING btree ("liquidation_id","step","position_id");--> statement-breakpoint
CREATE UNIQUE INDEX "liquidation_orders_order_id_key" ON "liquidation_orders" USING btree ("order_id");--> statement-breakpoint
CREATE INDEX "liquidation_orders_unplaced_idx" ON "liquidation_orders" USING btree ("liquidation_id") WHERE "liquidation_orders"."order_id" is null;--> statement-breakpoint
CREATE INDEX "liquidation_orders_position_id_idx" ON "liquidation_orders" USING btree ("position_id");--> statement-breakpoint
CREATE INDEX "liquidation_orders_user_id_idx" ON "liquidation_orders" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "liquidations_open_key" ON "liquidations" USING btree ("wallet_id") WHERE "liquidations"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "liquidations_wallet_id_idx" ON "liquidations" USING btree ("wallet_id");--> statement-breakpoint
CREATE INDEX "liquidations_account_id_idx" ON "liquidations" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "liquidations_user_id_idx" ON "liquidations" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "margin_calls_open_key" ON "margin_calls" USING btree ("wallet_id") WHERE "margin_calls"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "margin_calls_wallet_id_idx" ON "margin_calls" USING btree ("wallet_id");--> statement-breakpoint
CREATE INDEX "margin_calls_account_id_idx" ON "margin_calls" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "margin_calls_user_id_idx" ON "margin_calls" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "position_funding_instrument_id_idx" ON "position_funding" USING btree ("instrument_id");--> statement-breakpoint
CREATE INDEX "position_funding_user_id_idx" ON "position_funding" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "margin_holds_account_id_idx" ON "margin_holds" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "margin_holds_user_id_idx" ON "margin_holds" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "positions_open_key" ON "positions" USING btree ("account_id","instrument_id") WHERE "positions"."closed_at" is null;--> statement-breakpoint
CREATE INDEX "positions_wallet_id_idx" ON "positions" USING btree ("wallet_id") WHERE "positions"."closed_at" is null;--> statement-breakpoint
CREATE INDEX "positions_instrument_id_idx" ON "positions" USING btree ("instrument_id") WHERE "positions"."closed_at" is null;--> statement-breakpoint
CREATE INDEX "positions_account_id_idx" ON "positions" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "positions_user_id_idx" ON "positions" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "venue_orders_open_idx" ON "venue_orders" USING btree ("instrument_id","book") WHERE "venue_orders"."state" <> 'done';--> statement-breakpoint
CREATE INDEX "venue_orders_state_idx" ON "venue_orders" USING btree ("state","order_id");--> statement-breakpoint
CREATE UNIQUE INDEX "venue_reports_key" ON "venue_reports" USING btree ("venue","report_key");--> statement-breakpoint
CREATE UNIQUE INDEX "venue_reports_trade_id_key" ON "venue_reports" USING btree ("trade_id");--> statement-breakpoint
CREATE INDEX "venue_reports_order_id_idx" ON "venue_reports" USING btree ("order_id","id");--> statement-breakpoint
CREATE INDEX "simulated_orders_open_idx" ON "simulated_orders" USING btree ("instrument_id") WHERE not "simulated_orders"."closed";--> statement-breakpoint
CREATE INDEX "lot_disposals_disposed_at_idx" ON "lot_disposals" USING brin ("disposed_at");--> statement-breakpoint
CREATE INDEX "orders_group_idx" ON "orders" USING btree ("group_id") WHERE "orders"."group_id" is not null;--> statement-breakpoint
CREATE INDEX "orders_group_open_idx" ON "orders" USING btree ("instrument_id","book") WHERE "orders"."group_id" is not null and "orders"."closed_at" is null;--> statement-breakpoint
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_margin_thresholds_check" CHECK ("accounts"."liquidation_threshold" > 0 and "accounts"."liquidation_threshold" < 1
        and "accounts"."margin_call_threshold" > "accounts"."liquidation_threshold" and "accounts"."margin_call_threshold" <= 2);--> statement-breakpoint
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_lot_method_check" CHECK ("accounts"."lot_method" <> 'specific');--> statement-breakpoint
ALTER TABLE "lots" ADD CONSTRAINT "lots_cost_open_check" CHECK ("lots"."cost_open" >= 0 and ("lots"."cost" is not null or "lots"."cost_open" is null));--> statement-breakpoint
ALTER TABLE "lots" ADD CONSTRAINT "lots_cost_gone_check" CHECK ("lots"."quantity_open" > 0 or coalesce("lots"."cost_open", 0) = 0);--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_group_check" CHECK (("orders"."group_id" is null) = ("orders"."group_role" is null) and ("orders"."group_role" is null or "orders"."quantity" is not null)
        and ("orders"."parent_id" is not null) = ("orders"."group_role" is not null and "orders"."group_role" in ('take_profit', 'stop_loss')));--> statement-breakpoint
CREATE POLICY "settlement_obligations_app" ON "settlement_obligations" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("settlement_obligations"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("settlement_obligations"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "settlement_obligations_staff" ON "settlement_obligations" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "settlement_obligations_engine" ON "settlement_obligations" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "portfolio_days_app_read" ON "portfolio_days" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "portfolio_days_staff" ON "portfolio_days" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "portfolio_days_engine" ON "portfolio_days" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "portfolio_snapshots_app" ON "portfolio_snapshots" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("portfolio_snapshots"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("portfolio_snapshots"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "portfolio_snapshots_staff" ON "portfolio_snapshots" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "portfolio_snapshots_engine" ON "portfolio_snapshots" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fee_standings_app" ON "fee_standings" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("fee_standings"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("fee_standings"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "fee_standings_staff" ON "fee_standings" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fee_standings_engine" ON "fee_standings" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fee_tier_schedules_app_read" ON "fee_tier_schedules" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "fee_tier_schedules_staff" ON "fee_tier_schedules" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fee_tier_schedules_engine" ON "fee_tier_schedules" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fee_tiers_app_read" ON "fee_tiers" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "fee_tiers_staff" ON "fee_tiers" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fee_tiers_engine" ON "fee_tiers" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "trading_volumes_app" ON "trading_volumes" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("trading_volumes"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("trading_volumes"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "trading_volumes_staff" ON "trading_volumes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "trading_volumes_engine" ON "trading_volumes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "funding_cursors_staff" ON "funding_cursors" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "funding_cursors_engine" ON "funding_cursors" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "liquidation_orders_staff" ON "liquidation_orders" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "liquidation_orders_engine" ON "liquidation_orders" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "liquidations_app" ON "liquidations" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("liquidations"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("liquidations"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "liquidations_staff" ON "liquidations" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "liquidations_engine" ON "liquidations" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "margin_calls_app" ON "margin_calls" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("margin_calls"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("margin_calls"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "margin_calls_staff" ON "margin_calls" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "margin_calls_engine" ON "margin_calls" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "margin_keepers_staff" ON "margin_keepers" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "margin_keepers_engine" ON "margin_keepers" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "position_funding_staff" ON "position_funding" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "position_funding_engine" ON "position_funding" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "margin_holds_app" ON "margin_holds" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("margin_holds"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("margin_holds"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "margin_holds_staff" ON "margin_holds" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "margin_holds_engine" ON "margin_holds" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "positions_app" ON "positions" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("positions"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("positions"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "positions_staff" ON "positions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "positions_engine" ON "positions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "venue_orders_staff" ON "venue_orders" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "venue_orders_engine" ON "venue_orders" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "venue_reports_staff" ON "venue_reports" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "venue_reports_engine" ON "venue_reports" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "simulated_orders_staff" ON "simulated_orders" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "simulated_orders_engine" ON "simulated_orders" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "simulated_reports_staff" ON "simulated_reports" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "simulated_reports_engine" ON "simulated_reports" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);