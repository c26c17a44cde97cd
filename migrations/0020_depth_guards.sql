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
--> statement-breakpoint
-- Prices that nobody stands for -----------------------------------------------------------------------
-- Whether a price is stale is asked by customers too, and a jump that nobody has believed makes it so.
GRANT SELECT ON feed_positions TO plimsoll_app;
--> statement-breakpoint
-- Exits of positions: who may write what -------------------------------------------------------------------
ALTER TABLE position_exits FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE position_exit_orders FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON position_exits TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON position_exit_orders TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON position_exits, position_exit_orders TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (stop_loss, take_profit, version, changed_at, triggered, triggered_at, trigger_mark, held_back, next_try_at,
  ended_at) ON position_exits TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (order_id, abandoned_at) ON position_exit_orders TO plimsoll_engine;
--> statement-breakpoint
-- Exits belong to an open position and end with it. What triggered them was reached by the mark; while they are
-- triggered nothing of that changes, and only while none of their orders is open are they set anew.
CREATE FUNCTION check_position_exits() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  position_row public.positions;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'the exits of a position stay' USING ERRCODE = 'PL004';
  END IF;
  SELECT * INTO position_row FROM public.positions p WHERE p.id = NEW.position_id;
  IF (position_row.user_id, position_row.account_id, position_row.instrument_id, position_row.wallet_id, position_row.side)
      IS DISTINCT FROM (NEW.user_id, NEW.account_id, NEW.instrument_id, NEW.wallet_id, NEW.side) THEN
    RAISE EXCEPTION 'exits name the position they leave' USING ERRCODE = '23503';
  END IF;
  IF (NEW.ended_at IS NULL) <> (position_row.closed_at IS NULL) THEN
    RAISE EXCEPTION 'exits end with their position' USING ERRCODE = 'PL053';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.triggered_at IS NOT NULL OR NEW.ended_at IS NOT NULL THEN
      RAISE EXCEPTION 'exits are triggered after they were set' USING ERRCODE = 'PL053';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.ended_at IS NOT NULL OR NEW.position_id <> OLD.position_id OR NEW.version < OLD.version
     OR (NEW.version = OLD.version AND (NEW.stop_loss, NEW.take_profit, NEW.changed_at)
       IS DISTINCT FROM (OLD.stop_loss, OLD.take_profit, OLD.changed_at)) THEN
    RAISE EXCEPTION 'exits that are over stay as they were, and a change makes a version' USING ERRCODE = 'PL053';
  END IF;
  IF OLD.triggered_at IS NULL AND NEW.triggered_at IS NOT NULL AND (NEW.version <> OLD.version OR NOT coalesce(
      CASE WHEN (NEW.triggered = 'stop_loss') = (NEW.side = 'long')
        THEN NEW.trigger_mark <= CASE NEW.triggered WHEN 'stop_loss' THEN NEW.stop_loss ELSE NEW.take_profit END
        ELSE NEW.trigger_mark >= CASE NEW.triggered WHEN 'stop_loss' THEN NEW.stop_loss ELSE NEW.take_profit END
      END, false)) THEN
    RAISE EXCEPTION 'an exit is triggered by a mark that reaches it' USING ERRCODE = 'PL053';
  END IF;
  IF OLD.triggered_at IS NOT NULL AND NEW.version = OLD.version
     AND (NEW.triggered, NEW.triggered_at, NEW.trigger_mark) IS DISTINCT FROM (OLD.triggered, OLD.triggered_at, OLD.trigger_mark)
  THEN
    RAISE EXCEPTION 'what triggered an exit is settled' USING ERRCODE = 'PL053';
  END IF;
  IF NEW.version > OLD.version AND (NEW.triggered_at IS NOT NULL OR EXISTS (
      SELECT FROM public.position_exit_orders e JOIN public.orders o ON o.id = e.order_id
      WHERE e.position_id = NEW.position_id AND o.closed_at IS NULL)) THEN
    RAISE EXCEPTION 'exits are set anew while none of their orders is open' USING ERRCODE = 'PL053';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_position_exits BEFORE INSERT OR UPDATE OR DELETE ON position_exits
  FOR EACH ROW EXECUTE FUNCTION check_position_exits();
--> statement-breakpoint
ALTER TABLE position_exits ENABLE ALWAYS TRIGGER check_position_exits;
--> statement-breakpoint
-- Whatever closes a position ends its exits with it, in the same statement.
CREATE FUNCTION end_position_exits() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE public.position_exits SET ended_at = NEW.closed_at, held_back = NULL WHERE position_id = NEW.id;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER end_position_exits AFTER UPDATE ON positions FOR EACH ROW
  WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION end_position_exits();
