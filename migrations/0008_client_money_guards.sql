-- What the schema files cannot say about client money: forced row-level security, grants, what is never
-- rewritten, and the ledger's guard.

-- What the schema files cannot say about payouts: forced row-level security, grants, what is never
-- rewritten, and the method of withdrawals made before there were methods.

-- Row-level security is forced wherever a policy exists -----------------------------------------------
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['fee_schedules', 'funding_fees', 'payout_accounts', 'payout_files', 'payout_file_items',
    'payout_reports']
  LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
  END LOOP;
END
$$;
--> statement-breakpoint

-- What the bank was told and what it answered is evidence (I4) -----------------------------------------
CALL make_append_only('payout_files');
--> statement-breakpoint
CALL make_append_only('payout_file_items');
--> statement-breakpoint
CALL make_append_only('payout_reports');
--> statement-breakpoint
-- So is what was asked for a payment, and from where one was paid.
CALL make_append_only('fee_schedules');
--> statement-breakpoint
CALL make_append_only('funding_fees');
--> statement-breakpoint
CALL make_append_only('payout_accounts');
--> statement-breakpoint

-- Grants ------------------------------------------------------------------------------------------------
GRANT SELECT, INSERT ON payout_files, payout_file_items, payout_reports TO plimsoll_engine;
--> statement-breakpoint
-- What moving money costs and how much may move is published: customers read it on their own login.
GRANT SELECT ON fee_schedules, funding_fees, funding_limits TO plimsoll_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON fee_schedules, funding_fees, payout_accounts TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON fee_schedules, funding_fees, payout_accounts, payout_files, payout_file_items, payout_reports
  TO plimsoll_staff;
--> statement-breakpoint

-- Withdrawals made before methods count for the one their payee names ------------------------------------
ALTER TABLE withdrawals NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE beneficiaries NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE withdrawals w SET method = CASE b.kind
    WHEN 'bank' THEN 'bank_transfer'::funding_method
    WHEN 'crypto_wallet' THEN 'crypto'::funding_method
    ELSE 'mobile_money'::funding_method
  END
FROM beneficiaries b WHERE b.id = w.beneficiary_id;
--> statement-breakpoint
ALTER TABLE beneficiaries FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE withdrawals FORCE ROW LEVEL SECURITY;
--> statement-breakpoint

-- Limits set before methods hold for each way out there was, and for a week and a month as what the day
-- allowed: seven and thirty of them. The ways out that are new need a limit somebody sets (I9).
ALTER TABLE funding_limits NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE funding_limits l
  SET method = CASE a.kind WHEN 'crypto' THEN 'crypto'::funding_method ELSE 'bank_transfer'::funding_method END
  FROM assets a WHERE a.code = l.asset AND l.direction = 'withdrawal' AND l.method = 'other';
--> statement-breakpoint
INSERT INTO funding_limits (id, kyc_level, asset, direction, method, window_hours, maximum, created_at)
  SELECT gen_random_uuid(), l.kyc_level, l.asset, l.direction, l.method, longer.hours,
    least(l.maximum * longer.days, 999999999999.99999999), l.created_at
  FROM funding_limits l CROSS JOIN (VALUES (168, 7), (720, 30)) AS longer (hours, days)
  WHERE l.direction = 'withdrawal' AND l.window_hours = 24
  ON CONFLICT DO NOTHING;
--> statement-breakpoint
INSERT INTO funding_limits (id, kyc_level, asset, direction, method, window_hours, maximum, created_at)
  SELECT gen_random_uuid(), l.kyc_level, l.asset, l.direction, other.method, l.window_hours, l.maximum, l.created_at
  FROM funding_limits l
    CROSS JOIN unnest(ARRAY['mcb_juice', 'mips', 'mobile_money']::funding_method[]) AS other (method)
  WHERE l.direction = 'withdrawal' AND l.method = 'bank_transfer'
  ON CONFLICT DO NOTHING;
--> statement-breakpoint
ALTER TABLE funding_limits FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- What the schema files cannot say about deposits and their evidence: the first terms, forced row-level
-- security, grants, and what never changes.

-- How long each way of paying in can be called back. Rows, so that a firm can say otherwise; a method
-- without one is refused. Written before row-level security is forced on the owner.
INSERT INTO clearing_periods (method, days, created_at) VALUES
  ('bank_transfer', 0, now()), ('card', 3, now()), ('mcb_juice', 1, now()), ('mips', 0, now()),
  ('crypto', 0, now()), ('mobile_money', 1, now()), ('other', 0, now());
