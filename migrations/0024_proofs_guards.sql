-- A partition that only grows is looked through for its statistics again and again while it is young. With the
-- pauses that PostgreSQL makes by default that takes ten seconds, and until it ends nothing that was written over
-- meanwhile can be cleared away, in any table: the wallets, few and changed all the time, grow to several times
-- their size and stay so. Without pauses it is a second, and half as many rows more are reason enough.
CREATE OR REPLACE PROCEDURE guard_partition(parent text, partition text) LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition);
  EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition);
  EXECUTE format('ALTER TABLE public.%I SET (autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.5, autovacuum_vacuum_insert_scale_factor = 0.5)', partition);
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
DECLARE
  partition regclass;
BEGIN
  FOR partition IN
    SELECT inhrelid FROM pg_inherits WHERE inhparent IN (
      'public.audit_logs'::regclass, 'public.journals'::regclass, 'public.ledger_entries'::regclass,
      'public.price_ticks'::regclass)
  LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_vacuum_cost_delay = 0,
      autovacuum_analyze_scale_factor = 0.5, autovacuum_vacuum_insert_scale_factor = 0.5)', partition);
  END LOOP;
END
$$;
--> statement-breakpoint
-- One person tightens the rule of an instrument; what is looser than the one before was agreed by two.
CREATE OR REPLACE FUNCTION check_breaker_rule() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  before public.breaker_rules;
BEGIN
  SELECT * INTO before FROM public.breaker_rules r
    WHERE r.instrument_id = NEW.instrument_id ORDER BY r.id DESC LIMIT 1;
  IF FOUND AND before.active
     AND (NOT NEW.active OR NEW.move_bps > before.move_bps OR NEW.window_seconds < before.window_seconds
       OR NEW.pause_seconds < before.pause_seconds OR NEW.alert_bps > before.alert_bps
       OR coalesce(NEW.platform_move_bps, 10001) > coalesce(before.platform_move_bps, 10001))
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
-- Files that a second person confirms: custody reports as bank statements ------------------------------------
-- What was taken before counts as it did; what was refused never did. Written before anything watches it.
DROP TRIGGER append_only ON custody_reports;
--> statement-breakpoint
ALTER TABLE custody_reports NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE custody_reports
  SET standing = (CASE status WHEN 'imported' THEN 'confirmed' ELSE 'void' END)::statement_standing;
--> statement-breakpoint
ALTER TABLE custody_reports FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- Such a file is evidence (I4): of it only whether it counts ever changes, and each time two people said so. Where a
-- trigger names no kind of file it is on statements of banks.
CREATE OR REPLACE FUNCTION check_statement_standing() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  kind CONSTANT text := CASE TG_NARGS WHEN 0 THEN 'bank_statement' ELSE TG_ARGV[0] END;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.void_id IS NOT NULL OR NEW.standing::text <> (CASE NEW.status WHEN 'imported' THEN 'waiting' ELSE 'void' END)
       OR (NEW.status = 'imported' AND NOT EXISTS (
         SELECT FROM public.approvals a
         WHERE a.id = NEW.confirmation_id AND a.action = kind || '.confirm' AND a.subject_id = NEW.id
           AND a.status = 'pending')) THEN
      RAISE EXCEPTION 'a % waits for a second person', kind USING ERRCODE = 'PL057';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - 'standing' - 'void_id' <> to_jsonb(OLD) - 'standing' - 'void_id' THEN
    RAISE EXCEPTION 'a % is append-only', kind USING ERRCODE = 'PL004';
  END IF;
  IF OLD.standing = 'waiting' AND NEW.standing = 'confirmed' AND NEW.void_id IS NULL AND EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.confirmation_id AND a.action = kind || '.confirm' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RETURN NEW;
  END IF;
  IF OLD.standing = 'waiting' AND NEW.standing = 'void' AND NEW.void_id IS NULL AND EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.confirmation_id AND a.status IN ('rejected', 'expired', 'cancelled')) THEN
    RETURN NEW;
  END IF;
  IF OLD.standing = 'confirmed' AND NEW.standing = 'void' AND EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.void_id AND a.action = kind || '.void' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a % counts, and ceases to, by two people''s word', kind USING ERRCODE = 'PL057';
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_report_standing BEFORE INSERT OR UPDATE ON custody_reports
  FOR EACH ROW EXECUTE FUNCTION check_statement_standing('custody_report');
