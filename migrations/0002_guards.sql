-- What the database itself guarantees. Each refusal has its own SQLSTATE, class PL, so that the
-- server can tell a broken invariant (a programming error) from a refusal:
--   PL001 a journal does not balance   PL003 balances do not follow   PL004 append-only
--   PL007 four eyes                    PL013 books or owners mixed    PL014 instruction changed

-- Foreign keys that follow no import: markets does not know the ledger's schema.
ALTER TABLE instruments
  ADD CONSTRAINT instruments_base_asset_fkey FOREIGN KEY (base_asset) REFERENCES assets (code),
  ADD CONSTRAINT instruments_quote_asset_fkey FOREIGN KEY (quote_asset) REFERENCES assets (code);
--> statement-breakpoint

-- I4 ------------------------------------------------------------------------------------------
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'PL004';
END
$$;
--> statement-breakpoint
CREATE PROCEDURE make_append_only(target regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', target);
END
$$;
--> statement-breakpoint
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    'audit_logs', 'audit_leaves', 'audit_nodes', 'audit_checkpoints', 'approval_votes',
    'journals', 'ledger_entries', 'lot_disposals', 'order_events', 'trades', 'fills',
    'kyc_decisions', 'screenings', 'screening_matches', 'list_entities', 'agreement_acceptances'
  ] LOOP
    CALL make_append_only(target::regclass);
  END LOOP;
END
$$;
--> statement-breakpoint

-- I1, I3, I13 -----------------------------------------------------------------------------------
-- Proves a statement's entries and moves the balances. It runs as plimsoll_ledger, which cannot log
-- in; no login holds UPDATE on wallets.total. The caller has locked the wallets in id order.
CREATE FUNCTION apply_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  culprit text;
BEGIN
  SELECT journal_id::text INTO culprit FROM new_entries
    GROUP BY journal_id, asset HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'journal % does not balance', culprit USING ERRCODE = 'PL001';
  END IF;

  SELECT e.id::text INTO culprit FROM new_entries e
    LEFT JOIN public.journals j ON j.booked_at = e.booked_at AND j.id = e.journal_id
    LEFT JOIN public.wallets w ON w.id = e.wallet_id
    WHERE j.id IS NULL OR w.id IS NULL
      OR j.book <> e.book OR w.book <> e.book OR w.asset <> e.asset
      OR j.kind <> e.kind OR j.reference_id <> e.reference_id
      OR w.user_id IS DISTINCT FROM e.user_id OR w.account_id IS DISTINCT FROM e.account_id
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % names a wallet or journal of another book, asset or owner', culprit
      USING ERRCODE = 'PL013';
  END IF;

  WITH expected AS (
    SELECT e.id, e.balance_after, e.wallet_version,
      w.total + sum(e.amount) OVER running AS balance,
      w.version + row_number() OVER running AS version
    FROM new_entries e JOIN public.wallets w ON w.id = e.wallet_id
    WINDOW running AS (PARTITION BY e.wallet_id ORDER BY e.wallet_version ROWS UNBOUNDED PRECEDING)
  )
  SELECT id::text INTO culprit FROM expected
    WHERE balance <> balance_after OR version <> wallet_version LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % does not follow its wallet''s balance', culprit USING ERRCODE = 'PL003';
  END IF;

  UPDATE public.wallets w
    SET total = w.total + moved.delta, version = w.version + moved.entries, last_entry_at = moved.booked_at
    FROM (
      SELECT wallet_id, sum(amount) AS delta, count(*) AS entries, max(booked_at) AS booked_at
      FROM new_entries GROUP BY wallet_id
    ) moved
    WHERE w.id = moved.wallet_id;
  RETURN NULL;
END
$$;
--> statement-breakpoint
GRANT CREATE ON SCHEMA public TO plimsoll_ledger;
--> statement-breakpoint
ALTER FUNCTION apply_entries() OWNER TO plimsoll_ledger;
--> statement-breakpoint
REVOKE CREATE ON SCHEMA public FROM plimsoll_ledger;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION apply_entries() FROM PUBLIC;
--> statement-breakpoint
CREATE PROCEDURE guard_entries(target regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER apply_entries AFTER INSERT ON %s
    REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION apply_entries()', target);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER apply_entries', target);
END
$$;
--> statement-breakpoint
GRANT SELECT ON journals, wallets TO plimsoll_ledger;
--> statement-breakpoint
GRANT UPDATE (total, version, last_entry_at) ON wallets TO plimsoll_ledger;
--> statement-breakpoint
CREATE POLICY wallets_ledger ON wallets TO plimsoll_ledger USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE POLICY journals_ledger ON journals FOR SELECT TO plimsoll_ledger USING (true);
--> statement-breakpoint