--> statement-breakpoint
ALTER TABLE positions ENABLE ALWAYS TRIGGER end_position_exits;
--> statement-breakpoint
-- An order of exits is planned for what was triggered, one at a time; it is placed or given up, once.
CREATE FUNCTION check_position_exit_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'what an exit ordered stays' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'order_id' - 'abandoned_at' <> to_jsonb(OLD) - 'order_id' - 'abandoned_at'
       OR OLD.order_id IS NOT NULL OR OLD.abandoned_at IS NOT NULL THEN
      RAISE EXCEPTION 'what an exit ordered is placed or given up, once' USING ERRCODE = 'PL053';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.order_id IS NOT NULL OR NEW.abandoned_at IS NOT NULL OR NOT EXISTS (
      SELECT FROM public.position_exits x JOIN public.positions p ON p.id = x.position_id
      WHERE x.position_id = NEW.position_id AND x.triggered_at IS NOT NULL AND x.ended_at IS NULL
        AND (p.user_id, p.account_id, p.symbol) = (NEW.user_id, NEW.account_id, NEW.symbol)
        AND (p.side = 'long') = (NEW.side = 'sell') AND NEW.quantity <= p.quantity)
     OR EXISTS (
      SELECT FROM public.position_exit_orders e JOIN public.orders o ON o.id = e.order_id
      WHERE e.position_id = NEW.position_id AND o.closed_at IS NULL) THEN
    RAISE EXCEPTION 'an exit that was triggered orders the other side of its position, one order at a time'
      USING ERRCODE = 'PL053';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_position_exit_order BEFORE INSERT OR UPDATE OR DELETE ON position_exit_orders
  FOR EACH ROW EXECUTE FUNCTION check_position_exit_order();
--> statement-breakpoint
ALTER TABLE position_exit_orders ENABLE ALWAYS TRIGGER check_position_exit_order;
--> statement-breakpoint
-- An order of exits is stored only while what planned it stands, and names it in the same statement: a keeper that
-- was replaced, or came too late, places nothing more. Text, since no new value of a type is used in the transaction
-- that adds it.
CREATE FUNCTION place_position_exit_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.origin::text = 'position_exit' THEN
    UPDATE public.position_exit_orders e SET order_id = NEW.id
      WHERE 'position_exit-' || e.id = NEW.idempotency_key AND e.id = substring(NEW.idempotency_key FROM 15)::uuid
        AND e.order_id IS NULL AND e.abandoned_at IS NULL
        AND (e.user_id, e.account_id, e.symbol, e.side, e.quantity)
          = (NEW.user_id, NEW.account_id, NEW.symbol, NEW.side, NEW.quantity)
        AND NEW.reduce_only AND NEW.type = 'market'
        AND EXISTS (SELECT FROM public.position_exits x WHERE x.position_id = e.position_id
          AND x.triggered_at IS NOT NULL AND x.ended_at IS NULL);
    IF NOT FOUND THEN
      RAISE EXCEPTION 'nothing planned this order of an exit, or not any more' USING ERRCODE = 'PL053';
    END IF;
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER place_position_exit_order AFTER INSERT ON orders FOR EACH ROW
  WHEN (NEW.origin <> 'customer') EXECUTE FUNCTION place_position_exit_order();
--> statement-breakpoint
ALTER TABLE orders ENABLE ALWAYS TRIGGER place_position_exit_order;
--> statement-breakpoint
-- What positions claim of a wallet ------------------------------------------------------------------------
-- Whether open positions settle in a wallet follows what is kept of their margin, in the same statement; no login
-- writes it.
CREATE FUNCTION note_positions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE public.wallets w SET has_positions = NEW.initial_margin > 0
    WHERE w.id = NEW.wallet_id AND w.has_positions <> (NEW.initial_margin > 0);
  RETURN NULL;
END
$$;
--> statement-breakpoint
GRANT CREATE ON SCHEMA public TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION note_positions() OWNER TO plimsoll_ledger;
--> statement-breakpoint
REVOKE CREATE ON SCHEMA public FROM plimsoll_ledger;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION note_positions() FROM PUBLIC;
--> statement-breakpoint
GRANT UPDATE (has_positions) ON wallets TO plimsoll_ledger;
--> statement-breakpoint
CREATE TRIGGER note_first_positions AFTER INSERT ON margin_holds FOR EACH ROW WHEN (NEW.initial_margin > 0)
  EXECUTE FUNCTION note_positions();
--> statement-breakpoint
CREATE TRIGGER note_positions AFTER UPDATE ON margin_holds FOR EACH ROW
  WHEN ((OLD.initial_margin > 0) <> (NEW.initial_margin > 0)) EXECUTE FUNCTION note_positions();
