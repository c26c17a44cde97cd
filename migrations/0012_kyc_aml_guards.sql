-- Functions and grants of what this release adds, which drizzle cannot say ---------------------------
--> statement-breakpoint
-- Lists: what removes a name or changes where a list comes from needs two people --------------------------
ALTER TABLE list_version_changes FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE list_fetches FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON list_version_changes TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON list_fetches TO plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT ON list_fetches TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (confirmed_at) ON screening_lists TO plimsoll_staff;
--> statement-breakpoint
CALL make_append_only('list_version_changes');
--> statement-breakpoint
CALL make_append_only('list_fetches');
--> statement-breakpoint
-- A list screens by a version of its own that is active. What it lost was taken from it by its publisher, within
-- the share that is set, or by two people; what is set is set by two people.
CREATE FUNCTION check_screening_list() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  chosen public.list_versions;
  base public.list_versions;
BEGIN
  IF (NEW.kind, NEW.purpose, NEW.effect, NEW.format, NEW.status, NEW.max_shrink_bps, NEW.min_entities,
      NEW.source_urls, NEW.fetch_minutes, NEW.stale_after_hours) IS DISTINCT FROM
     (OLD.kind, OLD.purpose, OLD.effect, OLD.format, OLD.status, OLD.max_shrink_bps, OLD.min_entities,
      OLD.source_urls, OLD.fetch_minutes, OLD.stale_after_hours)
     AND (NEW.change_approval_id IS NOT DISTINCT FROM OLD.change_approval_id OR NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = NEW.change_approval_id AND a.action = 'screening_list.change' AND a.subject_id = NEW.id
         AND a.status = 'executed')) THEN
    RAISE EXCEPTION 'two people set up a list' USING ERRCODE = 'PL035';
  END IF;
  IF NEW.active_version_id IS NOT DISTINCT FROM OLD.active_version_id THEN
    RETURN NEW;
  END IF;
  IF NEW.active_version_id IS NULL AND NEW.status = 'retired' THEN
    RETURN NEW;
  END IF;
  SELECT * INTO chosen FROM public.list_versions v WHERE v.id = NEW.active_version_id;
  IF chosen.id IS NULL OR chosen.list_id <> NEW.id OR chosen.status <> 'active' OR NEW.status <> 'active'
     OR (OLD.active_version_id IS NOT NULL AND chosen.base_version_id IS DISTINCT FROM OLD.active_version_id) THEN
    RAISE EXCEPTION 'a list screens by an active version that follows the one before' USING ERRCODE = 'PL035';
  END IF;
  SELECT * INTO base FROM public.list_versions v WHERE v.id = chosen.base_version_id;
  -- What was imported before names and numbers were counted has none to lose.
  IF ((chosen.removed_count > 0
       AND (chosen.source <> 'fetch'
         OR chosen.removed_count::bigint * 10000 > coalesce(base.entity_count, 0)::bigint * NEW.max_shrink_bps))
     OR (chosen.source = 'fetch'
       AND (coalesce(base.name_count - coalesce(chosen.name_count, 0), 0)::bigint * 10000
           > coalesce(base.name_count, 0)::bigint * NEW.max_shrink_bps
         OR coalesce(base.identifier_count - coalesce(chosen.identifier_count, 0), 0)::bigint * 10000
           > coalesce(base.identifier_count, 0)::bigint * NEW.max_shrink_bps)))
     AND NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = chosen.approval_id AND a.action IN ('list_version.activate', 'list_version.override')
         AND a.subject_id = chosen.id AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people let names off a list' USING ERRCODE = 'PL035';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_screening_list BEFORE UPDATE ON screening_lists
  FOR EACH ROW EXECUTE FUNCTION check_screening_list();
--> statement-breakpoint
ALTER TABLE screening_lists ENABLE ALWAYS TRIGGER check_screening_list;
--> statement-breakpoint
-- A version is evidence: only its state moves, and never back.
CREATE FUNCTION check_list_version() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF to_jsonb(NEW) - 'status' - 'approval_id' <> to_jsonb(OLD) - 'status' - 'approval_id' THEN
    RAISE EXCEPTION 'a list version stays as it was imported' USING ERRCODE = 'PL035';
  END IF;
  IF NEW.status <> OLD.status AND (OLD.status::text, NEW.status::text) NOT IN
      (('importing', 'active'), ('importing', 'superseded'), ('importing', 'refused'), ('refused', 'active'),
       ('active', 'superseded')) THEN
    RAISE EXCEPTION 'a list version does not go back' USING ERRCODE = 'PL035';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_list_version BEFORE UPDATE ON list_versions
  FOR EACH ROW EXECUTE FUNCTION check_list_version();
--> statement-breakpoint
ALTER TABLE list_versions ENABLE ALWAYS TRIGGER check_list_version;
--> statement-breakpoint
GRANT UPDATE (approval_id) ON list_versions TO plimsoll_staff;
--> statement-breakpoint
-- Gates: what restricts a person stands cause by cause; two people end what stands for sanctions or a case -------
ALTER TABLE gate_restrictions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON gate_restrictions TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (lifted_by, lifted_at, lift_approval_id) ON gate_restrictions TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
ALTER TABLE customer_gates NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE gate_restrictions NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- What restricts people already keeps restricting them: a confirmed match for sanctions, all else as a case.
INSERT INTO gate_restrictions (id, user_id, restriction, cause, reference_type, reference_id, placed_by, placed_at)
SELECT gen_random_uuid(), g.user_id,
  CASE WHEN g.screening::text = 'confirmed' THEN 'frozen' ELSE g.restriction END,
  CASE WHEN g.screening::text = 'confirmed' THEN 'sanctions' ELSE 'aml_case' END,
  'user', g.user_id, g.changed_by, g.changed_at
FROM customer_gates g WHERE g.screening::text = 'confirmed' OR g.restriction::text <> 'none';
--> statement-breakpoint
UPDATE customer_gates SET restriction = 'frozen', version = version + 1
  WHERE screening::text = 'confirmed' AND restriction::text <> 'frozen';