-- Partitions --------------------------------------------------------------------------------------
-- Creates the months that are missing from this one on, and the DEFAULT backstop; owned by the
-- migrator and callable by the jobs' login. A partition carries the triggers of its parent: a
-- statement trigger of the parent does not fire for a statement that names the partition.
CREATE FUNCTION ensure_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  parent text;
  month date;
  partition text;
  created integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('plimsoll.partitions'));
  FOREACH parent IN ARRAY ARRAY['audit_logs', 'journals', 'ledger_entries'] LOOP
    FOR step IN -1 .. months_ahead LOOP
      partition := parent || '_default';
      IF step >= 0 THEN
        month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => step))::date;
        partition := parent || to_char(month, '"_"YYYY"_"MM');
      END IF;
      CONTINUE WHEN to_regclass('public.' || partition) IS NOT NULL;
      IF step < 0 THEN
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I DEFAULT', partition, parent);
      ELSE
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
          partition, parent, month::text || ' 00:00:00+00',
          (month + interval '1 month')::date::text || ' 00:00:00+00');
      END IF;
      EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition);
      EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition);
      EXECUTE format('CALL public.make_append_only(%L)', 'public.' || partition);
      IF parent = 'ledger_entries' THEN
        EXECUTE format('CALL public.guard_entries(%L)', 'public.' || partition);
      END IF;
      created := created + 1;
    END LOOP;
  END LOOP;
  RETURN created;
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION ensure_partitions(integer) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION ensure_partitions(integer) TO plimsoll_engine;
--> statement-breakpoint
SELECT ensure_partitions(13);
--> statement-breakpoint
CALL guard_entries('ledger_entries');
--> statement-breakpoint

-- I7 ----------------------------------------------------------------------------------------------
CREATE FUNCTION check_vote() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  approval approvals;
BEGIN
  SELECT * INTO approval FROM approvals WHERE id = NEW.approval_id FOR UPDATE;
  IF NOT FOUND OR approval.status <> 'pending' THEN
    RAISE EXCEPTION 'approval is not pending' USING ERRCODE = 'PL007';
  END IF;
  IF NEW.checker_id = approval.maker_id OR NEW.checker_id IS NOT DISTINCT FROM approval.subject_user_id THEN
    RAISE EXCEPTION 'the maker or the subject of an approval cannot decide it' USING ERRCODE = 'PL007';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_vote BEFORE INSERT ON approval_votes FOR EACH ROW EXECUTE FUNCTION check_vote();
--> statement-breakpoint
ALTER TABLE approval_votes ENABLE ALWAYS TRIGGER check_vote;
--> statement-breakpoint
CREATE FUNCTION check_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.action, NEW.subject_type, NEW.subject_id, NEW.payload, NEW.payload_hash, NEW.maker_id,
      NEW.quorum, NEW.checker_roles, NEW.created_at, NEW.expires_at)
    IS DISTINCT FROM
     (OLD.id, OLD.action, OLD.subject_type, OLD.subject_id, OLD.payload, OLD.payload_hash, OLD.maker_id,
      OLD.quorum, OLD.checker_roles, OLD.created_at, OLD.expires_at)
    OR NEW.subject_user_id IS DISTINCT FROM OLD.subject_user_id THEN
    RAISE EXCEPTION 'an approval cannot be rewritten' USING ERRCODE = 'PL007';
  END IF;
  IF NEW.status IN ('approved', 'executed') AND NEW.quorum > (
      SELECT count(*) FROM approval_votes WHERE approval_id = NEW.id AND vote = 'approve') THEN
    RAISE EXCEPTION 'the quorum is not reached' USING ERRCODE = 'PL007';
  END IF;
  IF OLD.status NOT IN ('pending', 'approved') THEN
    RAISE EXCEPTION 'the approval is closed' USING ERRCODE = 'PL007';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_approval BEFORE UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION check_approval();
--> statement-breakpoint
ALTER TABLE approvals ENABLE ALWAYS TRIGGER check_approval;
--> statement-breakpoint

