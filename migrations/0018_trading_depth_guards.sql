-- Groups of orders ------------------------------------------------------------------------------------
-- What an order is to its group is part of the instruction (I14).
CREATE OR REPLACE FUNCTION check_instruction() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.user_id, NEW.account_id, NEW.book, NEW.instrument_id, NEW.symbol, NEW.side, NEW.type,
      NEW.time_in_force, NEW.post_only, NEW.reduce_only, NEW.leverage, NEW.origin, NEW.request_hash, NEW.placed_at)
    IS DISTINCT FROM
     (OLD.id, OLD.user_id, OLD.account_id, OLD.book, OLD.instrument_id, OLD.symbol, OLD.side, OLD.type,
      OLD.time_in_force, OLD.post_only, OLD.reduce_only, OLD.leverage, OLD.origin, OLD.request_hash, OLD.placed_at)
    OR (NEW.quantity, NEW.notional, NEW.limit_price, NEW.stop_price, NEW.trail_amount, NEW.trail_percent,
        NEW.client_order_id, NEW.group_id, NEW.group_role, NEW.parent_id, NEW.idempotency_key, NEW.idempotency_index, NEW.replaces_id,
        NEW.expires_at, NEW.price_cap, NEW.lots)
    IS DISTINCT FROM
       (OLD.quantity, OLD.notional, OLD.limit_price, OLD.stop_price, OLD.trail_amount, OLD.trail_percent,
        OLD.client_order_id, OLD.group_id, OLD.group_role, OLD.parent_id, OLD.idempotency_key, OLD.idempotency_index, OLD.replaces_id,
        OLD.expires_at, OLD.price_cap, OLD.lots) THEN
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
-- A group never reaches beyond its account and instrument; an exit waits for the entry of its own group.
CREATE OR REPLACE FUNCTION check_order_names() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
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
  PERFORM 1 FROM new_rows o WHERE o.group_id IS NOT NULL AND (
      EXISTS (
        SELECT FROM public.orders s WHERE s.group_id = o.group_id
          AND (s.account_id, s.user_id, s.instrument_id) IS DISTINCT FROM (o.account_id, o.user_id, o.instrument_id)
      ) OR (o.parent_id IS NOT NULL AND (
        SELECT p.group_id = o.group_id AND p.group_role = 'parent' FROM public.orders p WHERE p.id = o.parent_id
      ) IS NOT TRUE)) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the orders of a group are one account''s, in one instrument' USING ERRCODE = '23503';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- Settlement cycles -----------------------------------------------------------------------------------
-- What a trade brought is unsettled until its day. These triggers are the only thing that adds it to
-- `wallets.unsettled` and takes it off; they run as plimsoll_ledger, which cannot log in. Whoever writes has
-- locked the wallets in id order.
ALTER TABLE settlement_obligations FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON settlement_obligations TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT, UPDATE (used, settled_at) ON settlement_obligations TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (unsettled) ON wallets TO plimsoll_ledger;
--> statement-breakpoint
CREATE FUNCTION check_obligation() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'an obligation stays' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.settled_at IS NOT NULL THEN
      RAISE EXCEPTION 'an obligation settles after it was made' USING ERRCODE = 'PL044';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - 'used' - 'settled_at' <> to_jsonb(OLD) - 'used' - 'settled_at' OR OLD.settled_at IS NOT NULL
     OR NEW.used < OLD.used THEN
    RAISE EXCEPTION 'an obligation is used and settles, and nothing else' USING ERRCODE = 'PL044';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_obligation BEFORE INSERT OR UPDATE OR DELETE ON settlement_obligations
  FOR EACH ROW EXECUTE FUNCTION check_obligation();
