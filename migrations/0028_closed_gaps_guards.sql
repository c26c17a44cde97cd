-- Repayments that are not paid at all: compliance agrees, and what the books gave away comes back ---------------
GRANT UPDATE (given_up_at) ON repayments TO plimsoll_engine;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION repayment_may_become(was text, becomes text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT becomes = ANY (CASE was
    WHEN 'payable' THEN ARRAY['in_file', 'by_hand', 'completed', 'given_up']
    WHEN 'in_file' THEN ARRAY['completed', 'failed', 'unknown', 'payable']
    WHEN 'unknown' THEN ARRAY['completed', 'failed']
    WHEN 'failed' THEN ARRAY['payable', 'by_hand', 'completed', 'given_up']
    WHEN 'by_hand' THEN ARRAY['completed', 'given_up']
    WHEN 'completed' THEN ARRAY['unknown']
    ELSE ARRAY[]::text[] END)
$$;
--> statement-breakpoint
-- Two people agreed, no debit is the repayment, and each of its journals is undone by one that says so.
CREATE FUNCTION repayment_is_given_up(was repayments, becomes repayments) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = becomes.resolution_id AND a.action = 'repayment.give_up' AND a.subject_id = was.id
        AND a.status = 'executed')
    AND NOT EXISTS (SELECT FROM public.statement_debits d WHERE d.repayment_id = was.id AND d.status::text <> 'void')
    AND NOT EXISTS (
      SELECT FROM unnest(ARRAY[was.journal_id, was.debt_journal_id]) AS gave (id)
      WHERE gave.id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.journal_reversals v JOIN public.journals j ON j.id = v.reversal_id
        WHERE v.journal_id = gave.id AND j.reference_type = 'repayment' AND j.reference_id = was.id))
$$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION repayment_evidence(was repayments, becomes repayments) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE becomes.status::text
    -- A file that is being made: nothing is added to one that was.
    WHEN 'in_file' THEN EXISTS (SELECT FROM public.payout_files f WHERE f.id = becomes.file_id AND f.asset = was.asset)
      AND NOT EXISTS (SELECT FROM public.payout_file_repayments i WHERE i.file_id = becomes.file_id)
      AND NOT EXISTS (SELECT FROM public.payout_file_downloads d WHERE d.file_id = becomes.file_id)
    WHEN 'payable' THEN CASE was.status::text
      WHEN 'in_file' THEN EXISTS (SELECT FROM public.payout_file_voids v WHERE v.file_id = was.file_id)
      ELSE public.repayment_outcome_shown(was, becomes) END
    WHEN 'given_up' THEN public.repayment_is_given_up(was, becomes)
    WHEN 'unknown' THEN was.status::text = 'in_file' OR public.line_was_given_up(was.paid_line_id)
    ELSE public.repayment_outcome_shown(was, becomes)
  END
$$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION check_repayment() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  moves CONSTANT text[] := ARRAY['status', 'file_id', 'screening_id', 'payout_report_id', 'paid_line_id',
    'resolution_id', 'transaction_reference', 'version', 'completed_at', 'given_up_at'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'repayments are never deleted' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.status NOT IN ('payable', 'by_hand') OR NEW.version <> 1
       OR num_nonnulls(NEW.file_id, NEW.screening_id, NEW.payout_report_id, NEW.paid_line_id, NEW.resolution_id,
         NEW.transaction_reference, NEW.completed_at, NEW.given_up_at) > 0
       OR NEW.payout_reference <> upper(replace(NEW.id::text, '-', ''))
       OR public.repayment_is_agreed(NEW) IS NOT TRUE THEN
      RAISE EXCEPTION 'two people send money back, and to whom' USING ERRCODE = 'PL063';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - moves <> to_jsonb(OLD) - moves THEN
    RAISE EXCEPTION 'what a repayment says stays' USING ERRCODE = 'PL063';
  END IF;
  IF NEW.version = OLD.version THEN
    IF to_jsonb(NEW) - 'screening_id' <> to_jsonb(OLD) - 'screening_id' THEN
      RAISE EXCEPTION 'a repayment changes with its status' USING ERRCODE = 'PL063';
    END IF;
    RETURN NEW;
  END IF;
  IF NOT public.repayment_may_become(OLD.status::text, NEW.status::text) OR NEW.version <> OLD.version + 1
     OR (NEW.file_id IS DISTINCT FROM OLD.file_id AND NEW.status <> 'in_file') THEN
    RAISE EXCEPTION 'a repayment does not move so' USING ERRCODE = 'PL063';
  END IF;
  IF public.repayment_evidence(OLD, NEW) IS NOT TRUE THEN
    RAISE EXCEPTION 'nothing lets the repayment become %', NEW.status USING ERRCODE = 'PL063';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- A receipt whose return was given up is open again; all other work that ended stays ended.
CREATE OR REPLACE FUNCTION check_bank_work() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  was jsonb := to_jsonb(OLD);
  becomes jsonb := to_jsonb(NEW);
BEGIN
  IF was ->> 'status' <> 'open' AND NOT (becomes ->> 'status' = 'void'
      AND was ->> 'status' <> 'void' AND public.line_was_given_up((was ->> 'statement_line_id')::uuid))
     AND NOT (was ->> 'status' = 'returned' AND becomes ->> 'status' = 'open' AND EXISTS (
      SELECT FROM public.repayments r
      WHERE r.receipt_id = (was ->> 'id')::uuid AND r.journal_id = (was ->> 'closing_journal_id')::uuid
        AND r.given_up_at IS NOT NULL)) THEN
    RAISE EXCEPTION 'work that ended stays ended' USING ERRCODE = 'PL060';
  END IF;
  IF becomes ->> 'status' = 'void' AND NOT public.line_was_given_up((was ->> 'statement_line_id')::uuid) THEN
    RAISE EXCEPTION 'only two people give up what a line brought' USING ERRCODE = 'PL060';
  END IF;
  IF (becomes ->> 'statement_line_id', becomes ->> 'wallet_id', becomes ->> 'asset', becomes ->> 'amount')
     IS DISTINCT FROM (was ->> 'statement_line_id', was ->> 'wallet_id', was ->> 'asset', was ->> 'amount')
     OR NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'work stays about its line' USING ERRCODE = 'PL060';
  END IF;
  IF becomes ->> 'status' = 'returned' AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'unallocated_receipt.return' AND a.subject_id = NEW.id
        AND a.status = 'executed' AND a.payload ->> 'statementLineId' = was ->> 'statement_line_id') THEN
    RAISE EXCEPTION 'two people send money back' USING ERRCODE = 'PL060';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- Candles that no tick made ----------------------------------------------------------------------------
