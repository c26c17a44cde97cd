-- Functions and grants of what this release adds, which drizzle cannot say ---------------------------
--> statement-breakpoint
-- What others hold of the log ----------------------------------------------------------------------------
ALTER TABLE audit_cosignatures FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE audit_anchors FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON audit_cosignatures, audit_anchors TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON audit_cosignatures, audit_anchors TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('audit_cosignatures');
--> statement-breakpoint
CALL make_append_only('audit_anchors');
--> statement-breakpoint
-- Retention ---------------------------------------------------------------------------------------------
-- A missing policy means never due (I9), so each class has its row; null stands for the setting.
INSERT INTO retention_policies (id, record_class, months, basis, approval_id, version, changed_at)
SELECT gen_random_uuid(), class::record_class, NULL, 'the installation''s PLIMSOLL_RETENTION_YEARS', NULL, 1,
  '2026-01-01T00:00:00Z'
FROM unnest(ARRAY['customer_file', 'kyc_file', 'transactions', 'orders', 'supervision', 'audit_log']) AS class;
--> statement-breakpoint
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['retention_policies', 'legal_holds', 'retention_runs', 'retention_items',
    'retention_outcomes']
  LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('GRANT SELECT ON %I TO plimsoll_staff, plimsoll_engine', target);
  END LOOP;
  CALL public.make_append_only('retention_items');
  CALL public.make_append_only('retention_outcomes');
END
$$;
--> statement-breakpoint
GRANT INSERT ON legal_holds, retention_runs, retention_items, retention_outcomes TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (months, basis, approval_id, version, changed_at) ON retention_policies TO plimsoll_engine;
--> statement-breakpoint
-- The sealed columns may be sealed again under another key.
GRANT UPDATE (reference, reason, released_at, release_approval_id) ON legal_holds TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, approval_id, finished_at) ON retention_runs TO plimsoll_engine;
--> statement-breakpoint
-- What lowers a guard names the decision of two people that allows it (I7); code alone cannot.
CREATE FUNCTION check_retention() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  was jsonb := to_jsonb(OLD);
  becomes jsonb := to_jsonb(NEW);
  decision uuid;
  needed text;
BEGIN
  CASE TG_TABLE_NAME
  WHEN 'legal_holds' THEN
    needed := 'legal_hold.release';
    IF was ->> 'released_at' IS NOT NULL AND becomes - 'reference' - 'reason' <> was - 'reference' - 'reason' THEN
      RAISE EXCEPTION 'a hold is released once' USING ERRCODE = 'PL022';
    END IF;
    IF becomes -> 'released_at' = was -> 'released_at' THEN
      RETURN NEW;
    END IF;
    decision := (becomes ->> 'release_approval_id')::uuid;
  WHEN 'retention_policies' THEN
    needed := 'retention_policy.set';
    decision := (becomes ->> 'approval_id')::uuid;
  WHEN 'retention_runs' THEN
    needed := 'retention.destroy';
    IF (was ->> 'status', becomes ->> 'status') NOT IN (('reported', 'approved'), ('approved', 'done')) THEN
      RAISE EXCEPTION 'a run does not go back' USING ERRCODE = 'PL022';
    END IF;
    decision := (becomes ->> 'approval_id')::uuid;
    IF was ->> 'status' = 'approved' AND becomes -> 'approval_id' <> was -> 'approval_id' THEN
      RAISE EXCEPTION 'a run keeps its decision' USING ERRCODE = 'PL022';
    END IF;
  END CASE;
  IF decision IS NULL OR NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = decision AND a.action = needed AND a.subject_id = (was ->> 'id')::uuid
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people decide on this' USING ERRCODE = 'PL022';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_retention BEFORE UPDATE ON legal_holds FOR EACH ROW EXECUTE FUNCTION check_retention();
--> statement-breakpoint
ALTER TABLE legal_holds ENABLE ALWAYS TRIGGER check_retention;
--> statement-breakpoint
CREATE TRIGGER check_retention BEFORE UPDATE ON retention_policies FOR EACH ROW EXECUTE FUNCTION check_retention();
--> statement-breakpoint
ALTER TABLE retention_policies ENABLE ALWAYS TRIGGER check_retention;
--> statement-breakpoint
CREATE TRIGGER check_retention BEFORE UPDATE ON retention_runs FOR EACH ROW EXECUTE FUNCTION check_retention();
--> statement-breakpoint
ALTER TABLE retention_runs ENABLE ALWAYS TRIGGER check_retention;
--> statement-breakpoint
-- A hold or a run begins open: what is born released or approved was decided by nobody.
CREATE FUNCTION check_retention_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(to_jsonb(NEW) ->> 'released_at', nullif(to_jsonb(NEW) ->> 'status', 'reported'),
      to_jsonb(NEW) ->> 'approval_id') IS NOT NULL THEN
    RAISE EXCEPTION 'two people decide on this' USING ERRCODE = 'PL022';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_retention_born BEFORE INSERT ON legal_holds FOR EACH ROW EXECUTE FUNCTION check_retention_born();