--> statement-breakpoint
ALTER TABLE customer_gates FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE gate_restrictions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE FUNCTION check_gate_restriction() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.lifted_at IS NOT NULL THEN
      RAISE EXCEPTION 'a restriction begins standing' USING ERRCODE = 'PL030';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - 'lifted_by' - 'lifted_at' - 'lift_approval_id'
       <> to_jsonb(OLD) - 'lifted_by' - 'lifted_at' - 'lift_approval_id'
     OR OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL THEN
    RAISE EXCEPTION 'a restriction stands as it was placed until it is lifted, once' USING ERRCODE = 'PL030';
  END IF;
  IF OLD.cause = 'sanctions' AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.lift_approval_id AND a.action = 'aml_customer.lift' AND a.subject_id = OLD.user_id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people lift what stands for sanctions' USING ERRCODE = 'PL030';
  END IF;
  IF OLD.cause = 'aml_case' AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.lift_approval_id AND a.action = 'aml_customer.release' AND a.subject_id = OLD.user_id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people end what stands for a case' USING ERRCODE = 'PL030';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_gate_restriction BEFORE INSERT OR UPDATE ON gate_restrictions
  FOR EACH ROW EXECUTE FUNCTION check_gate_restriction();
--> statement-breakpoint
ALTER TABLE gate_restrictions ENABLE ALWAYS TRIGGER check_gate_restriction;
--> statement-breakpoint
-- The gate obeys every cause that stands, and a confirmed match is one for as long as its restriction stands.
CREATE FUNCTION check_gate() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  due text;
BEGIN
  IF NEW.restriction IS DISTINCT FROM OLD.restriction THEN
    SELECT r.restriction::text INTO due FROM public.gate_restrictions r
      WHERE r.user_id = NEW.user_id AND r.lifted_at IS NULL
      ORDER BY array_position(ARRAY['frozen', 'reduce_only', 'no_out'], r.restriction::text) LIMIT 1;
    IF NEW.restriction::text <> coalesce(due, 'none') THEN
      RAISE EXCEPTION 'a gate is restricted by what stands against its owner' USING ERRCODE = 'PL030';
    END IF;
  END IF;
  IF NEW.screening IS DISTINCT FROM OLD.screening
     AND (NEW.screening::text = 'confirmed') <> EXISTS (
       SELECT FROM public.gate_restrictions r
       WHERE r.user_id = NEW.user_id AND r.cause = 'sanctions' AND r.lifted_at IS NULL) THEN
    RAISE EXCEPTION 'a match is confirmed for as long as it restricts' USING ERRCODE = 'PL030';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_gate BEFORE UPDATE ON customer_gates FOR EACH ROW EXECUTE FUNCTION check_gate();
--> statement-breakpoint
ALTER TABLE customer_gates ENABLE ALWAYS TRIGGER check_gate;
--> statement-breakpoint
-- Alerts, whitelist and cases: what was found stays, and what two people decide is decided by two ---------------
ALTER TABLE aml_alert_items FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE aml_alert_events FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE whitelist_entries FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE aml_cases FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE aml_case_subjects FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE aml_case_events FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE aml_case_files FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON aml_alert_items, aml_alert_events, whitelist_entries, aml_cases, aml_case_subjects,
  aml_case_events, aml_case_files TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (entity_id, screening_hash, subject_digest, best_score_bps, last_seen_at) ON aml_alert_items
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (severity, effect, case_id, due_at, overdue_at, occurrences, last_seen_at, points, proposed_disposition,
  close_approval_id) ON aml_alerts TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (ended_at, ended_by, end_cause, subject_digest) ON whitelist_entries TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, severity, assignee_id, due_at, suspicion_at, disposition, close_approval_id, closed_at, closed_by,
  version) ON aml_cases TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('aml_alert_events');
--> statement-breakpoint
CALL make_append_only('aml_case_events');
--> statement-breakpoint
CALL make_append_only('aml_case_subjects');
--> statement-breakpoint
CALL make_append_only('aml_case_files');
--> statement-breakpoint
ALTER TABLE aml_alerts NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE screenings NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE aml_alerts a SET kind = CASE WHEN s.trigger = 'third_party_payer' THEN 'third_party' ELSE 'screening_error' END
  FROM screenings s
  WHERE s.id = a.screening_id AND (s.trigger = 'third_party_payer' OR s.result::text = 'error');
--> statement-breakpoint
-- What is found again is taken into the newest that is open, and asks nobody twice.
UPDATE aml_alerts a SET dedup_key = CASE a.kind WHEN 'screening_error' THEN 'screen:error' ELSE 'screen:sanctions' END
  WHERE a.status::text <> 'resolved' AND a.kind IN ('sanctions', 'screening_error') AND NOT EXISTS (
    SELECT FROM aml_alerts later
    WHERE later.user_id = a.user_id AND later.kind = a.kind AND later.status::text <> 'resolved'
      AND (later.created_at, later.id) > (a.created_at, a.id));
--> statement-breakpoint
ALTER TABLE aml_alerts FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE screenings FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE FUNCTION check_whitelist_entry() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.ended_at IS NOT NULL OR NEW.expires_at > NEW.created_at + interval '366 days' OR NOT EXISTS (
        SELECT FROM public.approvals a
        WHERE a.id = NEW.approval_id AND a.action IN ('aml_alert.clear', 'aml_whitelist.add')
          AND a.subject_user_id = NEW.user_id AND a.status = 'executed') THEN
      RAISE EXCEPTION 'two people say whom somebody is not, for a year at most' USING ERRCODE = 'PL031';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - 'ended_at' - 'ended_by' - 'end_cause' - 'subject_digest'
       <> to_jsonb(OLD) - 'ended_at' - 'ended_by' - 'end_cause' - 'subject_digest'
     OR (NEW.subject_digest IS DISTINCT FROM OLD.subject_digest AND NEW.subject_digest IS NOT NULL)
     OR (OLD.ended_at IS NOT NULL AND (NEW.ended_at, NEW.ended_by, NEW.end_cause)
       IS DISTINCT FROM (OLD.ended_at, OLD.ended_by, OLD.end_cause)) THEN
    RAISE EXCEPTION 'an entry of the whitelist ends, once, and does not change' USING ERRCODE = 'PL031';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_whitelist_entry BEFORE INSERT OR UPDATE ON whitelist_entries
  FOR EACH ROW EXECUTE FUNCTION check_whitelist_entry();
