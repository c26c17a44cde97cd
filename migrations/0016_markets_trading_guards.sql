-- Markets: instruments, calendars, halts ---------------------------------------------------------------
-- A contract may follow what is no asset; what a spot instrument trades is one.
ALTER TABLE instruments
  DROP CONSTRAINT instruments_base_asset_fkey,
  ADD CONSTRAINT instruments_spot_base_fkey FOREIGN KEY (spot_base) REFERENCES assets (code),
  ADD CONSTRAINT instruments_settlement_asset_fkey FOREIGN KEY (settlement_asset) REFERENCES assets (code);
--> statement-breakpoint
-- What was listed before is listed; a proposal is what was halted and never approved.
UPDATE instruments SET listed_at = created_at WHERE NOT (status = 'halted' AND version = 1);
--> statement-breakpoint
-- Two people change the terms of what is listed and end an open halt; one person halts, and none shortens it.
CREATE FUNCTION check_instrument() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  approved text;
BEGIN
  SELECT a.action INTO approved FROM public.approvals a
    WHERE a.id = NEW.change_approval_id AND a.subject_id = NEW.id AND a.status = 'executed'
      AND NEW.change_approval_id IS DISTINCT FROM OLD.change_approval_id
      -- What was agreed to before the last change is used up.
      AND a.executed_at >= coalesce(
        (SELECT o.executed_at FROM public.approvals o WHERE o.id = OLD.change_approval_id), '-infinity');
  IF NEW.id <> OLD.id OR NEW.symbol <> OLD.symbol THEN
    RAISE EXCEPTION 'an instrument keeps its symbol' USING ERRCODE = 'PL040';
  END IF;
  IF OLD.listed_at IS NULL THEN
    IF (NEW.listed_at IS NOT NULL OR NEW.status <> 'halted') AND approved IS DISTINCT FROM 'instrument.list' THEN
      RAISE EXCEPTION 'two people list an instrument' USING ERRCODE = 'PL040';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.type, NEW.kind, NEW.exchange, NEW.base_asset, NEW.quote_asset, NEW.tick, NEW.lot, NEW.min_quantity,
      NEW.max_quantity, NEW.min_notional, NEW.collar_bps, NEW.maker_fee_bps, NEW.taker_fee_bps, NEW.fractional,
      NEW.execution, NEW.settlement_cycle, NEW.settlement_asset, NEW.max_leverage, NEW.initial_margin_bps,
      NEW.maintenance_margin_bps, NEW.long_rate_bps, NEW.short_rate_bps, NEW.day_count, NEW.funding_hours,
      NEW.listed_at) IS DISTINCT FROM
     (OLD.type, OLD.kind, OLD.exchange, OLD.base_asset, OLD.quote_asset, OLD.tick, OLD.lot, OLD.min_quantity,
      OLD.max_quantity, OLD.min_notional, OLD.collar_bps, OLD.maker_fee_bps, OLD.taker_fee_bps, OLD.fractional,
      OLD.execution, OLD.settlement_cycle, OLD.settlement_asset, OLD.max_leverage, OLD.initial_margin_bps,
      OLD.maintenance_margin_bps, OLD.long_rate_bps, OLD.short_rate_bps, OLD.day_count, OLD.funding_hours,
      OLD.listed_at)
     AND approved IS DISTINCT FROM 'instrument.change' THEN
    RAISE EXCEPTION 'two people change the terms of an instrument' USING ERRCODE = 'PL040';
  END IF;
  IF OLD.status = 'halted' AND NEW.status = 'active' AND OLD.halted_until IS NULL
     AND approved IS DISTINCT FROM 'instrument.resume' THEN
    RAISE EXCEPTION 'two people end a halt' USING ERRCODE = 'PL040';
  END IF;
  IF OLD.status = 'halted' AND NEW.status = 'halted' AND NEW.halted_until IS NOT NULL
     AND (OLD.halted_until IS NULL OR NEW.halted_until < OLD.halted_until) THEN
    RAISE EXCEPTION 'a halt is not shortened' USING ERRCODE = 'PL040';
  END IF;
  IF (NEW.status = 'delisted') <> (OLD.status = 'delisted')
     AND NOT (NEW.status = 'delisted' AND coalesce(approved = 'instrument.delist', false)) THEN
    RAISE EXCEPTION 'two people delist an instrument, for good' USING ERRCODE = 'PL040';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_instrument BEFORE UPDATE ON instruments FOR EACH ROW EXECUTE FUNCTION check_instrument();
--> statement-breakpoint
ALTER TABLE instruments ENABLE ALWAYS TRIGGER check_instrument;
--> statement-breakpoint
REVOKE INSERT ON instruments FROM plimsoll_staff;
--> statement-breakpoint
REVOKE DELETE ON instruments FROM plimsoll_engine;
--> statement-breakpoint
ALTER TABLE trading_halts FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON trading_halts, market_calendars, trading_sessions, market_holidays
  TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON trading_halts, trading_sessions, market_holidays TO plimsoll_engine;
--> statement-breakpoint
GRANT DELETE ON trading_sessions TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (time_zone, day_ends_at, source, version, change_approval_id, updated_at) ON market_calendars
  TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (removed_at, remove_approval_id) ON market_holidays TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('trading_halts');