-- I14 ---------------------------------------------------------------------------------------------
CREATE FUNCTION check_instruction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.user_id, NEW.account_id, NEW.book, NEW.instrument_id, NEW.symbol, NEW.side, NEW.type,
      NEW.time_in_force, NEW.post_only, NEW.reduce_only, NEW.leverage, NEW.request_hash, NEW.placed_at)
    IS DISTINCT FROM
     (OLD.id, OLD.user_id, OLD.account_id, OLD.book, OLD.instrument_id, OLD.symbol, OLD.side, OLD.type,
      OLD.time_in_force, OLD.post_only, OLD.reduce_only, OLD.leverage, OLD.request_hash, OLD.placed_at)
    OR (NEW.quantity, NEW.notional, NEW.limit_price, NEW.trail_amount, NEW.trail_percent, NEW.client_order_id,
        NEW.idempotency_key, NEW.idempotency_index, NEW.replaces_id, NEW.expires_at, NEW.price_cap)
    IS DISTINCT FROM
       (OLD.quantity, OLD.notional, OLD.limit_price, OLD.trail_amount, OLD.trail_percent, OLD.client_order_id,
        OLD.idempotency_key, OLD.idempotency_index, OLD.replaces_id, OLD.expires_at, OLD.price_cap) THEN
    RAISE EXCEPTION 'an order''s instruction cannot change' USING ERRCODE = 'PL014';
  END IF;
  IF OLD.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'the order is closed' USING ERRCODE = 'PL014';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_instruction BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION check_instruction();
--> statement-breakpoint
ALTER TABLE orders ENABLE ALWAYS TRIGGER check_instruction;
--> statement-breakpoint

-- Row-level security is forced wherever a policy exists -----------------------------------------------
DO $$
DECLARE
  target text;
BEGIN
  FOR target IN SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
  END LOOP;
END
$$;
--> statement-breakpoint

-- Grants --------------------------------------------------------------------------------------------
-- Everyone reads reference data.
GRANT SELECT ON assets, instruments, quotes, trades, agreements, kyc_levels, system_marks
  TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
-- Customers: their own rows, and no money writes.
GRANT SELECT ON users, sessions, totp_secrets, api_keys, role_grants, agreement_acceptances, customer_gates,
  user_settings, person_keys, accounts, wallets, ledger_entries, holds, lots, lot_disposals,
  kyc_applications, kyc_documents, files, deposits, beneficiaries, withdrawals, orders, order_events, fills,
  outbox TO plimsoll_app;
--> statement-breakpoint
GRANT UPDATE (phone, phone_index, profile, risk_profile, version, updated_at) ON users TO plimsoll_app;
--> statement-breakpoint
GRANT INSERT ON agreement_acceptances, user_settings, accounts, kyc_applications, kyc_documents, files,
  audit_logs, outbox TO plimsoll_app;
--> statement-breakpoint
GRANT UPDATE ON user_settings TO plimsoll_app;
--> statement-breakpoint
GRANT UPDATE (name, is_default, version, updated_at) ON accounts TO plimsoll_app;
--> statement-breakpoint
-- Enough to lock the row; an application changes its state under the engine's login only.
GRANT UPDATE (version) ON kyc_applications TO plimsoll_app;
--> statement-breakpoint
-- Staff: reads and case work, no money writes, no credentials.
GRANT SELECT ON users, sessions, api_keys, role_grants, agreement_acceptances, customer_gates, user_settings,
  person_keys, accounts, wallets, journals, ledger_entries, holds, lots, lot_disposals, kyc_applications,
  kyc_documents, kyc_decisions, files, screening_lists, list_versions, list_entities, list_version_entities,
  screenings, screening_matches, aml_alerts, deposits, beneficiaries, withdrawals, funding_limits, risk_limits,
  orders, order_events, fills, book_owners, approvals, approval_votes, outbox, audit_logs, audit_leaves,
  audit_nodes, audit_checkpoints, audit_exports, reconciliations TO plimsoll_staff;
--> statement-breakpoint
GRANT INSERT ON audit_logs, outbox, approvals, approval_votes, audit_exports, kyc_decisions, screenings,
  screening_matches, aml_alerts, screening_lists, list_versions, list_entities, list_version_entities,
  instruments TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (status, decided_at, executed_at) ON approvals TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (status, version, decided_at) ON kyc_applications TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (status, rejection_reason) ON kyc_documents TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (status, assignee_id, disposition, reason, version, resolved_at, resolved_by) ON aml_alerts
  TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (active_version_id) ON screening_lists TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (status, entity_count, added_count, changed_count, removed_count, refusal) ON list_versions
  TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (status, row_count, tree_size, sha256, file_name, failure, completed_at) ON audit_exports
  TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (kyc_status, kyc_level, screening, restriction, version, changed_by, changed_at) ON customer_gates
  TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (status, version, updated_at) ON users TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (revoked_at, revoked_reason) ON sessions TO plimsoll_staff;
