-- What providers say of payouts --------------------------------------------------------------------------
GRANT UPDATE (accepted_at, turned_away) ON payout_submissions TO plimsoll_engine;
--> statement-breakpoint
-- Of what was said before only the last word is known: whoever said that it has it said so by then at the latest.
ALTER TABLE payout_submissions NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE inbound_events NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE payout_submissions s SET accepted_at = s.said_at
  WHERE s.said = 'accepted' OR (s.said IS NOT NULL AND EXISTS (
    SELECT FROM inbound_events e
    WHERE e.withdrawal_id = s.withdrawal_id AND e.provider = s.provider AND e.type = 'payout.accepted'));
--> statement-breakpoint
ALTER TABLE inbound_events FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE payout_submissions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- A provider is told of what is under way, and never again of what it said anything of.
CREATE OR REPLACE FUNCTION check_payout_submission() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  status text := (SELECT w.status::text FROM public.withdrawals w WHERE w.id = NEW.withdrawal_id);
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF status IS DISTINCT FROM 'processing' OR NEW.tries <> 0
       OR num_nonnulls(NEW.sent_at, NEW.said, NEW.said_at, NEW.accepted_at, NEW.last_failure) > 0 THEN
      RAISE EXCEPTION 'a provider carries a payout that begins' USING ERRCODE = 'PL066';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.withdrawal_id, NEW.provider, NEW.created_at)
     IS DISTINCT FROM (OLD.id, OLD.withdrawal_id, OLD.provider, OLD.created_at)
     OR NEW.tries NOT IN (OLD.tries, OLD.tries + 1) OR (OLD.sent_at IS NOT NULL AND NEW.sent_at IS NULL)
     OR NEW.sent_at < OLD.sent_at OR (OLD.said IS NOT NULL AND NEW.said IS NULL)
     OR (NEW.accepted_at IS NULL AND (OLD.accepted_at IS NOT NULL OR NEW.said = 'accepted'))
     OR NEW.accepted_at < OLD.accepted_at THEN
    RAISE EXCEPTION 'what is known of a payout is not forgotten' USING ERRCODE = 'PL066';
  END IF;
  IF NEW.tries > OLD.tries AND (status IS DISTINCT FROM 'processing' OR OLD.said IS NOT NULL) THEN
    RAISE EXCEPTION 'a provider is not told of this payout' USING ERRCODE = 'PL066';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- When it said it is what money is set free by, and not only what.
DROP TRIGGER audited_change ON payout_submissions;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited_change AFTER UPDATE ON payout_submissions DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.tries <> OLD.tries OR NEW.said IS DISTINCT FROM OLD.said
    OR NEW.said_at IS DISTINCT FROM OLD.said_at OR NEW.accepted_at IS DISTINCT FROM OLD.accepted_at)
  EXECUTE FUNCTION demand_audit_row('payout_submission', 'id');
--> statement-breakpoint
ALTER TABLE payout_submissions ENABLE ALWAYS TRIGGER audited_change;
--> statement-breakpoint
-- The bank's report, its debit, the word of the provider that carries it, or two people: how an outcome is known that
-- one person's word does not make. A refusal of what the same provider said that it paid is none.
CREATE OR REPLACE FUNCTION payout_outcome_shown(was withdrawals, becomes withdrawals, outcome text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
      SELECT FROM public.payout_reports r JOIN public.payout_file_items i ON i.file_id = r.file_id
      WHERE r.id = becomes.payout_report_id AND becomes.payout_report_id IS DISTINCT FROM was.payout_report_id
        AND i.withdrawal_id = was.id
        AND CASE outcome WHEN 'failed' THEN r.failed_count ELSE r.completed_count END > 0)
    OR EXISTS (
      SELECT FROM public.inbound_events e
        JOIN public.payout_submissions s ON s.withdrawal_id = e.withdrawal_id AND s.provider = e.provider
      WHERE e.withdrawal_id = was.id AND e.state = 'kept' AND e.reason = 'unread'
        AND CASE outcome
          WHEN 'failed' THEN e.type = 'payout.rejected' AND NOT EXISTS (
            SELECT FROM public.inbound_events p
            WHERE p.withdrawal_id = e.withdrawal_id AND p.provider = e.provider AND p.type = 'payout.paid')
          ELSE e.type = 'payout.paid' END)
    OR EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = becomes.resolution_id AND a.action = 'withdrawal.resolve' AND a.subject_id = was.id
        AND a.status = 'executed' AND a.payload ->> 'outcome' = outcome)
    OR (outcome = 'completed' AND (EXISTS (
        SELECT FROM public.bank_statement_lines l JOIN public.bank_statements s ON s.id = l.statement_id
        WHERE l.id = becomes.statement_line_id AND s.standing = 'confirmed' AND l.direction = 'debit' AND NOT l.reversal
          AND l.amount = was.amount AND l.end_to_end_id = was.payout_reference)
      OR public.payout_debit_explained(was, becomes)))