--> statement-breakpoint
-- The usual hours of the exchanges. Written before row-level security is forced on the owner.
INSERT INTO market_calendars (id, exchange, time_zone, day_ends_at, source, updated_at) VALUES
  ('00000000-0000-7000-8000-00000000ca01', 'NYSE', 'America/New_York', '00:00',
    'NYSE, Holidays & Trading Hours: core session 9:30 to 16:00 ET; early and late sessions as on NYSE Arca', now()),
  ('00000000-0000-7000-8000-00000000ca02', 'NASDAQ', 'America/New_York', '00:00',
    'Nasdaq, Trading Schedule: 9:30 to 16:00 ET, pre-market from 4:00, post-market until 20:00', now()),
  ('00000000-0000-7000-8000-00000000ca03', 'LSE', 'Europe/London', '00:00',
    'Assumed: SETS continuous trading 8:00 to 16:30, opening auction from 7:50; confirm with the exchange', now()),
  ('00000000-0000-7000-8000-00000000ca04', 'SEM', 'Indian/Mauritius', '00:00',
    'Assumed: official market 10:00 to 14:30, pre-opening from 9:00; confirm with the exchange', now()),
  ('00000000-0000-7000-8000-00000000ca05', 'FOREX', 'America/New_York', '17:00',
    'Assumed: market convention, Sunday 17:00 to Friday 17:00 New York', now()),
  ('00000000-0000-7000-8000-00000000ca06', 'CRYPTO', 'UTC', '00:00',
    'Assumed: never closed; the day ends at midnight UTC', now()),
  ('00000000-0000-7000-8000-00000000ca07', 'COMMODITY', 'America/Chicago', '17:00',
    'Assumed: CME Globex, Sunday 17:00 to Friday 16:00 Chicago with a break from 16:00 to 17:00 each day', now());
--> statement-breakpoint
INSERT INTO trading_sessions (id, calendar_id, kind, opens_on, opens_at, closes_on, closes_at)
SELECT gen_random_uuid(), c.id, w.kind::session_kind, d.day, w.opens_at, d.day, w.closes_at
FROM market_calendars c
JOIN (VALUES
  ('NYSE', 'pre', '04:00', '09:30'), ('NYSE', 'regular', '09:30', '16:00'), ('NYSE', 'post', '16:00', '20:00'),
  ('NASDAQ', 'pre', '04:00', '09:30'), ('NASDAQ', 'regular', '09:30', '16:00'), ('NASDAQ', 'post', '16:00', '20:00'),
  ('LSE', 'pre', '07:50', '08:00'), ('LSE', 'regular', '08:00', '16:30'),
  ('SEM', 'pre', '09:00', '10:00'), ('SEM', 'regular', '10:00', '14:30')
) AS w (exchange, kind, opens_at, closes_at) ON c.exchange::text = w.exchange
CROSS JOIN generate_series(1, 5) AS d (day);
--> statement-breakpoint
INSERT INTO trading_sessions (id, calendar_id, kind, opens_on, opens_at, closes_on, closes_at)
SELECT gen_random_uuid(), c.id, 'regular', w.opens_on, w.opens_at, w.closes_on, w.closes_at
FROM market_calendars c
JOIN (VALUES
  ('FOREX', 7, '17:00', 5, '17:00'), ('CRYPTO', 1, '00:00', 1, '00:00'),
  ('COMMODITY', 7, '17:00', 1, '16:00'), ('COMMODITY', 1, '17:00', 2, '16:00'), ('COMMODITY', 2, '17:00', 3, '16:00'),
  ('COMMODITY', 3, '17:00', 4, '16:00'), ('COMMODITY', 4, '17:00', 5, '16:00')
) AS w (exchange, opens_on, opens_at, closes_on, closes_at) ON c.exchange::text = w.exchange;
--> statement-breakpoint
-- NYSE and Nasdaq, 2026 and 2027, by their published rules (src/domains/markets/calendars/nyse-holidays.ts).
INSERT INTO market_holidays (id, calendar_id, day, name, closes_at, source, created_at)
SELECT gen_random_uuid(), c.id, h.day::date, h.name, h.closes_at, 'release', now()
FROM market_calendars c CROSS JOIN (VALUES
  ('2026-01-01', 'New Year''s Day', NULL),
  ('2026-01-19', 'Martin Luther King, Jr. Day', NULL),
  ('2026-02-16', 'Washington''s Birthday', NULL),
  ('2026-04-03', 'Good Friday', NULL),
  ('2026-05-25', 'Memorial Day', NULL),
  ('2026-06-19', 'Juneteenth National Independence Day', NULL),
  ('2026-07-03', 'Independence Day', NULL),
  ('2026-09-07', 'Labor Day', NULL),
  ('2026-11-26', 'Thanksgiving Day', NULL),
  ('2026-11-27', 'Day after Thanksgiving', '13:00'),
  ('2026-12-24', 'Christmas Eve', '13:00'),
  ('2026-12-25', 'Christmas Day', NULL),
  ('2027-01-01', 'New Year''s Day', NULL),
  ('2027-01-18', 'Martin Luther King, Jr. Day', NULL),
  ('2027-02-15', 'Washington''s Birthday', NULL),
  ('2027-03-26', 'Good Friday', NULL),
  ('2027-05-31', 'Memorial Day', NULL),
  ('2027-06-18', 'Juneteenth National Independence Day', NULL),
  ('2027-07-05', 'Independence Day', NULL),
  ('2027-09-06', 'Labor Day', NULL),
  ('2027-11-25', 'Thanksgiving Day', NULL),
  ('2027-11-26', 'Day after Thanksgiving', '13:00'),
  ('2027-12-24', 'Christmas Day', NULL)
) AS h (day, name, closes_at)
WHERE c.exchange IN ('NYSE', 'NASDAQ');
--> statement-breakpoint
ALTER TABLE market_calendars FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE trading_sessions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE market_holidays FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- Two people set the hours of an exchange and take a holiday away; both raise the version of its calendar.
CREATE FUNCTION check_market_calendar() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.exchange) IS DISTINCT FROM (OLD.id, OLD.exchange) OR NEW.version <= OLD.version THEN
    RAISE EXCEPTION 'a calendar keeps its exchange, and its version rises' USING ERRCODE = 'PL041';
  END IF;
  IF (NEW.time_zone, NEW.day_ends_at, NEW.source) IS DISTINCT FROM (OLD.time_zone, OLD.day_ends_at, OLD.source)
     AND (NEW.change_approval_id IS NOT DISTINCT FROM OLD.change_approval_id OR NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = NEW.change_approval_id AND a.action = 'market_sessions.set' AND a.subject_id = NEW.id
         AND a.status = 'executed'
         AND a.executed_at >= coalesce(
           (SELECT o.executed_at FROM public.approvals o WHERE o.id = OLD.change_approval_id), '-infinity')
         AND a.payload -> 'to' @> jsonb_build_object(
           'timeZone', NEW.time_zone, 'dayEndsAt', NEW.day_ends_at, 'source', NEW.source))) THEN
    RAISE EXCEPTION 'two people set the hours of an exchange' USING ERRCODE = 'PL041';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_market_calendar BEFORE UPDATE ON market_calendars
  FOR EACH ROW EXECUTE FUNCTION check_market_calendar();
