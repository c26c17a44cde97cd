-- Rates of exchange: the bound of the house's position is part of what two people agreed to.
CREATE OR REPLACE FUNCTION check_fx_rate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.approval_id IS NULL AND EXISTS (
      SELECT FROM public.fx_rates r
      WHERE (r.base, r.quote) IN ((NEW.base, NEW.quote), (NEW.quote, NEW.base))) THEN
    RAISE EXCEPTION 'a seed changes no rate' USING ERRCODE = 'PL007';
  END IF;
  IF NEW.approval_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'fx_rate.set' AND a.status = 'executed'
        AND a.subject_id = NEW.id
        AND a.payload ->> 'base' = NEW.base AND a.payload ->> 'quote' = NEW.quote
        AND (a.payload ->> 'rate')::numeric = NEW.rate
        AND (a.payload ->> 'spreadBps')::integer = NEW.spread_bps
        AND (a.payload ->> 'positionMax')::numeric IS NOT DISTINCT FROM NEW.position_max
        AND a.payload ->> 'source' = NEW.source
        AND (a.payload ->> 'asOf')::timestamptz = NEW.as_of
        AND (a.payload ->> 'validUntil')::timestamptz = NEW.valid_until) THEN
    RAISE EXCEPTION 'a rate counts only once another person approved it' USING ERRCODE = 'PL007';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- Counters that every order and every trade moves find room on their page for the next version.
ALTER TABLE risk_exposures SET (fillfactor = 60);
--> statement-breakpoint
ALTER TABLE risk_turnovers SET (fillfactor = 60);
--> statement-breakpoint
-- Bank statements that a second person confirms --------------------------------------------------------
-- What was taken before counts as it did; what was refused never did. Written before anything watches it.
DROP TRIGGER append_only ON bank_statements;
--> statement-breakpoint
ALTER TABLE bank_statements NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE bank_statements
  SET standing = (CASE status WHEN 'imported' THEN 'confirmed' ELSE 'void' END)::statement_standing;
--> statement-breakpoint
ALTER TABLE bank_statements FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- A statement is evidence (I4): of it only whether it counts ever changes, and each time two people said so.
CREATE FUNCTION check_statement_standing() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.void_id IS NOT NULL OR NEW.standing::text <> (CASE NEW.status WHEN 'imported' THEN 'waiting' ELSE 'void' END)
       OR (NEW.status = 'imported' AND NOT EXISTS (
         SELECT FROM public.approvals a
         WHERE a.id = NEW.confirmation_id AND a.action = 'bank_statement.confirm' AND a.subject_id = NEW.id
           AND a.status = 'pending')) THEN
      RAISE EXCEPTION 'a statement waits for a second person' USING ERRCODE = 'PL057';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - 'standing' - 'void_id' <> to_jsonb(OLD) - 'standing' - 'void_id' THEN
    RAISE EXCEPTION 'a statement is append-only' USING ERRCODE = 'PL004';
  END IF;
  IF OLD.standing = 'waiting' AND NEW.standing = 'confirmed' AND NEW.void_id IS NULL AND EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.confirmation_id AND a.action = 'bank_statement.confirm' AND a.subject_id = NEW.id
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
      WHERE a.id = NEW.void_id AND a.action = 'bank_statement.void' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a statement counts, and ceases to, by two people''s word' USING ERRCODE = 'PL057';
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_statement_standing BEFORE INSERT OR UPDATE ON bank_statements
  FOR EACH ROW EXECUTE FUNCTION check_statement_standing();