--> statement-breakpoint
ALTER TABLE settlement_obligations ENABLE ALWAYS TRIGGER check_obligation;
--> statement-breakpoint
CREATE FUNCTION count_made_obligations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM made m LEFT JOIN public.wallets w ON w.id = m.wallet_id
    WHERE (w.account_id = m.account_id AND w.user_id = m.user_id AND w.asset = m.asset AND w.book = m.book) IS NOT TRUE
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'an obligation names its owner''s wallet' USING ERRCODE = '23503';
  END IF;
  UPDATE public.wallets w SET unsettled = w.unsettled + d.delta
    FROM (SELECT wallet_id, sum(amount - used) AS delta FROM made GROUP BY wallet_id) d
    WHERE w.id = d.wallet_id AND d.delta <> 0;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION count_changed_obligations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE public.wallets w SET unsettled = w.unsettled + d.delta
    FROM (
      SELECT n.wallet_id, sum(
        CASE WHEN n.settled_at IS NULL THEN n.amount - n.used ELSE 0 END
        - CASE WHEN o.settled_at IS NULL THEN o.amount - o.used ELSE 0 END) AS delta
      FROM changed_to n JOIN changed_from o ON o.fill_id = n.fill_id GROUP BY n.wallet_id
    ) d
    WHERE w.id = d.wallet_id AND d.delta <> 0;
  RETURN NULL;
END
$$;
--> statement-breakpoint
GRANT CREATE ON SCHEMA public TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION count_made_obligations() OWNER TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION count_changed_obligations() OWNER TO plimsoll_ledger;
--> statement-breakpoint
REVOKE CREATE ON SCHEMA public FROM plimsoll_ledger;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION count_made_obligations(), count_changed_obligations() FROM PUBLIC;
--> statement-breakpoint
CREATE TRIGGER count_made_obligations AFTER INSERT ON settlement_obligations REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION count_made_obligations();
--> statement-breakpoint
ALTER TABLE settlement_obligations ENABLE ALWAYS TRIGGER count_made_obligations;
--> statement-breakpoint
CREATE TRIGGER count_changed_obligations AFTER UPDATE ON settlement_obligations
  REFERENCING OLD TABLE AS changed_from NEW TABLE AS changed_to
  FOR EACH STATEMENT EXECUTE FUNCTION count_changed_obligations();
--> statement-breakpoint
ALTER TABLE settlement_obligations ENABLE ALWAYS TRIGGER count_changed_obligations;
--> statement-breakpoint
-- Lots: what the open part bears of the cost --------------------------------------------------------------
-- Of the lots of before it is what their disposals did not take. Written while row-level security is not forced on
-- the owner.
ALTER TABLE lots NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE lot_disposals NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE lots l SET cost_open = l.cost
    - coalesce((SELECT sum(d.cost) FROM lot_disposals d WHERE d.lot_id = l.id), 0)
  WHERE l.cost IS NOT NULL;
--> statement-breakpoint
ALTER TABLE lot_disposals FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE lots FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE lots ADD CONSTRAINT lots_cost_known_check CHECK ((cost IS NULL) = (cost_open IS NULL));
--> statement-breakpoint
-- The method by which units leave an account is its owner's to choose.
GRANT UPDATE (lot_method) ON accounts TO plimsoll_app;

--> statement-breakpoint
-- Fee tiers --------------------------------------------------------------------------------------------
ALTER TABLE fee_tier_schedules FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE fee_tiers FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE trading_volumes FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE fee_standings FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON fee_tier_schedules, fee_tiers, trading_volumes, fee_standings
  TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON fee_tier_schedules, fee_tiers, trading_volumes, fee_standings TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (volume) ON trading_volumes TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('fee_tier_schedules');
--> statement-breakpoint
CALL make_append_only('fee_tiers');
--> statement-breakpoint
CALL make_append_only('fee_standings');
--> statement-breakpoint
-- Two people set what trading costs, tier by tier, and what volume is counted in is set once.
CREATE FUNCTION check_fee_schedule() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'fee_tiers.set' AND a.status = 'executed'
        AND a.payload ->> 'currency' = NEW.currency
        AND NEW.effective_on >= coalesce((a.payload ->> 'effectiveOn')::date, '-infinity'))
     OR EXISTS (SELECT FROM public.fee_tier_schedules s WHERE s.currency <> NEW.currency) THEN
    RAISE EXCEPTION 'two people set the tiers of trading fees, in one currency' USING ERRCODE = 'PL046';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_fee_schedule BEFORE INSERT ON fee_tier_schedules
  FOR EACH ROW EXECUTE FUNCTION check_fee_schedule();