--> statement-breakpoint
ALTER TABLE market_calendars ENABLE ALWAYS TRIGGER check_market_calendar;
--> statement-breakpoint
CREATE FUNCTION check_trading_session() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'market_sessions.set' AND a.subject_id = NEW.calendar_id
        AND a.status = 'executed' AND a.payload -> 'to' -> 'sessions' @> jsonb_build_array(jsonb_build_object(
          'kind', NEW.kind, 'opensOn', NEW.opens_on, 'opensAt', NEW.opens_at, 'closesOn', NEW.closes_on,
          'closesAt', NEW.closes_at))) THEN
    RAISE EXCEPTION 'two people set the hours of an exchange' USING ERRCODE = 'PL041';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_trading_session BEFORE INSERT OR UPDATE ON trading_sessions
  FOR EACH ROW EXECUTE FUNCTION check_trading_session();
--> statement-breakpoint
ALTER TABLE trading_sessions ENABLE ALWAYS TRIGGER check_trading_session;
--> statement-breakpoint
CREATE FUNCTION check_market_holiday() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF to_jsonb(NEW) - 'removed_at' - 'remove_approval_id' <> to_jsonb(OLD) - 'removed_at' - 'remove_approval_id'
     OR OLD.removed_at IS NOT NULL OR NEW.removed_at IS NULL OR NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.remove_approval_id AND a.action = 'market_holiday.remove' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people take a holiday away, once' USING ERRCODE = 'PL041';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_market_holiday BEFORE UPDATE ON market_holidays
  FOR EACH ROW EXECUTE FUNCTION check_market_holiday();
--> statement-breakpoint
ALTER TABLE market_holidays ENABLE ALWAYS TRIGGER check_market_holiday;
--> statement-breakpoint
-- Risk: limits, counters, breakers, alerts ---------------------------------------------------------------
-- A limit stays as it was set; what ends it is a row of its own.
REVOKE UPDATE, DELETE ON risk_limits FROM plimsoll_engine;
--> statement-breakpoint
-- The limits that bind for the first time. A firm sets them by two people, before it upgrades or after; the
-- sandbox gets those of its demo. Written before the table is append-only.
ALTER TABLE risk_limits NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
INSERT INTO risk_limits (id, scope, scope_id, type, value, active, effective_from, set_by, reason, created_at)
SELECT gen_random_uuid(), 'platform', '', d.type::risk_limit_type, d.value, true, now(), 'migration',
  'Default of the demo firm', now()
FROM (VALUES ('max_position', 25000000), ('max_daily_volume', 100000000), ('max_daily_loss', 1000000),
  ('max_leverage', 20)) AS d (type, value)
WHERE EXISTS (SELECT FROM risk_limits WHERE set_by = 'seed')
  AND NOT EXISTS (
    SELECT FROM risk_limits l WHERE l.scope = 'platform' AND l.type = d.type::risk_limit_type);
--> statement-breakpoint
ALTER TABLE risk_limits FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CALL make_append_only('risk_limits');
--> statement-breakpoint
CALL make_append_only('risk_limit_withdrawals');
--> statement-breakpoint
CALL make_append_only('breaker_rules');
--> statement-breakpoint
-- What an open order would still turn over at its worst price, rounded up; nothing once it is closed.
CREATE FUNCTION order_open_value(
  quantity numeric, notional numeric, filled_quantity numeric, filled_amount numeric, price numeric,
  closed_at timestamptz
) RETURNS numeric LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE
    WHEN closed_at IS NOT NULL THEN 0
    WHEN notional IS NOT NULL THEN greatest(notional - filled_amount, 0)
    ELSE ceil((quantity - filled_quantity) * coalesce(price, 0) * 100000000) / 100000000
  END
