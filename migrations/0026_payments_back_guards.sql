-- Offers to convert that nobody took -------------------------------------------------------------------
-- They go once they have served (`ledger.purge-quotes`), none within a month of its end. One that was taken is the
-- conversion: no login removes it.
GRANT DELETE ON conversion_quotes TO plimsoll_engine;
--> statement-breakpoint
CREATE FUNCTION keep_taken_quote() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.executed_at IS NOT NULL OR OLD.expires_at > now() - interval '30 days' THEN
    RAISE EXCEPTION 'a conversion is never deleted, nor an offer that may be asked about' USING ERRCODE = 'PL004';
  END IF;
  RETURN OLD;
END
$$;
--> statement-breakpoint
CREATE TRIGGER keep_taken_quote BEFORE DELETE ON conversion_quotes
  FOR EACH ROW EXECUTE FUNCTION keep_taken_quote();
--> statement-breakpoint
ALTER TABLE conversion_quotes ENABLE ALWAYS TRIGGER keep_taken_quote;
--> statement-breakpoint
-- What open orders turn over ---------------------------------------------------------------------------
-- By the units an order has, where it has any: a limit order that was asked for by its notional is one of units, and a sale
-- by notional at the market counts like any other of the units it may sell. What has none counts by
-- its notional.
CREATE OR REPLACE FUNCTION order_open_value(
  quantity numeric, notional numeric, filled_quantity numeric, filled_amount numeric, price numeric,
  closed_at timestamptz
) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN CASE
  WHEN closed_at IS NOT NULL THEN 0
  WHEN quantity IS NULL THEN greatest(notional - filled_amount, 0)
  ELSE ceil((quantity - filled_quantity) * coalesce(price, 0) * 100000000) / 100000000
END;
--> statement-breakpoint
-- Which way the price of a feed went in its newest batches: the engine's alone ----------------------------------
ALTER TABLE price_spans FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON price_spans TO plimsoll_engine;
--> statement-breakpoint
-- As each batch writes a row of an instrument, it takes the oldest one away.
ALTER TABLE price_spans SET (autovacuum_vacuum_scale_factor = 0.1);
--> statement-breakpoint
GRANT UPDATE (fetches, fetch_at, fetch_failure) ON feed_gaps TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (spans_before) ON position_exits TO plimsoll_engine;
--> statement-breakpoint
-- Money that goes back: whom it is paid to stays, and it moves as its evidence lets it --------------------------
ALTER TABLE repayments FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE payout_file_repayments FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON repayments, payout_file_repayments TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON payout_file_repayments TO plimsoll_engine;
--> statement-breakpoint
GRANT INSERT, UPDATE (status, file_id, screening_id, payout_report_id, paid_line_id, resolution_id,
  transaction_reference, version, completed_at) ON repayments TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (repayment_id) ON statement_debits TO plimsoll_engine;
--> statement-breakpoint
-- The table of states, once more: whoever can write the row is held to it as the product is.
CREATE FUNCTION repayment_may_become(was text, becomes text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT becomes = ANY (CASE was
    WHEN 'payable' THEN ARRAY['in_file', 'by_hand', 'completed']
    WHEN 'in_file' THEN ARRAY['completed', 'failed', 'unknown', 'payable']
    WHEN 'unknown' THEN ARRAY['completed', 'failed']
    WHEN 'failed' THEN ARRAY['payable', 'by_hand', 'completed']
    WHEN 'by_hand' THEN ARRAY['completed']
    WHEN 'completed' THEN ARRAY['unknown']
    ELSE ARRAY[]::text[] END)
$$;
--> statement-breakpoint
-- Two people agreed to send this very money back to this very payer, and the books gave it away.
CREATE FUNCTION repayment_is_agreed(r repayments) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = r.approval_id AND a.status = 'executed' AND a.subject_id = coalesce(r.deposit_id, r.receipt_id)
        AND a.action = CASE WHEN r.deposit_id IS NULL THEN 'unallocated_receipt.return' ELSE 'deposit.refund' END
        AND a.payload ->> 'asset' = r.asset
        AND coalesce(a.payload ->> 'takeBack', a.payload ->> 'amount')::numeric = r.amount
        AND (a.payload ->> 'statementLineId') IS NOT DISTINCT FROM r.statement_line_id::text
        AND (a.payload ->> 'payerHash') IS NOT DISTINCT FROM encode(r.payer_hash, 'hex'))
    AND EXISTS (SELECT FROM public.wallets w WHERE w.id = r.wallet_id AND w.house_role = 'client_money_bank')
    AND r.amount = (
      SELECT sum(e.amount) FROM public.ledger_entries e JOIN public.journals j ON j.id = e.journal_id
      WHERE e.wallet_id = r.wallet_id AND j.id IN (r.journal_id, r.debt_journal_id)
        AND j.reference_id = coalesce(r.deposit_id, r.receipt_id))