--> statement-breakpoint
ALTER TABLE bank_statements ENABLE ALWAYS TRIGGER check_statement_standing;
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON bank_statements
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
ALTER TABLE bank_statements ENABLE ALWAYS TRIGGER append_only;
--> statement-breakpoint
GRANT UPDATE (standing, void_id) ON bank_statements TO plimsoll_engine;
--> statement-breakpoint
-- Days whose reconciliation two people signed ----------------------------------------------------------
-- The last of them: nothing is posted into it or before it by hand any more. A run that looked before its day was over
-- closes none.
CREATE FUNCTION last_signed_day(entity text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT max(r.business_date) FROM public.reconciliation_runs r
    JOIN public.reconciliation_sign_offs s ON s.run_id = r.id
  WHERE r.legal_entity = entity AND r.completed_at >= ((r.business_date::date + 1)::timestamp AT TIME ZONE r.time_zone)
$$;
--> statement-breakpoint
-- Withdrawals: what they say stays, and they move as their evidence lets them --------------------------------
-- The table of states, once more: whoever can write the row is held to it as the product is.
CREATE FUNCTION withdrawal_may_become(was text, becomes text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT becomes = ANY (CASE was
    WHEN 'pending' THEN ARRAY['approved', 'rejected', 'cancelled', 'under_review']
    WHEN 'under_review' THEN ARRAY['approved', 'rejected', 'cancelled', 'under_review']
    WHEN 'approved' THEN ARRAY['processing', 'cancelled', 'under_review']
    WHEN 'processing' THEN ARRAY['completed', 'failed', 'unknown', 'approved']
    WHEN 'unknown' THEN ARRAY['completed', 'failed']
    ELSE ARRAY[]::text[] END)
$$;
--> statement-breakpoint
-- The bank's report, its debit, or two people: how an outcome is known that one person's word does not make.
CREATE FUNCTION payout_outcome_shown(was withdrawals, becomes withdrawals, outcome text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
      SELECT FROM public.payout_reports r JOIN public.payout_file_items i ON i.file_id = r.file_id
      WHERE r.id = becomes.payout_report_id AND becomes.payout_report_id IS DISTINCT FROM was.payout_report_id
        AND i.withdrawal_id = was.id
        AND CASE outcome WHEN 'failed' THEN r.failed_count ELSE r.completed_count END > 0)
    OR EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = becomes.resolution_id AND a.action = 'withdrawal.resolve' AND a.subject_id = was.id
        AND a.status = 'executed' AND a.payload ->> 'outcome' = outcome)
    OR (outcome = 'completed' AND EXISTS (
      SELECT FROM public.bank_statement_lines l JOIN public.bank_statements s ON s.id = l.statement_id
      WHERE l.id = becomes.statement_line_id AND s.standing = 'confirmed' AND l.direction = 'debit' AND NOT l.reversal
        AND l.amount = was.amount AND l.end_to_end_id = was.payout_reference))
$$;
--> statement-breakpoint
-- What lets a withdrawal have the status it is given; null where nothing does.
CREATE FUNCTION withdrawal_evidence(was withdrawals, becomes withdrawals) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE becomes.status::text
    WHEN 'approved' THEN CASE was.status::text
      -- Given up with its file: it is as approved as it was.
      WHEN 'processing' THEN EXISTS (
          SELECT FROM public.payout_file_items i JOIN public.payout_file_voids v ON v.file_id = i.file_id
          WHERE i.withdrawal_id = was.id)
        AND NOT EXISTS (
          SELECT FROM public.payout_file_items i
          WHERE i.withdrawal_id = was.id
            AND NOT EXISTS (SELECT FROM public.payout_file_voids v WHERE v.file_id = i.file_id))
      ELSE EXISTS (
        SELECT FROM public.approvals a WHERE a.id = becomes.approval_id AND a.action = 'withdrawal.approve'
          AND a.subject_id = was.id AND a.status = 'executed') END
    WHEN 'processing' THEN becomes.payout_reference IS NOT NULL AND EXISTS (
      SELECT FROM public.approvals a WHERE a.id = becomes.approval_id AND a.action = 'withdrawal.approve'
        AND a.subject_id = was.id AND a.status = 'executed')
    WHEN 'under_review' THEN becomes.approval_id IS DISTINCT FROM was.approval_id AND EXISTS (
      SELECT FROM public.approvals a WHERE a.id = becomes.approval_id AND a.action = 'withdrawal.approve'
        AND a.subject_id = was.id AND a.status = 'pending' AND a.quorum >= 2)
    WHEN 'rejected' THEN EXISTS (
        SELECT FROM public.approvals a WHERE a.id = becomes.approval_id AND a.subject_id = was.id
          AND a.status IN ('rejected', 'expired'))
      AND EXISTS (SELECT FROM public.holds h WHERE h.id = was.hold_id AND h.status <> 'active')
    WHEN 'cancelled' THEN EXISTS (SELECT FROM public.holds h WHERE h.id = was.hold_id AND h.status <> 'active')
    WHEN 'unknown' THEN true
    WHEN 'completed' THEN EXISTS (
        SELECT FROM public.journals j JOIN public.ledger_entries e ON e.journal_id = j.id
        WHERE j.id = becomes.journal_id AND j.kind = 'withdrawal' AND j.reference_type = 'withdrawal'
          AND j.reference_id = was.id AND e.wallet_id = was.wallet_id AND e.amount = -(was.amount + was.fee))
      AND EXISTS (SELECT FROM public.holds h WHERE h.id = was.hold_id AND h.status = 'captured')
      AND (was.status = 'processing' OR public.payout_outcome_shown(was, becomes, 'completed'))
    WHEN 'failed' THEN
      EXISTS (SELECT FROM public.holds h WHERE h.id = was.hold_id AND h.status <> 'active')
      AND (public.payout_outcome_shown(was, becomes, 'failed')
        OR (was.status = 'processing' AND EXISTS (
          SELECT FROM public.approvals a WHERE a.subject_id = was.id AND a.action = 'withdrawal.fail'
            AND a.status = 'executed')))
  END
$$;
--> statement-breakpoint
-- Whether an approval was asked for this very payout: who, how much, from where and to whom.
CREATE FUNCTION approval_names_withdrawal(asked_id uuid, w withdrawals) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM public.approvals a
    WHERE a.id = asked_id AND a.action = 'withdrawal.approve' AND a.subject_id = w.id AND a.status = 'pending'
      AND a.subject_user_id = w.user_id
      AND a.payload @> jsonb_build_object('userId', w.user_id, 'accountId', w.account_id, 'walletId', w.wallet_id,
        'asset', w.asset, 'beneficiaryId', w.beneficiary_id, 'destinationHash', encode(w.destination_hash, 'hex'))
      AND (a.payload ->> 'amount')::numeric = w.amount AND (a.payload ->> 'fee')::numeric = w.fee)