$$;
--> statement-breakpoint
-- What was open before it was counted, and what was traded. Before row-level security binds the owner.
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE fills NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
INSERT INTO risk_exposures (account_id, instrument_id, open_orders, open_buy_value, open_sell_value, net_quantity)
SELECT o.account_id, o.instrument_id, count(*) FILTER (WHERE o.closed_at IS NULL),
  coalesce(sum(v.value) FILTER (WHERE o.side = 'buy'), 0), coalesce(sum(v.value) FILTER (WHERE o.side = 'sell'), 0),
  coalesce(sum(CASE o.side WHEN 'buy' THEN o.filled_quantity ELSE -o.filled_quantity END), 0)
FROM orders o CROSS JOIN LATERAL (
  SELECT order_open_value(o.quantity, o.notional, o.filled_quantity, o.filled_amount,
    coalesce(o.limit_price, o.price_cap, o.stop_price), o.closed_at) AS value
) v
WHERE o.status <> 'rejected'
GROUP BY o.account_id, o.instrument_id;
--> statement-breakpoint
INSERT INTO risk_turnovers (account_id, quarter_at, instrument_id, volume, realised_pnl)
SELECT f.account_id, date_bin('15 minutes', f.executed_at, '2000-01-01T00:00:00Z'), t.instrument_id, sum(f.amount),
  coalesce(sum(f.realised_pnl), 0)
FROM fills f JOIN trades t ON t.id = f.trade_id GROUP BY 1, 2, 3;
--> statement-breakpoint
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE fills FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- Counts in the statement that changes orders, whoever runs it. Rows are taken in one order, so that two
-- transactions cannot wait for each other.
CREATE FUNCTION count_placed_orders() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO public.risk_exposures AS e
    (account_id, instrument_id, open_orders, open_buy_value, open_sell_value, net_quantity)
  SELECT o.account_id, o.instrument_id, count(*), coalesce(sum(o.value) FILTER (WHERE o.side = 'buy'), 0),
    coalesce(sum(o.value) FILTER (WHERE o.side = 'sell'), 0), 0
  FROM (
    SELECT p.account_id, p.instrument_id, p.side,
      public.order_open_value(p.quantity, p.notional, p.filled_quantity, p.filled_amount,
        coalesce(p.limit_price, p.price_cap, p.stop_price), p.closed_at) AS value
    FROM placed p WHERE p.closed_at IS NULL
  ) o
  GROUP BY o.account_id, o.instrument_id
  ORDER BY o.account_id, o.instrument_id
  ON CONFLICT (account_id, instrument_id) DO UPDATE SET
    open_orders = e.open_orders + excluded.open_orders,
    open_buy_value = e.open_buy_value + excluded.open_buy_value,
    open_sell_value = e.open_sell_value + excluded.open_sell_value;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION count_changed_orders() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO public.risk_exposures AS e
    (account_id, instrument_id, open_orders, open_buy_value, open_sell_value, net_quantity)
  SELECT d.account_id, d.instrument_id, sum(d.orders), coalesce(sum(d.value) FILTER (WHERE d.side = 'buy'), 0),
    coalesce(sum(d.value) FILTER (WHERE d.side = 'sell'), 0), 0
  FROM (
    SELECT n.account_id, n.instrument_id, n.side,
      (n.closed_at IS NULL)::integer - (o.closed_at IS NULL)::integer AS orders,
      public.order_open_value(n.quantity, n.notional, n.filled_quantity, n.filled_amount,
        coalesce(n.limit_price, n.price_cap, n.stop_price), n.closed_at)
      - public.order_open_value(o.quantity, o.notional, o.filled_quantity, o.filled_amount,
        coalesce(o.limit_price, o.price_cap, o.stop_price), o.closed_at) AS value
    FROM changed_to n JOIN changed_from o ON o.id = n.id
  ) d
  WHERE d.orders <> 0 OR d.value <> 0
  GROUP BY d.account_id, d.instrument_id
  ORDER BY d.account_id, d.instrument_id
  ON CONFLICT (account_id, instrument_id) DO UPDATE SET
    open_orders = e.open_orders + excluded.open_orders,
    open_buy_value = e.open_buy_value + excluded.open_buy_value,
    open_sell_value = e.open_sell_value + excluded.open_sell_value;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION count_fills() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO public.risk_exposures AS e
    (account_id, instrument_id, open_orders, open_buy_value, open_sell_value, net_quantity)
  SELECT f.account_id, t.instrument_id, 0, 0, 0, sum(CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END)
  FROM filled f JOIN public.trades t ON t.id = f.trade_id
  GROUP BY f.account_id, t.instrument_id
  ORDER BY f.account_id, t.instrument_id
  ON CONFLICT (account_id, instrument_id) DO UPDATE SET net_quantity = e.net_quantity + excluded.net_quantity;

  INSERT INTO public.risk_turnovers AS r (account_id, quarter_at, instrument_id, volume, realised_pnl)
  SELECT f.account_id, date_bin('15 minutes', f.executed_at, '2000-01-01T00:00:00Z') AS quarter_at,
    t.instrument_id, sum(f.amount), coalesce(sum(f.realised_pnl), 0)
  FROM filled f JOIN public.trades t ON t.id = f.trade_id
  GROUP BY f.account_id, 2, t.instrument_id
  ORDER BY f.account_id, 2, t.instrument_id
  ON CONFLICT (account_id, quarter_at, instrument_id) DO UPDATE SET
    volume = r.volume + excluded.volume, realised_pnl = r.realised_pnl + excluded.realised_pnl;
  RETURN NULL;
