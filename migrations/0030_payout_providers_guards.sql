-- Payouts that the bank booked otherwise: of another amount, or with their whole file ------------------------------
GRANT UPDATE (payout_file_id) ON statement_debits TO plimsoll_engine;
--> statement-breakpoint
-- Two people said that the debit of this line was this payout, of whatever amount, or all of the file that it is in.
CREATE FUNCTION payout_debit_explained(was withdrawals, becomes withdrawals) RETURNS boolean
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
        OR d.payout_file_id::text = a.payload -> 'explanation' ->> 'payoutFileId' AND EXISTS (
          SELECT FROM public.payout_file_items i JOIN public.payout_files f ON f.id = i.file_id
          WHERE f.id = d.payout_file_id AND i.withdrawal_id = was.id AND f.control_sum = d.amount)))
$$;
--> statement-breakpoint
-- What the bank paid is what the explained debit says, and the books were corrected to it.
CREATE FUNCTION payout_paid_otherwise(w withdrawals) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM public.statement_debits d JOIN public.approvals a ON a.id = d.approval_id
    WHERE d.withdrawal_id = w.id AND d.status = 'explained' AND d.amount = w.paid_amount
      AND a.action = 'statement_debit.explain' AND a.subject_id = d.id AND a.status = 'executed'
      AND w.paid_amount - w.amount = (
        SELECT sum(e.amount) FROM public.journals j JOIN public.ledger_entries e ON e.journal_id = j.id
        WHERE j.reference_type = 'statement_debit' AND j.reference_id = d.id AND e.wallet_id = d.wallet_id))
$$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION check_withdrawal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'withdrawals are never deleted' USING ERRCODE = 'PL004';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.status NOT IN ('pending', 'under_review') OR NEW.version <> 1 OR NEW.journal_id IS NOT NULL
       OR NEW.payout_reference IS NOT NULL OR NEW.resolution_id IS NOT NULL OR NEW.payout_report_id IS NOT NULL
       OR NEW.statement_line_id IS NOT NULL OR NEW.transaction_reference IS NOT NULL OR NEW.paid_amount IS NOT NULL
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
  -- The one thing that is said of it after its end, once.
  IF NEW.paid_amount IS DISTINCT FROM OLD.paid_amount THEN
    IF OLD.paid_amount IS NOT NULL OR OLD.status <> 'completed' OR NEW.version <> OLD.version + 1
       OR to_jsonb(NEW) - 'paid_amount' - 'version' <> to_jsonb(OLD) - 'paid_amount' - 'version'
       OR public.payout_paid_otherwise(NEW) IS NOT TRUE THEN
      RAISE EXCEPTION 'two people say what the bank paid otherwise' USING ERRCODE = 'PL060';
    END IF;
    RETURN NEW;
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
-- A line is one payment, or all that a file pays that two people said it was.
CREATE FUNCTION line_is_file_of(line_id uuid, payment_id uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM public.statement_debits d
    WHERE d.statement_line_id = line_id AND d.status = 'explained' AND (
      EXISTS (SELECT FROM public.payout_file_items i
        WHERE i.file_id = d.payout_file_id AND i.withdrawal_id = payment_id)
      OR EXISTS (SELECT FROM public.payout_file_repayments r
        WHERE r.file_id = d.payout_file_id AND r.repayment_id = payment_id)))
$$;
--> statement-breakpoint
CREATE FUNCTION check_payment_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  shown CONSTANT uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
BEGIN
  IF shown IS DISTINCT FROM (to_jsonb(OLD) ->> TG_ARGV[0])::uuid AND NOT public.line_is_file_of(shown, NEW.id)
     AND (EXISTS (SELECT FROM public.withdrawals w WHERE w.statement_line_id = shown AND w.id <> NEW.id)
       OR EXISTS (SELECT FROM public.repayments r WHERE r.paid_line_id = shown AND r.id <> NEW.id)) THEN
    RAISE EXCEPTION 'a line settles one payment, or a whole file' USING ERRCODE = 'PL060';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_payment_line BEFORE UPDATE ON withdrawals
  FOR EACH ROW EXECUTE FUNCTION check_payment_line('statement_line_id');
--> statement-breakpoint
CREATE TRIGGER check_payment_line BEFORE UPDATE ON repayments
  FOR EACH ROW EXECUTE FUNCTION check_payment_line('paid_line_id');