$$;
--> statement-breakpoint
CREATE FUNCTION check_withdrawal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'withdrawals are never deleted' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.status NOT IN ('pending', 'under_review') OR NEW.version <> 1 OR NEW.journal_id IS NOT NULL
       OR NEW.payout_reference IS NOT NULL OR NEW.resolution_id IS NOT NULL OR NEW.payout_report_id IS NOT NULL
       OR NEW.statement_line_id IS NOT NULL OR NEW.transaction_reference IS NOT NULL
       OR NOT public.approval_names_withdrawal(NEW.approval_id, NEW)
       OR NOT EXISTS (
         SELECT FROM public.holds h WHERE h.id = NEW.hold_id AND h.wallet_id = NEW.wallet_id
           AND h.reference_id = NEW.id AND h.status = 'active' AND h.remaining = NEW.amount + NEW.fee) THEN
      RAISE EXCEPTION 'a withdrawal begins reserved and before its checkers' USING ERRCODE = 'PL060';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.user_id, NEW.account_id, NEW.wallet_id, NEW.asset, NEW.amount, NEW.fee, NEW.method,
      NEW.beneficiary_id, NEW.created_at) IS DISTINCT FROM
     (OLD.id, OLD.user_id, OLD.account_id, OLD.wallet_id, OLD.asset, OLD.amount, OLD.fee, OLD.method,
      OLD.beneficiary_id, OLD.created_at)
     OR NEW.fee_id IS DISTINCT FROM OLD.fee_id OR NEW.hold_id IS DISTINCT FROM OLD.hold_id
     OR (OLD.payout_reference IS NOT NULL AND NEW.payout_reference IS DISTINCT FROM OLD.payout_reference)
     OR NEW.version < OLD.version THEN
    RAISE EXCEPTION 'what a withdrawal says stays' USING ERRCODE = 'PL060';
  END IF;
  -- The one thing that is taken from it, with its owner's key: where it was found again by its payee.
  IF NEW.destination_hash <> OLD.destination_hash
     AND OLD.status NOT IN ('completed', 'rejected', 'cancelled', 'failed') THEN
    RAISE EXCEPTION 'the payee of an open withdrawal stays' USING ERRCODE = 'PL060';
  END IF;
  IF NEW.status = OLD.status AND NEW.version = OLD.version THEN
    IF to_jsonb(NEW) - 'destination' - 'travel_rule' - 'destination_hash'
       <> to_jsonb(OLD) - 'destination' - 'travel_rule' - 'destination_hash' THEN
      RAISE EXCEPTION 'a withdrawal changes with its status' USING ERRCODE = 'PL060';
    END IF;
    RETURN NEW;
  END IF;
  IF NOT public.withdrawal_may_become(OLD.status::text, NEW.status::text) OR NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'a withdrawal does not move so' USING ERRCODE = 'PL060';
  END IF;
  IF public.withdrawal_evidence(OLD, NEW) IS NOT TRUE
     OR (NEW.approval_id IS DISTINCT FROM OLD.approval_id AND NOT (
       NEW.status = 'under_review' AND public.approval_names_withdrawal(NEW.approval_id, NEW))) THEN
    RAISE EXCEPTION 'nothing lets the withdrawal become %', NEW.status USING ERRCODE = 'PL060';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_withdrawal BEFORE INSERT OR UPDATE OR DELETE ON withdrawals
  FOR EACH ROW EXECUTE FUNCTION check_withdrawal();