END
$$;
--> statement-breakpoint
GRANT CREATE ON SCHEMA public TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION count_placed_orders() OWNER TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION count_changed_orders() OWNER TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION count_fills() OWNER TO plimsoll_ledger;
--> statement-breakpoint
REVOKE CREATE ON SCHEMA public FROM plimsoll_ledger;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION count_placed_orders(), count_changed_orders(), count_fills() FROM PUBLIC;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON risk_exposures, risk_turnovers TO plimsoll_ledger;
--> statement-breakpoint
GRANT SELECT ON trades TO plimsoll_ledger;
--> statement-breakpoint
CREATE POLICY risk_exposures_ledger ON risk_exposures TO plimsoll_ledger USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE POLICY risk_turnovers_ledger ON risk_turnovers TO plimsoll_ledger USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE TRIGGER count_placed_orders AFTER INSERT ON orders REFERENCING NEW TABLE AS placed
  FOR EACH STATEMENT EXECUTE FUNCTION count_placed_orders();
--> statement-breakpoint
CREATE TRIGGER count_changed_orders AFTER UPDATE ON orders
  REFERENCING NEW TABLE AS changed_to OLD TABLE AS changed_from
  FOR EACH STATEMENT EXECUTE FUNCTION count_changed_orders();
--> statement-breakpoint
CREATE TRIGGER count_fills AFTER INSERT ON fills REFERENCING NEW TABLE AS filled
  FOR EACH STATEMENT EXECUTE FUNCTION count_fills();
--> statement-breakpoint
ALTER TABLE orders ENABLE ALWAYS TRIGGER count_placed_orders;
--> statement-breakpoint
ALTER TABLE orders ENABLE ALWAYS TRIGGER count_changed_orders;
--> statement-breakpoint
ALTER TABLE fills ENABLE ALWAYS TRIGGER count_fills;
--> statement-breakpoint
ALTER TABLE risk_limit_withdrawals FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE risk_exposures FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE risk_turnovers FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE circuit_breakers FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE breaker_rules FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE breaker_prices FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE risk_alerts FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON risk_limit_withdrawals, risk_exposures, risk_turnovers, circuit_breakers, breaker_rules, risk_alerts
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON risk_limit_withdrawals, circuit_breakers, breaker_rules, risk_alerts TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (lifted_by, lifted_at, lift_reason, lift_approval_id) ON circuit_breakers TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (acknowledged_by, acknowledged_at, note) ON risk_alerts TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON breaker_prices TO plimsoll_engine;
--> statement-breakpoint
CREATE FUNCTION check_limit_withdrawal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'risk.withdraw_limit' AND a.subject_id = NEW.limit_id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people take a limit back' USING ERRCODE = 'PL045';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_limit_withdrawal BEFORE INSERT ON risk_limit_withdrawals
  FOR EACH ROW EXECUTE FUNCTION check_limit_withdrawal();
--> statement-breakpoint
ALTER TABLE risk_limit_withdrawals ENABLE ALWAYS TRIGGER check_limit_withdrawal;
--> statement-breakpoint
-- A breaker stands as it was tripped until its time is over or two people lift it, once.
CREATE FUNCTION check_circuit_breaker() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.lifted_at IS NOT NULL THEN
      RAISE EXCEPTION 'a breaker begins tripped' USING ERRCODE = 'PL045';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - 'lifted_by' - 'lifted_at' - 'lift_reason' - 'lift_approval_id'
       <> to_jsonb(OLD) - 'lifted_by' - 'lifted_at' - 'lift_reason' - 'lift_approval_id'
     OR OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL THEN
    RAISE EXCEPTION 'a breaker stands as it was tripped until it is lifted, once' USING ERRCODE = 'PL045';
  END IF;
  IF NEW.lift_approval_id IS NULL THEN
    IF OLD.ends_at IS NULL OR NEW.lifted_at < OLD.ends_at THEN
      RAISE EXCEPTION 'the time of the breaker is not over' USING ERRCODE = 'PL045';
    END IF;
  ELSIF NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.lift_approval_id AND a.action = 'risk.lift_breaker' AND a.subject_id = OLD.id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people lift a breaker before its time' USING ERRCODE = 'PL045';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_circuit_breaker BEFORE INSERT OR UPDATE ON circuit_breakers
  FOR EACH ROW EXECUTE FUNCTION check_circuit_breaker();
--> statement-breakpoint
ALTER TABLE circuit_breakers ENABLE ALWAYS TRIGGER check_circuit_breaker;
--> statement-breakpoint
-- One person tightens the rule of an instrument; what is looser than the one before was agreed by two.
CREATE FUNCTION check_breaker_rule() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  before public.breaker_rules;
BEGIN
  SELECT * INTO before FROM public.breaker_rules r
    WHERE r.instrument_id = NEW.instrument_id ORDER BY r.id DESC LIMIT 1;
  IF FOUND AND before.active
     AND (NOT NEW.active OR NEW.move_bps > before.move_bps OR NEW.window_seconds < before.window_seconds
       OR NEW.pause_seconds < before.pause_seconds OR NEW.alert_bps > before.alert_bps)
     AND NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = NEW.approval_id AND a.action = 'risk.set_breaker_rule' AND a.subject_id = NEW.id
         AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people loosen the rule of a breaker' USING ERRCODE = 'PL045';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_breaker_rule BEFORE INSERT ON breaker_rules
  FOR EACH ROW EXECUTE FUNCTION check_breaker_rule();