--> statement-breakpoint
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['bank_accounts', 'bank_statements', 'bank_statement_lines', 'unallocated_receipts',
      'inbound_events', 'clearing_periods', 'statement_debits'] LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
  END LOOP;
END
$$;
--> statement-breakpoint
GRANT SELECT ON bank_accounts, bank_statements, bank_statement_lines, unallocated_receipts, inbound_events,
  clearing_periods, statement_debits TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON bank_accounts, bank_statements, bank_statement_lines, unallocated_receipts, inbound_events,
  clearing_periods, statement_debits TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE ON unallocated_receipts, statement_debits TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (days, approval_id) ON clearing_periods TO plimsoll_engine;
--> statement-breakpoint
-- What was signed stays what was signed; only what became of it moves.
GRANT UPDATE (state, reason, deposit_id, settled_at) ON inbound_events TO plimsoll_engine;
--> statement-breakpoint
-- A statement is evidence (I4).
CALL make_append_only('bank_statements');
--> statement-breakpoint
CALL make_append_only('bank_statement_lines');
--> statement-breakpoint
-- The ledger's guard, proved once per statement ----------------------------------------------------
-- Proves a statement's entries and moves the balances. What it guarantees does not rest on the caller's
-- locks: the update itself names the total, the version and the instant that the entries were computed
-- from, and finds no wallet where any differs. It runs as plimsoll_ledger, which cannot log in. Look-ups
-- are written so that no plan made while the tables were small can turn into a scan of large ones.
CREATE OR REPLACE FUNCTION apply_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  culprit text;
  named bigint;
  moved bigint;
  follows boolean;
  unsettled boolean;
BEGIN
  SELECT journal_id::text INTO culprit FROM new_entries
    GROUP BY journal_id, asset HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'journal % does not balance', culprit USING ERRCODE = 'PL001';
  END IF;

  SELECT e.journal_id::text INTO culprit
    FROM (SELECT DISTINCT journal_id, booked_at, book, kind, reference_type, reference_id FROM new_entries) e
    WHERE (
      SELECT j.book = e.book AND j.kind = e.kind
        AND j.reference_type = e.reference_type AND j.reference_id = e.reference_id
      FROM public.journals j WHERE j.id = e.journal_id AND j.booked_at = e.booked_at
    ) IS NOT TRUE
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'an entry of journal % differs from it', culprit USING ERRCODE = 'PL013';
  END IF;

  -- Planned each time, for the rows that are there: planning is cheap beside a batch, and a plan that
  -- was made for two rows is ruinous for five hundred.
  EXECUTE $moves$
    WITH legs AS (
      SELECT wallet_id, book, asset, user_id, account_id, amount, balance_after, wallet_version, booked_at,
        min(balance_after) FILTER (WHERE kind = 'transfer' AND amount < 0 AND user_id IS NOT NULL
          AND reference_type <> 'hold_capture') OVER history AS lowest,
        lag(balance_after) OVER history AS balance_before,
        lag(wallet_version) OVER history AS version_before,
        lead(wallet_version) OVER history AS version_next,
        first_value(balance_after - amount) OVER history AS opening,
        first_value(wallet_version - 1) OVER history AS opening_version
      FROM new_entries
      WINDOW history AS (PARTITION BY wallet_id, book, asset, user_id, account_id ORDER BY wallet_version)
    ), applied AS (
      UPDATE public.wallets w
        SET total = l.balance_after, version = l.wallet_version, last_entry_at = l.booked_at,
          revision = w.revision + 1
        FROM legs l
        WHERE w.id = l.wallet_id AND l.version_next IS NULL AND w.status = 'active'
          AND w.total = l.opening AND w.version = l.opening_version
          AND w.book = l.book AND w.asset = l.asset
          AND w.user_id IS NOT DISTINCT FROM l.user_id AND w.account_id IS NOT DISTINCT FROM l.account_id
          AND (w.last_entry_at IS NULL OR w.last_entry_at <= l.booked_at)
        RETURNING l.lowest < w.reserved + w.unsettled AS unsettled
    )
    SELECT count(*) FILTER (WHERE version_next IS NULL), (SELECT count(*) FROM applied),
      (SELECT bool_or(a.unsettled) FROM applied a),
      min(booked_at) = max(booked_at) AND bool_and(version_before IS NULL
        OR (balance_before + amount = balance_after AND version_before + 1 = wallet_version))
    FROM legs
  $moves$ INTO named, moved, unsettled, follows;
  IF named = moved AND follows THEN
    -- What a customer moves between accounts was there and settled before each transfer, not only after all.
    -- What a capture takes was settled when it was put on hold, whatever the rest of the wallet paid since.
    IF unsettled THEN
      RAISE EXCEPTION 'a transfer takes more than is settled' USING ERRCODE = 'PL006';
    END IF;
    RETURN NULL;
  END IF;

  SELECT e.id::text INTO culprit FROM new_entries e
    WHERE (
      SELECT w.book = e.book AND w.asset = e.asset
        AND w.user_id IS NOT DISTINCT FROM e.user_id AND w.account_id IS NOT DISTINCT FROM e.account_id
      FROM public.wallets w WHERE w.id = e.wallet_id
    ) IS NOT TRUE
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % names a wallet of another book, asset or owner', culprit USING ERRCODE = 'PL013';
  END IF;
  PERFORM 1 FROM new_entries e
    WHERE (SELECT w.status = 'active' FROM public.wallets w WHERE w.id = e.wallet_id) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a wallet is not active' USING ERRCODE = 'PL005';
  END IF;
  RAISE EXCEPTION 'entries do not follow the balance of their wallet' USING ERRCODE = 'PL003';