--> statement-breakpoint
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER check_withdrawal;
--> statement-breakpoint
-- Whoever writes this leaves a row of the audit log in the same transaction. The first argument is the type of the
-- thing there, the second the column that names it; without one the type is enough.
CREATE FUNCTION demand_audit_row() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.audit_logs l
      WHERE l.txid = pg_current_xact_id() AND l.resource_type = TG_ARGV[0] AND l.outcome = 'success'
        AND (TG_NARGS = 1 OR l.resource_id = to_jsonb(NEW) ->> TG_ARGV[1])) THEN
    RAISE EXCEPTION '% changed without a row of the audit log', TG_TABLE_NAME USING ERRCODE = 'PL061';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON withdrawals DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('withdrawal', 'id');
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited_change AFTER UPDATE ON withdrawals DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.version <> OLD.version) EXECUTE FUNCTION demand_audit_row('withdrawal', 'id');
--> statement-breakpoint
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER audited, ENABLE ALWAYS TRIGGER audited_change;
--> statement-breakpoint
-- Limits, clearing periods, bank accounts: two people set them, and the log says so --------------------------
REVOKE UPDATE, DELETE ON funding_limits FROM plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (maximum, approval_id) ON funding_limits TO plimsoll_engine;
--> statement-breakpoint
-- An executed approval that says just this and is younger than the one before; what was agreed to earlier is used up.
CREATE FUNCTION terms_approved(asked_id uuid, asked_action text, says jsonb, former_id uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT asked_id IS DISTINCT FROM former_id AND EXISTS (
    SELECT FROM public.approvals a
    WHERE a.id = asked_id AND a.action = asked_action AND a.status = 'executed' AND a.payload @> says
      AND a.executed_at >= coalesce((SELECT f.executed_at FROM public.approvals f WHERE f.id = former_id), '-infinity'))
$$;
--> statement-breakpoint
CREATE FUNCTION check_funding_limit() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  former uuid;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a limit is set anew, never deleted' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'maximum' - 'approval_id' <> to_jsonb(OLD) - 'maximum' - 'approval_id' THEN
      RAISE EXCEPTION 'a limit stays for what it is for' USING ERRCODE = 'PL061';
    END IF;
    former := OLD.approval_id;
  END IF;
  -- The first rows of an installation have no approval; the log has them.
  IF TG_OP = 'INSERT' AND NEW.approval_id IS NULL THEN
    RETURN NEW;
  END IF;
  IF NOT public.terms_approved(NEW.approval_id, 'funding_limit.set', jsonb_build_object('kycLevel', NEW.kyc_level,
      'asset', NEW.asset, 'direction', NEW.direction, 'method', NEW.method, 'windowHours', NEW.window_hours), former)
     OR NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = NEW.approval_id AND (a.payload ->> 'maximum')::numeric = NEW.maximum) THEN
    RAISE EXCEPTION 'two people set a limit' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_funding_limit BEFORE INSERT OR UPDATE OR DELETE ON funding_limits
  FOR EACH ROW EXECUTE FUNCTION check_funding_limit();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE ON funding_limits DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('funding_limit', 'id');