--> statement-breakpoint
ALTER TABLE custody_reports ENABLE ALWAYS TRIGGER check_report_standing;
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON custody_reports
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
ALTER TABLE custody_reports ENABLE ALWAYS TRIGGER append_only;
--> statement-breakpoint
GRANT UPDATE (standing, void_id) ON custody_reports TO plimsoll_engine;
--> statement-breakpoint
-- What a file says is what came with it: nobody adds a line to one that was decided on.
CREATE FUNCTION check_file_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  waits boolean;
BEGIN
  IF TG_TABLE_NAME = 'custody_report_lines' THEN
    SELECT r.standing = 'waiting' INTO waits FROM public.custody_reports r WHERE r.id = NEW.report_id;
  ELSE
    SELECT s.standing = 'waiting' INTO waits FROM public.bank_statements s WHERE s.id = NEW.statement_id;
  END IF;
  IF waits IS NOT TRUE THEN
    RAISE EXCEPTION 'a line comes with its file' USING ERRCODE = 'PL057';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_file_line BEFORE INSERT ON custody_report_lines
  FOR EACH ROW EXECUTE FUNCTION check_file_line();
--> statement-breakpoint
ALTER TABLE custody_report_lines ENABLE ALWAYS TRIGGER check_file_line;
--> statement-breakpoint
CREATE TRIGGER check_file_line BEFORE INSERT ON bank_statement_lines
  FOR EACH ROW EXECUTE FUNCTION check_file_line();
--> statement-breakpoint
ALTER TABLE bank_statement_lines ENABLE ALWAYS TRIGGER check_file_line;
--> statement-breakpoint
-- Days on which banks do not settle: two people enter them, and the newest word counts -------------------------
ALTER TABLE bank_holidays FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE FUNCTION check_bank_holiday() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  former uuid;
BEGIN
  SELECT h.approval_id INTO former FROM public.bank_holidays h
    WHERE h.currency = NEW.currency AND h.day = NEW.day ORDER BY h.id DESC LIMIT 1;
  IF NOT public.terms_approved(NEW.approval_id, 'bank_holiday.set', jsonb_build_object('currency', NEW.currency,
      'day', NEW.day, 'name', NEW.name, 'observed', NEW.observed), former) THEN
    RAISE EXCEPTION 'two people say when banks do not settle' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_bank_holiday BEFORE INSERT ON bank_holidays
  FOR EACH ROW EXECUTE FUNCTION check_bank_holiday();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON bank_holidays DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('bank_holiday');
--> statement-breakpoint
ALTER TABLE bank_holidays ENABLE ALWAYS TRIGGER check_bank_holiday, ENABLE ALWAYS TRIGGER audited;
--> statement-breakpoint
CALL make_append_only('bank_holidays');
--> statement-breakpoint
GRANT SELECT ON bank_holidays TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON bank_holidays TO plimsoll_engine;
--> statement-breakpoint
-- The firm as the last counterparty of a liquidation --------------------------------------------------------------
ALTER TABLE liquidation_takeovers FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON liquidation_takeovers TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON liquidation_takeovers TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('liquidation_takeovers');
--> statement-breakpoint
-- The firm takes over what two people agreed to and no more, of an account that is being liquidated, at the mark that the
-- position was closed at, and what it says it holds is what the customer's fill gave up.
CREATE FUNCTION check_takeover() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'position.take_over' AND a.subject_id = NEW.position_id
        AND a.status = 'executed' AND a.payload ->> 'liquidationId' = NEW.liquidation_id::text
        AND (a.payload ->> 'quantity')::numeric >= NEW.quantity) THEN
    RAISE EXCEPTION 'two people agree that the firm takes a position over' USING ERRCODE = 'PL062';
  END IF;
  IF NOT EXISTS (
      SELECT FROM public.liquidations q
      JOIN public.positions p ON p.wallet_id = q.wallet_id
      JOIN public.liquidation_orders l ON l.liquidation_id = q.id AND l.position_id = p.id
      JOIN public.orders o ON o.id = l.order_id AND o.origin = 'liquidation'
      JOIN public.fills f ON f.order_id = o.id
      JOIN public.trades t ON t.id = f.trade_id
      WHERE q.id = NEW.liquidation_id AND q.ended_at IS NULL AND p.id = NEW.position_id AND o.id = NEW.order_id
        AND t.id = NEW.trade_id AND t.venue = 'firm' AND p.mark_price = NEW.mark
        AND (p.user_id, p.account_id, p.instrument_id, p.symbol, p.book, p.side, p.settlement_asset)
          = (NEW.user_id, NEW.account_id, NEW.instrument_id, NEW.symbol, NEW.book, NEW.side, NEW.settlement_asset)
        AND (f.account_id, f.quantity, f.price, f.amount) = (NEW.account_id, NEW.quantity, NEW.price, NEW.amount)
        AND (f.side = 'sell') = (NEW.side = 'long')) THEN
    RAISE EXCEPTION 'the firm takes over what a fill of the liquidation gave up' USING ERRCODE = 'PL062';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_takeover AFTER INSERT ON liquidation_takeovers FOR EACH ROW EXECUTE FUNCTION check_takeover();