--> statement-breakpoint
ALTER TABLE fee_tier_schedules ENABLE ALWAYS TRIGGER check_fee_schedule;
--> statement-breakpoint
CREATE FUNCTION check_fee_tier() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.fee_tier_schedules s JOIN public.approvals a ON a.id = s.approval_id
      WHERE s.id = NEW.schedule_id AND a.payload -> 'tiers' @> jsonb_build_array(jsonb_build_object(
        'name', NEW.name, 'minVolume', trim_scale(NEW.min_volume)::text, 'makerFeeBps', NEW.maker_fee_bps,
        'takerFeeBps', NEW.taker_fee_bps))) THEN
    RAISE EXCEPTION 'two people set the tiers of trading fees' USING ERRCODE = 'PL046';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_fee_tier BEFORE INSERT ON fee_tiers FOR EACH ROW EXECUTE FUNCTION check_fee_tier();
--> statement-breakpoint
ALTER TABLE fee_tiers ENABLE ALWAYS TRIGGER check_fee_tier;
--> statement-breakpoint
-- Positions and margin ---------------------------------------------------------------------------------
-- What wallets hold as margin follows the open positions they settle, whoever writes those, and moves what they
-- reserve in the same statement (I3); no login writes it. It is never more than a wallet has besides what holds and
-- orders reserve. It runs as plimsoll_ledger, which cannot log in.
CREATE FUNCTION keep_margin_holds(wallet_ids uuid[], at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  WITH standing AS MATERIALIZED (
    SELECT w.id, w.user_id, w.account_id, w.book, w.asset, s.initial, s.maintenance, s.pnl, s.loss,
      coalesce(h.held, 0) AS before,
      least(s.initial + s.loss, greatest(w.total - w.reserved + coalesce(h.held, 0), 0)) AS held
    FROM public.wallets w
    LEFT JOIN public.margin_holds h ON h.wallet_id = w.id
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(p.initial_margin), 0) AS initial, coalesce(sum(p.maintenance_margin), 0) AS maintenance,
        coalesce(sum(p.unrealised_pnl), 0) AS pnl, coalesce(sum(greatest(-p.unrealised_pnl, 0)), 0) AS loss
      FROM public.positions p WHERE p.wallet_id = w.id AND p.closed_at IS NULL
    ) s
    WHERE w.id = ANY (wallet_ids)
  ), kept AS (
    INSERT INTO public.margin_holds AS m (wallet_id, user_id, account_id, book, asset, held, initial_margin,
      maintenance_margin, unrealised_pnl, unrealised_loss, updated_at)
    SELECT id, user_id, account_id, book, asset, held, initial, maintenance, pnl, loss, at FROM standing ORDER BY id
    ON CONFLICT (wallet_id) DO UPDATE SET held = excluded.held, initial_margin = excluded.initial_margin,
      maintenance_margin = excluded.maintenance_margin, unrealised_pnl = excluded.unrealised_pnl,
      unrealised_loss = excluded.unrealised_loss, updated_at = excluded.updated_at
  )
  UPDATE public.wallets w SET reserved = w.reserved + s.held - s.before, margin_short = s.held < s.initial + s.loss
  FROM standing s WHERE w.id = s.id AND w.id = ANY (wallet_ids)
    AND (s.held <> s.before OR w.margin_short <> (s.held < s.initial + s.loss));