$$;
--> statement-breakpoint
-- Debits that two people explained: what explains them stays, and is what they say -----------------------------------
-- Whether a journal booked what a statement showed afterwards, as money that came or that left; a deposit's own journal is
-- undone when it is taken back.
CREATE OR REPLACE FUNCTION journal_explains_receipt(asked_id uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.unallocated_receipts r WHERE r.explained_journal_id = asked_id)
      AND NOT EXISTS (SELECT FROM public.deposits d WHERE d.journal_id = asked_id)
    OR EXISTS (SELECT FROM public.statement_debits d WHERE d.journal_id = asked_id AND d.status = 'explained')
$$;
--> statement-breakpoint
-- What a payout file comes to without the payments that its bank refused, as those who explained its debit saw it.
CREATE FUNCTION payout_file_sum(asked_id uuid, refused jsonb) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT f.control_sum
    - coalesce((SELECT sum(w.amount) FROM public.payout_file_items i JOIN public.withdrawals w ON w.id = i.withdrawal_id
        WHERE i.file_id = f.id AND jsonb_exists(coalesce(refused, '[]'), w.id::text)), 0)
    - coalesce((SELECT sum(r.amount) FROM public.payout_file_repayments i JOIN public.repayments r ON r.id = i.repayment_id
        WHERE i.file_id = f.id AND jsonb_exists(coalesce(refused, '[]'), r.id::text)), 0)
  FROM public.payout_files f WHERE f.id = asked_id
$$;
--> statement-breakpoint
-- Two people said that the debit of this line was this payout, of whatever amount, or all that was paid of the file that it
-- is in.
CREATE OR REPLACE FUNCTION payout_debit_explained(was withdrawals, becomes withdrawals) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM public.statement_debits d
    JOIN public.bank_statement_lines l ON l.id = d.statement_line_id
    JOIN public.bank_statements s ON s.id = l.statement_id
    JOIN public.approvals a ON a.id = d.approval_id
    WHERE d.statement_line_id = becomes.statement_line_id AND d.status = 'explained' AND d.asset = was.asset
      AND s.standing = 'confirmed' AND l.direction = 'debit' AND NOT l.reversal AND l.amount = d.amount
      AND a.action = 'statement_debit.explain' AND a.subject_id = d.id AND a.status = 'executed'
      AND (d.withdrawal_id = was.id AND d.withdrawal_id::text = a.payload -> 'explanation' ->> 'withdrawalId'
          AND l.end_to_end_id = was.payout_reference
        OR d.payout_file_id::text = a.payload -> 'explanation' ->> 'payoutFileId'
          AND public.payout_file_sum(d.payout_file_id, a.payload -> 'refused') = d.amount
          AND NOT jsonb_exists(coalesce(a.payload -> 'refused', '[]'), was.id::text)
          AND EXISTS (SELECT FROM public.payout_file_items i
            WHERE i.file_id = d.payout_file_id AND i.withdrawal_id = was.id)))