$$;
--> statement-breakpoint
-- The bank's report on its file, its debit, or two people: how an outcome is known that one person's word does not make.
CREATE FUNCTION repayment_outcome_shown(was repayments, becomes repayments) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
      SELECT FROM public.payout_reports p JOIN public.payout_file_repayments i ON i.file_id = p.file_id
      WHERE p.id = becomes.payout_report_id AND becomes.payout_report_id IS DISTINCT FROM was.payout_report_id
        AND i.repayment_id = was.id AND i.file_id = was.file_id
        AND CASE becomes.status::text WHEN 'failed' THEN p.failed_count WHEN 'completed' THEN p.completed_count END > 0)
    OR EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = becomes.resolution_id AND becomes.resolution_id IS DISTINCT FROM was.resolution_id
        AND a.action = 'repayment.resolve' AND a.subject_id = was.id AND a.status = 'executed'
        AND a.payload ->> 'outcome' = becomes.status::text)
    OR (becomes.status::text = 'completed' AND EXISTS (
      SELECT FROM public.statement_debits d
      JOIN public.bank_statement_lines l ON l.id = d.statement_line_id
      JOIN public.bank_statements s ON s.id = l.statement_id
      WHERE d.repayment_id = was.id AND d.status = 'explained' AND d.statement_line_id = becomes.paid_line_id
        AND (d.asset, d.amount, d.wallet_id) = (was.asset, was.amount, was.wallet_id)
        AND s.standing = 'confirmed' AND l.direction = 'debit'
        AND (l.end_to_end_id = was.payout_reference OR EXISTS (
          SELECT FROM public.approvals a
          WHERE a.id = d.approval_id AND a.action = 'statement_debit.explain' AND a.subject_id = d.id
            AND a.status = 'executed'))))
$$;
--> statement-breakpoint
-- What lets a repayment have the status it is given.
CREATE FUNCTION repayment_evidence(was repayments, becomes repayments) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE becomes.status::text
    -- A file that is being made: nothing is added to one that was.
    WHEN 'in_file' THEN EXISTS (SELECT FROM public.payout_files f WHERE f.id = becomes.file_id AND f.asset = was.asset)
      AND NOT EXISTS (SELECT FROM public.payout_file_repayments i WHERE i.file_id = becomes.file_id)
      AND NOT EXISTS (SELECT FROM public.payout_file_downloads d WHERE d.file_id = becomes.file_id)
    WHEN 'payable' THEN CASE was.status::text
      WHEN 'in_file' THEN EXISTS (SELECT FROM public.payout_file_voids v WHERE v.file_id = was.file_id)
      ELSE public.repayment_outcome_shown(was, becomes) END
    WHEN 'unknown' THEN was.status::text = 'in_file' OR public.line_was_given_up(was.paid_line_id)
    ELSE public.repayment_outcome_shown(was, becomes)
  END
$$;
--> statement-breakpoint
CREATE FUNCTION check_repayment() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  moves CONSTANT text[] := ARRAY['status', 'file_id', 'screening_id', 'payout_report_id', 'paid_line_id',
    'resolution_id', 'transaction_reference', 'version', 'completed_at'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'repayments are never deleted' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.status NOT IN ('payable', 'by_hand') OR NEW.version <> 1
       OR num_nonnulls(NEW.file_id, NEW.screening_id, NEW.payout_report_id, NEW.paid_line_id, NEW.resolution_id,
         NEW.transaction_reference, NEW.completed_at) > 0
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
CREATE TRIGGER check_repayment BEFORE INSERT OR UPDATE OR DELETE ON repayments
  FOR EACH ROW EXECUTE FUNCTION check_repayment();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON repayments DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('repayment', 'id');
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited_change AFTER UPDATE ON repayments DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.version <> OLD.version) EXECUTE FUNCTION demand_audit_row('repayment', 'id');
--> statement-breakpoint
ALTER TABLE repayments ENABLE ALWAYS TRIGGER check_repayment, ENABLE ALWAYS TRIGGER audited,
  ENABLE ALWAYS TRIGGER audited_change;
--> statement-breakpoint
-- A repayment is in the file that its own row names, which changes only while it is free to be paid.
CREATE FUNCTION check_payout_file_repayment() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.repayments r
      WHERE r.id = NEW.repayment_id AND r.file_id = NEW.file_id AND r.status = 'in_file') THEN
    RAISE EXCEPTION 'the repayment is not of this payout file' USING ERRCODE = 'PL055';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_payout_file_repayment BEFORE INSERT ON payout_file_repayments
  FOR EACH ROW EXECUTE FUNCTION check_payout_file_repayment();
--> statement-breakpoint
ALTER TABLE payout_file_repayments ENABLE ALWAYS TRIGGER check_payout_file_repayment;
--> statement-breakpoint
CALL make_append_only('payout_file_repayments');