--> statement-breakpoint
ALTER TABLE breaker_rules ENABLE ALWAYS TRIGGER check_breaker_rule;
--> statement-breakpoint
CREATE FUNCTION check_risk_alert() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF to_jsonb(NEW) - 'acknowledged_by' - 'acknowledged_at' - 'note'
       <> to_jsonb(OLD) - 'acknowledged_by' - 'acknowledged_at' - 'note'
     OR OLD.acknowledged_at IS NOT NULL OR NEW.acknowledged_at IS NULL THEN
    RAISE EXCEPTION 'an alert stands as it was raised until it is acknowledged, once' USING ERRCODE = 'PL045';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_risk_alert BEFORE UPDATE ON risk_alerts
  FOR EACH ROW EXECUTE FUNCTION check_risk_alert();
--> statement-breakpoint
ALTER TABLE risk_alerts ENABLE ALWAYS TRIGGER check_risk_alert;
--> statement-breakpoint
-- What orders, events, trades and fills name ------------------------------------------------------------
-- In place of foreign keys, which look once for each row (docs/adr/0025-orders-without-foreign-keys.md), and more than
-- those: whose wallet, which account, the trade's own price. Written like the entries' trigger, for plans that stay
-- look-ups.
CREATE FUNCTION check_order_names() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  PERFORM 1 FROM new_rows o WHERE (
      SELECT a.user_id = o.user_id AND a.type::text = o.book::text FROM public.accounts a WHERE a.id = o.account_id
    ) IS NOT TRUE OR (
      SELECT i.symbol = o.symbol FROM public.instruments i WHERE i.id = o.instrument_id
    ) IS NOT TRUE OR (o.wallet_id IS NOT NULL AND (
      SELECT w.account_id = o.account_id AND w.asset = o.reservation_asset FROM public.wallets w WHERE w.id = o.wallet_id
    ) IS NOT TRUE) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'an order names its owner''s account and wallet, and an instrument' USING ERRCODE = '23503';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_order_names AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION check_order_names();
--> statement-breakpoint
ALTER TABLE orders ENABLE ALWAYS TRIGGER check_order_names;
--> statement-breakpoint
CREATE FUNCTION check_order_event_names() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  PERFORM 1 FROM new_rows e WHERE (
      SELECT o.account_id = e.account_id AND o.user_id = e.user_id FROM public.orders o WHERE o.id = e.order_id
    ) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'an event names an order and its owner' USING ERRCODE = '23503';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_order_event_names AFTER INSERT ON order_events REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION check_order_event_names();
--> statement-breakpoint
ALTER TABLE order_events ENABLE ALWAYS TRIGGER check_order_event_names;
--> statement-breakpoint
CREATE FUNCTION check_trade_names() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  PERFORM 1 FROM new_rows t WHERE (
      SELECT i.symbol = t.symbol FROM public.instruments i WHERE i.id = t.instrument_id
    ) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a trade names an instrument' USING ERRCODE = '23503';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_trade_names AFTER INSERT ON trades REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION check_trade_names();
--> statement-breakpoint
ALTER TABLE trades ENABLE ALWAYS TRIGGER check_trade_names;
--> statement-breakpoint
CREATE FUNCTION check_fill_names() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  PERFORM 1 FROM new_rows f WHERE (
      SELECT t.symbol = f.symbol AND t.price = f.price AND t.quantity = f.quantity
      FROM public.trades t WHERE t.id = f.trade_id
    ) IS NOT TRUE OR (
      SELECT o.account_id = f.account_id AND o.user_id = f.user_id AND o.side = f.side
      FROM public.orders o WHERE o.id = f.order_id
    ) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a fill names its trade and its order' USING ERRCODE = '23503';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_fill_names AFTER INSERT ON fills REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION check_fill_names();
--> statement-breakpoint
ALTER TABLE fills ENABLE ALWAYS TRIGGER check_fill_names;
--> statement-breakpoint
CREATE FUNCTION check_order_wallet() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.wallet_id IS NOT NULL AND (
      SELECT w.account_id = NEW.account_id AND w.asset = NEW.reservation_asset
      FROM public.wallets w WHERE w.id = NEW.wallet_id
    ) IS NOT TRUE THEN
    RAISE EXCEPTION 'an order names its owner''s wallet' USING ERRCODE = '23503';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_order_wallet BEFORE UPDATE OF wallet_id, reservation_asset ON orders
  FOR EACH ROW EXECUTE FUNCTION check_order_wallet();
--> statement-breakpoint
ALTER TABLE orders ENABLE ALWAYS TRIGGER check_order_wallet;
--> statement-breakpoint
-- What nothing refers to by a key any more stays all the same.
REVOKE DELETE ON wallets, instruments FROM plimsoll_engine;
--> statement-breakpoint
-- Price alerts and watchlists -------------------------------------------------------------------------
ALTER TABLE price_alerts FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE watchlists FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON price_alerts, watchlists TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT, DELETE ON price_alerts, watchlists TO plimsoll_app;
--> statement-breakpoint
-- That an alert was told is the evaluator's to say; a customer may only arm it anew.
GRANT UPDATE (condition, message, repeat, cooldown_seconds, expires_at, active, armed, version, changed_at)
  ON price_alerts TO plimsoll_app;
--> statement-breakpoint
GRANT UPDATE (name, instrument_ids, version, updated_at) ON watchlists TO plimsoll_app;
--> statement-breakpoint
GRANT UPDATE, DELETE ON price_alerts, watchlists TO plimsoll_engine;
--> statement-breakpoint
--> statement-breakpoint
-- Prices ---------------------------------------------------------------------------------------------
ALTER TABLE price_ticks FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE candles FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE price_settings FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE feed_positions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE quarantined_ticks FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- A price that was there before is as old as the trade that made it, not as the bid or the ask that moved last.
UPDATE quotes q SET priced_at = coalesce(
  CASE WHEN q.source = 'trades' THEN
    (SELECT max(t.executed_at) FROM trades t WHERE t.instrument_id = q.instrument_id AND t.book = 'live')
  END, q.quoted_at)