--> statement-breakpoint
ALTER TABLE funding_limits ENABLE ALWAYS TRIGGER check_funding_limit, ENABLE ALWAYS TRIGGER audited;
--> statement-breakpoint
CREATE FUNCTION check_clearing_period() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  former uuid;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a clearing period is set anew, never deleted' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.method, NEW.created_at) IS DISTINCT FROM (OLD.method, OLD.created_at) THEN
      RAISE EXCEPTION 'a clearing period stays for what it is for' USING ERRCODE = 'PL061';
    END IF;
    former := OLD.approval_id;
  END IF;
  IF NOT public.terms_approved(NEW.approval_id, 'clearing_period.set',
      jsonb_build_object('method', NEW.method, 'days', NEW.days), former) THEN
    RAISE EXCEPTION 'two people set a clearing period' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_clearing_period BEFORE INSERT OR UPDATE OR DELETE ON clearing_periods
  FOR EACH ROW EXECUTE FUNCTION check_clearing_period();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE ON clearing_periods DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('clearing_period');
--> statement-breakpoint
ALTER TABLE clearing_periods ENABLE ALWAYS TRIGGER check_clearing_period, ENABLE ALWAYS TRIGGER audited;
--> statement-breakpoint
CREATE FUNCTION check_bank_account() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.approval_id IS NOT NULL AND NOT public.terms_approved(NEW.approval_id, 'bank_account.add',
      jsonb_build_object('iban', NEW.iban, 'currency', NEW.currency, 'houseReference', NEW.house_reference), NULL) THEN
    RAISE EXCEPTION 'two people add a bank account' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_bank_account BEFORE INSERT ON bank_accounts
  FOR EACH ROW EXECUTE FUNCTION check_bank_account();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON bank_accounts DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('bank_account', 'id');
--> statement-breakpoint
ALTER TABLE bank_accounts ENABLE ALWAYS TRIGGER check_bank_account, ENABLE ALWAYS TRIGGER audited;
--> statement-breakpoint
-- An account that two people added stays the one they added.
CALL make_append_only('bank_accounts');
--> statement-breakpoint
-- Deposits: what was announced and what proved it stays ------------------------------------------------------
CREATE FUNCTION deposit_may_become(was text, becomes text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT becomes = ANY (CASE was
    WHEN 'pending' THEN ARRAY['processing', 'cleared', 'failed']
    WHEN 'processing' THEN ARRAY['cleared', 'failed']
    WHEN 'cleared' THEN ARRAY['refunded', 'charged_back']
    ELSE ARRAY[]::text[] END)
$$;
--> statement-breakpoint
-- Whether a deposit that is credited has what credits it: the journal, and a line, an event or two people.
CREATE FUNCTION deposit_is_proven(d deposits) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
      SELECT FROM public.journals j JOIN public.ledger_entries e ON e.journal_id = j.id
      WHERE j.id = d.journal_id AND j.kind = 'deposit' AND j.reference_type = 'deposit' AND j.reference_id = d.id
        AND e.wallet_id = d.wallet_id AND e.amount = d.amount)
    AND (EXISTS (
        SELECT FROM public.bank_statement_lines l JOIN public.bank_statements s ON s.id = l.statement_id
        WHERE l.id = d.statement_line_id AND s.standing = 'confirmed' AND l.direction = 'credit'
          AND l.amount = d.amount)
      OR EXISTS (SELECT FROM public.inbound_events i WHERE i.id = d.provider_event_id AND i.deposit_id = d.id)
      OR EXISTS (
        SELECT FROM public.approvals a WHERE a.id = d.approval_id AND a.action = 'deposit.clear'
          AND a.subject_id = d.id AND a.status = 'executed'))
$$;
--> statement-breakpoint
-- Whether two people gave up the statement that a line is of.
CREATE FUNCTION line_was_given_up(line uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM public.bank_statement_lines l
    JOIN public.approvals a ON a.subject_id = l.statement_id AND a.action = 'bank_statement.void' AND a.status = 'executed'
    WHERE l.id = line)