$$;
--> statement-breakpoint
-- The bank's report on its file, its debit (of it alone, or of its whole file), or two people.
CREATE OR REPLACE FUNCTION repayment_outcome_shown(was repayments, becomes repayments) RETURNS boolean
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
    OR (becomes.status::text = 'completed' AND EXISTS (
      SELECT FROM public.statement_debits d
      JOIN public.bank_statement_lines l ON l.id = d.statement_line_id
      JOIN public.bank_statements s ON s.id = l.statement_id
      JOIN public.payout_files f ON f.id = d.payout_file_id
      JOIN public.payout_file_repayments i ON i.file_id = f.id
      JOIN public.approvals a ON a.id = d.approval_id
      WHERE i.repayment_id = was.id AND f.id = was.file_id AND d.status = 'explained'
        AND d.statement_line_id = becomes.paid_line_id
        AND (d.asset, d.amount, d.wallet_id)
          = (was.asset, public.payout_file_sum(f.id, a.payload -> 'refused'), was.wallet_id)
        AND NOT jsonb_exists(coalesce(a.payload -> 'refused', '[]'), was.id::text)
        AND s.standing = 'confirmed' AND l.direction = 'debit' AND NOT l.reversal
        AND a.action = 'statement_debit.explain' AND a.subject_id = d.id AND a.status = 'executed'
        AND a.payload -> 'explanation' ->> 'payoutFileId' = f.id::text))
$$;
--> statement-breakpoint
-- A line is one payment, or all that a file pays that two people said it was. Whoever settles by a line holds its debit:
-- two at once would not see each other.
CREATE OR REPLACE FUNCTION check_payment_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  shown CONSTANT uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
BEGIN
  IF shown IS NULL OR shown IS NOT DISTINCT FROM (to_jsonb(OLD) ->> TG_ARGV[0])::uuid THEN
    RETURN NEW;
  END IF;
  PERFORM FROM public.statement_debits d WHERE d.statement_line_id = shown FOR UPDATE;
  IF NOT public.line_is_file_of(shown, NEW.id)
     AND (EXISTS (SELECT FROM public.withdrawals w WHERE w.statement_line_id = shown AND w.id <> NEW.id)
       OR EXISTS (SELECT FROM public.repayments r WHERE r.paid_line_id = shown AND r.id <> NEW.id)) THEN
    RAISE EXCEPTION 'a line settles one payment, or a whole file' USING ERRCODE = 'PL060';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- What a bank paid of a payout by the debit that two people said it was, and by those that they said are parts of it; and
-- what their corrections booked beyond the payout itself, from the hour before their vote on, since books and votes have
-- clocks of their own: by the wallet and the time alone such entries have an index.
CREATE FUNCTION payout_debits_sum(d statement_debits) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d.amount + coalesce(sum(p.amount), 0) FROM public.statement_debits p
  WHERE p.approval_id = d.approval_id AND p.id <> d.id AND p.status = 'explained'
    AND p.named_withdrawal_id = d.withdrawal_id
$$;
--> statement-breakpoint
CREATE FUNCTION payout_debits_booked(d statement_debits) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(sum(e.amount), 0)
  FROM public.approvals a
    JOIN public.ledger_entries e ON e.wallet_id = d.wallet_id AND e.reference_type = 'statement_debit'
      AND e.booked_at >= a.executed_at - interval '1 hour'
    JOIN public.statement_debits p ON p.id = e.reference_id
  WHERE a.id = d.approval_id AND p.approval_id = a.id AND (p.id = d.id OR p.named_withdrawal_id = d.withdrawal_id)
$$;
--> statement-breakpoint
-- What the bank paid is what the explained debits say, and the books were corrected to it.
CREATE OR REPLACE FUNCTION payout_paid_otherwise(w withdrawals) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM public.statement_debits d JOIN public.approvals a ON a.id = d.approval_id
    WHERE d.withdrawal_id = w.id AND d.status = 'explained' AND public.payout_debits_sum(d) = w.paid_amount
      AND a.action = 'statement_debit.explain' AND a.subject_id = d.id AND a.status = 'executed'
      AND w.paid_amount - w.amount = public.payout_debits_booked(d))