--> statement-breakpoint
ALTER TABLE whitelist_entries ENABLE ALWAYS TRIGGER check_whitelist_entry;
--> statement-breakpoint
CREATE FUNCTION check_aml_case() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'closed' THEN
    RAISE EXCEPTION 'a case that is closed stays as it is' USING ERRCODE = 'PL031';
  END IF;
  IF OLD.suspicion_at IS NOT NULL AND NEW.suspicion_at IS DISTINCT FROM OLD.suspicion_at THEN
    RAISE EXCEPTION 'a suspicion is formed once' USING ERRCODE = 'PL031';
  END IF;
  IF NEW.status = 'closed' AND (NEW.severity IN ('high', 'critical') OR NEW.suspicion_at IS NOT NULL
       OR NEW.disposition IN ('true_match', 'suspicious'))
     AND NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = NEW.close_approval_id AND a.action = 'aml_case.close' AND a.subject_id = NEW.id
         AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people close this case' USING ERRCODE = 'PL031';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_aml_case BEFORE UPDATE ON aml_cases FOR EACH ROW EXECUTE FUNCTION check_aml_case();
--> statement-breakpoint
ALTER TABLE aml_cases ENABLE ALWAYS TRIGGER check_aml_case;
--> statement-breakpoint
-- Reports: what is told to the authorities, and when -----------------------------------------------------------
-- The days whose date does not move; the others are decided on year by year.
INSERT INTO business_holidays (day, name, observed, source, changed_at)
SELECT make_date(y, d.month, d.day), d.name, true, 'release', now()
FROM generate_series(2026, 2030) AS y,
  (VALUES (1, 1, 'New Year'), (1, 2, 'New Year, second day'), (2, 1, 'Abolition of Slavery'),
    (3, 12, 'National Day'), (5, 1, 'Labour Day'), (11, 2, 'Arrival of Indentured Labourers'),
    (12, 25, 'Christmas')) AS d (month, day, name);
--> statement-breakpoint
ALTER TABLE business_holidays FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE sanctions_notices FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE suspicious_reports FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE suspicious_report_events FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON business_holidays, sanctions_notices, suspicious_reports, suspicious_report_events
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (name, observed, source, approval_id, changed_at) ON business_holidays TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, content, drafted_at, drafted_by, sent_at, sent_by, reference, due_soon_at, overdue_at, version)
  ON sanctions_notices TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, report_code, due_at, reasons, indicators, selection, content, edited_by, edited_at, validated_at,
  xml_sha256, xml_bytes, transaction_count, decided_by, decided_at, decision_reason, filed_by, filed_at, fiu_reference,
  due_soon_at, overdue_at, version) ON suspicious_reports TO plimsoll_staff;
--> statement-breakpoint
-- What a report says is people's to write, and no machine's.
GRANT UPDATE (status, due_at, due_soon_at, overdue_at, version) ON suspicious_reports TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('suspicious_report_events');
--> statement-breakpoint
-- A day off gives more time to report: two people decide on it.
CREATE FUNCTION check_business_holiday() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.approval_id IS NULL OR (TG_OP = 'UPDATE' AND NEW.approval_id IS NOT DISTINCT FROM OLD.approval_id)
     OR NOT EXISTS (
       SELECT FROM public.approvals a
       WHERE a.id = NEW.approval_id AND a.action = 'business_holiday.set' AND a.status = 'executed'
         AND a.payload ->> 'day' = NEW.day::text) THEN
    RAISE EXCEPTION 'two people decide which days are none to work on' USING ERRCODE = 'PL033';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_business_holiday BEFORE INSERT OR UPDATE ON business_holidays
  FOR EACH ROW EXECUTE FUNCTION check_business_holiday();
--> statement-breakpoint
ALTER TABLE business_holidays ENABLE ALWAYS TRIGGER check_business_holiday;
--> statement-breakpoint
-- A notice is due when it is due, and what was sent stays as it was sent.
CREATE FUNCTION check_sanctions_notice() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'sent' AND (to_jsonb(NEW) - 'content') IS DISTINCT FROM (to_jsonb(OLD) - 'content') THEN
    RAISE EXCEPTION 'a notice stays as it was sent' USING ERRCODE = 'PL033';
  END IF;
  IF NEW.status = 'sent' AND OLD.status <> 'drafted' AND OLD.status <> 'sent' THEN
    RAISE EXCEPTION 'a notice is written before it is sent' USING ERRCODE = 'PL033';
  END IF;
  IF NEW.due_at IS DISTINCT FROM OLD.due_at OR NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at THEN
    RAISE EXCEPTION 'a notice is due when it is due' USING ERRCODE = 'PL033';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_sanctions_notice BEFORE UPDATE ON sanctions_notices
  FOR EACH ROW EXECUTE FUNCTION check_sanctions_notice();
