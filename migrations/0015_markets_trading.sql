CREATE TYPE "public"."price_alert_kind" AS ENUM('price_above', 'price_below', 'percent_change', 'technical_indicator', 'volume_spike');--> statement-breakpoint
CREATE TYPE "public"."session_kind" AS ENUM('pre', 'regular', 'post');--> statement-breakpoint
CREATE TYPE "public"."candle_interval" AS ENUM('1m', '5m', '15m', '1h', '4h', '1d', '1w');--> statement-breakpoint
CREATE TYPE "public"."feed_name" AS ENUM('simulator', 'coinbase', 'replay');--> statement-breakpoint
CREATE TYPE "public"."quarantine_reason" AS ENUM('unknown_symbol', 'off_scale', 'not_positive', 'in_future', 'repeated', 'sequence_backwards', 'time_backwards', 'quote_crossed', 'jump');--> statement-breakpoint
CREATE TYPE "public"."day_count" AS ENUM('actual_360', 'actual_365');--> statement-breakpoint
CREATE TYPE "public"."halt_action" AS ENUM('halted', 'resumed');--> statement-breakpoint
CREATE TYPE "public"."breaker_scope" AS ENUM('platform', 'instrument');--> statement-breakpoint
CREATE TYPE "public"."breaker_trigger" AS ENUM('manual', 'automatic');--> statement-breakpoint
CREATE TYPE "public"."risk_alert_kind" AS ENUM('position_limit', 'volume_limit', 'daily_loss', 'price_deviation', 'breaker_tripped');--> statement-breakpoint
CREATE TYPE "public"."risk_severity" AS ENUM('low', 'medium', 'high', 'critical');--> statement-breakpoint
CREATE TYPE "public"."book_phase" AS ENUM('continuous', 'halted');--> statement-breakpoint
CREATE TABLE "price_alerts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"instrument_id" uuid NOT NULL,
	"kind" "price_alert_kind" NOT NULL,
	"condition" jsonb NOT NULL,
	"message" "bytea",
	"repeat" boolean NOT NULL,
	"cooldown_seconds" integer NOT NULL,
	"expires_at" timestamp (6) with time zone,
	"active" boolean NOT NULL,
	"armed" boolean NOT NULL,
	"trigger_count" integer DEFAULT 0 NOT NULL,
	"triggered_at" timestamp (6) with time zone,
	"triggered_value" numeric(20, 8),
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "price_alerts_cooldown_check" CHECK ("price_alerts"."cooldown_seconds" between 0 and 604800),
	CONSTRAINT "price_alerts_trigger_count_check" CHECK ("price_alerts"."trigger_count" >= 0),
	CONSTRAINT "price_alerts_triggered_check" CHECK (("price_alerts"."trigger_count" = 0) = ("price_alerts"."triggered_at" is null)),
	CONSTRAINT "price_alerts_condition_check" CHECK ("price_alerts"."condition" ->> 'kind' is not distinct from "price_alerts"."kind"::text)
);
--> statement-breakpoint
ALTER TABLE "price_alerts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "market_calendars" (
	"id" uuid PRIMARY KEY NOT NULL,
	"exchange" "exchange" NOT NULL,
	"time_zone" text NOT NULL,
	"day_ends_at" text NOT NULL,
	"source" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"change_approval_id" uuid,
	"updated_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "market_calendars_day_ends_at_check" CHECK ("market_calendars"."day_ends_at" ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$')
);
--> statement-breakpoint
ALTER TABLE "market_calendars" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "market_holidays" (
	"id" uuid PRIMARY KEY NOT NULL,
	"calendar_id" uuid NOT NULL,
	"day" date NOT NULL,
	"name" text NOT NULL,
	"closes_at" text,
	"source" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"removed_at" timestamp (6) with time zone,
	"remove_approval_id" uuid,
	CONSTRAINT "market_holidays_closes_at_check" CHECK ("market_holidays"."closes_at" ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
	CONSTRAINT "market_holidays_source_check" CHECK ("market_holidays"."source" in ('release', 'rule', 'staff')),
	CONSTRAINT "market_holidays_removed_check" CHECK (("market_holidays"."removed_at" is null) = ("market_holidays"."remove_approval_id" is null))
);
--> statement-breakpoint
ALTER TABLE "market_holidays" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "trading_sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"calendar_id" uuid NOT NULL,
	"kind" "session_kind" NOT NULL,
	"opens_on" smallint NOT NULL,
	"opens_at" text NOT NULL,
	"closes_on" smallint NOT NULL,
	"closes_at" text NOT NULL,
	"approval_id" uuid,
	CONSTRAINT "trading_sessions_days_check" CHECK ("trading_sessions"."opens_on" between 1 and 7 and "trading_sessions"."closes_on" between 1 and 7),
	CONSTRAINT "trading_sessions_times_check" CHECK ("trading_sessions"."opens_at" ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' and "trading_sessions"."closes_at" ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$')
);
--> statement-breakpoint
ALTER TABLE "trading_sessions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "candles" (
	"instrument_id" uuid NOT NULL,
	"interval" "candle_interval" NOT NULL,
	"opened_at" timestamp (6) with time zone NOT NULL,
	"open" numeric(20, 8) NOT NULL,
	"high" numeric(20, 8) NOT NULL,
	"low" numeric(20, 8) NOT NULL,
	"close" numeric(20, 8) NOT NULL,
	"volume" numeric(20, 8) NOT NULL,
	"ticks" bigint NOT NULL,
	"first_at" timestamp (6) with time zone NOT NULL,
	"first_sequence" bigint NOT NULL,
	"first_source" text NOT NULL,
	"last_at" timestamp (6) with time zone NOT NULL,
	"last_sequence" bigint NOT NULL,
	"last_source" text NOT NULL,
	CONSTRAINT "candles_instrument_id_interval_opened_at_pk" PRIMARY KEY("instrument_id","interval","opened_at"),
	CONSTRAINT "candles_prices_check" CHECK ("candles"."low" > 0 and "candles"."low" <= least("candles"."open", "candles"."close") and "candles"."high" >= greatest("candles"."open", "candles"."close"))
);
--> statement-breakpoint
ALTER TABLE "candles" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "feed_positions" (
	"instrument_id" uuid NOT NULL,
	"feed" "feed_name" NOT NULL,
	"sequence" bigint,
	"occurred_at" timestamp (6) with time zone,
	"price" numeric(20, 8),
	"level_price" numeric(20, 8),
	"level_count" integer NOT NULL,
	"unsettled" boolean DEFAULT false NOT NULL,
	"updated_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "feed_positions_instrument_id_feed_pk" PRIMARY KEY("instrument_id","feed"),
	CONSTRAINT "feed_positions_level_check" CHECK (("feed_positions"."level_price" is null) = ("feed_positions"."level_count" = 0))
);
--> statement-breakpoint
ALTER TABLE "feed_positions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "price_settings" (
	"instrument_id" uuid PRIMARY KEY NOT NULL,
	"feed" "feed_name",
	"feed_symbol" text,
	"max_jump_bps" integer,
	"stale_after_seconds" integer,
	"level_ticks" integer NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "price_settings_feed_check" CHECK ("price_settings"."feed" is null or ("price_settings"."feed_symbol" is not null and "price_settings"."max_jump_bps" is not null and "price_settings"."stale_after_seconds" is not null)),
	CONSTRAINT "price_settings_limits_check" CHECK ("price_settings"."max_jump_bps" between 1 and 10000 and "price_settings"."stale_after_seconds" between 1 and 604800 and "price_settings"."level_ticks" between 2 and 1000)
);
--> statement-breakpoint
ALTER TABLE "price_settings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "price_ticks" (
	"instrument_id" uuid NOT NULL,
	"source" text NOT NULL,
	"sequence" bigint NOT NULL,
	"price" numeric(20, 8) NOT NULL,
	"size" numeric(20, 8) NOT NULL,
	"occurred_at" timestamp (6) with time zone NOT NULL,
	"received_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "price_ticks_instrument_id_source_sequence_received_at_pk" PRIMARY KEY("instrument_id","source","sequence","received_at"),
	CONSTRAINT "price_ticks_price_check" CHECK ("price_ticks"."price" > 0 and "price_ticks"."size" >= 0)
) PARTITION BY RANGE ("received_at");
--> statement-breakpoint
ALTER TABLE "price_ticks" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "quarantined_ticks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"feed" "feed_name" NOT NULL,
	"symbol" text NOT NULL,
	"instrument_id" uuid,
	"reason" "quarantine_reason" NOT NULL,
	"price" text NOT NULL,
	"size" text NOT NULL,
	"sequence" text NOT NULL,
	"occurred_at" text NOT NULL,
	"received_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "quarantined_ticks" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "trading_halts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"instrument_id" uuid NOT NULL,
	"action" "halt_action" NOT NULL,
	"reason" text NOT NULL,
	"halted_until" timestamp (6) with time zone,
	"acted_by" uuid,
	"approval_id" uuid,
	"occurred_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "trading_halts_approval_check" CHECK ("trading_halts"."approval_id" is null or ("trading_halts"."action" = 'resumed' and "trading_halts"."acted_by" is not null))
);
--> statement-breakpoint
ALTER TABLE "trading_halts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "watchlists" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"name" "bytea" NOT NULL,
	"instrument_ids" uuid[] NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"updated_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "watchlists_instrument_ids_check" CHECK (cardinality("watchlists"."instrument_ids") <= 200)
);
--> statement-breakpoint
ALTER TABLE "watchlists" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "breaker_prices" (
	"instrument_id" uuid NOT NULL,
	"second_at" timestamp (6) with time zone NOT NULL,
	"low" numeric(20, 8) NOT NULL,
	"high" numeric(20, 8) NOT NULL,
	"last" numeric(20, 8) NOT NULL,
	CONSTRAINT "breaker_prices_pkey" PRIMARY KEY("instrument_id","second_at")
);
--> statement-breakpoint
ALTER TABLE "breaker_prices" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "breaker_rules" (
	"id" uuid PRIMARY KEY NOT NULL,
	"instrument_id" uuid NOT NULL,
	"active" boolean NOT NULL,
	"move_bps" integer NOT NULL,
	"window_seconds" integer NOT NULL,
	"pause_seconds" integer NOT NULL,
	"alert_bps" integer NOT NULL,
	"set_by" uuid NOT NULL,
	"approval_id" uuid,
	"reason" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "breaker_rules_terms_check" CHECK ("breaker_rules"."move_bps" between 1 and 10000 and "breaker_rules"."alert_bps" between 1 and "breaker_rules"."move_bps"
        and "breaker_rules"."window_seconds" between 1 and 3600 and "breaker_rules"."pause_seconds" between 1 and 86400)
);
--> statement-breakpoint
ALTER TABLE "breaker_rules" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "circuit_breakers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"scope" "breaker_scope" NOT NULL,
	"instrument_id" uuid,
	"trigger" "breaker_trigger" NOT NULL,
	"reason" text NOT NULL,
	"from_price" numeric(20, 8),
	"to_price" numeric(20, 8),
	"tripped_by" text NOT NULL,
	"tripped_at" timestamp (6) with time zone NOT NULL,
	"ends_at" timestamp (6) with time zone,
	"lifted_by" text,
	"lifted_at" timestamp (6) with time zone,
	"lift_reason" text,
	"lift_approval_id" uuid,
	CONSTRAINT "circuit_breakers_scope_check" CHECK (("circuit_breakers"."scope" = 'instrument') = ("circuit_breakers"."instrument_id" is not null)),
	CONSTRAINT "circuit_breakers_trigger_check" CHECK (("circuit_breakers"."trigger" = 'automatic') = ("circuit_breakers"."from_price" is not null and "circuit_breakers"."to_price" is not null)
        and ("circuit_breakers"."trigger" = 'manual' or "circuit_breakers"."ends_at" is not null)),
	CONSTRAINT "circuit_breakers_ends_check" CHECK ("circuit_breakers"."ends_at" > "circuit_breakers"."tripped_at"),
	CONSTRAINT "circuit_breakers_lift_check" CHECK (num_nulls("circuit_breakers"."lifted_by", "circuit_breakers"."lifted_at", "circuit_breakers"."lift_reason") in (0, 3))
);
--> statement-breakpoint
ALTER TABLE "circuit_breakers" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "risk_alerts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" "risk_alert_kind" NOT NULL,
	"severity" "risk_severity" NOT NULL,
	"condition" text NOT NULL,
	"day" date NOT NULL,
	"user_id" uuid,
	"account_id" uuid,
	"instrument_id" uuid,
	"details" jsonb NOT NULL,
	"raised_at" timestamp (6) with time zone NOT NULL,
	"acknowledged_by" uuid,
	"acknowledged_at" timestamp (6) with time zone,
	"note" text,
	CONSTRAINT "risk_alerts_acknowledged_check" CHECK (num_nulls("risk_alerts"."acknowledged_by", "risk_alerts"."acknowledged_at", "risk_alerts"."note") in (0, 3))
);
--> statement-breakpoint
ALTER TABLE "risk_alerts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "risk_exposures" (
	"account_id" uuid NOT NULL,
	"instrument_id" uuid NOT NULL,
	"open_orders" integer NOT NULL,
	"open_buy_value" numeric(20, 8) NOT NULL,
	"open_sell_value" numeric(20, 8) NOT NULL,
	"net_quantity" numeric(20, 8) NOT NULL,
	CONSTRAINT "risk_exposures_pkey" PRIMARY KEY("account_id","instrument_id")
);
--> statement-breakpoint
ALTER TABLE "risk_exposures" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "risk_limit_withdrawals" (
	"limit_id" uuid PRIMARY KEY NOT NULL,
	"withdrawn_by" uuid NOT NULL,
	"approval_id" uuid NOT NULL,
	"reason" text NOT NULL,
	"withdrawn_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "risk_limit_withdrawals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "risk_turnovers" (
	"account_id" uuid NOT NULL,
	"quarter_at" timestamp (6) with time zone NOT NULL,
	"instrument_id" uuid NOT NULL,
	"volume" numeric(20, 8) NOT NULL,
	"realised_pnl" numeric(20, 8) NOT NULL,
	CONSTRAINT "risk_turnovers_pkey" PRIMARY KEY("account_id","quarter_at","instrument_id")
);
--> statement-breakpoint
ALTER TABLE "risk_turnovers" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "trail_marks" (
	"instrument_id" uuid NOT NULL,
	"book" "book" NOT NULL,
	"side" "order_side" NOT NULL,
	"from_held_seq" bigint NOT NULL,
	"mark" numeric(20, 8) NOT NULL,
	CONSTRAINT "trail_marks_pkey" PRIMARY KEY("instrument_id","book","side","from_held_seq"),
	CONSTRAINT "trail_marks_mark_check" CHECK ("trail_marks"."mark" > 0)
);
--> statement-breakpoint
ALTER TABLE "trail_marks" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "orders" DROP CONSTRAINT "orders_quantity_check";--> statement-breakpoint
ALTER TABLE "fills" DROP CONSTRAINT "fills_trade_id_trades_id_fk";
--> statement-breakpoint
ALTER TABLE "fills" DROP CONSTRAINT "fills_order_id_orders_id_fk";
--> statement-breakpoint
ALTER TABLE "order_events" DROP CONSTRAINT "order_events_order_id_orders_id_fk";
--> statement-breakpoint
ALTER TABLE "orders" DROP CONSTRAINT "orders_instrument_id_instruments_id_fk";
--> statement-breakpoint
ALTER TABLE "orders" DROP CONSTRAINT "orders_wallet_id_wallets_id_fk";
--> statement-breakpoint
ALTER TABLE "orders" DROP CONSTRAINT "orders_account_id_user_id_fkey";
--> statement-breakpoint
ALTER TABLE "trades" DROP CONSTRAINT "trades_instrument_id_instruments_id_fk";
--> statement-breakpoint
DROP INDEX "orders_client_order_id_key";--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "spot_base" text GENERATED ALWAYS AS (case when kind = 'spot' then base_asset end) STORED;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "min_notional" numeric(20, 8) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "settlement_asset" text;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "max_leverage" numeric(20, 8);--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "initial_margin_bps" integer;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "maintenance_margin_bps" integer;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "long_rate_bps" integer;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "short_rate_bps" integer;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "day_count" "day_count";--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "funding_hours" integer;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "listed_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "halted_until" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "instruments" ADD COLUMN "change_approval_id" uuid;--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "priced_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "stale_told_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "risk_limits" ADD COLUMN "day_zone" text;--> statement-breakpoint
ALTER TABLE "risk_limits" ADD COLUMN "alert_percent" integer DEFAULT 80 NOT NULL;--> statement-breakpoint
ALTER TABLE "book_owners" ADD COLUMN "phase" "book_phase" DEFAULT 'continuous' NOT NULL;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "reduced_quantity" numeric(20, 8) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "held_seq" bigint;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "high_water_mark" numeric(20, 8);--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "trigger_price" numeric(20, 8);--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "triggered_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "price_alerts" ADD CONSTRAINT "price_alerts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "price_alerts" ADD CONSTRAINT "price_alerts_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "market_holidays" ADD CONSTRAINT "market_holidays_calendar_id_market_calendars_id_fk" FOREIGN KEY ("calendar_id") REFERENCES "public"."market_calendars"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trading_sessions" ADD CONSTRAINT "trading_sessions_calendar_id_market_calendars_id_fk" FOREIGN KEY ("calendar_id") REFERENCES "public"."market_calendars"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "candles" ADD CONSTRAINT "candles_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "feed_positions" ADD CONSTRAINT "feed_positions_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "price_settings" ADD CONSTRAINT "price_settings_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quarantined_ticks" ADD CONSTRAINT "quarantined_ticks_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trading_halts" ADD CONSTRAINT "trading_halts_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "watchlists" ADD CONSTRAINT "watchlists_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "breaker_prices" ADD CONSTRAINT "breaker_prices_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "breaker_rules" ADD CONSTRAINT "breaker_rules_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "circuit_breakers" ADD CONSTRAINT "circuit_breakers_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "risk_alerts" ADD CONSTRAINT "risk_alerts_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "risk_limit_withdrawals" ADD CONSTRAINT "risk_limit_withdrawals_limit_id_risk_limits_id_fk" FOREIGN KEY ("limit_id") REFERENCES "public"."risk_limits"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trail_marks" ADD CONSTRAINT "trail_marks_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "price_alerts_user_id_idx" ON "price_alerts" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "price_alerts_instrument_id_idx" ON "price_alerts" USING btree ("instrument_id");--> statement-breakpoint
CREATE INDEX "price_alerts_changed_at_idx" ON "price_alerts" USING btree ("changed_at");--> statement-breakpoint
CREATE UNIQUE INDEX "market_calendars_exchange_key" ON "market_calendars" USING btree ("exchange");--> statement-breakpoint
CREATE UNIQUE INDEX "market_holidays_day_key" ON "market_holidays" USING btree ("calendar_id","day",coalesce("closes_at", '')) WHERE "market_holidays"."removed_at" is null;--> statement-breakpoint
CREATE INDEX "market_holidays_calendar_id_idx" ON "market_holidays" USING btree ("calendar_id","day");--> statement-breakpoint
CREATE INDEX "trading_sessions_calendar_id_idx" ON "trading_sessions" USING btree ("calendar_id");--> statement-breakpoint
CREATE UNIQUE INDEX "price_settings_feed_symbol_key" ON "price_settings" USING btree ("feed","feed_symbol");--> statement-breakpoint
CREATE INDEX "price_ticks_occurred_at_idx" ON "price_ticks" USING btree ("instrument_id","occurred_at");--> statement-breakpoint
CREATE INDEX "quarantined_ticks_instrument_id_idx" ON "quarantined_ticks" USING btree ("instrument_id","id");--> statement-breakpoint
CREATE INDEX "quarantined_ticks_feed_idx" ON "quarantined_ticks" USING btree ("feed","symbol","reason","received_at");--> statement-breakpoint
CREATE INDEX "trading_halts_instrument_id_idx" ON "trading_halts" USING btree ("instrument_id","id");--> statement-breakpoint
CREATE INDEX "watchlists_user_id_idx" ON "watchlists" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "breaker_rules_instrument_id_idx" ON "breaker_rules" USING btree ("instrument_id","id");--> statement-breakpoint
CREATE INDEX "circuit_breakers_active_idx" ON "circuit_breakers" USING btree ("instrument_id") WHERE "circuit_breakers"."lifted_at" is null;--> statement-breakpoint
CREATE INDEX "circuit_breakers_instrument_id_idx" ON "circuit_breakers" USING btree ("instrument_id");--> statement-breakpoint
CREATE UNIQUE INDEX "risk_alerts_condition_key" ON "risk_alerts" USING btree ("condition","day");--> statement-breakpoint
CREATE INDEX "risk_alerts_user_id_idx" ON "risk_alerts" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "risk_alerts_instrument_id_idx" ON "risk_alerts" USING btree ("instrument_id");--> statement-breakpoint
CREATE INDEX "risk_alerts_open_idx" ON "risk_alerts" USING btree ("id") WHERE "risk_alerts"."acknowledged_at" is null;--> statement-breakpoint
CREATE INDEX "risk_turnovers_quarter_at_idx" ON "risk_turnovers" USING btree ("quarter_at") WHERE "risk_turnovers"."realised_pnl" < 0;--> statement-breakpoint
CREATE INDEX "instruments_spot_base_idx" ON "instruments" USING btree ("spot_base");--> statement-breakpoint
CREATE INDEX "instruments_settlement_asset_idx" ON "instruments" USING btree ("settlement_asset");--> statement-breakpoint
CREATE INDEX "instruments_halted_until_idx" ON "instruments" USING btree ("halted_until") WHERE "instruments"."halted_until" is not null;--> statement-breakpoint
CREATE INDEX "risk_limits_scope_id_idx" ON "risk_limits" USING btree ("scope_id") WHERE "risk_limits"."active";--> statement-breakpoint
CREATE INDEX "orders_expires_idx" ON "orders" USING btree ("expires_at") WHERE "orders"."closed_at" is null and "orders"."expires_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "orders_client_order_id_key" ON "orders" USING btree ("account_id","client_order_id") WHERE "orders"."client_order_id" is not null;--> statement-breakpoint
ALTER TABLE "instruments" ADD CONSTRAINT "instruments_min_notional_check" CHECK ("instruments"."min_notional" >= 0);--> statement-breakpoint
ALTER TABLE "instruments" ADD CONSTRAINT "instruments_collar_check" CHECK ("instruments"."collar_bps" between 1 and 10000);--> statement-breakpoint
ALTER TABLE "instruments" ADD CONSTRAINT "instruments_contract_check" CHECK (num_nonnulls("instruments"."settlement_asset", "instruments"."max_leverage", "instruments"."initial_margin_bps",
        "instruments"."maintenance_margin_bps", "instruments"."long_rate_bps", "instruments"."short_rate_bps", "instruments"."day_count",
        "instruments"."funding_hours") = case "instruments"."kind" when 'contract' then 8 else 0 end);--> statement-breakpoint
ALTER TABLE "instruments" ADD CONSTRAINT "instruments_margin_check" CHECK ("instruments"."max_leverage" >= 1 and "instruments"."maintenance_margin_bps" > 0
        and "instruments"."initial_margin_bps" > "instruments"."maintenance_margin_bps" and "instruments"."initial_margin_bps" <= 10000
        and "instruments"."max_leverage" * "instruments"."initial_margin_bps" <= 10000);--> statement-breakpoint
ALTER TABLE "instruments" ADD CONSTRAINT "instruments_funding_check" CHECK ("instruments"."funding_hours" in (1, 2, 4, 8, 12, 24) and abs("instruments"."long_rate_bps") <= 10000
        and abs("instruments"."short_rate_bps") <= 10000);--> statement-breakpoint
ALTER TABLE "instruments" ADD CONSTRAINT "instruments_halted_check" CHECK ("instruments"."halted_until" is null or ("instruments"."status" = 'halted' and "instruments"."listed_at" is not null));--> statement-breakpoint
ALTER TABLE "risk_limits" ADD CONSTRAINT "risk_limits_alert_check" CHECK ("risk_limits"."alert_percent" between 1 and 100);--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_triggered_check" CHECK (("orders"."triggered_at" is null) = ("orders"."trigger_price" is null));--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_quantity_check" CHECK ("orders"."quantity" > 0 and "orders"."reduced_quantity" >= 0 and "orders"."filled_quantity" + "orders"."reduced_quantity" <= "orders"."quantity");--> statement-breakpoint
CREATE POLICY "price_alerts_app" ON "price_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("price_alerts"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("price_alerts"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "price_alerts_staff" ON "price_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "price_alerts_engine" ON "price_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "market_calendars_app_read" ON "market_calendars" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "market_calendars_staff" ON "market_calendars" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "market_calendars_engine" ON "market_calendars" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "market_holidays_app_read" ON "market_holidays" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "market_holidays_staff" ON "market_holidays" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "market_holidays_engine" ON "market_holidays" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "trading_sessions_app_read" ON "trading_sessions" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "trading_sessions_staff" ON "trading_sessions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "trading_sessions_engine" ON "trading_sessions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "candles_app_read" ON "candles" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "candles_staff" ON "candles" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "candles_engine" ON "candles" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "feed_positions_staff" ON "feed_positions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "feed_positions_engine" ON "feed_positions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "price_settings_app_read" ON "price_settings" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "price_settings_staff" ON "price_settings" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "price_settings_engine" ON "price_settings" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "price_ticks_app_read" ON "price_ticks" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "price_ticks_staff" ON "price_ticks" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "price_ticks_engine" ON "price_ticks" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "quarantined_ticks_staff" ON "quarantined_ticks" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "quarantined_ticks_engine" ON "quarantined_ticks" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "trading_halts_app_read" ON "trading_halts" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "trading_halts_staff" ON "trading_halts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "trading_halts_engine" ON "trading_halts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "watchlists_app" ON "watchlists" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("watchlists"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("watchlists"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "watchlists_staff" ON "watchlists" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "watchlists_engine" ON "watchlists" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "breaker_prices_staff" ON "breaker_prices" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "breaker_prices_engine" ON "breaker_prices" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "breaker_rules_staff" ON "breaker_rules" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "breaker_rules_engine" ON "breaker_rules" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "circuit_breakers_staff" ON "circuit_breakers" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "circuit_breakers_engine" ON "circuit_breakers" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_alerts_staff" ON "risk_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_alerts_engine" ON "risk_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_exposures_staff" ON "risk_exposures" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_exposures_engine" ON "risk_exposures" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_limit_withdrawals_staff" ON "risk_limit_withdrawals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_limit_withdrawals_engine" ON "risk_limit_withdrawals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_turnovers_staff" ON "risk_turnovers" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_turnovers_engine" ON "risk_turnovers" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "trail_marks_app_read" ON "trail_marks" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "trail_marks_staff" ON "trail_marks" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "trail_marks_engine" ON "trail_marks" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);