END
$$;
--> statement-breakpoint
-- Every posting updates its wallets: with room on the page the new version stays beside the old one and
-- no index is touched.
ALTER TABLE wallets SET (fillfactor = 70);
--> statement-breakpoint

-- Rates of exchange and conversions ------------------------------------------------------------------
ALTER TABLE fx_rates FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE fx_rate_withdrawals FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE conversion_quotes FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CALL make_append_only('fx_rates');
--> statement-breakpoint
CALL make_append_only('fx_rate_withdrawals');
--> statement-breakpoint
GRANT SELECT, INSERT ON fx_rates, fx_rate_withdrawals TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON fx_rates, fx_rate_withdrawals TO plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE (executed_at, journal_id) ON conversion_quotes TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON conversion_quotes TO plimsoll_app, plimsoll_staff;
--> statement-breakpoint
-- A rate is the one that two people agreed to, figure by figure (I7); only a seed has nobody behind it, and
-- only where its pair has no rate yet.
CREATE FUNCTION check_fx_rate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.approval_id IS NULL AND EXISTS (
      SELECT FROM fx_rates r
      WHERE (r.base, r.quote) IN ((NEW.base, NEW.quote), (NEW.quote, NEW.base))) THEN
    RAISE EXCEPTION 'a seed changes no rate' USING ERRCODE = 'PL007';
  END IF;
  IF NEW.approval_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'fx_rate.set' AND a.status = 'executed'
        AND a.subject_id = NEW.id
        AND a.payload ->> 'base' = NEW.base AND a.payload ->> 'quote' = NEW.quote
        AND (a.payload ->> 'rate')::numeric = NEW.rate
        AND (a.payload ->> 'spreadBps')::integer = NEW.spread_bps
        AND a.payload ->> 'source' = NEW.source
        AND (a.payload ->> 'asOf')::timestamptz = NEW.as_of
        AND (a.payload ->> 'validUntil')::timestamptz = NEW.valid_until) THEN
    RAISE EXCEPTION 'a rate counts only once another person approved it' USING ERRCODE = 'PL007';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_fx_rate BEFORE INSERT ON fx_rates FOR EACH ROW EXECUTE FUNCTION check_fx_rate();
--> statement-breakpoint
ALTER TABLE fx_rates ENABLE ALWAYS TRIGGER check_fx_rate;
--> statement-breakpoint
-- What was offered stays what was offered, and is executed once.
CREATE FUNCTION check_conversion_quote() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.executed_at IS NOT NULL
    OR to_jsonb(NEW) - 'executed_at' - 'journal_id' <> to_jsonb(OLD) - 'executed_at' - 'journal_id' THEN
    RAISE EXCEPTION 'a quote cannot be rewritten' USING ERRCODE = 'PL007';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_conversion_quote BEFORE UPDATE ON conversion_quotes
  FOR EACH ROW EXECUTE FUNCTION check_conversion_quote();
--> statement-breakpoint
ALTER TABLE conversion_quotes ENABLE ALWAYS TRIGGER check_conversion_quote;
--> statement-breakpoint
-- The revision of a wallet grows with every change ---------------------------------------------------
-- Postings count in the entries' trigger above, all else here; no login may set it. A trigger on named
-- columns does not fire for postings, which are most of the changes.
CREATE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.revision := OLD.revision + 1;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER count_revision BEFORE UPDATE OF reserved, unsettled, status, metadata ON wallets
  FOR EACH ROW EXECUTE FUNCTION count_revision();