--> statement-breakpoint
ALTER TABLE sanctions_notices ENABLE ALWAYS TRIGGER check_sanctions_notice;
--> statement-breakpoint
-- A report follows its case, goes one way, and stays as it was decided on.
CREATE FUNCTION check_suspicious_report() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'draft' OR NOT EXISTS (
        SELECT FROM public.aml_cases c
        WHERE c.id = NEW.case_id AND c.suspicion_at = NEW.suspicion_at AND c.user_id IS NOT DISTINCT FROM NEW.user_id) THEN
      RAISE EXCEPTION 'a report begins as a draft about the suspicion of its case' USING ERRCODE = 'PL033';
    END IF;
    IF NEW.amends_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.suspicious_reports r
        WHERE r.id = NEW.amends_id AND r.status = 'filed' AND r.case_id = NEW.case_id) THEN
      RAISE EXCEPTION 'only what was filed is amended' USING ERRCODE = 'PL033';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN
      (('draft', 'ready'), ('draft', 'declined'), ('draft', 'withdrawn'), ('ready', 'draft'), ('ready', 'approved'),
       ('ready', 'declined'), ('ready', 'withdrawn'), ('approved', 'filed'), ('approved', 'withdrawn')) THEN
    RAISE EXCEPTION 'a report does not go back' USING ERRCODE = 'PL033';
  END IF;
  IF (NEW.case_id, NEW.suspicion_at, NEW.created_by, NEW.created_at) IS DISTINCT FROM
     (OLD.case_id, OLD.suspicion_at, OLD.created_by, OLD.created_at)
     OR (NEW.due_at IS DISTINCT FROM OLD.due_at AND OLD.status NOT IN ('draft', 'ready')) THEN
    RAISE EXCEPTION 'the time to report runs from the suspicion' USING ERRCODE = 'PL033';
  END IF;
  IF OLD.status IN ('approved', 'filed', 'declined', 'withdrawn')
     AND (to_jsonb(NEW) - 'status' - 'filed_by' - 'filed_at' - 'fiu_reference' - 'due_soon_at' - 'overdue_at' - 'version')
       IS DISTINCT FROM
         (to_jsonb(OLD) - 'status' - 'filed_by' - 'filed_at' - 'fiu_reference' - 'due_soon_at' - 'overdue_at' - 'version')
     OR OLD.status IN ('filed', 'declined', 'withdrawn') AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
    RAISE EXCEPTION 'a report stays as it was decided on' USING ERRCODE = 'PL033';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_suspicious_report BEFORE INSERT OR UPDATE ON suspicious_reports
  FOR EACH ROW EXECUTE FUNCTION check_suspicious_report();
--> statement-breakpoint
ALTER TABLE suspicious_reports ENABLE ALWAYS TRIGGER check_suspicious_report;
--> statement-breakpoint
-- Vendors: what outside vendors were asked moves only in its state, and what they said stays ------------------
ALTER TABLE vendor_requests FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE vendor_results FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON vendor_requests TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, failures, last_failure, next_at, settled_at, match_digest, alert_id) ON vendor_requests
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON vendor_results TO plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT ON vendor_results TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('vendor_results');
--> statement-breakpoint
ALTER TABLE monitoring_vendor_requests FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE monitoring_vendor_results FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON monitoring_vendor_requests TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, failures, last_failure, next_at, settled_at, alert_id) ON monitoring_vendor_requests
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON monitoring_vendor_results TO plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT ON monitoring_vendor_results TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('monitoring_vendor_results');
--> statement-breakpoint
-- Screening: how names are weighed is versioned and decided by two, and every look at a person is kept ----------
ALTER TABLE screening_configs FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE screening_list_sets FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE screening_standings FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE rescreening_runs FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE rescreening_results FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON screening_configs, screening_list_sets, screening_standings, rescreening_runs
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON rescreening_results TO plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT ON rescreening_results TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, simulation, approval_id, activated_at, retired_at) ON screening_configs
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (screening_id, list_set, config_hash, checked_at, next_due_at, version) ON screening_standings
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, after_user_id, done, hits, skipped, moved_at, finished_at, version) ON rescreening_runs
  TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('rescreening_results');
--> statement-breakpoint
CALL make_append_only('screening_list_sets');
--> statement-breakpoint
-- A version screens as it was drafted; what staff drafted screens once two people agreed.
CREATE FUNCTION check_screening_config() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'draft' AND (NEW.status, NEW.origin) <> ('active', 'release') THEN
      RAISE EXCEPTION 'a configuration begins as a draft' USING ERRCODE = 'PL032';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(NEW) - 'status' - 'simulation' - 'approval_id' - 'activated_at' - 'retired_at')
       IS DISTINCT FROM (to_jsonb(OLD) - 'status' - 'simulation' - 'approval_id' - 'activated_at' - 'retired_at')
     OR (OLD.status <> 'draft' AND NEW.simulation IS DISTINCT FROM OLD.simulation) THEN
    RAISE EXCEPTION 'a configuration stays as it was drafted' USING ERRCODE = 'PL032';
  END IF;
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (('draft', 'active'), ('active', 'retired')) THEN
    RAISE EXCEPTION 'a configuration does not go back' USING ERRCODE = 'PL032';
  END IF;
  IF OLD.status = 'draft' AND NEW.status = 'active' AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'screening_config.activate' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people decide how names are weighed' USING ERRCODE = 'PL032';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_screening_config BEFORE INSERT OR UPDATE ON screening_configs
  FOR EACH ROW EXECUTE FUNCTION check_screening_config();
--> statement-breakpoint
ALTER TABLE screening_configs ENABLE ALWAYS TRIGGER check_screening_config;
--> statement-breakpoint
-- KYC: what an application needs, how it moves, and who may agree to it ----------------------------------------
ALTER TABLE kyc_requirement_sets FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_requirements FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_items FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_declarations FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_parties FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_application_events FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON kyc_requirement_sets, kyc_requirements, kyc_items, kyc_declarations, kyc_parties,
  kyc_application_events TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON kyc_application_events TO plimsoll_app, plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON kyc_requirement_sets, kyc_requirements TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (status, approval_id, activated_at) ON kyc_requirement_sets TO plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON kyc_items, kyc_declarations, kyc_parties TO plimsoll_engine;
--> statement-breakpoint
-- What a risk that rose asks for is asked for by who sends an application back.
GRANT INSERT ON kyc_items TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (alternatives, status, document_id, declaration_id, reason_code, decided_by, decided_at, version)
  ON kyc_items TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, reason_code, decided_by, decided_at, version) ON kyc_items TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (details, removed_at, identity_index) ON kyc_parties TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (assignee_id, assigned_at, needs_senior, reason_code, screened_at) ON kyc_applications TO plimsoll_staff;