--> statement-breakpoint
ALTER TABLE legal_holds ENABLE ALWAYS TRIGGER check_retention_born;
--> statement-breakpoint
CREATE TRIGGER check_retention_born BEFORE INSERT ON retention_runs FOR EACH ROW EXECUTE FUNCTION check_retention_born();
--> statement-breakpoint
ALTER TABLE retention_runs ENABLE ALWAYS TRIGGER check_retention_born;
--> statement-breakpoint
-- Recovery ------------------------------------------------------------------------------------------------
ALTER TABLE recoveries FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON recoveries TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON recoveries TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (foreign_size, log_origin, log_settled_at, reconciliation_id, approval_id, ended_at) ON recoveries
  TO plimsoll_engine;
--> statement-breakpoint
-- A recovery begins open and ends once, by the decision of two people (I7); code alone cannot end it.
CREATE FUNCTION check_recovery() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.ended_at IS NOT NULL OR NEW.approval_id IS NOT NULL THEN
      RAISE EXCEPTION 'a recovery begins open' USING ERRCODE = 'PL023';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.ended_at IS NOT NULL THEN
    RAISE EXCEPTION 'a recovery that ended stays as it is' USING ERRCODE = 'PL023';
  END IF;
  IF NEW.ended_at IS NOT NULL AND NOT EXISTS (
      SELECT FROM public.approvals a WHERE a.id = NEW.approval_id AND a.action = 'recovery.end'
        AND a.subject_id = NEW.id AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people end a recovery' USING ERRCODE = 'PL023';
  END IF;
  IF NEW.ended_at IS NOT NULL AND NOT EXISTS (
      SELECT FROM public.reconciliation_sign_offs s JOIN public.reconciliation_runs r ON r.id = s.run_id
      WHERE s.run_id = NEW.reconciliation_id AND r.completed_at >= NEW.started_at) THEN
    RAISE EXCEPTION 'a recovery ends with a reconciliation that was signed after it began' USING ERRCODE = 'PL023';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_recovery BEFORE INSERT OR UPDATE ON recoveries FOR EACH ROW EXECUTE FUNCTION check_recovery();
--> statement-breakpoint
ALTER TABLE recoveries ENABLE ALWAYS TRIGGER check_recovery;

-- Keys: forced row-level security and grants ------------------------------------------------------------
ALTER TABLE installation_keys FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE person_key_versions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE key_rotations FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- Versions of people's keys are read wherever people's keys are; only the engine's login writes keys.
GRANT SELECT ON person_key_versions TO plimsoll_app, plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON person_key_versions TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON installation_keys, key_rotations TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (key_id, wrapped_key) ON person_keys TO plimsoll_engine;
--> statement-breakpoint
-- What the functions of the migrator's read of archives; nothing else opens this table to its owner.
CREATE POLICY audit_archives_owner ON audit_archives TO CURRENT_USER USING (true) WITH CHECK (true);
--> statement-breakpoint
-- Whoever looks may know which months were archived; nothing else of them is told.
CREATE FUNCTION archived_months() RETURNS TABLE (month text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT replace(a.month, '-', '_') FROM public.audit_archives a WHERE a.status = 'detached'
$$;
--> statement-breakpoint
-- The guard, seeing more -----------------------------------------------------------------------------
-- Definitions and not only names: a trigger made again WHEN (false), a CHECK (true) under an old name, a
-- rule, a view, a setting that switches triggers off, and the months of each table.
CREATE OR REPLACE FUNCTION guard_state() RETURNS TABLE (kind text, object text, state text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
  WITH relations AS (
    SELECT c.oid, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity, c.relpersistence,
      c.relispartition OR c.relname IN (SELECT 'audit_archive_' || a.month FROM public.archived_months() a)
        AS relispartition,
      CASE WHEN c.relispartition THEN
        (SELECT p.relname || '/partition' FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
          WHERE i.inhrelid = c.oid)
      -- A month that two people had archived stands apart, guarded as before.
      WHEN c.relname IN (SELECT 'audit_archive_' || a.month FROM public.archived_months() a)
        THEN 'audit_logs/partition'
      ELSE c.relname::text END AS name
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  ), months AS (
    SELECT p.relname AS parent, c.relname AS partition, pg_get_expr(c.relpartbound, c.oid) AS bound,
      CASE WHEN c.relname ~ '_\d{4}_\d{2}$' THEN to_date(right(c.relname, 7), 'YYYY_MM') END AS month
    FROM pg_class p JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
    WHERE p.relkind = 'p' AND p.relnamespace = 'public'::regnamespace
  ), calendar AS (
    SELECT parent, month FROM months WHERE month IS NOT NULL
    UNION SELECT 'audit_logs', to_date(a.month, 'YYYY_MM') FROM public.archived_months() a
  )
  SELECT DISTINCT * FROM (
    SELECT 'trigger', r.name || '.' || t.tgname, t.tgenabled::text || ' ' || t.tgfoid::regproc::text || ' ' ||
        regexp_replace(pg_get_triggerdef(t.oid), ' ON [^ ]+ ', ' ON it ')
      FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
    UNION ALL
    -- A partition that lost a trigger shows nothing of its own above: what each has is named as a whole.
    SELECT 'trigger', r.name || '.*', coalesce((
        SELECT string_agg(t.tgname::text, ',' ORDER BY t.tgname::text) FROM pg_trigger t
        WHERE t.tgrelid = r.oid AND NOT t.tgisinternal), 'none')
      FROM relations r WHERE r.relispartition
    UNION ALL
    -- Foreign keys are held by triggers of the database's own; only those that do not fire are named.
    SELECT 'trigger', r.name || '.' || c.conname, 'not fired ' || t.tgenabled::text
      FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid JOIN pg_constraint c ON c.oid = t.tgconstraint
      WHERE t.tgisinternal AND t.tgenabled <> 'O'
    UNION ALL
    SELECT 'row security', r.name,
      CASE WHEN r.relrowsecurity THEN 'enabled' ELSE 'disabled' END ||
      CASE WHEN r.relforcerowsecurity THEN ' forced' ELSE ' not forced' END FROM relations r
    UNION ALL
    SELECT 'policy', p.tablename || '.' || p.policyname, p.permissive || ' ' ||
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
        UNION ALL
        SELECT 'PUBLIC=' || a.privilege_type || '(' || att.attname || ')'
          FROM pg_attribute att, aclexplode(att.attacl) a WHERE att.attrelid = r.oid AND a.grantee = 0
      ) g), '') FROM relations r
    UNION ALL
    SELECT 'owner', r.name, r.relowner::regrole::text ||
      CASE r.relpersistence WHEN 'p' THEN '' ELSE ' not durable' END FROM relations r
    UNION ALL
    SELECT 'function', f.oid::regprocedure::text,
      md5(f.prosrc || coalesce(pg_get_function_sqlbody(f.oid), '')) || ' ' || f.proowner::regrole::text ||
      CASE WHEN f.prosecdef THEN ' definer' ELSE '' END || CASE WHEN f.proisstrict THEN ' strict' ELSE '' END ||
      ' ' || f.prokind::text || f.provolatile::text || ' ' || (SELECT l.lanname FROM pg_language l WHERE l.oid = f.prolang) ||
      ' ' || coalesce(array_to_string(f.proconfig, ' '), '') || ' ' || coalesce((
        SELECT string_agg(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ','
          ORDER BY CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
        FROM aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a WHERE a.grantee <> f.proowner), '')
      FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
      WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pgboss')
        AND n.nspname NOT LIKE 'pg\_temp%' AND n.nspname NOT LIKE 'pg\_toast\_temp%'
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = f.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'constraint', r.name || '.' || c.conname,
      c.contype::text || CASE WHEN c.convalidated THEN ' ' ELSE ' not validated ' END || pg_get_constraintdef(c.oid)
      FROM pg_constraint c JOIN relations r ON r.oid = c.conrelid
      WHERE c.contype IN ('c', 'f', 'u', 'p', 'x') AND NOT r.relispartition
    UNION ALL
    SELECT 'column', r.name || '.' || a.attname, format_type(a.atttypid, a.atttypmod) ||
      CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '') ||
      CASE WHEN a.attgenerated = '' THEN '' ELSE ' generated' END ||
      CASE WHEN a.attidentity = '' THEN '' ELSE ' identity' END
      FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'index', r.name || '.' || x.relname, pg_get_indexdef(i.indexrelid) ||
      CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' not valid' END
      FROM pg_index i JOIN relations r ON r.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
      WHERE i.indisunique AND NOT r.relispartition
    UNION ALL
    SELECT 'rule', c.relname || '.' || w.rulename, w.ev_enabled::text || ' ' || md5(pg_get_ruledef(w.oid))
      FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class
      WHERE c.relnamespace = 'public'::regnamespace AND w.rulename <> '_RETURN'
    UNION ALL
    SELECT 'view', c.relname::text, c.relkind::text || ' ' || c.relowner::regrole::text || ' ' ||
      md5(CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) ELSE '' END)
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm', 'f')
    UNION ALL
    SELECT 'inheritance', c.relname::text, p.relname::text
      FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
      WHERE p.relnamespace = 'public'::regnamespace AND p.relkind = 'r'
    UNION ALL
    SELECT 'event trigger', e.evtname::text, e.evtenabled::text || ' ' || e.evtfoid::regproc::text
      FROM pg_event_trigger e
    UNION ALL
    SELECT 'schema', n.nspname::text, n.nspowner::regrole::text || ' ' || coalesce(n.nspacl::text, '')
      FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT IN ('information_schema', 'pgboss')
    UNION ALL
    SELECT 'default privileges', d.defaclrole::regrole::text || ' ' || d.defaclnamespace::text || ' ' ||
      d.defaclobjtype::text, d.defaclacl::text FROM pg_default_acl d
    UNION ALL
    SELECT 'setting', coalesce(r.rolname, 'everybody'), s.setting
      FROM pg_db_role_setting x CROSS JOIN LATERAL unnest(x.setconfig) AS s (setting)
      LEFT JOIN pg_roles r ON r.oid = x.setrole
      WHERE x.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        AND s.setting ~* '^(session_replication_role|row_security|search_path|role|event_triggers|session_preload_libraries|local_preload_libraries)='
    UNION ALL
    -- A session that replicates passes over what is not ALWAYS: foreign keys, for one.
    SELECT 'setting', 'in force', 'session_replication_role=' || current_setting('session_replication_role')
      WHERE current_setting('session_replication_role') <> 'origin'
    UNION ALL
    SELECT 'type', t.typname::text, string_agg(e.enumlabel::text, ',' ORDER BY e.enumsortorder)
      FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typnamespace = 'public'::regnamespace
      GROUP BY t.oid, t.typname
    UNION ALL
    SELECT 'operator', o.oid::regoperator::text, o.oprcode::regproc::text FROM pg_operator o
      WHERE o.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'cast', k.castsource::regtype::text || ' to ' || k.casttarget::regtype::text,
      k.castcontext::text || ' ' || k.castfunc::regproc::text FROM pg_cast k
      WHERE k.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = k.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'extension', e.extname::text, '' FROM pg_extension e
      WHERE e.extname NOT IN ('plpgsql', 'pg_stat_statements')
    UNION ALL
    SELECT 'publication', p.pubname::text, p.puballtables::text || ' ' || coalesce((
      SELECT string_agg(t.prrelid::regclass::text, ',' ORDER BY t.prrelid::regclass::text)
      FROM pg_publication_rel t WHERE t.prpubid = p.oid), '') FROM pg_publication p
    UNION ALL
    -- The months may only grow at their end: from the same first one on, none missing, each with its bounds.
    SELECT 'months', p.relname::text, coalesce((
        SELECT 'from ' || to_char(min(k.month), 'YYYY-MM') || CASE
          WHEN count(*) = 1 + (extract(year FROM age(max(k.month), min(k.month))) * 12 +
            extract(month FROM age(max(k.month), min(k.month)))) THEN ' unbroken' ELSE ' broken' END
        FROM calendar k WHERE k.parent = p.relname), 'none') ||
      CASE WHEN EXISTS (SELECT FROM months m WHERE m.parent = p.relname AND m.partition = p.relname || '_default'
        AND m.bound = 'DEFAULT') THEN '' ELSE ' without backstop' END ||
      coalesce((SELECT string_agg(' stray ' || m.partition, '' ORDER BY m.partition) FROM months m
        WHERE m.parent = p.relname AND m.bound <> 'DEFAULT' AND (m.month IS NULL
          OR m.partition <> p.relname || to_char(m.month, '"_"YYYY"_"MM')
          OR m.bound <> format('FOR VALUES FROM (%L) TO (%L)', m.month::text || ' 00:00:00+00',
            (m.month + interval '1 month')::date::text || ' 00:00:00+00'))), '')
      FROM pg_class p WHERE p.relkind = 'p' AND p.relnamespace = 'public'::regnamespace
  ) states (kind, object, state)