$$;
--> statement-breakpoint
-- A line credits a deposit of its amount; of a payout that came back it credits what two people left open of its receipt.
CREATE OR REPLACE FUNCTION deposit_is_proven(d deposits) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
      SELECT FROM public.journals j JOIN public.ledger_entries e ON e.journal_id = j.id
      WHERE j.id = d.journal_id AND j.kind = 'deposit' AND j.reference_type = 'deposit' AND j.reference_id = d.id
        AND e.wallet_id = d.wallet_id AND e.amount = d.amount)
    AND (EXISTS (
        SELECT FROM public.bank_statement_lines l JOIN public.bank_statements s ON s.id = l.statement_id
        WHERE l.id = d.statement_line_id AND s.standing = 'confirmed' AND l.direction = 'credit'
          AND (l.amount = d.amount OR EXISTS (
            SELECT FROM public.unallocated_receipts r JOIN public.approvals a ON a.subject_id = r.id
            WHERE r.statement_line_id = l.id AND r.rest_of IS NOT NULL AND r.amount = d.amount
              AND a.id = d.approval_id AND a.action = 'unallocated_receipt.allocate' AND a.status = 'executed')))
      OR EXISTS (SELECT FROM public.inbound_events i WHERE i.id = d.provider_event_id AND i.deposit_id = d.id)
      OR EXISTS (
        SELECT FROM public.approvals a WHERE a.id = d.approval_id AND a.action = 'deposit.clear'
          AND a.subject_id = d.id AND a.status = 'executed'))
$$;
--> statement-breakpoint
-- What was held for a dispute of a deposit is counted there and not as unsettled, until it is free again.
CREATE OR REPLACE FUNCTION check_deposit() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  reopened CONSTANT text[] := ARRAY['statement_line_id', 'version', 'status', 'journal_id', 'fee_journal_id',
    'approval_id', 'cleared_at', 'settlement_date', 'unsettled'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'deposits are never deleted' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'pending' OR NEW.version <> 1 OR NEW.journal_id IS NOT NULL OR NEW.statement_line_id IS NOT NULL
       OR NEW.provider_event_id IS NOT NULL OR NEW.approval_id IS NOT NULL OR NEW.unsettled <> 0 OR NEW.taken_back <> 0 THEN
      RAISE EXCEPTION 'a deposit begins announced' USING ERRCODE = 'PL060';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.version = OLD.version THEN
    IF to_jsonb(NEW) - 'payer' <> to_jsonb(OLD) - 'payer' THEN
      RAISE EXCEPTION 'a change of a deposit makes a version' USING ERRCODE = 'PL060';
    END IF;
    RETURN NEW;
  END IF;
  -- With the line that had shown it a deposit gives up what that line had brought, and waits again.
  IF OLD.status = 'cleared' AND OLD.statement_line_id IS NOT NULL AND NEW.statement_line_id IS NULL
     AND NEW.version = OLD.version + 1 AND public.line_was_given_up(OLD.statement_line_id)
     AND to_jsonb(NEW) - reopened = to_jsonb(OLD) - reopened
     AND (to_jsonb(NEW) - 'statement_line_id' - 'version' = to_jsonb(OLD) - 'statement_line_id' - 'version'
       OR (NEW.status = 'pending' AND NEW.unsettled = 0 AND OLD.taken_back = 0 AND OLD.debt = 0
         AND num_nonnulls(NEW.journal_id, NEW.fee_journal_id, NEW.approval_id, NEW.cleared_at, NEW.settlement_date) = 0
         AND EXISTS (SELECT FROM public.journal_reversals r WHERE r.journal_id = OLD.journal_id))) THEN
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.user_id, NEW.account_id, NEW.wallet_id, NEW.asset, NEW.amount, NEW.fee, NEW.method,
      NEW.payment_reference, NEW.created_at) IS DISTINCT FROM
     (OLD.id, OLD.user_id, OLD.account_id, OLD.wallet_id, OLD.asset, OLD.amount, OLD.fee, OLD.method,
      OLD.payment_reference, OLD.created_at)
     OR (OLD.statement_line_id IS NOT NULL AND NEW.statement_line_id IS DISTINCT FROM OLD.statement_line_id)
     OR (OLD.provider_reference IS NOT NULL AND NEW.provider_reference IS DISTINCT FROM OLD.provider_reference)
     OR (OLD.journal_id IS NOT NULL AND (NEW.journal_id, NEW.fee_journal_id, NEW.approval_id, NEW.provider_event_id,
         NEW.settlement_date, NEW.cleared_at) IS DISTINCT FROM (OLD.journal_id, OLD.fee_journal_id, OLD.approval_id,
         OLD.provider_event_id, OLD.settlement_date, OLD.cleared_at))
     OR (OLD.journal_id IS NOT NULL AND NEW.unsettled > OLD.unsettled AND NOT (NEW.unsettled <= NEW.amount - NEW.taken_back
       AND EXISTS (SELECT FROM public.inbound_events i JOIN public.holds h ON h.reference_id = i.id AND h.reason = 'system'
         WHERE i.deposit_id = NEW.id AND h.wallet_id = NEW.wallet_id)))
     OR NEW.taken_back < OLD.taken_back OR NEW.debt < OLD.debt OR NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'what a deposit says and what proved it stays' USING ERRCODE = 'PL060';
  END IF;
  IF NEW.status <> OLD.status AND NOT public.deposit_may_become(OLD.status::text, NEW.status::text) THEN
    RAISE EXCEPTION 'a deposit does not move so' USING ERRCODE = 'PL060';
  END IF;
  IF NEW.status = 'cleared' AND OLD.status <> 'cleared' AND NOT public.deposit_is_proven(NEW) THEN
    RAISE EXCEPTION 'nothing lets the deposit be credited' USING ERRCODE = 'PL060';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- Margin: what changes of calls, liquidations and exits is told in the log with the change itself ------------------