--> statement-breakpoint
GRANT UPDATE (reviewed_by, reviewed_at, expires_on) ON kyc_documents TO plimsoll_staff;
--> statement-breakpoint
-- A day outside of these is a slip or a trick; what was taken before is moved to the nearest that is not.
ALTER TABLE kyc_documents NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE kyc_documents SET
  issued_on = CASE WHEN issued_on IS NULL THEN NULL WHEN issued_on !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN NULL
    ELSE least(greatest(issued_on, '1900-01-01'), '2199-12-31') END,
  expires_on = CASE WHEN expires_on IS NULL THEN NULL WHEN expires_on !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN NULL
    ELSE least(greatest(expires_on, '1900-01-01'), '2199-12-31') END
  WHERE issued_on NOT BETWEEN '1900-01-01' AND '2199-12-31' OR expires_on NOT BETWEEN '1900-01-01' AND '2199-12-31'
    OR issued_on !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' OR expires_on !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$';
--> statement-breakpoint
ALTER TABLE kyc_documents FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_documents ADD CONSTRAINT kyc_documents_days_check CHECK (
  (issued_on ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' AND issued_on BETWEEN '1900-01-01' AND '2199-12-31' OR issued_on IS NULL)
  AND (expires_on ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' AND expires_on BETWEEN '1900-01-01' AND '2199-12-31'
    OR expires_on IS NULL));
--> statement-breakpoint
ALTER TABLE kyc_documents ADD CONSTRAINT kyc_documents_party_id_fkey FOREIGN KEY (party_id) REFERENCES kyc_parties (id);
--> statement-breakpoint
CALL make_append_only('kyc_requirements');
--> statement-breakpoint
CALL make_append_only('kyc_declarations');
--> statement-breakpoint
CALL make_append_only('kyc_application_events');
--> statement-breakpoint
-- The first set says what the levels said before; what risk, nationality and exposure add is new.
ALTER TABLE kyc_requirement_sets NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_requirements NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
INSERT INTO kyc_requirement_sets (id, version, status, created_at, activated_at)
  VALUES (gen_random_uuid(), 1, 'active', now(), now());
--> statement-breakpoint
INSERT INTO kyc_requirements (id, set_version, level, applicant_kind, item, alternatives, max_age_days)
SELECT gen_random_uuid(), 1, named.level, 'natural',
  named.item || CASE WHEN named.place = 1 THEN '' ELSE '_' || named.place END, named.alternatives,
  CASE WHEN named.item = 'address' THEN 92 END
FROM (
  SELECT l.level, r.alternatives, n.item, row_number() OVER (PARTITION BY l.level, n.item ORDER BY r.ordinal) AS place
  FROM kyc_levels l
    CROSS JOIN LATERAL jsonb_array_elements(l.required_documents) WITH ORDINALITY AS r (alternatives, ordinal)
    CROSS JOIN LATERAL (SELECT CASE
      WHEN r.alternatives ->> 0 IN ('passport', 'national_id', 'driving_licence', 'residence_permit') THEN 'identity'
      WHEN r.alternatives ->> 0 = 'proof_of_address' THEN 'address'
      ELSE r.alternatives ->> 0 END AS item) n
) named;
--> statement-breakpoint
INSERT INTO kyc_requirements (id, set_version, level, applicant_kind, nationality, risk_level, only_pep, item, alternatives)
SELECT gen_random_uuid(), 1, l.level, 'natural', more.nationality, more.risk_level, more.only_pep, more.item,
  jsonb_build_array(more.alternative)
FROM kyc_levels l CROSS JOIN (VALUES
  (NULL, 'high', false, 'source_of_funds', 'source_of_funds'),
  (NULL, 'high', false, 'source_of_wealth', 'source_of_wealth'),
  (NULL, NULL, true, 'source_of_funds', 'source_of_funds'),
  (NULL, NULL, true, 'source_of_wealth', 'source_of_wealth'),
  (NULL, NULL, true, 'exposure', 'declaration:pep'),
  (NULL, NULL, false, 'fatca_crs', 'declaration:fatca_crs'),
  (NULL, NULL, false, 'tax_residence', 'declaration:tax_residence')
) AS more (nationality, risk_level, only_pep, item, alternative);
--> statement-breakpoint
INSERT INTO kyc_requirements (id, set_version, level, applicant_kind, item, alternatives)
SELECT gen_random_uuid(), 1, l.level, 'legal', more.item, to_jsonb(string_to_array(more.alternative, ' '))
FROM kyc_levels l CROSS JOIN (VALUES
  ('basic', 'identity', 'passport national_id driving_licence'),
  ('basic', 'incorporation', 'certificate_of_incorporation'),
  ('basic', 'directors', 'register_of_directors'),
  ('basic', 'members', 'register_of_members'),
  ('basic', 'owners_declared', 'declaration:beneficial_owner'),
  ('basic', 'fatca_crs', 'declaration:fatca_crs'),
  ('basic', 'tax_residence', 'declaration:tax_residence'),
  ('standard', 'authority', 'board_resolution'),
  ('enhanced', 'memorandum', 'memorandum'),
  ('enhanced', 'source_of_funds', 'source_of_funds')
) AS more (from_level, item, alternative)
WHERE array_position(ARRAY['basic', 'standard', 'enhanced'], more.from_level)
  <= array_position(ARRAY['basic', 'standard', 'enhanced'], l.level::text);
--> statement-breakpoint
-- Each natural person who directs a legal one, or owns enough of it.
INSERT INTO kyc_requirements (id, set_version, level, applicant_kind, item, alternatives)
SELECT gen_random_uuid(), 1, l.level, 'party', 'identity', '["passport", "national_id", "driving_licence"]'::jsonb
FROM kyc_levels l;
--> statement-breakpoint
ALTER TABLE kyc_requirement_sets FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_requirements FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_applications NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- What waits already is due as if it had been handed in under this release, and as senior.
UPDATE kyc_applications SET due_at = submitted_at + interval '2 days', needs_senior = level::text = 'enhanced'
  WHERE status::text IN ('submitted', 'under_review');
--> statement-breakpoint
ALTER TABLE kyc_applications FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE FUNCTION check_kyc_requirement() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT FROM public.kyc_requirement_sets s WHERE s.version = NEW.set_version AND s.status = 'draft') THEN
    RAISE EXCEPTION 'a set of requirements is filled while it is a draft' USING ERRCODE = 'PL034';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_kyc_requirement BEFORE INSERT ON kyc_requirements
  FOR EACH ROW EXECUTE FUNCTION check_kyc_requirement();