$$;
--> statement-breakpoint
CREATE FUNCTION check_deposit() RETURNS trigger LANGUAGE plpgsql
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
     OR (OLD.journal_id IS NOT NULL AND NEW.unsettled > OLD.unsettled)
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
CREATE TRIGGER check_deposit BEFORE INSERT OR UPDATE OR DELETE ON deposits
  FOR EACH ROW EXECUTE FUNCTION check_deposit();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON deposits DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('deposit', 'id');
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited_change AFTER UPDATE ON deposits DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.version <> OLD.version) EXECUTE FUNCTION demand_audit_row('deposit', 'id');
--> statement-breakpoint
ALTER TABLE deposits ENABLE ALWAYS TRIGGER check_deposit, ENABLE ALWAYS TRIGGER audited,
  ENABLE ALWAYS TRIGGER audited_change;
--> statement-breakpoint
-- Receipts and debits: which line they are stays, and so who is paid back; what ended stays ended -------------
REVOKE UPDATE ON unallocated_receipts, statement_debits FROM plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, deposit_id, account_id, assignee_id, closing_journal_id, explanation, explained_journal_id,
  approval_id, version, closed_at) ON unallocated_receipts TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, explanation, withdrawal_id, journal_id, approval_id, assignee_id, version, closed_at)
  ON statement_debits TO plimsoll_engine;
--> statement-breakpoint
CREATE FUNCTION check_bank_work() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  was jsonb := to_jsonb(OLD);
  becomes jsonb := to_jsonb(NEW);
BEGIN
  IF was ->> 'status' <> 'open' AND NOT (becomes ->> 'status' = 'void'
      AND was ->> 'status' <> 'void' AND public.line_was_given_up((was ->> 'statement_line_id')::uuid)) THEN
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
CREATE TRIGGER check_bank_work BEFORE UPDATE ON unallocated_receipts FOR EACH ROW EXECUTE FUNCTION check_bank_work();
--> statement-breakpoint
CREATE TRIGGER check_bank_work BEFORE UPDATE ON statement_debits FOR EACH ROW EXECUTE FUNCTION check_bank_work();
--> statement-breakpoint
ALTER TABLE unallocated_receipts ENABLE ALWAYS TRIGGER check_bank_work;
--> statement-breakpoint
ALTER TABLE statement_debits ENABLE ALWAYS TRIGGER check_bank_work;
--> statement-breakpoint
-- Circuit breakers --------------------------------------------------------------------------------------
-- One breaker stands for a target at a time. One that ends sooner gives way to one that lasts as long or longer, by one
-- person: nothing trades that did not before.
CREATE OR REPLACE FUNCTION check_circuit_breaker() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.lifted_at IS NOT NULL OR NEW.superseded_by IS NOT NULL THEN
      RAISE EXCEPTION 'a breaker begins tripped' USING ERRCODE = 'PL045';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - 'lifted_by' - 'lifted_at' - 'lift_reason' - 'lift_approval_id' - 'superseded_by'
       <> to_jsonb(OLD) - 'lifted_by' - 'lifted_at' - 'lift_reason' - 'lift_approval_id' - 'superseded_by'
     OR OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL THEN
    RAISE EXCEPTION 'a breaker stands as it was tripped until it is lifted, once' USING ERRCODE = 'PL045';
  END IF;
  IF NEW.superseded_by IS NOT NULL THEN
    -- What took its place is proved at the end of the transaction (check_breaker_superseded).
    IF NEW.lift_approval_id IS NOT NULL OR NEW.superseded_by = NEW.id THEN
      RAISE EXCEPTION 'a breaker is lifted, or gives way to another' USING ERRCODE = 'PL045';
    END IF;
  ELSIF NEW.lift_approval_id IS NULL THEN
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
-- Where several stood, all but the one that lasts longest give way to it. Written while row-level security is not
-- forced on the owner.
ALTER TABLE circuit_breakers NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE circuit_breakers b SET lifted_by = 'migration', lifted_at = now(),
    lift_reason = 'Another one that lasts as long or longer took its place', superseded_by = longest.id
  FROM (
    SELECT DISTINCT ON (instrument_id) id, instrument_id FROM circuit_breakers WHERE lifted_at IS NULL
    ORDER BY instrument_id, ends_at DESC NULLS FIRST, id
  ) longest
  WHERE b.lifted_at IS NULL AND b.id <> longest.id AND b.instrument_id IS NOT DISTINCT FROM longest.instrument_id;