--> statement-breakpoint
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER check_payment_line;
--> statement-breakpoint
ALTER TABLE repayments ENABLE ALWAYS TRIGGER check_payment_line;
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
        AND (d.asset, d.amount, d.wallet_id) = (was.asset, f.control_sum, was.wallet_id)
        AND s.standing = 'confirmed' AND l.direction = 'debit' AND NOT l.reversal
        AND a.action = 'statement_debit.explain' AND a.subject_id = d.id AND a.status = 'executed'
        AND a.payload -> 'explanation' ->> 'payoutFileId' = f.id::text))
$$;
--> statement-breakpoint
-- Payouts that a provider carries ------------------------------------------------------------------------
ALTER TABLE payout_submissions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON payout_submissions TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON payout_submissions TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (sent_at, tries, said, said_at, failures, last_failure, next_at) ON payout_submissions TO plimsoll_engine;
--> statement-breakpoint
-- A provider is told of what is under way, and never again of what it said anything of.
CREATE FUNCTION check_payout_submission() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  status text := (SELECT w.status::text FROM public.withdrawals w WHERE w.id = NEW.withdrawal_id);
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF status IS DISTINCT FROM 'processing' OR NEW.tries <> 0
       OR num_nonnulls(NEW.sent_at, NEW.said, NEW.said_at, NEW.last_failure) > 0 THEN
      RAISE EXCEPTION 'a provider carries a payout that begins' USING ERRCODE = 'PL066';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.withdrawal_id, NEW.provider, NEW.created_at)
     IS DISTINCT FROM (OLD.id, OLD.withdrawal_id, OLD.provider, OLD.created_at)
     OR NEW.tries NOT IN (OLD.tries, OLD.tries + 1) OR (OLD.sent_at IS NOT NULL AND NEW.sent_at IS NULL)
     OR NEW.sent_at < OLD.sent_at OR (OLD.said IS NOT NULL AND NEW.said IS NULL) THEN
    RAISE EXCEPTION 'what is known of a payout is not forgotten' USING ERRCODE = 'PL066';
  END IF;
  IF NEW.tries > OLD.tries AND (status IS DISTINCT FROM 'processing' OR OLD.said IS NOT NULL) THEN
    RAISE EXCEPTION 'a provider is not told of this payout' USING ERRCODE = 'PL066';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_payout_submission BEFORE INSERT OR UPDATE ON payout_submissions
  FOR EACH ROW EXECUTE FUNCTION check_payout_submission();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON payout_submissions DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION demand_audit_row('payout_submission', 'id');
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audited_change AFTER UPDATE ON payout_submissions DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.tries <> OLD.tries OR NEW.said IS DISTINCT FROM OLD.said)
  EXECUTE FUNCTION demand_audit_row('payout_submission', 'id');
--> statement-breakpoint
ALTER TABLE payout_submissions ENABLE ALWAYS TRIGGER check_payout_submission,
  ENABLE ALWAYS TRIGGER audited, ENABLE ALWAYS TRIGGER audited_change;
--> statement-breakpoint
-- The bank's report, its debit, the word of the provider that carries it, or two people: how an outcome is known that
-- one person's word does not make.
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
        AND e.type = CASE outcome WHEN 'failed' THEN 'payout.rejected' ELSE 'payout.paid' END)
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
-- The firm's own bank accounts, and whose customers pay to which account ---------------------------------
-- An account is of clients' money or of the firm's own, in every currency and for good. What was asked for before accounts
-- had a role was of clients' money.
CREATE OR REPLACE FUNCTION check_bank_account() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.approval_id IS NOT NULL AND (
    NOT public.terms_approved(NEW.approval_id, 'bank_account.add',
      jsonb_build_object('iban', NEW.iban, 'currency', NEW.currency, 'houseReference', NEW.house_reference), NULL)
    OR NOT EXISTS (
      SELECT FROM public.approvals a WHERE a.id = NEW.approval_id
        AND coalesce(a.payload ->> 'houseRole', 'client_money_bank') = NEW.house_role::text)) THEN
    RAISE EXCEPTION 'two people add a bank account' USING ERRCODE = 'PL061';
  END IF;
  IF EXISTS (SELECT FROM public.bank_accounts b WHERE b.iban = NEW.iban AND b.house_role <> NEW.house_role)
     OR (NEW.house_role = 'firm_account' AND (
       EXISTS (SELECT FROM public.deposit_accounts d WHERE d.iban = NEW.iban)
       OR EXISTS (SELECT FROM public.payout_accounts p WHERE p.iban = NEW.iban))) THEN
    RAISE EXCEPTION 'clients'' money and the firm''s own share no account' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- Nobody is told to pay to the firm's own account, and a row names the firm whose customers it is shown to.
