-- Orders ----------------------------------------------------------------------------------------------
-- What an order may trade at once it was triggered is settled with what triggered it.
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
  IF OLD.triggered_at IS NOT NULL AND (NEW.triggered_at, NEW.trigger_price, NEW.triggered_cap, NEW.high_water_mark)
      IS DISTINCT FROM (OLD.triggered_at, OLD.trigger_price, OLD.triggered_cap, OLD.high_water_mark) THEN
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
-- Deposits that can be called back --------------------------------------------------------------------
-- Until when: what is bought with them settles no sooner. Asked by settlement, for wallets it has locked.
CREATE FUNCTION deposits_settle_on(wallet_ids uuid[]) RETURNS TABLE (wallet_id uuid, day text)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d.wallet_id, max(d.settlement_date) FROM public.deposits d
    WHERE d.wallet_id = ANY (wallet_ids) AND d.unsettled > 0 GROUP BY d.wallet_id
$$;