--> statement-breakpoint
ALTER TABLE kyc_requirements ENABLE ALWAYS TRIGGER check_kyc_requirement;
--> statement-breakpoint
CREATE FUNCTION check_kyc_requirement_set() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'draft' THEN
      RAISE EXCEPTION 'a set of requirements begins as a draft' USING ERRCODE = 'PL034';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.status, NEW.status) NOT IN (('draft', 'draft'), ('draft', 'active'), ('draft', 'retired'), ('active', 'retired'))
     OR (NEW.id, NEW.version, NEW.created_by, NEW.created_at, NEW.beneficial_owner_bps)
       IS DISTINCT FROM (OLD.id, OLD.version, OLD.created_by, OLD.created_at, OLD.beneficial_owner_bps) THEN
    RAISE EXCEPTION 'a set of requirements does not go back' USING ERRCODE = 'PL034';
  END IF;
  IF NEW.status = 'active' AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'kyc_requirements.activate' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people say what customers have to show' USING ERRCODE = 'PL034';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_kyc_requirement_set BEFORE INSERT OR UPDATE ON kyc_requirement_sets
  FOR EACH ROW EXECUTE FUNCTION check_kyc_requirement_set();
--> statement-breakpoint
ALTER TABLE kyc_requirement_sets ENABLE ALWAYS TRIGGER check_kyc_requirement_set;
--> statement-breakpoint
-- What was decided stays decided: nothing that comes late moves an application out of its last state.
CREATE FUNCTION check_kyc_application() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status IS DISTINCT FROM OLD.status AND (OLD.status::text, NEW.status::text) NOT IN (
      ('draft', 'submitted'), ('draft', 'withdrawn'), ('submitted', 'under_review'), ('submitted', 'approved'),
      ('submitted', 'rejected'), ('submitted', 'resubmission_required'), ('submitted', 'withdrawn'),
      ('under_review', 'approved'), ('under_review', 'rejected'), ('under_review', 'resubmission_required'),
      ('under_review', 'withdrawn'), ('resubmission_required', 'submitted'),
      ('resubmission_required', 'withdrawn')) THEN
    RAISE EXCEPTION 'an application does not move so' USING ERRCODE = 'PL034';
  END IF;
  IF (NEW.user_id, NEW.applicant_kind) IS DISTINCT FROM (OLD.user_id, OLD.applicant_kind)
     OR (OLD.status::text IN ('approved', 'rejected', 'withdrawn')
       AND (NEW.level, NEW.submitted_at, NEW.decided_at, NEW.needs_senior, NEW.is_upgrade, NEW.requirement_set,
            NEW.reason_code)
         IS DISTINCT FROM (OLD.level, OLD.submitted_at, OLD.decided_at, OLD.needs_senior, OLD.is_upgrade,
            OLD.requirement_set, OLD.reason_code)) THEN
    RAISE EXCEPTION 'what was decided on stays as it was' USING ERRCODE = 'PL034';
  END IF;
  IF OLD.needs_senior AND NOT NEW.needs_senior
     AND (OLD.status::text, NEW.status::text) NOT IN (('draft', 'submitted'), ('resubmission_required', 'submitted')) THEN
    RAISE EXCEPTION 'an application needs a senior person until it is handed in again' USING ERRCODE = 'PL034';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_kyc_application BEFORE UPDATE ON kyc_applications
  FOR EACH ROW EXECUTE FUNCTION check_kyc_application();
--> statement-breakpoint
ALTER TABLE kyc_applications ENABLE ALWAYS TRIGGER check_kyc_application;
--> statement-breakpoint
CREATE FUNCTION check_kyc_decision() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.outcome::text = 'approved' AND EXISTS (
      SELECT FROM public.kyc_applications k WHERE k.id = NEW.application_id AND k.needs_senior)
     AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'kyc_application.approve' AND a.subject_id = NEW.application_id
        AND a.status = 'executed' AND a.maker_id = NEW.decided_by) THEN
    RAISE EXCEPTION 'a senior person agrees to this application' USING ERRCODE = 'PL034';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_kyc_decision BEFORE INSERT ON kyc_decisions
  FOR EACH ROW EXECUTE FUNCTION check_kyc_decision();
--> statement-breakpoint
ALTER TABLE kyc_decisions ENABLE ALWAYS TRIGGER check_kyc_decision;
--> statement-breakpoint
-- KYC: ratings, providers' word and reviews: a matrix and what ends a review without evidence need two people ----
INSERT INTO kyc_risk_matrices (id, version, status, origin, content, content_hash, reason, created_by, created_at,
  activated_at)