WHERE q.priced_at IS NULL;
--> statement-breakpoint
-- Each tick rewrites seven candles in place.
ALTER TABLE candles SET (fillfactor = 70);
--> statement-breakpoint
GRANT SELECT ON price_ticks, candles, price_settings TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON feed_positions, quarantined_ticks TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON price_ticks, candles, price_settings, feed_positions, quarantined_ticks TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE ON candles, price_settings, feed_positions TO plimsoll_engine;
--> statement-breakpoint
GRANT DELETE ON quarantined_ticks TO plimsoll_engine;
--> statement-breakpoint
-- Ticks are cut by month like journals, but they are no evidence: months that served are emptied, and stay.
CREATE OR REPLACE PROCEDURE guard_partition(parent text, partition text) LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition);
  EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition);
  IF parent <> 'price_ticks' THEN
    EXECUTE format('CALL public.make_append_only(%L)', 'public.' || partition);
  END IF;
  IF parent = 'ledger_entries' THEN
    EXECUTE format('CALL public.guard_entries(%L)', 'public.' || partition);
  END IF;
END
$$;
--> statement-breakpoint
DO $$
BEGIN
  CREATE TABLE public.price_ticks_default PARTITION OF public.price_ticks DEFAULT;
  CALL public.guard_partition('price_ticks', 'price_ticks_default');
END
$$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION ensure_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  parent text;
  month date;
  partition text;
  created integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('plimsoll.partitions'));
  FOREACH parent IN ARRAY ARRAY['audit_logs', 'journals', 'ledger_entries', 'price_ticks'] LOOP
    FOR step IN 0 .. months_ahead LOOP
      month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => step))::date;
      partition := parent || to_char(month, '"_"YYYY"_"MM');
      CONTINUE WHEN to_regclass('public.' || partition) IS NOT NULL;
      BEGIN
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
          partition, parent, month::text || ' 00:00:00+00',
          (month + interval '1 month')::date::text || ' 00:00:00+00');
        CALL public.guard_partition(parent, partition);
        created := created + 1;
      EXCEPTION WHEN check_violation THEN
        NULL;
      END;
    END LOOP;
  END LOOP;
  RETURN created;