--> statement-breakpoint
-- Engine: money, batches and jobs; every row, no DDL, never wallets.total, nothing append-only.
DO $$
DECLARE
  target text;
BEGIN
  FOR target IN
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname <> 'guard_baseline'
  LOOP
    EXECUTE format('GRANT SELECT, INSERT ON %I TO plimsoll_engine', target);
    IF target <> 'wallets' AND NOT EXISTS (
      SELECT 1 FROM pg_trigger WHERE tgrelid = target::regclass AND tgname = 'append_only'
    ) THEN
      EXECUTE format('GRANT UPDATE, DELETE ON %I TO plimsoll_engine', target);
    END IF;
  END LOOP;
END
$$;
--> statement-breakpoint
REVOKE INSERT ON wallets FROM plimsoll_engine;
--> statement-breakpoint
GRANT INSERT (id, user_id, account_id, house_role, house_reference, book, asset, status, created_at) ON wallets
  TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (reserved, unsettled, status) ON wallets TO plimsoll_engine;
--> statement-breakpoint
REVOKE DELETE ON orders, holds, lots, deposits, withdrawals, accounts, users, customer_gates, approvals
  FROM plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON guard_baseline TO plimsoll_engine, plimsoll_staff;
--> statement-breakpoint
-- The server compares the migrations it finds with those it knows.
GRANT USAGE ON SCHEMA drizzle TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON drizzle.__drizzle_migrations TO plimsoll_engine;
--> statement-breakpoint

-- The guard ---------------------------------------------------------------------------------------
-- Every protective object with its state. Partitions fold into one name, so that one that differs
-- from its siblings shows up as a second state of the same object.
CREATE FUNCTION guard_state() RETURNS TABLE (kind text, object text, state text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH relations AS (
    SELECT c.oid, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
      CASE WHEN c.relispartition THEN
        (SELECT p.relname || '/partition' FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
          WHERE i.inhrelid = c.oid)
      ELSE c.relname::text END AS name
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  )
  SELECT DISTINCT * FROM (
    SELECT 'trigger', r.name || '.' || t.tgname, t.tgenabled::text || ' ' || t.tgfoid::regproc::text
      FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'row security', r.name,
      CASE WHEN r.relrowsecurity THEN 'enabled' ELSE 'disabled' END ||
      CASE WHEN r.relforcerowsecurity THEN ' forced' ELSE ' not forced' END FROM relations r
    UNION ALL
    SELECT 'policy', p.tablename || '.' || p.policyname,
      p.cmd || ' ' || p.roles::text || ' ' || coalesce(p.qual, '-') || ' ' || coalesce(p.with_check, '-')
      FROM pg_policies p WHERE p.schemaname = 'public'
    UNION ALL
    SELECT 'grants', r.name, coalesce((
      SELECT string_agg(g.line, ',' ORDER BY g.line) FROM (
        SELECT a.grantee::regrole::text || '=' || a.privilege_type AS line
          FROM aclexplode(r.relacl) a WHERE a.grantee NOT IN (0, r.relowner)
        UNION ALL
        SELECT 'PUBLIC=' || a.privilege_type FROM aclexplode(r.relacl) a WHERE a.grantee = 0
        UNION ALL
        SELECT a.grantee::regrole::text || '=' || a.privilege_type || '(' || att.attname || ')'
          FROM pg_attribute att, aclexplode(att.attacl) a
          WHERE att.attrelid = r.oid AND a.grantee NOT IN (0, r.relowner)
      ) g), '') FROM relations r
    UNION ALL
    SELECT 'owner', r.name, r.relowner::regrole::text FROM relations r
    UNION ALL
    SELECT 'function', f.oid::regprocedure::text,
      md5(f.prosrc) || ' ' || f.proowner::regrole::text || CASE WHEN f.prosecdef THEN ' definer' ELSE '' END
      FROM pg_proc f WHERE f.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = f.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'constraint', r.name || '.' || c.conname,
      c.contype::text || CASE WHEN c.convalidated THEN '' ELSE ' not validated' END
      FROM pg_constraint c JOIN relations r ON r.oid = c.conrelid
      WHERE c.contype IN ('c', 'f', 'u', 'p') AND r.name NOT LIKE '%/partition'
  ) states (kind, object, state)
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION guard_state() TO plimsoll_engine, plimsoll_staff;