VALUES ('0199c4b2-0000-7000-8000-00000000a001', 1, 'active', 'release', '{"factors":{"geography":{"weight":25, "values":{"AFG":90, "COD":80, "CAF":85, "HTI":80, "IRN":100, "IRQ":80, 
  "LBN":80, "LBY":85, "MLI":80, "MMR":95, "PRK":100, "RUS":80, "SDN":85, "SOM":90, "SSD":85, "SYR":95, "VEN":75, 
  "YEM":90, "MUS":10}, "other":25, "unknown":100}, "product":{"weight":10, "values":{"basic":10, "standard":35, 
  "enhanced":60}, "other":60, "unknown":60}, "channel":{"weight":10, "values":{"remote":50, 
  "provider_verified":20}, "other":50, "unknown":50}, "occupation":{"weight":15, "values":{"arms":95, 
  "cash_intensive":75, "gambling":85, "money_services":75, "precious_goods":75, "public_office":80, 
  "salaried":15, "retired":20, "student":20, "without_income":50}, "other":35, "unknown":95}, "pep":{"weight":15, 
  "values":{"none":0, "declared":90, "found":100}, "other":100, "unknown":100}, "adverse":{"weight":10, 
  "values":{"none":0, "found":100}, "other":100, "unknown":100}, "behaviour":{"weight":10, "values":{"none":0, 
  "some":30, "elevated":70, "severe":100, "suspicion":100}, "other":100, "unknown":100}, "ownership":{"weight":5, 
  "values":{"natural":0, "legal":50, "layered":100}, "other":100, "unknown":100}, "screening":{"weight":0, 
  "values":{"clear":0, "confirmed":100}, "other":100, "unknown":100}}, "floors":[{"factor":"geography", 
  "code":"IRN", "atLeast":95},{"factor":"geography", "code":"MMR", "atLeast":80},{"factor":"geography", 
  "code":"PRK", "atLeast":95},{"factor":"pep", "code":"declared", "atLeast":70},{"factor":"pep", "code":"found", 
  "atLeast":75},{"factor":"adverse", "code":"found", "atLeast":65},{"factor":"behaviour", "code":"suspicion", 
  "atLeast":80},{"factor":"screening", "code":"confirmed", "atLeast":100}], "bands":{"medium":30, "high":65, 
  "prohibited":95}, "behaviourFrom":{"some":1, "elevated":50, "severe":150}, "reviewMonths":{"low":36, 
  "medium":24, "high":12}}',
  'fbdd4f1e401bd711c3c45b27bad649ce0bcb9209cd3bb4518bce4d388de39b5c', 'What the program came with', 'migration', now(), now());
--> statement-breakpoint
ALTER TABLE kyc_risk_matrices FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_risk_ratings FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_risk_signals FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_standings FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_risk_simulations FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_provider_sessions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_provider_events FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_provider_images FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE kyc_reviews FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON kyc_risk_matrices, kyc_risk_simulations TO plimsoll_staff;
--> statement-breakpoint
GRANT SELECT ON kyc_risk_matrices, kyc_risk_simulations TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, approval_id, activated_at, retired_at) ON kyc_risk_matrices
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, after_user_id, done, counts, digest, finished_at) ON kyc_risk_simulations TO plimsoll_engine;
--> statement-breakpoint
GRANT SELECT, INSERT ON kyc_risk_ratings, kyc_standings, kyc_reviews TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON kyc_risk_signals TO plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT ON kyc_risk_signals TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (rating_id, matrix_id, score, level, raised_to, edd_required, politically_exposed, rated_at, reviewed_at,
  next_review_at, dormant_since, dormancy_told_at, version) ON kyc_standings TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, reminded, escalated_to, escalated_at, assignee_id, outcome, evidence_id, approval_id, closed_by,
  closed_at, version) ON kyc_reviews TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT SELECT ON kyc_provider_sessions, kyc_provider_events, kyc_provider_images TO plimsoll_staff;
--> statement-breakpoint
GRANT SELECT, INSERT ON kyc_provider_sessions, kyc_provider_events, kyc_provider_images TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, decision, decision_hash, findings, next_fetch_at, failures, fetched_at, url, version)
  ON kyc_provider_sessions TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (state) ON kyc_provider_events TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, document_id, attempts, failure, settled_at) ON kyc_provider_images TO plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('kyc_risk_ratings');
--> statement-breakpoint
CALL make_append_only('kyc_risk_signals');
--> statement-breakpoint
-- A matrix rates as it was drafted; what staff drafted rates once two people agreed.
CREATE FUNCTION check_kyc_risk_matrix() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'draft' THEN
      RAISE EXCEPTION 'a risk matrix begins as a draft' USING ERRCODE = 'PL032';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(NEW) - 'status' - 'approval_id' - 'activated_at' - 'retired_at')
       IS DISTINCT FROM (to_jsonb(OLD) - 'status' - 'approval_id' - 'activated_at' - 'retired_at') THEN
    RAISE EXCEPTION 'a risk matrix stays as it was drafted' USING ERRCODE = 'PL032';
  END IF;
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (('draft', 'active'), ('active', 'retired')) THEN
    RAISE EXCEPTION 'a risk matrix does not go back' USING ERRCODE = 'PL032';
  END IF;
  IF OLD.status = 'draft' AND NEW.status = 'active' AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'kyc_risk_matrix.activate' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people decide how customers are rated' USING ERRCODE = 'PL032';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_kyc_risk_matrix BEFORE INSERT OR UPDATE ON kyc_risk_matrices
  FOR EACH ROW EXECUTE FUNCTION check_kyc_risk_matrix();