CREATE OR REPLACE FUNCTION check_deposit_account() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  former uuid;
BEGIN
  SELECT d.approval_id INTO former FROM public.deposit_accounts d JOIN public.approvals a ON a.id = d.approval_id
  WHERE d.asset = NEW.asset ORDER BY a.executed_at DESC, d.created_at DESC, d.id DESC LIMIT 1;
  IF NOT public.terms_approved(NEW.approval_id, 'deposit_account.set', jsonb_build_object('asset', NEW.asset,
      'holderName', NEW.holder_name, 'iban', NEW.iban, 'bic', NEW.bic, 'bankName', NEW.bank_name), former)
     OR NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = NEW.approval_id AND (a.payload ->> 'legalEntity') IS NOT DISTINCT FROM NEW.legal_entity)
     OR NOT EXISTS (
       SELECT FROM public.bank_accounts b
       WHERE b.iban = NEW.iban AND b.currency = NEW.asset AND b.house_role = 'client_money_bank') THEN
    RAISE EXCEPTION 'two people set the account customers pay to' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- Nor are customers paid from it.
CREATE FUNCTION check_payout_account() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.bank_accounts b WHERE b.iban = NEW.iban AND b.house_role <> 'client_money_bank') THEN
    RAISE EXCEPTION 'customers are not paid from the firm''s own account' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_payout_account BEFORE INSERT ON payout_accounts
  FOR EACH ROW EXECUTE FUNCTION check_payout_account();
--> statement-breakpoint
ALTER TABLE payout_accounts ENABLE ALWAYS TRIGGER check_payout_account;
--> statement-breakpoint
-- A line of the firm's own account is evidence alone: it credits no customer, is nobody's receipt, explains no payout and
-- shows no repayment, whoever writes.
CREATE FUNCTION refuse_firms_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM public.bank_statement_lines l
      JOIN public.bank_statements s ON s.id = l.statement_id
      JOIN public.bank_accounts b ON b.id = s.bank_account_id
    WHERE l.id = (to_jsonb(NEW) ->> TG_ARGV[0])::uuid AND b.house_role <> 'client_money_bank') THEN
    RAISE EXCEPTION 'a line of the firm''s own account is no client money' USING ERRCODE = 'PL061';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER refuse_firms_line BEFORE INSERT OR UPDATE OF statement_line_id ON deposits
  FOR EACH ROW WHEN (NEW.statement_line_id IS NOT NULL) EXECUTE FUNCTION refuse_firms_line('statement_line_id');
--> statement-breakpoint
CREATE TRIGGER refuse_firms_line BEFORE INSERT OR UPDATE OF statement_line_id ON withdrawals
  FOR EACH ROW WHEN (NEW.statement_line_id IS NOT NULL) EXECUTE FUNCTION refuse_firms_line('statement_line_id');
--> statement-breakpoint
CREATE TRIGGER refuse_firms_line BEFORE INSERT OR UPDATE OF statement_line_id ON unallocated_receipts
  FOR EACH ROW EXECUTE FUNCTION refuse_firms_line('statement_line_id');
--> statement-breakpoint
CREATE TRIGGER refuse_firms_line BEFORE INSERT OR UPDATE OF statement_line_id ON statement_debits
  FOR EACH ROW EXECUTE FUNCTION refuse_firms_line('statement_line_id');
--> statement-breakpoint
CREATE TRIGGER refuse_firms_line BEFORE INSERT OR UPDATE OF statement_line_id ON repayments
  FOR EACH ROW WHEN (NEW.statement_line_id IS NOT NULL) EXECUTE FUNCTION refuse_firms_line('statement_line_id');
--> statement-breakpoint
CREATE TRIGGER refuse_firms_paid_line BEFORE INSERT OR UPDATE OF paid_line_id ON repayments
  FOR EACH ROW WHEN (NEW.paid_line_id IS NOT NULL) EXECUTE FUNCTION refuse_firms_line('paid_line_id');
--> statement-breakpoint
ALTER TABLE deposits ENABLE ALWAYS TRIGGER refuse_firms_line;
--> statement-breakpoint
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER refuse_firms_line;
--> statement-breakpoint
ALTER TABLE unallocated_receipts ENABLE ALWAYS TRIGGER refuse_firms_line;
--> statement-breakpoint
ALTER TABLE statement_debits ENABLE ALWAYS TRIGGER refuse_firms_line;
--> statement-breakpoint
ALTER TABLE repayments ENABLE ALWAYS TRIGGER refuse_firms_line, ENABLE ALWAYS TRIGGER refuse_firms_paid_line;
--> statement-breakpoint
-- Margin calls: whoever keeps margin says that a customer was reminded -----------------------------------------
GRANT UPDATE (reminded_at) ON margin_calls TO plimsoll_engine;