GRANT UPDATE (mailed_at) ON margin_calls TO plimsoll_engine;
--> statement-breakpoint
-- What has ended stays ended, and what was placed was placed: a trail is not written anew. A call may end while its mail is
-- under way: that it was mailed is noted all the same, once.
CREATE OR REPLACE FUNCTION keep_margin_trail() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'margin_calls' AND (to_jsonb(OLD) ->> 'mailed_at') IS NULL
     AND to_jsonb(OLD) - 'mailed_at' = to_jsonb(NEW) - 'mailed_at' THEN
    RETURN NEW;
  END IF;
  IF TG_TABLE_NAME = 'liquidation_orders' AND (to_jsonb(OLD) ->> 'order_id') IS NOT NULL
     OR TG_TABLE_NAME <> 'liquidation_orders' AND (to_jsonb(OLD) ->> 'ended_at') IS NOT NULL THEN
    RAISE EXCEPTION 'what is over does not change' USING ERRCODE = 'PL050';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- As `demand_audit_row`, for tables that are written by the hundred while prices are waited for: it looks only where rows
-- of now lie, and not into every month of the log. A clock that is weeks off keeps no margin from being kept.
CREATE FUNCTION demand_audit_row_of_now() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.audit_logs l
      WHERE l.resource_id = to_jsonb(NEW) ->> TG_ARGV[1] AND l.txid = pg_current_xact_id()
        AND l.resource_type = TG_ARGV[0] AND l.outcome = 'success'
        AND l.recorded_at >= now() - interval '1 month' AND l.recorded_at < now() + interval '1 month') THEN
    RAISE EXCEPTION '% changed without a row of the audit log', TG_TABLE_NAME USING ERRCODE = 'PL061';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE ON margin_calls DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row_of_now('margin_call', 'id');
--> statement-breakpoint
ALTER TABLE margin_calls ENABLE ALWAYS TRIGGER audited;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON liquidations DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row_of_now('liquidation', 'id');
--> statement-breakpoint
-- Its steps are told with the orders they decide.
CREATE CONSTRAINT TRIGGER audited_change AFTER UPDATE ON liquidations DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.held_back IS DISTINCT FROM OLD.held_back OR NEW.ended_at IS DISTINCT FROM OLD.ended_at)
  EXECUTE FUNCTION demand_audit_row_of_now('liquidation', 'id');
--> statement-breakpoint
ALTER TABLE liquidations ENABLE ALWAYS TRIGGER audited, ENABLE ALWAYS TRIGGER audited_change;
--> statement-breakpoint
-- What ends with its position is told with that; when the next try comes is no more than a timetable.
CREATE CONSTRAINT TRIGGER audited_change AFTER UPDATE ON position_exits DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.held_back IS DISTINCT FROM OLD.held_back AND NEW.ended_at IS NULL)
  EXECUTE FUNCTION demand_audit_row_of_now('position', 'position_id');
--> statement-breakpoint
ALTER TABLE position_exits ENABLE ALWAYS TRIGGER audited_change;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited_change AFTER UPDATE ON position_exit_orders DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.abandoned_at IS DISTINCT FROM OLD.abandoned_at)
  EXECUTE FUNCTION demand_audit_row_of_now('position', 'position_id');
--> statement-breakpoint
ALTER TABLE position_exit_orders ENABLE ALWAYS TRIGGER audited_change;