--> statement-breakpoint
ALTER TABLE kyc_risk_matrices ENABLE ALWAYS TRIGGER check_kyc_risk_matrix;
--> statement-breakpoint
CREATE FUNCTION check_kyc_standing() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.raised_to IS NOT NULL AND coalesce(NEW.raised_to, -1) < OLD.raised_to AND NOT EXISTS (
      SELECT FROM public.kyc_risk_ratings r JOIN public.approvals a ON a.id = r.approval_id
      WHERE r.id = NEW.rating_id AND r.user_id = NEW.user_id AND a.action = 'kyc_risk_rating.lower'
        AND a.subject_id = NEW.user_id AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people take a raised score back' USING ERRCODE = 'PL032';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_kyc_standing BEFORE UPDATE ON kyc_standings
  FOR EACH ROW EXECUTE FUNCTION check_kyc_standing();
--> statement-breakpoint
ALTER TABLE kyc_standings ENABLE ALWAYS TRIGGER check_kyc_standing;
--> statement-breakpoint
CREATE FUNCTION check_kyc_review() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'done' OR (NEW.user_id, NEW.kind, NEW.reference_id, NEW.opened_at, NEW.due_at)
       IS DISTINCT FROM (OLD.user_id, OLD.kind, OLD.reference_id, OLD.opened_at, OLD.due_at) THEN
    RAISE EXCEPTION 'a review ends once and stays what it was about' USING ERRCODE = 'PL034';
  END IF;
  IF NEW.status = 'done' AND NEW.evidence_id IS NULL AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'kyc_review.waive' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people end a review without evidence' USING ERRCODE = 'PL034';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_kyc_review BEFORE UPDATE ON kyc_reviews FOR EACH ROW EXECUTE FUNCTION check_kyc_review();
--> statement-breakpoint
ALTER TABLE kyc_reviews ENABLE ALWAYS TRIGGER check_kyc_review;
--> statement-breakpoint
-- What a provider decided is never taken back by what comes late; it may still think worse of somebody.
CREATE FUNCTION check_kyc_provider_session() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (OLD.status = 'declined' AND NEW.status <> 'declined')
     OR (OLD.status = 'approved' AND NEW.status NOT IN ('approved', 'declined')) THEN
    RAISE EXCEPTION 'what a provider decided stays decided' USING ERRCODE = 'PL034';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_kyc_provider_session BEFORE UPDATE ON kyc_provider_sessions
  FOR EACH ROW EXECUTE FUNCTION check_kyc_provider_session();
--> statement-breakpoint
ALTER TABLE kyc_provider_sessions ENABLE ALWAYS TRIGGER check_kyc_provider_session;
--> statement-breakpoint
-- Monitoring: what was watched and found stays, and two people decide on rules and what is let pass ------------
ALTER TABLE monitored_activity FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE activity_cursors FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE monitoring_rules FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE rule_hits FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE rule_hit_alerts FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE rule_snoozes FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE peer_figures FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT ON monitored_activity, activity_cursors, monitoring_rules, rule_hits, rule_hit_alerts, rule_snoozes,
  peer_figures TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON monitored_activity, activity_cursors, rule_hits, rule_hit_alerts, peer_figures TO plimsoll_engine;
--> statement-breakpoint
GRANT INSERT ON monitoring_rules, rule_snoozes TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (counterparty_index) ON monitored_activity TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (position, moved_at) ON activity_cursors TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (people, high_bps, computed_at) ON peer_figures TO plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (status, simulation, approval_id, activated_at, retired_at) ON monitoring_rules
  TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
GRANT UPDATE (ended_at, ended_by) ON rule_snoozes TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
ALTER TABLE simulated_alerts FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
GRANT SELECT, INSERT ON simulated_alerts TO plimsoll_staff, plimsoll_engine;
--> statement-breakpoint
CALL make_append_only('simulated_alerts');
--> statement-breakpoint
CALL make_append_only('rule_hits');
--> statement-breakpoint
CALL make_append_only('rule_hit_alerts');
--> statement-breakpoint
-- Of what was watched only the keyed hash of the other side goes, when a person is erased.
CREATE FUNCTION check_monitored_activity() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW.counterparty_index IS NOT NULL
     OR to_jsonb(NEW) - 'counterparty_index' <> to_jsonb(OLD) - 'counterparty_index' THEN
    RAISE EXCEPTION 'what was watched stays as it was' USING ERRCODE = 'PL032';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_monitored_activity BEFORE UPDATE OR DELETE ON monitored_activity
  FOR EACH ROW EXECUTE FUNCTION check_monitored_activity();
--> statement-breakpoint
ALTER TABLE monitored_activity ENABLE ALWAYS TRIGGER check_monitored_activity;
--> statement-breakpoint
-- A rule finds as it was drafted; what staff drafted finds once two people agreed.
CREATE FUNCTION check_monitoring_rule() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'draft' AND (NEW.status, NEW.origin) <> ('active', 'release') THEN
      RAISE EXCEPTION 'a rule begins as a draft' USING ERRCODE = 'PL032';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(NEW) - 'status' - 'simulation' - 'approval_id' - 'activated_at' - 'retired_at')
       IS DISTINCT FROM (to_jsonb(OLD) - 'status' - 'simulation' - 'approval_id' - 'activated_at' - 'retired_at')
     OR (OLD.status <> 'draft' AND (NEW.simulation IS DISTINCT FROM OLD.simulation
       OR NEW.approval_id IS DISTINCT FROM OLD.approval_id)) THEN
    RAISE EXCEPTION 'a rule stays as it was drafted' USING ERRCODE = 'PL032';
  END IF;
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (('draft', 'active'), ('active', 'retired')) THEN
    RAISE EXCEPTION 'a rule does not go back' USING ERRCODE = 'PL032';
  END IF;
  IF NEW.status = 'active' AND OLD.status = 'draft' AND NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'monitoring_rule.activate' AND a.subject_id = NEW.id
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people decide what is looked for' USING ERRCODE = 'PL032';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_monitoring_rule BEFORE INSERT OR UPDATE ON monitoring_rules
  FOR EACH ROW EXECUTE FUNCTION check_monitoring_rule();
--> statement-breakpoint
ALTER TABLE monitoring_rules ENABLE ALWAYS TRIGGER check_monitoring_rule;
--> statement-breakpoint
-- What is let pass was agreed to by another person, for a person, a rule and a time; it ends once.
CREATE FUNCTION check_rule_snooze() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.ended_at IS NOT NULL OR to_jsonb(NEW) - 'ended_at' - 'ended_by'
         <> to_jsonb(OLD) - 'ended_at' - 'ended_by' THEN
      RAISE EXCEPTION 'a snooze stays as it was agreed to, and ends once' USING ERRCODE = 'PL032';
    END IF;
    RETURN NEW;
  END IF;
  IF NOT EXISTS (
      SELECT FROM public.approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'monitoring_rule.snooze' AND a.subject_id = NEW.user_id
        AND a.payload->>'ruleKey' = NEW.rule_key AND (a.payload->>'until')::timestamptz = NEW.until
        AND a.status = 'executed') THEN
    RAISE EXCEPTION 'two people decide what is let pass' USING ERRCODE = 'PL032';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_rule_snooze BEFORE INSERT OR UPDATE ON rule_snoozes
  FOR EACH ROW EXECUTE FUNCTION check_rule_snooze();
--> statement-breakpoint
ALTER TABLE rule_snoozes ENABLE ALWAYS TRIGGER check_rule_snooze;