--> statement-breakpoint
ALTER TABLE margin_holds ENABLE ALWAYS TRIGGER note_first_positions, ENABLE ALWAYS TRIGGER note_positions;
--> statement-breakpoint
-- Those that carry positions by now. Written while row-level security is not forced on the owner.
ALTER TABLE wallets NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE margin_holds NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE wallets w SET has_positions = true FROM margin_holds h WHERE h.wallet_id = w.id AND h.initial_margin > 0;
--> statement-breakpoint
ALTER TABLE margin_holds FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE wallets FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- For whoever posts without a look at any balance: where positions are open, what is free depends on prices.
CREATE FUNCTION no_positions(carried boolean) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF carried THEN
    RAISE EXCEPTION 'a wallet carries positions' USING ERRCODE = 'PL008';
  END IF;
  RETURN true;
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION no_positions(boolean) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION no_positions(boolean) TO plimsoll_engine;
--> statement-breakpoint
-- What providers paid over ---------------------------------------------------------------------------------
ALTER TABLE provider_settlements FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON provider_settlements TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON provider_settlements TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('provider_settlements');
--> statement-breakpoint
-- Payout files that were handed out, or given up --------------------------------------------------------
-- Whether a file made before was downloaded lies in the log alone, so each counts as handed out. Written before
-- row-level security is forced on the owner.
ALTER TABLE payout_files NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
INSERT INTO payout_file_downloads (id, file_id, downloaded_by, downloaded_at)
  SELECT gen_random_uuid(), id, NULL, created_at FROM payout_files;
--> statement-breakpoint
ALTER TABLE payout_files FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE payout_file_downloads FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE payout_file_voids FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE payout_conflicts FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON payout_file_downloads, payout_file_voids, payout_conflicts TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON payout_file_downloads, payout_file_voids, payout_conflicts TO plimsoll_engine;
--> statement-breakpoint
-- What the bank said and what it contradicts stays; only the work on it ends.
GRANT UPDATE (status, closed_by, closed_at, version) ON payout_conflicts TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('payout_file_downloads');
--> statement-breakpoint
CALL make_append_only('payout_file_voids');
--> statement-breakpoint
-- A withdrawal is in one file that may leave: what a file was given up for may be put into another.
CREATE FUNCTION check_payout_file_item() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
      SELECT FROM public.payout_file_items i
      WHERE i.withdrawal_id = NEW.withdrawal_id AND i.file_id <> NEW.file_id
        AND NOT EXISTS (SELECT FROM public.payout_file_voids v WHERE v.file_id = i.file_id)) THEN
    RAISE EXCEPTION 'the withdrawal is in another payout file' USING ERRCODE = 'PL055';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_payout_file_item BEFORE INSERT ON payout_file_items
  FOR EACH ROW EXECUTE FUNCTION check_payout_file_item();
--> statement-breakpoint
ALTER TABLE payout_file_items ENABLE ALWAYS TRIGGER check_payout_file_item;
--> statement-breakpoint
CREATE FUNCTION check_payout_file_download() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.payout_file_voids v WHERE v.file_id = NEW.file_id) THEN
    RAISE EXCEPTION 'a payout file that was given up is not handed out' USING ERRCODE = 'PL055';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_payout_file_download BEFORE INSERT ON payout_file_downloads
  FOR EACH ROW EXECUTE FUNCTION check_payout_file_download();
--> statement-breakpoint
ALTER TABLE payout_file_downloads ENABLE ALWAYS TRIGGER check_payout_file_download;
--> statement-breakpoint
CREATE FUNCTION check_payout_file_void() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.payout_file_downloads d WHERE d.file_id = NEW.file_id) THEN
    RAISE EXCEPTION 'a payout file that was handed out is not given up' USING ERRCODE = 'PL055';
  END IF;
  IF NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'payout_file.void' AND a.subject_id = NEW.file_id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people give up a payout file' USING ERRCODE = 'PL007';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_payout_file_void BEFORE INSERT ON payout_file_voids
  FOR EACH ROW EXECUTE FUNCTION check_payout_file_void();
--> statement-breakpoint
ALTER TABLE payout_file_voids ENABLE ALWAYS TRIGGER check_payout_file_void;
--> statement-breakpoint
-- Which payout a debit of before names, whether or not it was taken for that payout.
ALTER TABLE statement_debits NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE bank_statement_lines NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE withdrawals NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE statement_debits d SET named_withdrawal_id = w.id
  FROM bank_statement_lines l JOIN withdrawals w ON w.payout_reference = l.end_to_end_id
  WHERE l.id = d.statement_line_id;
--> statement-breakpoint
ALTER TABLE withdrawals FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE bank_statement_lines FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE statement_debits FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- Journals that the bank has shown -------------------------------------------------------------------------
-- Whether a journal booked what a statement showed afterwards; a deposit's own journal is undone when it is taken back.
CREATE FUNCTION journal_explains_receipt(asked_id uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.unallocated_receipts r WHERE r.explained_journal_id = asked_id)
    AND NOT EXISTS (SELECT FROM public.deposits d WHERE d.journal_id = asked_id)
$$;
--> statement-breakpoint
CREATE FUNCTION check_journal_reversal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF public.journal_explains_receipt(NEW.journal_id) THEN
    RAISE EXCEPTION 'the journal explains money that a bank statement shows' USING ERRCODE = 'PL056';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_journal_reversal BEFORE INSERT ON journal_reversals
  FOR EACH ROW EXECUTE FUNCTION check_journal_reversal();
--> statement-breakpoint
ALTER TABLE journal_reversals ENABLE ALWAYS TRIGGER check_journal_reversal;