$$;
--> statement-breakpoint
-- Months -------------------------------------------------------------------------------------------------
-- A month whose rows lie in the backstop already cannot be made beside them: it is passed over, the other
-- months and tables are not, and rescue_default() makes it. Nobody waits longer than the lock timeout.
CREATE OR REPLACE FUNCTION ensure_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  parent text;
  month date;
  partition text;
  created integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('plimsoll.partitions'));
  FOREACH parent IN ARRAY ARRAY['audit_logs', 'journals', 'ledger_entries'] LOOP
    FOR step IN 0 .. months_ahead LOOP
      month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => step))::date;
      partition := parent || to_char(month, '"_"YYYY"_"MM');
      CONTINUE WHEN to_regclass('public.' || partition) IS NOT NULL;
      BEGIN
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
          partition, parent, month::text || ' 00:00:00+00',
          (month + interval '1 month')::date::text || ' 00:00:00+00');
        CALL public.guard_partition(parent, partition);
        created := created + 1;
      EXCEPTION WHEN check_violation THEN
        NULL;
      END;
    END LOOP;
  END LOOP;
  RETURN created;
END
$$;
--> statement-breakpoint
-- A partition carries the triggers of its parent and is closed by itself.
CREATE PROCEDURE guard_partition(parent text, partition text) LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition);
  EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition);
  EXECUTE format('CALL public.make_append_only(%L)', 'public.' || partition);
  IF parent = 'ledger_entries' THEN
    EXECUTE format('CALL public.guard_entries(%L)', 'public.' || partition);
  END IF;
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON PROCEDURE guard_partition(text, text) FROM PUBLIC;
--> statement-breakpoint
-- The tables whose backstop holds rows: those of a time that no month covers. Run as the caller, who sees
-- every row; the months are cut out, so that only the backstop is read.
CREATE FUNCTION overflowed_tables() RETURNS TABLE (name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  cut text[];
  uncovered text;
  found boolean;
BEGIN
  FOREACH cut SLICE 1 IN ARRAY ARRAY[['audit_logs', 'recorded_at'], ['journals', 'booked_at'],
    ['ledger_entries', 'booked_at']]
  LOOP
    SELECT string_agg(gap, ' OR ') INTO uncovered FROM (
      SELECT CASE WHEN lag(m.month) OVER w IS NULL
          THEN format('%I < %L::timestamptz', cut[2], m.month::text || ' 00:00:00+00')
        WHEN lag(m.month) OVER w + interval '1 month' < m.month
          THEN format('(%I >= %L::timestamptz AND %I < %L::timestamptz)', cut[2],
            (lag(m.month) OVER w + interval '1 month')::date::text || ' 00:00:00+00', cut[2],
            m.month::text || ' 00:00:00+00') END AS gap
      FROM partition_months(cut[1]) m WINDOW w AS (ORDER BY m.month)
      UNION ALL
      SELECT format('%I >= %L::timestamptz', cut[2],
        (max(m.month) + interval '1 month')::date::text || ' 00:00:00+00') FROM partition_months(cut[1]) m
    ) gaps;
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE %s)', cut[1], coalesce(uncovered, 'true')) INTO found;
    IF found THEN
      name := cut[1];
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$;
--> statement-breakpoint
-- The months a table has, by their first days.
CREATE FUNCTION partition_months(parent text) RETURNS TABLE (month date)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT to_date(right(c.relname, 7), 'YYYY_MM') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = format('public.%I', parent)::regclass AND c.relname ~ '_\d{4}_\d{2}$'
$$;
--> statement-breakpoint
-- Moves what the backstop holds into months of their own. Rows are copied into a table that stands apart,
-- before it has triggers, and counted; balances do not move and no row changes. All of it or nothing.
CREATE FUNCTION rescue_default(parent text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
  stamp text;
  backstop text := parent || '_default';
  month date;
  partition text;
  moved bigint;
  held bigint;
  total bigint := 0;
BEGIN
  stamp := CASE parent WHEN 'audit_logs' THEN 'recorded_at' WHEN 'journals' THEN 'booked_at'
    WHEN 'ledger_entries' THEN 'booked_at' END;
  IF stamp IS NULL THEN
    RAISE EXCEPTION '% is not cut by month', parent USING ERRCODE = 'PL024';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('plimsoll.partitions'));
  EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', parent);
  EXECUTE format('ALTER TABLE public.%I DETACH PARTITION public.%I', parent, backstop);
  -- Its owner reads it, which row-level security would keep from them.
  EXECUTE format('ALTER TABLE public.%I NO FORCE ROW LEVEL SECURITY', backstop);
  FOR month IN EXECUTE format(
    'SELECT DISTINCT date_trunc(''month'', %I AT TIME ZONE ''UTC'')::date FROM public.%I ORDER BY 1', stamp, backstop)
  LOOP
    partition := parent || to_char(month, '"_"YYYY"_"MM');
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS
      INCLUDING GENERATED INCLUDING STORAGE)', partition, parent);
    EXECUTE format('INSERT INTO public.%I SELECT * FROM public.%I
      WHERE date_trunc(''month'', %I AT TIME ZONE ''UTC'')::date = %L', partition, backstop, stamp, month);
    GET DIAGNOSTICS moved = ROW_COUNT;
    total := total + moved;
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', parent, partition,
      month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00');
    CALL public.guard_partition(parent, partition);
  END LOOP;
  EXECUTE format('SELECT count(*) FROM public.%I', backstop) INTO held;
  IF held <> total THEN
    RAISE EXCEPTION '% of % rows were moved', total, held USING ERRCODE = 'PL024';
  END IF;
  EXECUTE format('DROP TABLE public.%I', backstop);
  EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I DEFAULT', backstop, parent);
  CALL public.guard_partition(parent, backstop);
  -- The months stay unbroken: those on the way to the last one are made too.
  month := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
  WHILE month < (SELECT max(m.month) FROM public.partition_months(parent) m) LOOP
    partition := parent || to_char(month, '"_"YYYY"_"MM');
    IF to_regclass('public.' || partition) IS NULL THEN
      EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', partition, parent,
        month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00');
      CALL public.guard_partition(parent, partition);
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN total;
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION rescue_default(text) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION rescue_default(text) TO plimsoll_engine;
--> statement-breakpoint
-- Archives ---------------------------------------------------------------------------------------------
ALTER TABLE audit_archives FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON audit_archives TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON audit_archives TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, file_name, sha256, size_bytes, tree_size, checkpoint, failure, exported_at, verified_at,
  detached_at) ON audit_archives TO plimsoll_engine;