--> statement-breakpoint
ALTER TABLE liquidation_takeovers ENABLE ALWAYS TRIGGER check_takeover;
--> statement-breakpoint
-- Nobody trades with the firm but by a takeover: at commit each such trade has its row.
CREATE FUNCTION check_firm_trade() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.liquidation_takeovers t WHERE t.trade_id = NEW.id) THEN
    RAISE EXCEPTION 'the firm trades only what two people agreed that it takes over' USING ERRCODE = 'PL062';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER check_firm_trade AFTER INSERT ON trades DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.venue = 'firm') EXECUTE FUNCTION check_firm_trade();
--> statement-breakpoint
ALTER TABLE trades ENABLE ALWAYS TRIGGER check_firm_trade;
--> statement-breakpoint
-- As in 0022, and of the newest step only: what an earlier one decided is decided anew, also where a takeover came between.
CREATE OR REPLACE FUNCTION check_liquidation_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.liquidation_orders l
      JOIN public.liquidations q ON q.id = l.liquidation_id
      JOIN public.positions p ON p.id = l.position_id
      WHERE 'liquidation-' || l.id = NEW.idempotency_key AND l.id = substring(NEW.idempotency_key FROM 13)::uuid
        AND l.order_id IS NULL AND q.ended_at IS NULL AND p.closed_at IS NULL AND l.step = q.steps
        AND (l.user_id, l.account_id, l.symbol, l.side, l.quantity)
          = (NEW.user_id, NEW.account_id, NEW.symbol, NEW.side, NEW.quantity)
        AND (p.side = 'long') = (NEW.side = 'sell')
        AND NEW.reduce_only AND NEW.type = 'market') THEN
    RAISE EXCEPTION 'nothing decided this liquidation, or its position is closed by now' USING ERRCODE = 'PL050';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- Play money ----------------------------------------------------------------------------------------------
-- A wallet is of the book of its account. Play money is made in the book of paper alone (journals_play_money_check) and
-- entries keep to their book (I13), so that none ever reaches a live account.
CREATE FUNCTION check_wallet_book() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.accounts a WHERE a.id = NEW.account_id AND a.type::text <> NEW.book::text) THEN
    RAISE EXCEPTION 'a wallet is of the book of its account' USING ERRCODE = 'PL013';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_wallet_book BEFORE INSERT ON wallets FOR EACH ROW WHEN (NEW.account_id IS NOT NULL)
  EXECUTE FUNCTION check_wallet_book();
--> statement-breakpoint
ALTER TABLE wallets ENABLE ALWAYS TRIGGER check_wallet_book;
--> statement-breakpoint
-- What travels with coins -----------------------------------------------------------------------------
-- It stays with its withdrawal, and what was put before the checkers says whether there is any and which: sealed anew it
-- is other bytes, so that its hash there is what tells it from another.
CREATE FUNCTION check_travel_rule() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  asked jsonb;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.travel_rule IS NULL) <> (OLD.travel_rule IS NULL) THEN
    RAISE EXCEPTION 'the travel rule data of a withdrawal stay with it' USING ERRCODE = 'PL060';
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.approval_id IS NOT DISTINCT FROM OLD.approval_id THEN
    RETURN NEW;
  END IF;
  asked := (SELECT a.payload -> 'travelRuleHash' FROM public.approvals a WHERE a.id = NEW.approval_id);
  IF TG_OP = 'INSERT' AND (NEW.travel_rule IS NULL) <> (coalesce(asked, 'null') = 'null') THEN
    RAISE EXCEPTION 'the checkers of a withdrawal are asked about its travel rule data' USING ERRCODE = 'PL060';
  END IF;
  IF TG_OP = 'UPDATE' AND asked IS DISTINCT FROM (
      SELECT a.payload -> 'travelRuleHash' FROM public.approvals a WHERE a.id = OLD.approval_id) THEN
    RAISE EXCEPTION 'the checkers of a withdrawal are asked about the same travel rule data' USING ERRCODE = 'PL060';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_travel_rule BEFORE INSERT OR UPDATE ON withdrawals
  FOR EACH ROW EXECUTE FUNCTION check_travel_rule();
--> statement-breakpoint
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER check_travel_rule;
--> statement-breakpoint
-- Sealing it anew is said in the log, by the batch.
CREATE CONSTRAINT TRIGGER audited_travel_rule AFTER UPDATE ON withdrawals DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.travel_rule IS DISTINCT FROM OLD.travel_rule)
  EXECUTE FUNCTION demand_audit_row('sealed_column');
--> statement-breakpoint
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER audited_travel_rule;
--> statement-breakpoint
-- What of a feed did not arrive ------------------------------------------------------------------------
ALTER TABLE feed_gaps FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON feed_gaps TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT, UPDATE (filled_at) ON feed_gaps TO plimsoll_engine;