END
$$;
--> statement-breakpoint
-- Lets go what wallets hold, so that a loss can be paid from it; at commit it must be held again.
CREATE FUNCTION release_margin_holds(wallet_ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  WITH held AS MATERIALIZED (
    SELECT h.wallet_id, h.held FROM public.margin_holds h WHERE h.wallet_id = ANY (wallet_ids) AND h.held > 0
  ), freed AS (
    UPDATE public.margin_holds h SET held = 0 WHERE h.wallet_id IN (SELECT held.wallet_id FROM held)
  )
  UPDATE public.wallets w SET reserved = w.reserved - held.held FROM held WHERE w.id = held.wallet_id;
END
$$;
--> statement-breakpoint
CREATE FUNCTION follow_positions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  wallet_ids uuid[];
  at timestamptz;
BEGIN
  SELECT array_agg(DISTINCT c.wallet_id), max(c.updated_at) INTO wallet_ids, at FROM changed c;
  IF wallet_ids IS NOT NULL THEN
    PERFORM public.keep_margin_holds(wallet_ids, at);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION check_margin_hold() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM public.margin_holds h JOIN public.wallets w ON w.id = h.wallet_id
    WHERE h.wallet_id = NEW.wallet_id AND h.held >= least(
      h.initial_margin + h.unrealised_loss, greatest(w.total - w.reserved + h.held, 0));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'margin is held as far as the wallet has it' USING ERRCODE = 'PL049';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- What a wallet gets that holds less than its positions need is held in the transaction that brought it: what an
-- order set free, a deposit. At its end, so that a settlement pays from what it released. No other wallet asks.
CREATE FUNCTION hold_short_margin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM public.keep_margin_holds(
    ARRAY[NEW.id], (SELECT h.updated_at FROM public.margin_holds h WHERE h.wallet_id = NEW.id));
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- A position keeps whose it is; what was traded of it only grows, by fills, and what is closed stays as it ended.
CREATE FUNCTION check_position() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.user_id, NEW.account_id, NEW.book, NEW.instrument_id, NEW.symbol, NEW.wallet_id,
      NEW.settlement_asset, NEW.side, NEW.opened_at)
    IS DISTINCT FROM
     (OLD.id, OLD.user_id, OLD.account_id, OLD.book, OLD.instrument_id, OLD.symbol, OLD.wallet_id,
      OLD.settlement_asset, OLD.side, OLD.opened_at) THEN
    RAISE EXCEPTION 'a position keeps whose it is' USING ERRCODE = 'PL049';
  END IF;
  -- What a period cost that it was held for may be booked after it was closed.
  IF OLD.closed_at IS NOT NULL AND to_jsonb(NEW) - ARRAY['funding_paid', 'loss_borne']
      IS DISTINCT FROM to_jsonb(OLD) - ARRAY['funding_paid', 'loss_borne'] THEN
    RAISE EXCEPTION 'the position is closed' USING ERRCODE = 'PL049';
  END IF;
  IF NEW.opened_quantity < OLD.opened_quantity OR NEW.closed_quantity < OLD.closed_quantity
     OR NEW.opened_value < OLD.opened_value OR NEW.closed_value < OLD.closed_value
     OR NEW.fill_count < OLD.fill_count OR NEW.loss_borne < OLD.loss_borne
     OR (NEW.fill_count = OLD.fill_count
       AND (NEW.quantity, NEW.entry_value, NEW.initial_margin, NEW.opened_quantity, NEW.opened_value,
            NEW.closed_quantity, NEW.closed_value, NEW.realised_pnl, NEW.fees)
         IS DISTINCT FROM
           (OLD.quantity, OLD.entry_value, OLD.initial_margin, OLD.opened_quantity, OLD.opened_value,
            OLD.closed_quantity, OLD.closed_value, OLD.realised_pnl, OLD.fees)) THEN
    RAISE EXCEPTION 'only fills change what a position is' USING ERRCODE = 'PL049';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- Whose wallet pays, what it trades; and at commit what is open is what the fills left open.
CREATE FUNCTION check_position_names() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (SELECT (w.account_id, w.user_id, w.book, w.asset) IS NOT DISTINCT FROM
        (NEW.account_id, NEW.user_id, NEW.book, NEW.settlement_asset) FROM public.wallets w WHERE w.id = NEW.wallet_id
    ) IS NOT TRUE OR (
      SELECT i.symbol = NEW.symbol AND i.kind = 'contract' AND i.settlement_asset = NEW.settlement_asset
      FROM public.instruments i WHERE i.id = NEW.instrument_id
    ) IS NOT TRUE THEN
    RAISE EXCEPTION 'a position names its owner''s wallet and a contract' USING ERRCODE = '23503';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE FUNCTION check_position_fills() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF coalesce((
      SELECT e.net_quantity FROM public.risk_exposures e
      WHERE e.account_id = NEW.account_id AND e.instrument_id = NEW.instrument_id), 0)
    <> coalesce((
      SELECT CASE p.side WHEN 'long' THEN p.quantity ELSE -p.quantity END FROM public.positions p
      WHERE p.account_id = NEW.account_id AND p.instrument_id = NEW.instrument_id AND p.closed_at IS NULL), 0) THEN
    RAISE EXCEPTION 'a position is what its fills left open' USING ERRCODE = 'PL049';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_position BEFORE UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION check_position();