--> statement-breakpoint
-- An archive is born of a decision of two people, keeps what it was decided on, and goes forward only;
-- that a month is detached only the function below may write.
CREATE FUNCTION check_archive() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'approved' OR NOT EXISTS (
        SELECT FROM public.approvals a WHERE a.id = NEW.approval_id AND a.action = 'audit_partition.archive'
          AND a.status IN ('approved', 'executed') AND a.payload ->> 'month' = NEW.month) THEN
      RAISE EXCEPTION 'two people decide that a month is archived' USING ERRCODE = 'PL025';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.status = 'detached' AND NEW.status = 'detached' AND OLD.dropped_at IS NULL AND to_regclass(
      'public.audit_archive_' || replace(NEW.month, '-', '_')) IS NULL THEN
    RETURN NEW;
  END IF;
  IF (OLD.status, NEW.status) NOT IN (('approved', 'exported'), ('exported', 'verified'), ('verified', 'detached'),
      ('approved', 'approved'), ('exported', 'approved'), ('verified', 'approved')) THEN
    RAISE EXCEPTION 'an archive does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'PL025';
  END IF;
  IF NEW.status = 'detached' AND current_user <> (
      SELECT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
      WHERE c.oid = 'public.audit_archives'::regclass) THEN
    RAISE EXCEPTION 'a month is detached by detach_audit_partition()' USING ERRCODE = 'PL025';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_archive BEFORE INSERT OR UPDATE ON audit_archives FOR EACH ROW EXECUTE FUNCTION check_archive();