-- They go where candles are made again from the ticks there are (`feed rebuild`), under the audit of it.
GRANT DELETE ON candles TO plimsoll_engine;
--> statement-breakpoint
-- What open orders turn over: nothing of what was cut ----------------------------------------------------
-- An order that is less because another of its group traded, or because its position is, will not trade what was cut.
CREATE OR REPLACE FUNCTION count_placed_orders() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO public.risk_exposures AS e
    (account_id, instrument_id, open_orders, open_buy_value, open_sell_value, net_quantity)
  SELECT o.account_id, o.instrument_id, count(*), coalesce(sum(o.value) FILTER (WHERE o.side = 'buy'), 0),
    coalesce(sum(o.value) FILTER (WHERE o.side = 'sell'), 0), 0
  FROM (
    SELECT p.account_id, p.instrument_id, p.side,
      public.order_open_value(p.quantity, p.notional, p.filled_quantity + p.reduced_quantity, p.filled_amount,
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
CREATE OR REPLACE FUNCTION count_changed_orders() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO public.risk_exposures AS e
    (account_id, instrument_id, open_orders, open_buy_value, open_sell_value, net_quantity)
  SELECT d.account_id, d.instrument_id, sum(d.orders), coalesce(sum(d.value) FILTER (WHERE d.side = 'buy'), 0),
    coalesce(sum(d.value) FILTER (WHERE d.side = 'sell'), 0), 0
  FROM (
    SELECT n.account_id, n.instrument_id, n.side,
      (n.closed_at IS NULL)::integer - (o.closed_at IS NULL)::integer AS orders,
      public.order_open_value(n.quantity, n.notional, n.filled_quantity + n.reduced_quantity, n.filled_amount,
        coalesce(n.limit_price, n.price_cap, n.stop_price), n.closed_at)
      - public.order_open_value(o.quantity, o.notional, o.filled_quantity + o.reduced_quantity, o.filled_amount,
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
-- The counters of those that were cut before. Before row-level security binds the owner.
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE risk_exposures NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE risk_exposures e SET open_buy_value = o.buys, open_sell_value = o.sells
FROM (
  SELECT account_id, instrument_id, coalesce(sum(value) FILTER (WHERE side = 'buy'), 0) AS buys,
    coalesce(sum(value) FILTER (WHERE side = 'sell'), 0) AS sells
  FROM (
    SELECT account_id, instrument_id, side, reduced_quantity,
      public.order_open_value(quantity, notional, filled_quantity + reduced_quantity, filled_amount,
        coalesce(limit_price, price_cap, stop_price), closed_at) AS value
    FROM orders WHERE closed_at IS NULL
  ) counted GROUP BY account_id, instrument_id HAVING bool_or(reduced_quantity > 0)
) o
WHERE (e.account_id, e.instrument_id) = (o.account_id, o.instrument_id);
--> statement-breakpoint
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE risk_exposures FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- Events that share a row until they are placed (docs/adr/0032-events-of-a-batch-in-one-row.md): such a row is gone in a
-- second, and would cost more to press than to write.
ALTER TABLE outbox ALTER COLUMN data SET STORAGE EXTERNAL;
--> statement-breakpoint
-- Where customers are told to pay to ---------------------------------------------------------------------
-- Whoever exchanges the number takes what customers pay in: no row is there that two people did not agree to, none is put
-- back by an approval older than that of the account in force, and none ever changes.
ALTER TABLE deposit_accounts FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON deposit_accounts TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON deposit_accounts TO plimsoll_engine;
--> statement-breakpoint
CREATE FUNCTION check_deposit_account() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  former uuid;
BEGIN
  SELECT d.approval_id INTO former FROM public.deposit_accounts d JOIN public.approvals a ON a.id = d.approval_id
  WHERE d.asset = NEW.asset ORDER BY a.executed_at DESC, d.created_at DESC, d.id DESC LIMIT 1;
  IF NOT public.terms_approved(NEW.approval_id, 'deposit_account.set', jsonb_build_object('asset', NEW.asset,
      'holderName', NEW.holder_name, 'iban', NEW.iban, 'bic', NEW.bic, 'bankName', NEW.bank_name), former)
     OR NOT EXISTS (
       SELECT FROM public.bank_accounts b WHERE b.iban = NEW.iban AND b.currency = NEW.asset) THEN
    RAISE EXCEPTION 'two people set the account customers pay to' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_deposit_account BEFORE INSERT ON deposit_accounts
  FOR EACH ROW EXECUTE FUNCTION check_deposit_account();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON deposit_accounts DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('deposit_account', 'id');
--> statement-breakpoint
ALTER TABLE deposit_accounts ENABLE ALWAYS TRIGGER check_deposit_account, ENABLE ALWAYS TRIGGER audited;
--> statement-breakpoint
CALL make_append_only('deposit_accounts');