--> statement-breakpoint
CREATE TRIGGER check_position_names BEFORE INSERT ON positions
  FOR EACH ROW EXECUTE FUNCTION check_position_names();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER check_position_fills AFTER INSERT OR UPDATE OF quantity ON positions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_position_fills();
--> statement-breakpoint
CREATE TRIGGER follow_new_positions AFTER INSERT ON positions REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION follow_positions();
--> statement-breakpoint
CREATE TRIGGER follow_positions AFTER UPDATE ON positions REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION follow_positions();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER check_margin_hold AFTER UPDATE ON margin_holds DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.held < OLD.held) EXECUTE FUNCTION check_margin_hold();
--> statement-breakpoint
ALTER TABLE positions ENABLE ALWAYS TRIGGER check_position, ENABLE ALWAYS TRIGGER check_position_names,
  ENABLE ALWAYS TRIGGER check_position_fills, ENABLE ALWAYS TRIGGER follow_new_positions,
  ENABLE ALWAYS TRIGGER follow_positions;
--> statement-breakpoint
ALTER TABLE margin_holds ENABLE ALWAYS TRIGGER check_margin_hold;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER hold_short_margin AFTER UPDATE ON wallets DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.margin_short AND NEW.total - NEW.reserved > OLD.total - OLD.reserved)
  EXECUTE FUNCTION hold_short_margin();
--> statement-breakpoint
ALTER TABLE wallets ENABLE ALWAYS TRIGGER hold_short_margin;
--> statement-breakpoint
GRANT CREATE ON SCHEMA public TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION keep_margin_holds(uuid[], timestamptz) OWNER TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION release_margin_holds(uuid[]) OWNER TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION follow_positions() OWNER TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION hold_short_margin() OWNER TO plimsoll_ledger;
--> statement-breakpoint
REVOKE CREATE ON SCHEMA public FROM plimsoll_ledger;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION keep_margin_holds(uuid[], timestamptz), release_margin_holds(uuid[]), follow_positions(),
  hold_short_margin() FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION keep_margin_holds(uuid[], timestamptz), release_margin_holds(uuid[]) TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON positions TO plimsoll_ledger;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON margin_holds TO plimsoll_ledger;
--> statement-breakpoint
GRANT UPDATE (reserved, margin_short) ON wallets TO plimsoll_ledger;
--> statement-breakpoint
CREATE POLICY positions_ledger ON positions FOR SELECT TO plimsoll_ledger USING (true);
--> statement-breakpoint
CREATE POLICY margin_holds_ledger ON margin_holds TO plimsoll_ledger USING (true) WITH CHECK (true);
--> statement-breakpoint
ALTER TABLE positions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE margin_holds FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON positions, margin_holds TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON positions TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, quantity, entry_value, initial_margin, opened_quantity, opened_value, closed_quantity,
    closed_value, fill_count, fees, realised_pnl, funding_paid, loss_borne, mark_price, marked_at, unrealised_pnl,
    maintenance_margin, liquidation_price, version, updated_at, closed_at)
  ON positions TO plimsoll_engine;
--> statement-breakpoint
CREATE FUNCTION margin_terms_are(terms jsonb, account public.accounts) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT ((terms ->> 'marginEnabled')::boolean, (terms ->> 'maxLeverage')::numeric,
      (terms ->> 'marginCallThreshold')::numeric, (terms ->> 'liquidationThreshold')::numeric,
      (terms ->> 'autoLiquidation')::boolean)
    IS NOT DISTINCT FROM
      (account.margin_enabled, account.max_leverage::numeric, account.margin_call_threshold::numeric,
       account.liquidation_threshold::numeric, account.auto_liquidation)