--> statement-breakpoint
ALTER TABLE circuit_breakers FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE UNIQUE INDEX circuit_breakers_standing_key
  ON circuit_breakers (coalesce(instrument_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE lifted_at IS NULL;
--> statement-breakpoint
GRANT UPDATE (superseded_by) ON circuit_breakers TO plimsoll_engine;
--> statement-breakpoint
CREATE FUNCTION check_breaker_superseded() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.circuit_breakers s
      WHERE s.id = NEW.superseded_by AND s.scope = NEW.scope AND s.instrument_id IS NOT DISTINCT FROM NEW.instrument_id
        AND (s.ends_at IS NULL OR s.ends_at >= NEW.ends_at) AND s.lifted_at IS NULL) THEN
    RAISE EXCEPTION 'a breaker gives way only to one that stands as long or longer' USING ERRCODE = 'PL045';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER check_breaker_superseded AFTER UPDATE ON circuit_breakers DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.superseded_by IS NOT NULL) EXECUTE FUNCTION check_breaker_superseded();
--> statement-breakpoint
ALTER TABLE circuit_breakers ENABLE ALWAYS TRIGGER check_breaker_superseded;
--> statement-breakpoint
-- Hours --------------------------------------------------------------------------------------------------
-- When orders are collected for an opening is a matter of two people, as the hours are.
GRANT UPDATE (pre_open_minutes) ON market_calendars TO plimsoll_engine;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION check_market_calendar() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.exchange) IS DISTINCT FROM (OLD.id, OLD.exchange) OR NEW.version <= OLD.version THEN
    RAISE EXCEPTION 'a calendar keeps its exchange, and its version rises' USING ERRCODE = 'PL041';
  END IF;
  IF (NEW.time_zone, NEW.day_ends_at, NEW.pre_open_minutes, NEW.source)
       IS DISTINCT FROM (OLD.time_zone, OLD.day_ends_at, OLD.pre_open_minutes, OLD.source)
     AND (NEW.change_approval_id IS NOT DISTINCT FROM OLD.change_approval_id OR NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = NEW.change_approval_id AND a.action = 'market_sessions.set' AND a.subject_id = NEW.id
         AND a.status = 'executed'
         AND a.executed_at >= coalesce(
           (SELECT o.executed_at FROM public.approvals o WHERE o.id = OLD.change_approval_id), '-infinity')
         AND a.payload -> 'to' @> jsonb_build_object('timeZone', NEW.time_zone, 'dayEndsAt', NEW.day_ends_at,
           'preOpenMinutes', NEW.pre_open_minutes, 'source', NEW.source))) THEN
    RAISE EXCEPTION 'two people set the hours of an exchange' USING ERRCODE = 'PL041';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- Liquidations -------------------------------------------------------------------------------------------
-- What the firm closes for its owner is accepted only while the row that decided it stands and the position is open:
-- a keeper that was replaced, or came too late, places nothing more. A refused order is kept as it came.
CREATE FUNCTION check_liquidation_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.liquidation_orders l
      JOIN public.liquidations q ON q.id = l.liquidation_id
      JOIN public.positions p ON p.id = l.position_id
      WHERE 'liquidation-' || l.id = NEW.idempotency_key AND l.id = substring(NEW.idempotency_key FROM 13)::uuid
        AND l.order_id IS NULL AND q.ended_at IS NULL AND p.closed_at IS NULL
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
CREATE TRIGGER check_liquidation_order AFTER INSERT ON orders FOR EACH ROW
  WHEN (NEW.origin = 'liquidation' AND NEW.status <> 'rejected') EXECUTE FUNCTION check_liquidation_order();
--> statement-breakpoint
ALTER TABLE orders ENABLE ALWAYS TRIGGER check_liquidation_order;
--> statement-breakpoint
-- Monitoring: whoever reads what people did says when it was behind ------------------------------------------
GRANT UPDATE (caught_up_at, behind_told_at) ON activity_cursors TO plimsoll_engine;