--> statement-breakpoint
ALTER TABLE audit_archives ENABLE ALWAYS TRIGGER check_archive;
--> statement-breakpoint
-- Takes a verified month out of the log. It checks for itself what a caller could forget: the step before,
-- the age, and that the month still holds as many rows as the file that was verified.
CREATE FUNCTION detach_audit_partition(archive_id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
  archive public.audit_archives;
  partition text;
  target text;
  held bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('plimsoll.partitions'));
  SELECT * INTO archive FROM public.audit_archives WHERE id = archive_id FOR UPDATE;
  IF archive.id IS NULL OR archive.status <> 'verified' THEN
    RAISE EXCEPTION 'only a month whose file was verified is detached' USING ERRCODE = 'PL025';
  END IF;
  IF to_date(archive.month, 'YYYY-MM') > date_trunc('month', now() AT TIME ZONE 'UTC') - interval '13 months' THEN
    RAISE EXCEPTION 'the month is too young' USING ERRCODE = 'PL025';
  END IF;
  partition := 'audit_logs_' || replace(archive.month, '-', '_');
  target := 'audit_archive_' || replace(archive.month, '-', '_');
  EXECUTE format('ALTER TABLE public.audit_logs DETACH PARTITION public.%I', partition);
  EXECUTE format('ALTER TABLE public.%I NO FORCE ROW LEVEL SECURITY', partition);
  EXECUTE format('SELECT count(*) FROM public.%I', partition) INTO held;
  EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition);
  IF held <> archive.row_count THEN
    RAISE EXCEPTION 'the month holds % rows, the file %', held, archive.row_count USING ERRCODE = 'PL025';
  END IF;
  EXECUTE format('ALTER TABLE public.%I RENAME TO %I', partition, target);
  UPDATE public.audit_archives SET status = 'detached', detached_at = clock_timestamp() WHERE id = archive_id;
  RETURN target;
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION detach_audit_partition(uuid) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION detach_audit_partition(uuid) TO plimsoll_engine;
--> statement-breakpoint
-- What the owner's function below must not overlook; nothing else shows holds to the owner.
CREATE POLICY legal_holds_owner ON legal_holds FOR SELECT TO CURRENT_USER USING (true);
--> statement-breakpoint
-- Drops a month that stands apart, for the owner alone: of its rows the file remains. A hold keeps it, also one
-- on a person whom its rows name. The job tells the log of it, since the owner has no key to write there.
CREATE FUNCTION drop_audit_archive(archived_month text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  target text := 'audit_archive_' || replace(archived_month, '-', '_');
  starts timestamptz;
  archive_id uuid;
  held boolean;
  dropped bigint;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('legal_holds', 0));
  PERFORM pg_advisory_xact_lock(hashtext('plimsoll.partitions'));
  SELECT a.id INTO archive_id FROM public.audit_archives a
    WHERE a.month = archived_month AND a.status = 'detached' AND a.dropped_at IS NULL;
  IF archive_id IS NULL THEN
    RAISE EXCEPTION 'no month % stands apart', archived_month USING ERRCODE = 'PL025';
  END IF;
  starts := to_date(archived_month, 'YYYY-MM')::timestamp AT TIME ZONE 'UTC';
  EXECUTE format('ALTER TABLE public.%I NO FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('SELECT EXISTS (SELECT FROM public.legal_holds h WHERE h.released_at IS NULL AND (h.scope = ''all''
      OR (h.scope = ''period'' AND h.period_from < $2 AND h.period_to > $1)
      OR (h.scope = ''user'' AND EXISTS (SELECT FROM public.%I r
        WHERE r.subject_user_id = h.user_id OR r.actor_user_id = h.user_id))))', target)
    INTO held USING starts, starts + interval '1 month';
  IF held THEN
    RAISE EXCEPTION 'a legal hold keeps the month' USING ERRCODE = 'PL025';
  END IF;
  EXECUTE format('SELECT count(*) FROM public.%I', target) INTO dropped;
  EXECUTE format('DROP TABLE public.%I', target);
  UPDATE public.audit_archives SET dropped_at = clock_timestamp() WHERE id = archive_id;
  RETURN dropped;
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION drop_audit_archive(text) FROM PUBLIC;