$$;
--> statement-breakpoint
-- What lowers the guards of an account's margin somebody of the firm granted, and it was not who asked: these terms
-- instead of those, and once. Paper accounts are their owners' to set. People open accounts with no margin.
CREATE FUNCTION check_account_margin() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF current_user IN ('plimsoll_app', 'plimsoll_staff') AND (NEW.margin_enabled OR NEW.max_leverage <> 1
        OR NEW.margin_call_threshold <> 0.8 OR NEW.liquidation_threshold <> 0.5 OR NOT NEW.auto_liquidation
        OR NEW.margin_approval_id IS NOT NULL) THEN
      RAISE EXCEPTION 'an account begins without margin' USING ERRCODE = 'PL049';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.type <> OLD.type THEN
    RAISE EXCEPTION 'an account keeps its type' USING ERRCODE = 'PL049';
  END IF;
  IF NEW.margin_approval_id IS DISTINCT FROM OLD.margin_approval_id THEN
    IF OLD.margin_approval_id >= NEW.margin_approval_id OR NOT EXISTS (
        SELECT FROM public.approvals a
        WHERE a.id = NEW.margin_approval_id AND a.action = 'account.set_margin' AND a.subject_id = NEW.id
          AND a.status = 'executed'
          AND public.margin_terms_are(a.payload -> 'from', OLD) AND public.margin_terms_are(a.payload -> 'to', NEW)) THEN
      RAISE EXCEPTION 'the firm grants the terms that were asked for, once' USING ERRCODE = 'PL049';
    END IF;
  ELSIF NEW.type = 'live' AND ((NEW.margin_enabled AND NOT OLD.margin_enabled)
      OR NEW.max_leverage > OLD.max_leverage OR NEW.margin_call_threshold < OLD.margin_call_threshold
      OR NEW.liquidation_threshold < OLD.liquidation_threshold OR (OLD.auto_liquidation AND NOT NEW.auto_liquidation))
  THEN
    RAISE EXCEPTION 'the firm grants what lowers the guards of margin' USING ERRCODE = 'PL049';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_account_margin BEFORE INSERT OR UPDATE ON accounts
  FOR EACH ROW EXECUTE FUNCTION check_account_margin();
--> statement-breakpoint
ALTER TABLE accounts ENABLE ALWAYS TRIGGER check_account_margin;
--> statement-breakpoint
-- What somebody holds open in a contract stays what it is, and can be closed.
CREATE FUNCTION check_contract_terms() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.positions p WHERE p.instrument_id = NEW.id AND p.closed_at IS NULL) THEN
    RAISE EXCEPTION 'positions in the contract are open' USING ERRCODE = 'PL049';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_contract_terms BEFORE UPDATE ON instruments FOR EACH ROW
  WHEN (OLD.kind = 'contract' AND ((NEW.kind, NEW.settlement_asset, NEW.quote_asset) IS DISTINCT FROM
    (OLD.kind, OLD.settlement_asset, OLD.quote_asset) OR NEW.status = 'delisted'))
  EXECUTE FUNCTION check_contract_terms();
--> statement-breakpoint
ALTER TABLE instruments ENABLE ALWAYS TRIGGER check_contract_terms;
--> statement-breakpoint
-- Keeping margin ---------------------------------------------------------------------------------------
ALTER TABLE margin_keepers FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE margin_calls FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE liquidations FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE liquidation_orders FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE position_funding FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE funding_cursors FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON margin_calls, liquidations TO plimsoll_app;
--> statement-breakpoint
GRANT SELECT ON margin_keepers, margin_calls, liquidations, liquidation_orders, position_funding, funding_cursors
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON margin_keepers, margin_calls, liquidations, liquidation_orders, position_funding, funding_cursors
  TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (epoch, since) ON margin_keepers TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (overdue_told_at, ended_at, outcome) ON margin_calls TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (steps, held_back, next_step_at, ended_at, outcome) ON liquidations TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (order_id) ON liquidation_orders TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (charged_to) ON funding_cursors TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('position_funding');
--> statement-breakpoint
-- What has ended stays ended, and what was placed was placed: a trail is not written anew.
CREATE FUNCTION keep_margin_trail() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'liquidation_orders' AND (to_jsonb(OLD) ->> 'order_id') IS NOT NULL
     OR TG_TABLE_NAME <> 'liquidation_orders' AND (to_jsonb(OLD) ->> 'ended_at') IS NOT NULL THEN
    RAISE EXCEPTION 'what is over does not change' USING ERRCODE = 'PL050';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER keep_margin_trail BEFORE UPDATE ON margin_calls FOR EACH ROW EXECUTE FUNCTION keep_margin_trail();