--> statement-breakpoint
ALTER TABLE wallets ENABLE ALWAYS TRIGGER count_revision;
--> statement-breakpoint
GRANT UPDATE (revision) ON wallets TO plimsoll_ledger;
--> statement-breakpoint
GRANT UPDATE (metadata) ON wallets TO plimsoll_engine;
--> statement-breakpoint
-- What was reversed, once at most (I4) -----------------------------------------------------------------
ALTER TABLE journal_reversals FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON journal_reversals TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON journal_reversals TO plimsoll_staff;
--> statement-breakpoint
CALL make_append_only('journal_reversals');
--> statement-breakpoint
-- Transfers ---------------------------------------------------------------------------------------------
ALTER TABLE transfers FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON transfers TO plimsoll_app, plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT ON transfers TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('transfers');
--> statement-breakpoint
-- Locks gates shared, as every money path does, and refuses unless gates, people and accounts are still what
-- the caller decided upon (I8): each statement of a volatile function sees what was committed before it, so
-- what it compares is what the lock holds. Written like the entries' trigger, for plans that stay look-ups.
CREATE FUNCTION hold_standing(lock_names text[], user_ids uuid[], gate_versions integer[], user_states text[],
  account_ids uuid[], account_states text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(wanted.name, 0))
    FROM unnest(lock_names) WITH ORDINALITY AS wanted (name, place) ORDER BY wanted.place;
  PERFORM 1 FROM unnest(user_ids, gate_versions, user_states) AS known (user_id, version, state)
    WHERE (
      SELECT g.version = known.version AND (SELECT u.status::text FROM public.users u WHERE u.id = g.user_id) = known.state
      FROM public.customer_gates g WHERE g.user_id = known.user_id
    ) IS NOT TRUE;
  IF FOUND THEN
    RAISE EXCEPTION 'a gate changed' USING ERRCODE = 'PL008';
  END IF;
  PERFORM 1 FROM unnest(account_ids, account_states) AS known (account_id, state)
    WHERE (SELECT a.status::text FROM public.accounts a WHERE a.id = known.account_id) IS DISTINCT FROM known.state;
  IF FOUND THEN
    RAISE EXCEPTION 'an account changed' USING ERRCODE = 'PL008';
  END IF;
  RETURN true;
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION hold_standing(text[], uuid[], integer[], text[], uuid[], text[]) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION hold_standing(text[], uuid[], integer[], text[], uuid[], text[]) TO plimsoll_engine;

--> statement-breakpoint
-- Holds placed by hand ----------------------------------------------------------------------------------
ALTER TABLE hold_captures FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON hold_captures TO plimsoll_app, plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT ON hold_captures TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('hold_captures');
--> statement-breakpoint
-- What a hold says is never rewritten; only what is left of it moves.
REVOKE UPDATE ON holds FROM plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (remaining, status, closed_at) ON holds TO plimsoll_engine;
--> statement-breakpoint
CREATE FUNCTION check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'active' OR NEW.remaining > OLD.remaining THEN
    RAISE EXCEPTION 'a hold that ended stays ended, and what was freed of it is free' USING ERRCODE = 'PL021';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_hold BEFORE UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION check_hold();
--> statement-breakpoint
ALTER TABLE holds ENABLE ALWAYS TRIGGER check_hold;
--> statement-breakpoint
-- Reconciliation: what was found, said and signed never changes ----------------------------------------
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['reconciliation_runs', 'client_money_positions', 'reconciliation_breaks',
    'reconciliation_break_notes', 'reconciliation_sign_offs', 'custody_reports', 'custody_report_lines']
  LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
    IF target <> 'reconciliation_breaks' THEN
      CALL public.make_append_only(target::regclass);
    END IF;
  END LOOP;
  CALL public.make_append_only('reconciliations');
END
$$;
--> statement-breakpoint
GRANT SELECT ON reconciliation_runs, client_money_positions, reconciliation_breaks, reconciliation_break_notes,
  reconciliation_sign_offs, custody_reports, custody_report_lines TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON reconciliation_runs, client_money_positions, reconciliation_breaks, reconciliation_break_notes,
  reconciliation_sign_offs, custody_reports, custody_report_lines TO plimsoll_engine;
--> statement-breakpoint
-- A break keeps what it is about and when it was first seen.
GRANT UPDATE (amount, currency, detail, status, resolution, owner_id, approval_id, last_run_id, last_seen_at,
  resolved_at, version) ON reconciliation_breaks TO plimsoll_engine;