END
$$;
--> statement-breakpoint
SELECT ensure_partitions(13);
--> statement-breakpoint
CREATE OR REPLACE FUNCTION overflowed_tables() RETURNS TABLE (name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  cut text[];
  uncovered text;
  found boolean;
BEGIN
  FOREACH cut SLICE 1 IN ARRAY ARRAY[['audit_logs', 'recorded_at'], ['journals', 'booked_at'],
    ['ledger_entries', 'booked_at'], ['price_ticks', 'received_at']]
  LOOP
    SELECT string_agg(gap, ' OR ') INTO uncovered FROM (
      SELECT CASE WHEN lag(m.month) OVER w IS NULL
          THEN format('%I < %L::timestamptz', cut[2], m.month::text || ' 00:00:00+00')
        WHEN lag(m.month) OVER w + interval '1 month' < m.month
          THEN format('(%I >= %L::timestamptz AND %I < %L::timestamptz)', cut[2],
            (lag(m.month) OVER w + interval '1 month')::date::text || ' 00:00:00+00', cut[2],
            m.month::text || ' 00:00:00+00') END AS gap
      FROM partition_months(cut[1]) m WINDOW w AS (ORDER BY m.month)
      UNION ALL
      SELECT format('%I >= %L::timestamptz', cut[2],
        (max(m.month) + interval '1 month')::date::text || ' 00:00:00+00') FROM partition_months(cut[1]) m
    ) gaps;
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE %s)', cut[1], coalesce(uncovered, 'true')) INTO found;
    IF found THEN
      name := cut[1];
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION rescue_default(parent text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
  stamp text;
  backstop text := parent || '_default';
  month date;
  partition text;
  moved bigint;
  held bigint;
  total bigint := 0;
BEGIN
  stamp := CASE parent WHEN 'audit_logs' THEN 'recorded_at' WHEN 'journals' THEN 'booked_at'
    WHEN 'ledger_entries' THEN 'booked_at' WHEN 'price_ticks' THEN 'received_at' END;
  IF stamp IS NULL THEN
    RAISE EXCEPTION '% is not cut by month', parent USING ERRCODE = 'PL024';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('plimsoll.partitions'));
  EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', parent);
  EXECUTE format('ALTER TABLE public.%I DETACH PARTITION public.%I', parent, backstop);
  -- Its owner reads it, which row-level security would keep from them.
  EXECUTE format('ALTER TABLE public.%I NO FORCE ROW LEVEL SECURITY', backstop);
  FOR month IN EXECUTE format(
    'SELECT DISTINCT date_trunc(''month'', %I AT TIME ZONE ''UTC'')::date FROM public.%I ORDER BY 1', stamp, backstop)
  LOOP
    partition := parent || to_char(month, '"_"YYYY"_"MM');
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS
      INCLUDING GENERATED INCLUDING STORAGE)', partition, parent);
    EXECUTE format('INSERT INTO public.%I SELECT * FROM public.%I
      WHERE date_trunc(''month'', %I AT TIME ZONE ''UTC'')::date = %L', partition, backstop, stamp, month);
    GET DIAGNOSTICS moved = ROW_COUNT;
    total := total + moved;
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', parent, partition,
      month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00');
    CALL public.guard_partition(parent, partition);
  END LOOP;
  EXECUTE format('SELECT count(*) FROM public.%I', backstop) INTO held;
  IF held <> total THEN
    RAISE EXCEPTION '% of % rows were moved', total, held USING ERRCODE = 'PL024';
  END IF;
  EXECUTE format('DROP TABLE public.%I', backstop);
  EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I DEFAULT', backstop, parent);
  CALL public.guard_partition(parent, backstop);
  -- The months stay unbroken: those on the way to the last one are made too.
  month := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
  WHILE month < (SELECT max(m.month) FROM public.partition_months(parent) m) LOOP
    partition := parent || to_char(month, '"_"YYYY"_"MM');
    IF to_regclass('public.' || partition) IS NULL THEN
      EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', partition, parent,
        month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00');
      CALL public.guard_partition(parent, partition);
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN total;
END
$$;
--> statement-breakpoint
-- Empties the months of ticks that are older than so many whole months, and says how many there were. Only the
-- months of ticks can be named by it; one that is in use is left for the next time.
CREATE FUNCTION prune_price_ticks(months_kept integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s'
SET timezone = 'UTC' AS $$
DECLARE
  month date;
  partition text;
  pruned integer := 0;
BEGIN
  IF months_kept < 1 THEN
    RAISE EXCEPTION 'ticks are kept for a month at least' USING ERRCODE = 'PL024';
  END IF;
  FOR month IN SELECT m.month FROM public.partition_months('price_ticks') m
    WHERE m.month < date_trunc('month', now()) - make_interval(months => months_kept) ORDER BY 1
  LOOP
    partition := 'price_ticks' || to_char(month, '"_"YYYY"_"MM');
    CONTINUE WHEN pg_relation_size(format('public.%I', partition)::regclass) = 0;
    BEGIN
      EXECUTE format('TRUNCATE public.%I', partition);
      pruned := pruned + 1;
    EXCEPTION WHEN lock_not_available THEN
      NULL;
    END;
  END LOOP;
  RETURN pruned;
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION prune_price_ticks(integer) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION prune_price_ticks(integer) TO plimsoll_engine;
--> statement-breakpoint
-- Orders: what is instruction and what is state --------------------------------------------------------
-- An instruction never changes (I14). Its state only moves on: what is open falls, a place in time is given anew only
-- to what is triggered or set free, and what triggered an order stays on record.
CREATE OR REPLACE FUNCTION check_instruction() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.user_id, NEW.account_id, NEW.book, NEW.instrument_id, NEW.symbol, NEW.side, NEW.type,
      NEW.time_in_force, NEW.post_only, NEW.reduce_only, NEW.leverage, NEW.request_hash, NEW.placed_at)
    IS DISTINCT FROM
     (OLD.id, OLD.user_id, OLD.account_id, OLD.book, OLD.instrument_id, OLD.symbol, OLD.side, OLD.type,
      OLD.time_in_force, OLD.post_only, OLD.reduce_only, OLD.leverage, OLD.request_hash, OLD.placed_at)
    OR (NEW.quantity, NEW.notional, NEW.limit_price, NEW.stop_price, NEW.trail_amount, NEW.trail_percent,
        NEW.client_order_id, NEW.group_id, NEW.idempotency_key, NEW.idempotency_index, NEW.replaces_id,
        NEW.expires_at, NEW.price_cap)
    IS DISTINCT FROM
       (OLD.quantity, OLD.notional, OLD.limit_price, OLD.stop_price, OLD.trail_amount, OLD.trail_percent,
        OLD.client_order_id, OLD.group_id, OLD.idempotency_key, OLD.idempotency_index, OLD.replaces_id,
        OLD.expires_at, OLD.price_cap) THEN
    RAISE EXCEPTION 'an order''s instruction cannot change' USING ERRCODE = 'PL014';
  END IF;
  IF OLD.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'the order is closed' USING ERRCODE = 'PL014';
  END IF;
  IF OLD.triggered_at IS NOT NULL AND (NEW.triggered_at, NEW.trigger_price, NEW.high_water_mark)
      IS DISTINCT FROM (OLD.triggered_at, OLD.trigger_price, OLD.high_water_mark) THEN
    RAISE EXCEPTION 'what triggered an order is settled' USING ERRCODE = 'PL014';
  END IF;
  IF OLD.status <> 'held' AND NEW.triggered_at IS DISTINCT FROM OLD.triggered_at THEN
    RAISE EXCEPTION 'only an order that is held is triggered' USING ERRCODE = 'PL014';
  END IF;
  IF NEW.filled_quantity < OLD.filled_quantity OR NEW.reduced_quantity < OLD.reduced_quantity
      OR (OLD.held_seq IS NOT NULL AND NEW.held_seq IS DISTINCT FROM OLD.held_seq)
      OR (OLD.book_seq IS NOT NULL AND (NEW.book_seq IS NULL OR NEW.book_seq < OLD.book_seq
        OR (NEW.book_seq > OLD.book_seq AND OLD.status <> 'held'))) THEN
    RAISE EXCEPTION 'the state of an order only moves on' USING ERRCODE = 'PL014';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
ALTER TABLE trail_marks FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON trail_marks TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT, UPDATE, DELETE ON trail_marks TO plimsoll_engine;
--> statement-breakpoint
-- Reservations move with every order: room on the page keeps them off the indexes.
ALTER TABLE wallets SET (fillfactor = 80);