--> statement-breakpoint
ALTER TABLE margin_calls ENABLE ALWAYS TRIGGER keep_margin_trail;
--> statement-breakpoint
CREATE TRIGGER keep_margin_trail BEFORE UPDATE ON liquidations FOR EACH ROW EXECUTE FUNCTION keep_margin_trail();
--> statement-breakpoint
ALTER TABLE liquidations ENABLE ALWAYS TRIGGER keep_margin_trail;
--> statement-breakpoint
CREATE TRIGGER keep_margin_trail BEFORE UPDATE ON liquidation_orders FOR EACH ROW
  EXECUTE FUNCTION keep_margin_trail();
--> statement-breakpoint
ALTER TABLE liquidation_orders ENABLE ALWAYS TRIGGER keep_margin_trail;
--> statement-breakpoint
-- Portfolio history: what a day was found to be stays --------------------------------------------------------
ALTER TABLE portfolio_snapshots FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE portfolio_days FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON portfolio_snapshots, portfolio_days TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON portfolio_snapshots, portfolio_days TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('portfolio_snapshots');
--> statement-breakpoint
CALL make_append_only('portfolio_days');
-- Orders at venues ---------------------------------------------------------------------------------------
ALTER TABLE venue_orders FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE venue_reports FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE simulated_orders FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE simulated_reports FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON venue_orders, venue_reports TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON simulated_orders, simulated_reports TO plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON venue_orders, venue_reports, simulated_orders, simulated_reports TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (state, unknown_reason, unknown_since, recalled_at, end_reason, end_executed, resolution, resolution_id,
  done_at) ON venue_orders TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (executed, executed_amount, resting, quote_key, report_count, closed) ON simulated_orders
  TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('venue_reports');
--> statement-breakpoint
CALL make_append_only('simulated_reports');
--> statement-breakpoint
-- One order is sent once, to one venue; and what people say a venue did is what two of them agreed on.
CREATE FUNCTION check_venue_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.orders o WHERE o.id = NEW.order_id AND o.instrument_id = NEW.instrument_id
      AND o.book = NEW.book) THEN
    RAISE EXCEPTION 'an order at a venue names an order' USING ERRCODE = '23503';
  END IF;
  IF TG_OP = 'UPDATE' AND (OLD.order_id, OLD.instrument_id, OLD.book, OLD.venue, OLD.routed_at)
      IS DISTINCT FROM (NEW.order_id, NEW.instrument_id, NEW.book, NEW.venue, NEW.routed_at) THEN
    RAISE EXCEPTION 'what was sent was sent' USING ERRCODE = 'PL052';
  END IF;
  IF NEW.resolution IS NOT NULL AND NOT EXISTS (SELECT FROM public.approvals a
      WHERE a.id = NEW.resolution_id AND a.action = 'venue_order.resolve' AND a.subject_id = NEW.order_id
        AND a.status = 'executed' AND a.payload -> 'resolution' = NEW.resolution) THEN
    RAISE EXCEPTION 'what a venue did is said by two people' USING ERRCODE = 'PL052';
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.resolution IS NOT NULL AND NEW.resolution IS NOT NULL
      AND (OLD.resolution, OLD.resolution_id) IS DISTINCT FROM (NEW.resolution, NEW.resolution_id) THEN
    RAISE EXCEPTION 'what two people said is not said anew by one' USING ERRCODE = 'PL052';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_venue_order BEFORE INSERT OR UPDATE ON venue_orders
  FOR EACH ROW EXECUTE FUNCTION check_venue_order();
--> statement-breakpoint
ALTER TABLE venue_orders ENABLE ALWAYS TRIGGER check_venue_order;
--> statement-breakpoint
-- What open orders turn over, counted at less cost -------------------------------------------------------
-- The names in a body of this form are bound when it is made, so that no search path can change what they mean, and
-- with no setting of its own the expression becomes part of the statements that count.
CREATE OR REPLACE FUNCTION order_open_value(
  quantity numeric, notional numeric, filled_quantity numeric, filled_amount numeric, price numeric,
  closed_at timestamptz
) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN CASE
  WHEN closed_at IS NOT NULL THEN 0
  WHEN notional IS NOT NULL THEN greatest(notional - filled_amount, 0)
  ELSE ceil((quantity - filled_quantity) * coalesce(price, 0) * 100000000) / 100000000
END;
--> statement-breakpoint
