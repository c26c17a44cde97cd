CREATE TYPE "public"."list_purpose" AS ENUM('sanctions', 'pep', 'adverse_media', 'internal');--> statement-breakpoint
ALTER TYPE "public"."kyc_document_type" ADD VALUE 'certificate_of_incorporation';--> statement-breakpoint
ALTER TYPE "public"."kyc_document_type" ADD VALUE 'register_of_directors';--> statement-breakpoint
ALTER TYPE "public"."kyc_document_type" ADD VALUE 'register_of_members';--> statement-breakpoint
ALTER TYPE "public"."kyc_document_type" ADD VALUE 'memorandum';--> statement-breakpoint
ALTER TYPE "public"."kyc_document_type" ADD VALUE 'board_resolution';--> statement-breakpoint
CREATE TABLE "aml_alert_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"alert_id" uuid NOT NULL,
	"type" text NOT NULL,
	"actor" text NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	"screening_id" uuid,
	"data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"comment" "bytea",
	CONSTRAINT "aml_alert_events_type_check" CHECK ("aml_alert_events"."type" in ('opened', 'seen_again', 'item_added', 'severity_raised', 'assigned', 'commented',
        'escalated', 'overdue', 'closing_requested', 'closing_refused', 'closed', 'linked'))
);
--> statement-breakpoint
ALTER TABLE "aml_alert_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "aml_alert_items" (
	"alert_id" uuid NOT NULL,
	"list_id" uuid NOT NULL,
	"source_id" text NOT NULL,
	"party" text DEFAULT '' NOT NULL,
	"entity_id" uuid NOT NULL,
	"screening_hash" "bytea" NOT NULL,
	"subject_digest" "bytea",
	"best_score_bps" integer NOT NULL,
	"first_seen_at" timestamp (6) with time zone NOT NULL,
	"last_seen_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "aml_alert_items_pkey" PRIMARY KEY("alert_id","list_id","source_id","party")
);
--> statement-breakpoint
ALTER TABLE "aml_alert_items" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "aml_case_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"case_id" uuid NOT NULL,
	"type" text NOT NULL,
	"actor" text NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	"data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"body" "bytea",
	CONSTRAINT "aml_case_events_type_check" CHECK ("aml_case_events"."type" in ('opened', 'assigned', 'commented', 'status', 'alert_linked', 'subject_added',
        'file_added', 'escalated', 'frozen', 'lifted', 'restricted', 'released', 'money_in_flight', 'closing_requested',
        'closing_refused', 'closed', 'reported'))
);
--> statement-breakpoint
ALTER TABLE "aml_case_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "aml_case_files" (
	"id" uuid PRIMARY KEY NOT NULL,
	"case_id" uuid NOT NULL,
	"name" "bytea" NOT NULL,
	"content_type" text NOT NULL,
	"size_bytes" integer NOT NULL,
	"sha256" "bytea" NOT NULL,
	"uploaded_by" uuid NOT NULL,
	"uploaded_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "aml_case_files_size_bytes_check" CHECK ("aml_case_files"."size_bytes" > 0)
);
--> statement-breakpoint
ALTER TABLE "aml_case_files" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "aml_case_subjects" (
	"case_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"added_by" text NOT NULL,
	"added_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "aml_case_subjects_pkey" PRIMARY KEY("case_id","user_id")
);
--> statement-breakpoint
ALTER TABLE "aml_case_subjects" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "aml_cases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"number" integer GENERATED ALWAYS AS IDENTITY (sequence name "aml_cases_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"user_id" uuid,
	"kind" text NOT NULL,
	"status" text NOT NULL,
	"severity" text NOT NULL,
	"assignee_id" uuid,
	"opened_by" text NOT NULL,
	"opened_at" timestamp (6) with time zone NOT NULL,
	"due_at" timestamp (6) with time zone NOT NULL,
	"suspicion_at" timestamp (6) with time zone,
	"disposition" text,
	"close_approval_id" uuid,
	"closed_at" timestamp (6) with time zone,
	"closed_by" uuid,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "aml_cases_kind_check" CHECK ("aml_cases"."kind" in ('sanctions', 'aml', 'fraud', 'market_abuse', 'edd')),
	CONSTRAINT "aml_cases_status_check" CHECK ("aml_cases"."status" in ('open', 'investigating', 'awaiting_information', 'escalated', 'closing', 'closed')),
	CONSTRAINT "aml_cases_severity_check" CHECK ("aml_cases"."severity" in ('low', 'medium', 'high', 'critical')),
	CONSTRAINT "aml_cases_closed_check" CHECK (("aml_cases"."status" = 'closed') = ("aml_cases"."closed_at" is not null)
        and ("aml_cases"."status" <> 'closed' or "aml_cases"."disposition" in
          ('true_match', 'suspicious', 'unfounded', 'inconclusive'))),
	CONSTRAINT "aml_cases_closed_by_check" CHECK ("aml_cases"."closed_by" is null or "aml_cases"."closed_by" <> "aml_cases"."user_id")
);
--> statement-breakpoint
ALTER TABLE "aml_cases" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "list_fetches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"list_id" uuid NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	"outcome" text NOT NULL,
	"detail" text,
	"status" integer,
	"bytes" integer,
	"file_hash" "bytea",
	"version_id" uuid,
	"etags" text,
	CONSTRAINT "list_fetches_outcome_check" CHECK ("list_fetches"."outcome" in ('activated', 'unchanged', 'waiting', 'refused', 'failed'))
);
--> statement-breakpoint
ALTER TABLE "list_fetches" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "list_version_changes" (
	"version_id" uuid NOT NULL,
	"source_id" text NOT NULL,
	"change" text NOT NULL,
	"entity_id" uuid,
	"previous_entity_id" uuid,
	"screening_changed" boolean NOT NULL,
	CONSTRAINT "list_version_changes_pkey" PRIMARY KEY("version_id","source_id"),
	CONSTRAINT "list_version_changes_change_check" CHECK (("list_version_changes"."change" = 'added' and "list_version_changes"."entity_id" is not null and "list_version_changes"."previous_entity_id" is null)
        or ("list_version_changes"."change" = 'changed' and "list_version_changes"."entity_id" is not null and "list_version_changes"."previous_entity_id" is not null)
        or ("list_version_changes"."change" = 'removed' and "list_version_changes"."entity_id" is null and "list_version_changes"."previous_entity_id" is not null))
);
--> statement-breakpoint
ALTER TABLE "list_version_changes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "activity_cursors" (
	"source" text PRIMARY KEY NOT NULL,
	"position" text NOT NULL,
	"began_at" timestamp (6) with time zone NOT NULL,
	"moved_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "activity_cursors" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "monitored_activity" (
	"id" uuid PRIMARY KEY NOT NULL,
	"source" text NOT NULL,
	"source_id" text NOT NULL,
	"kind" text NOT NULL,
	"is_market" boolean NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid,
	"occurred_at" timestamp (6) with time zone NOT NULL,
	"collected_at" timestamp (6) with time zone NOT NULL,
	"asset" text,
	"amount" numeric(20, 8),
	"direction" text NOT NULL,
	"counterparty_index" "bytea",
	"counterparty_country" text,
	"instrument" text,
	"side" text,
	"price" numeric(20, 8),
	"quantity" numeric(20, 8),
	"linked_user_id" uuid,
	"data" jsonb NOT NULL,
	CONSTRAINT "monitored_activity_direction_check" CHECK ("monitored_activity"."direction" in ('in', 'out', 'none')),
	CONSTRAINT "monitored_activity_side_check" CHECK ("monitored_activity"."side" is null or "monitored_activity"."side" in ('buy', 'sell'))
);
--> statement-breakpoint
ALTER TABLE "monitored_activity" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "monitoring_rules" (
	"id" uuid PRIMARY KEY NOT NULL,
	"key" text NOT NULL,
	"version" integer NOT NULL,
	"status" text NOT NULL,
	"origin" text NOT NULL,
	"content" jsonb NOT NULL,
	"content_hash" text NOT NULL,
	"reason" text NOT NULL,
	"simulation" jsonb,
	"approval_id" uuid,
	"created_by" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"activated_at" timestamp (6) with time zone,
	"retired_at" timestamp (6) with time zone,
	CONSTRAINT "monitoring_rules_status_check" CHECK ("monitoring_rules"."status" in ('draft', 'active', 'retired')),
	CONSTRAINT "monitoring_rules_origin_check" CHECK ("monitoring_rules"."origin" in ('release', 'staff'))
);
--> statement-breakpoint
ALTER TABLE "monitoring_rules" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "peer_figures" (
	"peer_group" text NOT NULL,
	"direction" text NOT NULL,
	"people" integer NOT NULL,
	"high_bps" integer NOT NULL,
	"computed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "peer_figures_pkey" PRIMARY KEY("peer_group","direction"),
	CONSTRAINT "peer_figures_direction_check" CHECK ("peer_figures"."direction" in ('in', 'out'))
);
--> statement-breakpoint
ALTER TABLE "peer_figures" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "rule_hit_alerts" (
	"hit_id" uuid PRIMARY KEY NOT NULL,
	"alert_id" uuid NOT NULL,
	"at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "rule_hit_alerts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "rule_hits" (
	"id" uuid PRIMARY KEY NOT NULL,
	"rule_key" text NOT NULL,
	"rule_version" integer NOT NULL,
	"content_hash" text NOT NULL,
	"typology" text NOT NULL,
	"activity_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"measure" integer NOT NULL,
	"points" integer NOT NULL,
	"adds_each" boolean NOT NULL,
	"facts" jsonb NOT NULL,
	"snooze_id" uuid,
	"at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "rule_hits_points_check" CHECK ("rule_hits"."points" between 0 and 1000 and "rule_hits"."measure" >= 0)
);
--> statement-breakpoint
ALTER TABLE "rule_hits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "rule_snoozes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"rule_key" text NOT NULL,
	"until" timestamp (6) with time zone NOT NULL,
	"approval_id" uuid NOT NULL,
	"created_by" uuid NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"ended_at" timestamp (6) with time zone,
	"ended_by" uuid,
	CONSTRAINT "rule_snoozes_created_by_check" CHECK ("rule_snoozes"."created_by" <> "rule_snoozes"."user_id"),
	CONSTRAINT "rule_snoozes_until_check" CHECK ("rule_snoozes"."until" > "rule_snoozes"."created_at" and "rule_snoozes"."until" <= "rule_snoozes"."created_at" + interval '90 days'),
	CONSTRAINT "rule_snoozes_ended_check" CHECK (("rule_snoozes"."ended_at" is null) = ("rule_snoozes"."ended_by" is null))
);
--> statement-breakpoint
ALTER TABLE "rule_snoozes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "simulated_alerts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"rule_id" uuid NOT NULL,
	"simulation_id" uuid NOT NULL,
	"change" text NOT NULL,
	"user_id" uuid NOT NULL,
	"typology" text NOT NULL,
	"activity_id" uuid NOT NULL,
	"points" integer NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "simulated_alerts_change_check" CHECK ("simulated_alerts"."change" in ('new', 'lost'))
);
--> statement-breakpoint
ALTER TABLE "simulated_alerts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "business_holidays" (
	"day" date PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"observed" boolean NOT NULL,
	"source" text NOT NULL,
	"approval_id" uuid,
	"changed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "business_holidays_source_check" CHECK ("business_holidays"."source" in ('release', 'staff')),
	CONSTRAINT "business_holidays_approval_check" CHECK (("business_holidays"."source" = 'staff') = ("business_holidays"."approval_id" is not null))
);
--> statement-breakpoint
ALTER TABLE "business_holidays" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "sanctions_notices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"case_id" uuid,
	"confirmed_at" timestamp (6) with time zone,
	"due_at" timestamp (6) with time zone NOT NULL,
	"status" text NOT NULL,
	"content" "bytea",
	"run_id" uuid,
	"figures" jsonb,
	"created_at" timestamp (6) with time zone NOT NULL,
	"drafted_at" timestamp (6) with time zone,
	"drafted_by" uuid,
	"sent_at" timestamp (6) with time zone,
	"sent_by" uuid,
	"reference" text,
	"due_soon_at" timestamp (6) with time zone,
	"overdue_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "sanctions_notices_kind_check" CHECK ("sanctions_notices"."kind" in ('match', 'nil')),
	CONSTRAINT "sanctions_notices_status_check" CHECK ("sanctions_notices"."status" in ('due', 'drafted', 'sent')),
	CONSTRAINT "sanctions_notices_match_check" CHECK (("sanctions_notices"."kind" <> 'match' or "sanctions_notices"."case_id" is not null)
        and (("sanctions_notices"."kind" = 'nil') = ("sanctions_notices"."run_id" is not null and "sanctions_notices"."figures" is not null))),
	CONSTRAINT "sanctions_notices_sent_check" CHECK (("sanctions_notices"."status" = 'sent') = ("sanctions_notices"."sent_at" is not null)
        and ("sanctions_notices"."status" <> 'sent' or ("sanctions_notices"."sent_by" is not null and "sanctions_notices"."reference" is not null)))
);
--> statement-breakpoint
ALTER TABLE "sanctions_notices" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "suspicious_report_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"report_id" uuid NOT NULL,
	"type" text NOT NULL,
	"actor" text NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	"data" jsonb NOT NULL,
	CONSTRAINT "suspicious_report_events_type_check" CHECK ("suspicious_report_events"."type" in ('drafted', 'edited', 'validated', 'approved', 'declined', 'withdrawn', 'filed'))
);
--> statement-breakpoint
ALTER TABLE "suspicious_report_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "suspicious_reports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"number" integer GENERATED ALWAYS AS IDENTITY (sequence name "suspicious_reports_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"case_id" uuid NOT NULL,
	"user_id" uuid,
	"report_code" text NOT NULL,
	"amends_id" uuid,
	"status" text NOT NULL,
	"suspicion_at" timestamp (6) with time zone NOT NULL,
	"due_at" timestamp (6) with time zone NOT NULL,
	"reasons" jsonb NOT NULL,
	"indicators" jsonb NOT NULL,
	"selection" jsonb NOT NULL,
	"content" "bytea" NOT NULL,
	"created_by" uuid NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"edited_by" uuid,
	"edited_at" timestamp (6) with time zone,
	"validated_at" timestamp (6) with time zone,
	"xml_sha256" "bytea",
	"xml_bytes" integer,
	"transaction_count" integer,
	"decided_by" uuid,
	"decided_at" timestamp (6) with time zone,
	"decision_reason" "bytea",
	"filed_by" uuid,
	"filed_at" timestamp (6) with time zone,
	"fiu_reference" text,
	"due_soon_at" timestamp (6) with time zone,
	"overdue_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "suspicious_reports_code_check" CHECK ("suspicious_reports"."report_code" in ('STR', 'SAR')),
	CONSTRAINT "suspicious_reports_status_check" CHECK ("suspicious_reports"."status" in ('draft', 'ready', 'approved', 'filed', 'declined', 'withdrawn')),
	CONSTRAINT "suspicious_reports_decided_check" CHECK (("suspicious_reports"."decided_by" is not null or "suspicious_reports"."status" not in ('approved', 'filed', 'declined'))
        and ("suspicious_reports"."decided_by" is null or "suspicious_reports"."status" in ('approved', 'filed', 'declined', 'withdrawn'))
        and ("suspicious_reports"."decided_by" is null or ("suspicious_reports"."decided_at" is not null
          and "suspicious_reports"."decision_reason" is not null
          and "suspicious_reports"."decided_by" is distinct from "suspicious_reports"."edited_by"
          and "suspicious_reports"."decided_by" is distinct from "suspicious_reports"."user_id"
          and ("suspicious_reports"."status" <> 'declined' or "suspicious_reports"."decided_by" <> "suspicious_reports"."created_by")))),
	CONSTRAINT "suspicious_reports_written_check" CHECK ("suspicious_reports"."status" not in ('ready', 'approved', 'filed') or "suspicious_reports"."edited_by" is not null),
	CONSTRAINT "suspicious_reports_xml_check" CHECK (("suspicious_reports"."xml_sha256" is not null or "suspicious_reports"."status" not in ('approved', 'filed'))
        and ("suspicious_reports"."xml_sha256" is null) = ("suspicious_reports"."xml_bytes" is null)),
	CONSTRAINT "suspicious_reports_filed_check" CHECK (("suspicious_reports"."status" = 'filed') = ("suspicious_reports"."fiu_reference" is not null)
        and ("suspicious_reports"."status" = 'filed') = ("suspicious_reports"."filed_at" is not null)
        and ("suspicious_reports"."status" = 'filed') = ("suspicious_reports"."filed_by" is not null))
);
--> statement-breakpoint
ALTER TABLE "suspicious_reports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "rescreening_results" (
	"run_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"list_set" text NOT NULL,
	"outcome" text NOT NULL,
	"is_delta" boolean NOT NULL,
	"entities" integer NOT NULL,
	"subject_digest" "bytea",
	"screening_id" uuid,
	"at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "rescreening_results_pkey" PRIMARY KEY("run_id","user_id","list_set"),
	CONSTRAINT "rescreening_results_outcome_check" CHECK ("rescreening_results"."outcome" in ('clear', 'screened', 'erased'))
);
--> statement-breakpoint
ALTER TABLE "rescreening_results" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "rescreening_runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"cause" text NOT NULL,
	"status" text NOT NULL,
	"is_full" boolean NOT NULL,
	"list_set" text NOT NULL,
	"config_hash" text NOT NULL,
	"after_user_id" uuid,
	"total" integer NOT NULL,
	"done" integer DEFAULT 0 NOT NULL,
	"hits" integer DEFAULT 0 NOT NULL,
	"skipped" integer DEFAULT 0 NOT NULL,
	"requested_by" text NOT NULL,
	"started_at" timestamp (6) with time zone NOT NULL,
	"moved_at" timestamp (6) with time zone NOT NULL,
	"finished_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "rescreening_runs_status_check" CHECK ("rescreening_runs"."status" in ('running', 'done')),
	CONSTRAINT "rescreening_runs_finished_check" CHECK (("rescreening_runs"."status" = 'done') = ("rescreening_runs"."finished_at" is not null)),
	CONSTRAINT "rescreening_runs_cause_check" CHECK ("rescreening_runs"."cause" in ('list_change', 'config_change', 'catch_up', 'manual'))
);
--> statement-breakpoint
ALTER TABLE "rescreening_runs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "screening_list_sets" (
	"hash" text PRIMARY KEY NOT NULL,
	"versions" jsonb NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "screening_list_sets" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "screening_standings" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"screening_id" uuid,
	"list_set" text NOT NULL,
	"config_hash" text NOT NULL,
	"checked_at" timestamp (6) with time zone NOT NULL,
	"next_due_at" timestamp (6) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "screening_standings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "screening_configs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer NOT NULL,
	"status" text NOT NULL,
	"origin" text NOT NULL,
	"content" jsonb NOT NULL,
	"content_hash" text NOT NULL,
	"algorithm" text NOT NULL,
	"reason" text NOT NULL,
	"simulation" jsonb,
	"approval_id" uuid,
	"created_by" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"activated_at" timestamp (6) with time zone,
	"retired_at" timestamp (6) with time zone,
	CONSTRAINT "screening_configs_status_check" CHECK ("screening_configs"."status" in ('draft', 'active', 'retired')),
	CONSTRAINT "screening_configs_origin_check" CHECK ("screening_configs"."origin" in ('release', 'staff'))
);
--> statement-breakpoint
ALTER TABLE "screening_configs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "monitoring_vendor_requests" (
	"id" uuid PRIMARY KEY NOT NULL,
	"activity_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"vendor" text NOT NULL,
	"status" text NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"last_failure" text,
	"created_at" timestamp (6) with time zone NOT NULL,
	"next_at" timestamp (6) with time zone,
	"settled_at" timestamp (6) with time zone,
	"alert_id" uuid,
	CONSTRAINT "monitoring_vendor_requests_status_check" CHECK ("monitoring_vendor_requests"."status" in ('waiting', 'answered', 'abandoned')),
	CONSTRAINT "monitoring_vendor_requests_settled_check" CHECK (("monitoring_vendor_requests"."status" = 'waiting') = ("monitoring_vendor_requests"."settled_at" is null)
        and ("monitoring_vendor_requests"."status" = 'waiting') = ("monitoring_vendor_requests"."next_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "monitoring_vendor_requests" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "monitoring_vendor_results" (
	"id" uuid PRIMARY KEY NOT NULL,
	"request_id" uuid NOT NULL,
	"activity_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"vendor" text NOT NULL,
	"mode" text NOT NULL,
	"verdict" text NOT NULL,
	"score" integer,
	"reference" text,
	"own_verdict" text NOT NULL,
	"agreed" boolean,
	"answer" "bytea" NOT NULL,
	"latency_ms" integer NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "monitoring_vendor_results_mode_check" CHECK ("monitoring_vendor_results"."mode" in ('compare', 'decide')),
	CONSTRAINT "monitoring_vendor_results_verdict_check" CHECK ("monitoring_vendor_results"."verdict" in ('pass', 'review', 'stop', 'skipped')
        and ("monitoring_vendor_results"."verdict" = 'skipped') = ("monitoring_vendor_results"."agreed" is null)),
	CONSTRAINT "monitoring_vendor_results_own_verdict_check" CHECK ("monitoring_vendor_results"."own_verdict" in ('none', 'hit', 'alert', 'stop'))
);
--> statement-breakpoint
ALTER TABLE "monitoring_vendor_results" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "vendor_requests" (
	"id" uuid PRIMARY KEY NOT NULL,
	"screening_id" uuid NOT NULL,
	"user_id" uuid,
	"vendor" text NOT NULL,
	"status" text NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"last_failure" text,
	"created_at" timestamp (6) with time zone NOT NULL,
	"next_at" timestamp (6) with time zone,
	"settled_at" timestamp (6) with time zone,
	"match_digest" "bytea",
	"alert_id" uuid,
	CONSTRAINT "vendor_requests_status_check" CHECK ("vendor_requests"."status" in ('waiting', 'answered', 'abandoned')),
	CONSTRAINT "vendor_requests_settled_check" CHECK (("vendor_requests"."status" = 'waiting') = ("vendor_requests"."settled_at" is null)
        and ("vendor_requests"."status" = 'waiting') = ("vendor_requests"."next_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "vendor_requests" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "vendor_results" (
	"id" uuid PRIMARY KEY NOT NULL,
	"request_id" uuid NOT NULL,
	"screening_id" uuid NOT NULL,
	"user_id" uuid,
	"vendor" text NOT NULL,
	"mode" text NOT NULL,
	"result" text NOT NULL,
	"best_score_bps" integer,
	"match_count" integer NOT NULL,
	"own_result" "screening_result" NOT NULL,
	"agreed" boolean NOT NULL,
	"answer" "bytea" NOT NULL,
	"latency_ms" integer NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "vendor_results_mode_check" CHECK ("vendor_results"."mode" in ('compare', 'decide')),
	CONSTRAINT "vendor_results_result_check" CHECK ("vendor_results"."result" in ('clear', 'match')),
	CONSTRAINT "vendor_results_best_score_bps_check" CHECK ("vendor_results"."best_score_bps" between 0 and 10000),
	CONSTRAINT "vendor_results_match_count_check" CHECK ("vendor_results"."match_count" >= 0 and ("vendor_results"."match_count" > 0) = ("vendor_results"."result" = 'match'))
);
--> statement-breakpoint
ALTER TABLE "vendor_results" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "whitelist_entries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"party" text DEFAULT '' NOT NULL,
	"list_id" uuid NOT NULL,
	"source_id" text NOT NULL,
	"entity_id" uuid NOT NULL,
	"screening_hash" "bytea" NOT NULL,
	"subject_digest" "bytea",
	"alert_id" uuid,
	"approval_id" uuid NOT NULL,
	"created_by" uuid NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	"ended_at" timestamp (6) with time zone,
	"ended_by" text,
	"end_cause" text,
	CONSTRAINT "whitelist_entries_end_check" CHECK (("whitelist_entries"."ended_at" is null) = ("whitelist_entries"."end_cause" is null)
        and ("whitelist_entries"."end_cause" is null or "whitelist_entries"."end_cause" in
          ('expired', 'entity_changed', 'subject_changed', 'revoked', 'true_match'))),
	CONSTRAINT "whitelist_entries_created_by_check" CHECK ("whitelist_entries"."created_by" <> "whitelist_entries"."user_id"),
	CONSTRAINT "whitelist_entries_expires_at_check" CHECK ("whitelist_entries"."expires_at" > "whitelist_entries"."created_at")
);
--> statement-breakpoint
ALTER TABLE "whitelist_entries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "gate_restrictions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"restriction" "gate_restriction" NOT NULL,
	"cause" text NOT NULL,
	"reference_type" text NOT NULL,
	"reference_id" uuid NOT NULL,
	"placed_by" text NOT NULL,
	"placed_at" timestamp (6) with time zone NOT NULL,
	"lifted_by" text,
	"lifted_at" timestamp (6) with time zone,
	"lift_approval_id" uuid,
	CONSTRAINT "gate_restrictions_cause_check" CHECK ("gate_restrictions"."cause" in ('sanctions', 'aml_case', 'kyc_review_overdue', 'kyc_document_expired', 'kyc_dormant', 'risk')),
	CONSTRAINT "gate_restrictions_restriction_check" CHECK ("gate_restrictions"."restriction" <> 'none'),
	CONSTRAINT "gate_restrictions_lifted_check" CHECK (("gate_restrictions"."lifted_at" is null) = ("gate_restrictions"."lifted_by" is null))
);
--> statement-breakpoint
ALTER TABLE "gate_restrictions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_application_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"type" text NOT NULL,
	"from_status" text,
	"to_status" text NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text NOT NULL,
	"detail" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"note" "bytea",
	"customer_visible" boolean NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "kyc_application_events_type_check" CHECK ("kyc_application_events"."type" in ('created', 'edited', 'submitted', 'withdrawn', 'assigned', 'item_decided',
        'senior_asked', 'senior_refused', 'provider', 'decided'))
);
--> statement-breakpoint
ALTER TABLE "kyc_application_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_declarations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"revision" integer NOT NULL,
	"content" "bytea" NOT NULL,
	"declared_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "kyc_declarations_kind_check" CHECK ("kyc_declarations"."kind" in ('pep', 'beneficial_owner', 'tax_residence', 'fatca_crs', 'source_of_funds',
        'source_of_wealth', 'accuracy'))
);
--> statement-breakpoint
ALTER TABLE "kyc_declarations" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_items" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"item" text NOT NULL,
	"alternatives" jsonb NOT NULL,
	"status" text NOT NULL,
	"document_id" uuid,
	"declaration_id" uuid,
	"reason_code" text,
	"decided_by" uuid,
	"decided_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"party_id" uuid,
	CONSTRAINT "kyc_items_status_check" CHECK ("kyc_items"."status" in ('provided', 'accepted', 'resubmit', 'waived', 'dropped')),
	CONSTRAINT "kyc_items_reason_code_check" CHECK ("kyc_items"."reason_code" in ('unreadable', 'expired', 'too_old', 'wrong_document', 'differs_from_declared',
        'incomplete', 'not_genuine', 'other')),
	CONSTRAINT "kyc_items_decided_by_check" CHECK ("kyc_items"."decided_by" <> "kyc_items"."user_id")
);
--> statement-breakpoint
ALTER TABLE "kyc_items" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_parties" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"role" text NOT NULL,
	"kind" text NOT NULL,
	"details" "bytea" NOT NULL,
	"share_bps" integer,
	"parent_id" uuid,
	"added_at" timestamp (6) with time zone NOT NULL,
	"removed_at" timestamp (6) with time zone,
	"identity_index" "bytea",
	CONSTRAINT "kyc_parties_role_check" CHECK ("kyc_parties"."role" in ('director', 'beneficial_owner', 'authorised_signatory', 'trustee', 'settlor')),
	CONSTRAINT "kyc_parties_kind_check" CHECK ("kyc_parties"."kind" in ('person', 'organisation')),
	CONSTRAINT "kyc_parties_share_bps_check" CHECK ("kyc_parties"."share_bps" between 1 and 10000)
);
--> statement-breakpoint
ALTER TABLE "kyc_parties" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_requirement_sets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer NOT NULL,
	"status" text NOT NULL,
	"created_by" uuid,
	"created_at" timestamp (6) with time zone NOT NULL,
	"approval_id" uuid,
	"activated_at" timestamp (6) with time zone,
	"beneficial_owner_bps" integer DEFAULT 2000 NOT NULL,
	CONSTRAINT "kyc_requirement_sets_version_key" UNIQUE("version"),
	CONSTRAINT "kyc_requirement_sets_status_check" CHECK ("kyc_requirement_sets"."status" in ('draft', 'active', 'retired')),
	CONSTRAINT "kyc_requirement_sets_beneficial_owner_bps_check" CHECK ("kyc_requirement_sets"."beneficial_owner_bps" between 1 and 10000)
);
--> statement-breakpoint
ALTER TABLE "kyc_requirement_sets" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_requirements" (
	"id" uuid PRIMARY KEY NOT NULL,
	"set_version" integer NOT NULL,
	"level" "kyc_level" NOT NULL,
	"applicant_kind" text NOT NULL,
	"nationality" text,
	"risk_level" text,
	"only_pep" boolean DEFAULT false NOT NULL,
	"item" text NOT NULL,
	"alternatives" jsonb NOT NULL,
	"max_age_days" integer,
	CONSTRAINT "kyc_requirements_applicant_kind_check" CHECK ("kyc_requirements"."applicant_kind" in ('natural', 'legal', 'party')),
	CONSTRAINT "kyc_requirements_nationality_check" CHECK ("kyc_requirements"."nationality" ~ '^[A-Z]{3}$'),
	CONSTRAINT "kyc_requirements_risk_level_check" CHECK ("kyc_requirements"."risk_level" in ('low', 'medium', 'high')),
	CONSTRAINT "kyc_requirements_item_check" CHECK ("kyc_requirements"."item" ~ '^[a-z][a-z0-9_]{1,60}$'),
	CONSTRAINT "kyc_requirements_max_age_days_check" CHECK ("kyc_requirements"."max_age_days" > 0)
);
--> statement-breakpoint
ALTER TABLE "kyc_requirements" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_provider_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"event_id" text NOT NULL,
	"session_ref" text NOT NULL,
	"type" text NOT NULL,
	"body_hash" "bytea" NOT NULL,
	"state" text NOT NULL,
	"received_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "kyc_provider_events_state_check" CHECK ("kyc_provider_events"."state" in ('taken', 'kept'))
);
--> statement-breakpoint
ALTER TABLE "kyc_provider_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_provider_images" (
	"id" uuid PRIMARY KEY NOT NULL,
	"session_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"status" text NOT NULL,
	"document_id" uuid,
	"attempts" integer DEFAULT 0 NOT NULL,
	"failure" text,
	"created_at" timestamp (6) with time zone NOT NULL,
	"settled_at" timestamp (6) with time zone,
	CONSTRAINT "kyc_provider_images_status_check" CHECK ("kyc_provider_images"."status" in ('waiting', 'copied', 'failed'))
);
--> statement-breakpoint
ALTER TABLE "kyc_provider_images" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_provider_sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"session_ref" text NOT NULL,
	"url" "bytea" NOT NULL,
	"status" text NOT NULL,
	"decision" "bytea",
	"decision_hash" "bytea",
	"findings" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"next_fetch_at" timestamp (6) with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"fetched_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "kyc_provider_sessions_status_check" CHECK ("kyc_provider_sessions"."status" in ('not_started', 'in_progress', 'awaiting_user', 'in_review', 'approved', 'declined',
        'resubmitted', 'abandoned', 'expired', 'unknown'))
);
--> statement-breakpoint
ALTER TABLE "kyc_provider_sessions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_reviews" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"reference_id" uuid NOT NULL,
	"status" text NOT NULL,
	"opened_at" timestamp (6) with time zone NOT NULL,
	"due_at" timestamp (6) with time zone NOT NULL,
	"reminded" smallint DEFAULT 0 NOT NULL,
	"escalated_to" text,
	"escalated_at" timestamp (6) with time zone,
	"assignee_id" uuid,
	"outcome" text,
	"evidence_id" uuid,
	"approval_id" uuid,
	"closed_by" text,
	"closed_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "kyc_reviews_kind_check" CHECK ("kyc_reviews"."kind" in ('periodic', 'document_expiry', 'edd', 'provider_contradicts', 'dormant')),
	CONSTRAINT "kyc_reviews_status_check" CHECK ("kyc_reviews"."status" in ('open', 'done')),
	CONSTRAINT "kyc_reviews_outcome_check" CHECK ("kyc_reviews"."outcome" in ('confirmed', 'renewed', 'waived', 'obsolete')),
	CONSTRAINT "kyc_reviews_reminded_check" CHECK ("kyc_reviews"."reminded" between 0 and 3),
	CONSTRAINT "kyc_reviews_escalated_to_check" CHECK ("kyc_reviews"."escalated_to" in ('no_out', 'reduce_only')),
	CONSTRAINT "kyc_reviews_assignee_id_check" CHECK ("kyc_reviews"."assignee_id" <> "kyc_reviews"."user_id"),
	CONSTRAINT "kyc_reviews_closed_check" CHECK (("kyc_reviews"."status" = 'done') = ("kyc_reviews"."closed_at" is not null)
        and ("kyc_reviews"."status" = 'done') = ("kyc_reviews"."outcome" is not null))
);
--> statement-breakpoint
ALTER TABLE "kyc_reviews" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_risk_matrices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer NOT NULL,
	"status" text NOT NULL,
	"origin" text NOT NULL,
	"content" jsonb NOT NULL,
	"content_hash" text NOT NULL,
	"reason" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"approval_id" uuid,
	"activated_at" timestamp (6) with time zone,
	"retired_at" timestamp (6) with time zone,
	CONSTRAINT "kyc_risk_matrices_status_check" CHECK ("kyc_risk_matrices"."status" in ('draft', 'active', 'retired')),
	CONSTRAINT "kyc_risk_matrices_origin_check" CHECK ("kyc_risk_matrices"."origin" in ('release', 'staff'))
);
--> statement-breakpoint
ALTER TABLE "kyc_risk_matrices" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_risk_ratings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"application_id" uuid,
	"matrix_id" uuid NOT NULL,
	"score" smallint NOT NULL,
	"level" text NOT NULL,
	"inputs" "bytea" NOT NULL,
	"pieces" jsonb NOT NULL,
	"cause" text NOT NULL,
	"raised_to" smallint,
	"reason" text,
	"approval_id" uuid,
	"rated_by" text NOT NULL,
	"rated_at" timestamp (6) with time zone NOT NULL,
	"next_review_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "kyc_risk_ratings_score_check" CHECK ("kyc_risk_ratings"."score" between 0 and 100),
	CONSTRAINT "kyc_risk_ratings_raised_to_check" CHECK ("kyc_risk_ratings"."raised_to" between 0 and 100),
	CONSTRAINT "kyc_risk_ratings_level_check" CHECK ("kyc_risk_ratings"."level" in ('low', 'medium', 'high', 'prohibited')),
	CONSTRAINT "kyc_risk_ratings_cause_check" CHECK ("kyc_risk_ratings"."cause" in ('application', 'profile', 'signal', 'matrix', 'review', 'raised', 'lowered'))
);
--> statement-breakpoint
ALTER TABLE "kyc_risk_ratings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_risk_signals" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"points" integer NOT NULL,
	"at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "kyc_risk_signals_kind_check" CHECK ("kyc_risk_signals"."kind" in ('pep_found', 'adverse_media', 'behaviour', 'suspicion')),
	CONSTRAINT "kyc_risk_signals_points_check" CHECK ("kyc_risk_signals"."points" >= 0)
);
--> statement-breakpoint
ALTER TABLE "kyc_risk_signals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_risk_simulations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"matrix_id" uuid NOT NULL,
	"content_hash" text NOT NULL,
	"against_id" uuid NOT NULL,
	"status" text NOT NULL,
	"after_user_id" uuid,
	"total" integer NOT NULL,
	"done" integer NOT NULL,
	"counts" jsonb NOT NULL,
	"digest" text NOT NULL,
	"requested_by" uuid NOT NULL,
	"requested_at" timestamp (6) with time zone NOT NULL,
	"finished_at" timestamp (6) with time zone,
	CONSTRAINT "kyc_risk_simulations_status_check" CHECK ("kyc_risk_simulations"."status" in ('running', 'done'))
);
--> statement-breakpoint
ALTER TABLE "kyc_risk_simulations" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_standings" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"rating_id" uuid NOT NULL,
	"matrix_id" uuid NOT NULL,
	"score" smallint NOT NULL,
	"level" text NOT NULL,
	"raised_to" smallint,
	"edd_required" boolean NOT NULL,
	"politically_exposed" boolean NOT NULL,
	"rated_at" timestamp (6) with time zone NOT NULL,
	"reviewed_at" timestamp (6) with time zone NOT NULL,
	"next_review_at" timestamp (6) with time zone NOT NULL,
	"dormant_since" timestamp (6) with time zone,
	"dormancy_told_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "kyc_standings_score_check" CHECK ("kyc_standings"."score" between 0 and 100),
	CONSTRAINT "kyc_standings_raised_to_check" CHECK ("kyc_standings"."raised_to" between 0 and 100),
	CONSTRAINT "kyc_standings_level_check" CHECK ("kyc_standings"."level" in ('low', 'medium', 'high', 'prohibited'))
);
--> statement-breakpoint
ALTER TABLE "kyc_standings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
DROP INDEX "aml_alerts_screening_id_key";--> statement-breakpoint
ALTER TABLE "aml_alerts" ALTER COLUMN "user_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "aml_alerts" ALTER COLUMN "screening_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "kind" text DEFAULT 'sanctions' NOT NULL;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "effect" text DEFAULT 'stop' NOT NULL;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "dedup_key" text;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "source_ref" text;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "case_id" uuid;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "due_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "overdue_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "occurrences" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "last_seen_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "points" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "proposed_disposition" "aml_disposition";--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD COLUMN "close_approval_id" uuid;--> statement-breakpoint
ALTER TABLE "list_entities" ADD COLUMN "screening_hash" "bytea";--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "name_count" integer;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "identifier_count" integer;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "unreadable_count" integer;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "base_version_id" uuid;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "held_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "diff_hash" "bytea";--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "source" text DEFAULT 'upload' NOT NULL;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "source_urls" jsonb;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "parser_version" text;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "bytes" integer;--> statement-breakpoint
ALTER TABLE "list_versions" ADD COLUMN "approval_id" uuid;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "purpose" "list_purpose" DEFAULT 'sanctions' NOT NULL;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "effect" text DEFAULT 'stop' NOT NULL;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "format" text;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "status" text DEFAULT 'active' NOT NULL;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "max_shrink_bps" integer DEFAULT 2000 NOT NULL;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "min_entities" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "source_urls" jsonb;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "fetch_minutes" integer;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "stale_after_hours" integer DEFAULT 48 NOT NULL;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "next_fetch_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "last_fetch_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "last_fetch_outcome" text;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "failed_fetches" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "confirmed_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "stale_alarm_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "meaning_changed_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "change_approval_id" uuid;--> statement-breakpoint
ALTER TABLE "screening_lists" ADD COLUMN "version" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "screening_matches" ADD COLUMN "suppressed_by" uuid;--> statement-breakpoint
ALTER TABLE "beneficiaries" ADD COLUMN "payable_from" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "applicant_kind" text DEFAULT 'natural' NOT NULL;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "company" "bytea";--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "requirement_set" integer;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "is_upgrade" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "needs_senior" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "priority" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "due_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "assignee_id" uuid;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "assigned_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "reason_code" text;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "identity_index" "bytea";--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "handed_in" "bytea";--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "screened_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD COLUMN "company_index" "bytea";--> statement-breakpoint
ALTER TABLE "kyc_decisions" ADD COLUMN "reason_code" text;--> statement-breakpoint
ALTER TABLE "kyc_decisions" ADD COLUMN "approval_id" uuid;--> statement-breakpoint
ALTER TABLE "kyc_decisions" ADD COLUMN "explanation" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "side" text;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "mrz" "bytea";--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "content_index" "bytea";--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "width" integer;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "height" integer;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "page_count" integer;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "removed_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "reviewed_by" uuid;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "reviewed_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD COLUMN "party_id" uuid;--> statement-breakpoint
ALTER TABLE "aml_alert_events" ADD CONSTRAINT "aml_alert_events_alert_id_aml_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."aml_alerts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_alert_events" ADD CONSTRAINT "aml_alert_events_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_alert_items" ADD CONSTRAINT "aml_alert_items_alert_id_aml_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."aml_alerts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_alert_items" ADD CONSTRAINT "aml_alert_items_list_id_screening_lists_id_fk" FOREIGN KEY ("list_id") REFERENCES "public"."screening_lists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_alert_items" ADD CONSTRAINT "aml_alert_items_entity_id_list_entities_id_fk" FOREIGN KEY ("entity_id") REFERENCES "public"."list_entities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_case_events" ADD CONSTRAINT "aml_case_events_case_id_aml_cases_id_fk" FOREIGN KEY ("case_id") REFERENCES "public"."aml_cases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_case_files" ADD CONSTRAINT "aml_case_files_case_id_aml_cases_id_fk" FOREIGN KEY ("case_id") REFERENCES "public"."aml_cases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_case_subjects" ADD CONSTRAINT "aml_case_subjects_case_id_aml_cases_id_fk" FOREIGN KEY ("case_id") REFERENCES "public"."aml_cases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_case_subjects" ADD CONSTRAINT "aml_case_subjects_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_cases" ADD CONSTRAINT "aml_cases_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_fetches" ADD CONSTRAINT "list_fetches_list_id_screening_lists_id_fk" FOREIGN KEY ("list_id") REFERENCES "public"."screening_lists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_fetches" ADD CONSTRAINT "list_fetches_version_id_list_versions_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."list_versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_version_changes" ADD CONSTRAINT "list_version_changes_version_id_list_versions_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."list_versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_version_changes" ADD CONSTRAINT "list_version_changes_entity_id_list_entities_id_fk" FOREIGN KEY ("entity_id") REFERENCES "public"."list_entities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_version_changes" ADD CONSTRAINT "list_version_changes_previous_entity_id_list_entities_id_fk" FOREIGN KEY ("previous_entity_id") REFERENCES "public"."list_entities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitored_activity" ADD CONSTRAINT "monitored_activity_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitored_activity" ADD CONSTRAINT "monitored_activity_linked_user_id_users_id_fk" FOREIGN KEY ("linked_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rule_hit_alerts" ADD CONSTRAINT "rule_hit_alerts_hit_id_rule_hits_id_fk" FOREIGN KEY ("hit_id") REFERENCES "public"."rule_hits"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rule_hit_alerts" ADD CONSTRAINT "rule_hit_alerts_alert_id_aml_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."aml_alerts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rule_hits" ADD CONSTRAINT "rule_hits_activity_id_monitored_activity_id_fk" FOREIGN KEY ("activity_id") REFERENCES "public"."monitored_activity"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rule_hits" ADD CONSTRAINT "rule_hits_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rule_hits" ADD CONSTRAINT "rule_hits_snooze_id_rule_snoozes_id_fk" FOREIGN KEY ("snooze_id") REFERENCES "public"."rule_snoozes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rule_snoozes" ADD CONSTRAINT "rule_snoozes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "simulated_alerts" ADD CONSTRAINT "simulated_alerts_rule_id_monitoring_rules_id_fk" FOREIGN KEY ("rule_id") REFERENCES "public"."monitoring_rules"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "simulated_alerts" ADD CONSTRAINT "simulated_alerts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "simulated_alerts" ADD CONSTRAINT "simulated_alerts_activity_id_monitored_activity_id_fk" FOREIGN KEY ("activity_id") REFERENCES "public"."monitored_activity"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sanctions_notices" ADD CONSTRAINT "sanctions_notices_case_id_aml_cases_id_fk" FOREIGN KEY ("case_id") REFERENCES "public"."aml_cases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sanctions_notices" ADD CONSTRAINT "sanctions_notices_run_id_rescreening_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."rescreening_runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "suspicious_report_events" ADD CONSTRAINT "suspicious_report_events_report_id_suspicious_reports_id_fk" FOREIGN KEY ("report_id") REFERENCES "public"."suspicious_reports"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "suspicious_reports" ADD CONSTRAINT "suspicious_reports_case_id_aml_cases_id_fk" FOREIGN KEY ("case_id") REFERENCES "public"."aml_cases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "suspicious_reports" ADD CONSTRAINT "suspicious_reports_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "suspicious_reports" ADD CONSTRAINT "suspicious_reports_amends_id_suspicious_reports_id_fk" FOREIGN KEY ("amends_id") REFERENCES "public"."suspicious_reports"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rescreening_results" ADD CONSTRAINT "rescreening_results_run_id_rescreening_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."rescreening_runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rescreening_results" ADD CONSTRAINT "rescreening_results_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rescreening_results" ADD CONSTRAINT "rescreening_results_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "screening_standings" ADD CONSTRAINT "screening_standings_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "screening_standings" ADD CONSTRAINT "screening_standings_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "screening_standings" ADD CONSTRAINT "screening_standings_list_set_screening_list_sets_hash_fk" FOREIGN KEY ("list_set") REFERENCES "public"."screening_list_sets"("hash") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitoring_vendor_requests" ADD CONSTRAINT "monitoring_vendor_requests_activity_id_monitored_activity_id_fk" FOREIGN KEY ("activity_id") REFERENCES "public"."monitored_activity"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitoring_vendor_requests" ADD CONSTRAINT "monitoring_vendor_requests_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitoring_vendor_requests" ADD CONSTRAINT "monitoring_vendor_requests_alert_id_aml_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."aml_alerts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitoring_vendor_results" ADD CONSTRAINT "monitoring_vendor_results_request_id_monitoring_vendor_requests_id_fk" FOREIGN KEY ("request_id") REFERENCES "public"."monitoring_vendor_requests"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitoring_vendor_results" ADD CONSTRAINT "monitoring_vendor_results_activity_id_monitored_activity_id_fk" FOREIGN KEY ("activity_id") REFERENCES "public"."monitored_activity"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monitoring_vendor_results" ADD CONSTRAINT "monitoring_vendor_results_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vendor_requests" ADD CONSTRAINT "vendor_requests_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vendor_requests" ADD CONSTRAINT "vendor_requests_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vendor_requests" ADD CONSTRAINT "vendor_requests_alert_id_aml_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."aml_alerts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vendor_results" ADD CONSTRAINT "vendor_results_request_id_vendor_requests_id_fk" FOREIGN KEY ("request_id") REFERENCES "public"."vendor_requests"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vendor_results" ADD CONSTRAINT "vendor_results_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vendor_results" ADD CONSTRAINT "vendor_results_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "whitelist_entries" ADD CONSTRAINT "whitelist_entries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "whitelist_entries" ADD CONSTRAINT "whitelist_entries_list_id_screening_lists_id_fk" FOREIGN KEY ("list_id") REFERENCES "public"."screening_lists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "whitelist_entries" ADD CONSTRAINT "whitelist_entries_entity_id_list_entities_id_fk" FOREIGN KEY ("entity_id") REFERENCES "public"."list_entities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "whitelist_entries" ADD CONSTRAINT "whitelist_entries_alert_id_aml_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."aml_alerts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gate_restrictions" ADD CONSTRAINT "gate_restrictions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_application_events" ADD CONSTRAINT "kyc_application_events_application_id_kyc_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."kyc_applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_declarations" ADD CONSTRAINT "kyc_declarations_application_id_kyc_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."kyc_applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_declarations" ADD CONSTRAINT "kyc_declarations_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_items" ADD CONSTRAINT "kyc_items_application_id_kyc_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."kyc_applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_items" ADD CONSTRAINT "kyc_items_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_items" ADD CONSTRAINT "kyc_items_document_id_kyc_documents_id_fk" FOREIGN KEY ("document_id") REFERENCES "public"."kyc_documents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_items" ADD CONSTRAINT "kyc_items_declaration_id_kyc_declarations_id_fk" FOREIGN KEY ("declaration_id") REFERENCES "public"."kyc_declarations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_items" ADD CONSTRAINT "kyc_items_party_id_kyc_parties_id_fk" FOREIGN KEY ("party_id") REFERENCES "public"."kyc_parties"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_parties" ADD CONSTRAINT "kyc_parties_application_id_kyc_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."kyc_applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_parties" ADD CONSTRAINT "kyc_parties_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_parties" ADD CONSTRAINT "kyc_parties_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "public"."kyc_parties"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_requirement_sets" ADD CONSTRAINT "kyc_requirement_sets_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_requirements" ADD CONSTRAINT "kyc_requirements_set_version_kyc_requirement_sets_version_fk" FOREIGN KEY ("set_version") REFERENCES "public"."kyc_requirement_sets"("version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_provider_images" ADD CONSTRAINT "kyc_provider_images_session_id_kyc_provider_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."kyc_provider_sessions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_provider_images" ADD CONSTRAINT "kyc_provider_images_document_id_kyc_documents_id_fk" FOREIGN KEY ("document_id") REFERENCES "public"."kyc_documents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_provider_sessions" ADD CONSTRAINT "kyc_provider_sessions_application_id_kyc_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."kyc_applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_provider_sessions" ADD CONSTRAINT "kyc_provider_sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_reviews" ADD CONSTRAINT "kyc_reviews_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_reviews" ADD CONSTRAINT "kyc_reviews_assignee_id_users_id_fk" FOREIGN KEY ("assignee_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_reviews" ADD CONSTRAINT "kyc_reviews_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_risk_matrices" ADD CONSTRAINT "kyc_risk_matrices_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_risk_ratings" ADD CONSTRAINT "kyc_risk_ratings_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_risk_ratings" ADD CONSTRAINT "kyc_risk_ratings_application_id_kyc_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."kyc_applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_risk_ratings" ADD CONSTRAINT "kyc_risk_ratings_matrix_id_kyc_risk_matrices_id_fk" FOREIGN KEY ("matrix_id") REFERENCES "public"."kyc_risk_matrices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_risk_ratings" ADD CONSTRAINT "kyc_risk_ratings_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_risk_signals" ADD CONSTRAINT "kyc_risk_signals_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_risk_simulations" ADD CONSTRAINT "kyc_risk_simulations_matrix_id_kyc_risk_matrices_id_fk" FOREIGN KEY ("matrix_id") REFERENCES "public"."kyc_risk_matrices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_standings" ADD CONSTRAINT "kyc_standings_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_standings" ADD CONSTRAINT "kyc_standings_rating_id_kyc_risk_ratings_id_fk" FOREIGN KEY ("rating_id") REFERENCES "public"."kyc_risk_ratings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_standings" ADD CONSTRAINT "kyc_standings_matrix_id_kyc_risk_matrices_id_fk" FOREIGN KEY ("matrix_id") REFERENCES "public"."kyc_risk_matrices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "aml_alert_events_alert_id_idx" ON "aml_alert_events" USING btree ("alert_id","at");--> statement-breakpoint
CREATE INDEX "aml_alert_events_screening_id_idx" ON "aml_alert_events" USING btree ("screening_id");--> statement-breakpoint
CREATE INDEX "aml_alert_items_list_id_idx" ON "aml_alert_items" USING btree ("list_id");--> statement-breakpoint
CREATE INDEX "aml_alert_items_entity_id_idx" ON "aml_alert_items" USING btree ("entity_id");--> statement-breakpoint
CREATE INDEX "aml_case_events_case_id_idx" ON "aml_case_events" USING btree ("case_id","at");--> statement-breakpoint
CREATE INDEX "aml_case_files_case_id_idx" ON "aml_case_files" USING btree ("case_id");--> statement-breakpoint
CREATE INDEX "aml_case_subjects_user_id_idx" ON "aml_case_subjects" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "aml_cases_status_idx" ON "aml_cases" USING btree ("status","due_at");--> statement-breakpoint
CREATE INDEX "aml_cases_user_id_idx" ON "aml_cases" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "list_fetches_list_id_at_idx" ON "list_fetches" USING btree ("list_id","at");--> statement-breakpoint
CREATE INDEX "list_fetches_version_id_idx" ON "list_fetches" USING btree ("version_id");--> statement-breakpoint
CREATE INDEX "list_version_changes_entity_id_idx" ON "list_version_changes" USING btree ("entity_id");--> statement-breakpoint
CREATE INDEX "list_version_changes_previous_entity_id_idx" ON "list_version_changes" USING btree ("previous_entity_id");--> statement-breakpoint
CREATE UNIQUE INDEX "monitored_activity_source_key" ON "monitored_activity" USING btree ("source","source_id");--> statement-breakpoint
CREATE INDEX "monitored_activity_user_id_idx" ON "monitored_activity" USING btree ("user_id","is_market","kind","occurred_at");--> statement-breakpoint
CREATE INDEX "monitored_activity_linked_user_id_idx" ON "monitored_activity" USING btree ("linked_user_id");--> statement-breakpoint
CREATE INDEX "monitored_activity_occurred_at_idx" ON "monitored_activity" USING btree ("occurred_at","id");--> statement-breakpoint
CREATE INDEX "monitored_activity_counterparty_index_idx" ON "monitored_activity" USING btree ("counterparty_index","user_id") WHERE "monitored_activity"."counterparty_index" is not null;--> statement-breakpoint
CREATE INDEX "monitored_activity_instrument_idx" ON "monitored_activity" USING btree ("instrument","occurred_at") WHERE "monitored_activity"."kind" = 'fill';--> statement-breakpoint
CREATE UNIQUE INDEX "monitoring_rules_version_key" ON "monitoring_rules" USING btree ("key","version");--> statement-breakpoint
CREATE UNIQUE INDEX "monitoring_rules_active_key" ON "monitoring_rules" USING btree ("key") WHERE "monitoring_rules"."status" = 'active';--> statement-breakpoint
CREATE INDEX "rule_hit_alerts_alert_id_idx" ON "rule_hit_alerts" USING btree ("alert_id");--> statement-breakpoint
CREATE UNIQUE INDEX "rule_hits_activity_key" ON "rule_hits" USING btree ("activity_id","rule_key","user_id");--> statement-breakpoint
CREATE INDEX "rule_hits_user_id_idx" ON "rule_hits" USING btree ("user_id","at");--> statement-breakpoint
CREATE INDEX "rule_hits_snooze_id_idx" ON "rule_hits" USING btree ("snooze_id");--> statement-breakpoint
CREATE INDEX "rule_snoozes_user_id_idx" ON "rule_snoozes" USING btree ("user_id","rule_key");--> statement-breakpoint
CREATE UNIQUE INDEX "rule_snoozes_approval_id_key" ON "rule_snoozes" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "simulated_alerts_rule_id_idx" ON "simulated_alerts" USING btree ("rule_id","simulation_id","id");--> statement-breakpoint
CREATE INDEX "simulated_alerts_user_id_idx" ON "simulated_alerts" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "simulated_alerts_activity_id_idx" ON "simulated_alerts" USING btree ("activity_id");--> statement-breakpoint
CREATE INDEX "sanctions_notices_status_idx" ON "sanctions_notices" USING btree ("status","due_at");--> statement-breakpoint
CREATE UNIQUE INDEX "sanctions_notices_case_id_key" ON "sanctions_notices" USING btree ("case_id","confirmed_at");--> statement-breakpoint
CREATE UNIQUE INDEX "sanctions_notices_run_id_key" ON "sanctions_notices" USING btree ("run_id");--> statement-breakpoint
CREATE UNIQUE INDEX "sanctions_notices_reference_key" ON "sanctions_notices" USING btree ("reference");--> statement-breakpoint
CREATE INDEX "suspicious_report_events_report_id_idx" ON "suspicious_report_events" USING btree ("report_id","at");--> statement-breakpoint
CREATE INDEX "suspicious_reports_case_id_idx" ON "suspicious_reports" USING btree ("case_id");--> statement-breakpoint
CREATE INDEX "suspicious_reports_user_id_idx" ON "suspicious_reports" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "suspicious_reports_status_idx" ON "suspicious_reports" USING btree ("status","due_at");--> statement-breakpoint
CREATE INDEX "suspicious_reports_amends_id_idx" ON "suspicious_reports" USING btree ("amends_id");--> statement-breakpoint
CREATE UNIQUE INDEX "suspicious_reports_fiu_reference_key" ON "suspicious_reports" USING btree ("fiu_reference");--> statement-breakpoint
CREATE UNIQUE INDEX "suspicious_reports_open_key" ON "suspicious_reports" USING btree ("case_id") WHERE "suspicious_reports"."status" in ('draft', 'ready', 'approved');--> statement-breakpoint
CREATE INDEX "rescreening_results_user_id_idx" ON "rescreening_results" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "rescreening_results_screening_id_idx" ON "rescreening_results" USING btree ("screening_id");--> statement-breakpoint
CREATE UNIQUE INDEX "rescreening_runs_running_key" ON "rescreening_runs" USING btree ("status") WHERE "rescreening_runs"."status" = 'running';--> statement-breakpoint
CREATE INDEX "screening_standings_list_set_idx" ON "screening_standings" USING btree ("list_set","user_id");--> statement-breakpoint
CREATE INDEX "screening_standings_next_due_at_idx" ON "screening_standings" USING btree ("next_due_at");--> statement-breakpoint
CREATE INDEX "screening_standings_screening_id_idx" ON "screening_standings" USING btree ("screening_id");--> statement-breakpoint
CREATE UNIQUE INDEX "screening_configs_version_key" ON "screening_configs" USING btree ("version");--> statement-breakpoint
CREATE UNIQUE INDEX "screening_configs_active_key" ON "screening_configs" USING btree ("status") WHERE "screening_configs"."status" = 'active';--> statement-breakpoint
CREATE UNIQUE INDEX "monitoring_vendor_requests_activity_id_key" ON "monitoring_vendor_requests" USING btree ("activity_id","vendor");--> statement-breakpoint
CREATE INDEX "monitoring_vendor_requests_next_at_idx" ON "monitoring_vendor_requests" USING btree ("vendor","next_at") WHERE "monitoring_vendor_requests"."status" = 'waiting';--> statement-breakpoint
CREATE INDEX "monitoring_vendor_requests_user_id_idx" ON "monitoring_vendor_requests" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "monitoring_vendor_requests_alert_id_idx" ON "monitoring_vendor_requests" USING btree ("alert_id");--> statement-breakpoint
CREATE INDEX "monitoring_vendor_requests_created_at_idx" ON "monitoring_vendor_requests" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "monitoring_vendor_results_request_id_key" ON "monitoring_vendor_results" USING btree ("request_id");--> statement-breakpoint
CREATE INDEX "monitoring_vendor_results_activity_id_idx" ON "monitoring_vendor_results" USING btree ("activity_id");--> statement-breakpoint
CREATE INDEX "monitoring_vendor_results_user_id_idx" ON "monitoring_vendor_results" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "monitoring_vendor_results_at_idx" ON "monitoring_vendor_results" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "vendor_requests_screening_id_key" ON "vendor_requests" USING btree ("screening_id","vendor");--> statement-breakpoint
CREATE INDEX "vendor_requests_next_at_idx" ON "vendor_requests" USING btree ("vendor","next_at") WHERE "vendor_requests"."status" = 'waiting';--> statement-breakpoint
CREATE INDEX "vendor_requests_user_id_idx" ON "vendor_requests" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "vendor_requests_alert_id_idx" ON "vendor_requests" USING btree ("alert_id");--> statement-breakpoint
CREATE INDEX "vendor_requests_created_at_idx" ON "vendor_requests" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "vendor_requests_match_digest_idx" ON "vendor_requests" USING btree ("match_digest");--> statement-breakpoint
CREATE UNIQUE INDEX "vendor_results_request_id_key" ON "vendor_results" USING btree ("request_id");--> statement-breakpoint
CREATE INDEX "vendor_results_screening_id_idx" ON "vendor_results" USING btree ("screening_id");--> statement-breakpoint
CREATE INDEX "vendor_results_user_id_idx" ON "vendor_results" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "vendor_results_at_idx" ON "vendor_results" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "whitelist_entries_standing_key" ON "whitelist_entries" USING btree ("user_id","party","list_id","source_id") WHERE "whitelist_entries"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "whitelist_entries_expires_at_idx" ON "whitelist_entries" USING btree ("expires_at") WHERE "whitelist_entries"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "whitelist_entries_ended_at_idx" ON "whitelist_entries" USING btree ("user_id","ended_at") WHERE "whitelist_entries"."ended_at" is not null;--> statement-breakpoint
CREATE INDEX "whitelist_entries_list_id_idx" ON "whitelist_entries" USING btree ("list_id");--> statement-breakpoint
CREATE INDEX "whitelist_entries_alert_id_idx" ON "whitelist_entries" USING btree ("alert_id");--> statement-breakpoint
CREATE INDEX "whitelist_entries_entity_id_idx" ON "whitelist_entries" USING btree ("entity_id");--> statement-breakpoint
CREATE UNIQUE INDEX "gate_restrictions_standing_key" ON "gate_restrictions" USING btree ("user_id","cause","reference_id") WHERE "gate_restrictions"."lifted_at" is null;--> statement-breakpoint
CREATE INDEX "gate_restrictions_user_id_idx" ON "gate_restrictions" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "kyc_application_events_application_id_idx" ON "kyc_application_events" USING btree ("application_id","id");--> statement-breakpoint
CREATE INDEX "kyc_application_events_user_id_idx" ON "kyc_application_events" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_declarations_revision_key" ON "kyc_declarations" USING btree ("application_id","kind","revision");--> statement-breakpoint
CREATE INDEX "kyc_declarations_user_id_idx" ON "kyc_declarations" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_items_application_id_key" ON "kyc_items" USING btree ("application_id","item");--> statement-breakpoint
CREATE INDEX "kyc_items_user_id_idx" ON "kyc_items" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "kyc_items_document_id_idx" ON "kyc_items" USING btree ("document_id");--> statement-breakpoint
CREATE INDEX "kyc_items_declaration_id_idx" ON "kyc_items" USING btree ("declaration_id");--> statement-breakpoint
CREATE INDEX "kyc_items_party_id_idx" ON "kyc_items" USING btree ("party_id");--> statement-breakpoint
CREATE INDEX "kyc_parties_application_id_idx" ON "kyc_parties" USING btree ("application_id","id");--> statement-breakpoint
CREATE INDEX "kyc_parties_user_id_idx" ON "kyc_parties" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "kyc_parties_parent_id_idx" ON "kyc_parties" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "kyc_parties_identity_index_idx" ON "kyc_parties" USING btree ("identity_index");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_requirement_sets_active_key" ON "kyc_requirement_sets" USING btree ("status") WHERE "kyc_requirement_sets"."status" = 'active';--> statement-breakpoint
CREATE INDEX "kyc_requirement_sets_approval_id_idx" ON "kyc_requirement_sets" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "kyc_requirements_set_version_idx" ON "kyc_requirements" USING btree ("set_version","level");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_provider_events_event_id_key" ON "kyc_provider_events" USING btree ("provider","event_id");--> statement-breakpoint
CREATE INDEX "kyc_provider_events_session_ref_idx" ON "kyc_provider_events" USING btree ("provider","session_ref");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_provider_images_name_key" ON "kyc_provider_images" USING btree ("session_id","name");--> statement-breakpoint
CREATE INDEX "kyc_provider_images_user_id_idx" ON "kyc_provider_images" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "kyc_provider_images_document_id_idx" ON "kyc_provider_images" USING btree ("document_id");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_provider_sessions_session_ref_key" ON "kyc_provider_sessions" USING btree ("provider","session_ref");--> statement-breakpoint
CREATE INDEX "kyc_provider_sessions_application_id_idx" ON "kyc_provider_sessions" USING btree ("application_id","id");--> statement-breakpoint
CREATE INDEX "kyc_provider_sessions_user_id_idx" ON "kyc_provider_sessions" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "kyc_provider_sessions_next_fetch_at_idx" ON "kyc_provider_sessions" USING btree ("next_fetch_at");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_reviews_open_key" ON "kyc_reviews" USING btree ("user_id","kind","reference_id") WHERE "kyc_reviews"."status" = 'open';--> statement-breakpoint
CREATE INDEX "kyc_reviews_user_id_idx" ON "kyc_reviews" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "kyc_reviews_due_at_idx" ON "kyc_reviews" USING btree ("status","due_at","id");--> statement-breakpoint
CREATE INDEX "kyc_reviews_assignee_id_idx" ON "kyc_reviews" USING btree ("assignee_id");--> statement-breakpoint
CREATE INDEX "kyc_reviews_approval_id_idx" ON "kyc_reviews" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_risk_matrices_version_key" ON "kyc_risk_matrices" USING btree ("version");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_risk_matrices_active_key" ON "kyc_risk_matrices" USING btree ("status") WHERE "kyc_risk_matrices"."status" = 'active';--> statement-breakpoint
CREATE INDEX "kyc_risk_matrices_approval_id_idx" ON "kyc_risk_matrices" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "kyc_risk_ratings_user_id_idx" ON "kyc_risk_ratings" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "kyc_risk_ratings_application_id_idx" ON "kyc_risk_ratings" USING btree ("application_id");--> statement-breakpoint
CREATE INDEX "kyc_risk_ratings_matrix_id_idx" ON "kyc_risk_ratings" USING btree ("matrix_id");--> statement-breakpoint
CREATE INDEX "kyc_risk_ratings_approval_id_idx" ON "kyc_risk_ratings" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "kyc_risk_signals_user_id_idx" ON "kyc_risk_signals" USING btree ("user_id","at");--> statement-breakpoint
CREATE INDEX "kyc_risk_simulations_matrix_id_idx" ON "kyc_risk_simulations" USING btree ("matrix_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_risk_simulations_running_key" ON "kyc_risk_simulations" USING btree ("matrix_id") WHERE "kyc_risk_simulations"."status" = 'running';--> statement-breakpoint
CREATE INDEX "kyc_standings_rating_id_idx" ON "kyc_standings" USING btree ("rating_id");--> statement-breakpoint
CREATE INDEX "kyc_standings_matrix_id_idx" ON "kyc_standings" USING btree ("matrix_id","user_id");--> statement-breakpoint
CREATE INDEX "kyc_standings_next_review_at_idx" ON "kyc_standings" USING btree ("next_review_at");--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD CONSTRAINT "aml_alerts_case_id_aml_cases_id_fk" FOREIGN KEY ("case_id") REFERENCES "public"."aml_cases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD CONSTRAINT "kyc_applications_assignee_id_users_id_fk" FOREIGN KEY ("assignee_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_decisions" ADD CONSTRAINT "kyc_decisions_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "aml_alerts_screening_id_idx" ON "aml_alerts" USING btree ("screening_id");--> statement-breakpoint
CREATE INDEX "aml_alerts_due_at_idx" ON "aml_alerts" USING btree ("due_at") WHERE "aml_alerts"."status" <> 'resolved';--> statement-breakpoint
CREATE INDEX "aml_alerts_case_id_idx" ON "aml_alerts" USING btree ("case_id");--> statement-breakpoint
CREATE UNIQUE INDEX "aml_alerts_open_key" ON "aml_alerts" USING btree ("user_id","dedup_key") WHERE "aml_alerts"."status" <> 'resolved';--> statement-breakpoint
CREATE UNIQUE INDEX "aml_alerts_open_nobody_key" ON "aml_alerts" USING btree ("dedup_key") WHERE "aml_alerts"."status" <> 'resolved' and "aml_alerts"."user_id" is null;--> statement-breakpoint
CREATE INDEX "deposits_cleared_at_idx" ON "deposits" USING btree ("cleared_at","id");--> statement-breakpoint
CREATE INDEX "withdrawals_ended_at_idx" ON "withdrawals" USING btree (coalesce("completed_at", "decided_at"),"id") WHERE "withdrawals"."status" in ('completed', 'cancelled', 'rejected');--> statement-breakpoint
CREATE INDEX "kyc_applications_queue_idx" ON "kyc_applications" USING btree ("priority" desc,"due_at","id") WHERE "kyc_applications"."status" in ('submitted', 'under_review');--> statement-breakpoint
CREATE INDEX "kyc_applications_assignee_id_idx" ON "kyc_applications" USING btree ("assignee_id");--> statement-breakpoint
CREATE INDEX "kyc_applications_identity_index_idx" ON "kyc_applications" USING btree ("identity_index");--> statement-breakpoint
CREATE INDEX "kyc_applications_company_index_idx" ON "kyc_applications" USING btree ("company_index");--> statement-breakpoint
CREATE INDEX "kyc_decisions_approval_id_idx" ON "kyc_decisions" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "kyc_documents_content_index_idx" ON "kyc_documents" USING btree ("content_index");--> statement-breakpoint
CREATE INDEX "kyc_documents_party_id_idx" ON "kyc_documents" USING btree ("party_id");--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD CONSTRAINT "aml_alerts_kind_check" CHECK ("aml_alerts"."kind" in ('sanctions', 'pep', 'adverse_media', 'internal_list', 'screening_error', 'third_party',
        'monitoring', 'market_abuse', 'list', 'provider', 'manual'));--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD CONSTRAINT "aml_alerts_effect_check" CHECK ("aml_alerts"."effect" in ('stop', 'review'));--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD CONSTRAINT "aml_alerts_severity_check" CHECK ("aml_alerts"."severity" in ('low', 'medium', 'high', 'critical'));--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD CONSTRAINT "aml_alerts_proposed_check" CHECK (("aml_alerts"."close_approval_id" is null) = ("aml_alerts"."proposed_disposition" is null));--> statement-breakpoint
ALTER TABLE "list_versions" ADD CONSTRAINT "list_versions_source_check" CHECK ("list_versions"."source" in ('upload', 'fetch', 'command'));--> statement-breakpoint
ALTER TABLE "screening_lists" ADD CONSTRAINT "screening_lists_effect_check" CHECK ("screening_lists"."effect" in ('stop', 'review'));--> statement-breakpoint
ALTER TABLE "screening_lists" ADD CONSTRAINT "screening_lists_status_check" CHECK ("screening_lists"."status" in ('active', 'retired'));--> statement-breakpoint
ALTER TABLE "screening_lists" ADD CONSTRAINT "screening_lists_max_shrink_bps_check" CHECK ("screening_lists"."max_shrink_bps" between 0 and 10000);--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD CONSTRAINT "kyc_applications_applicant_kind_check" CHECK ("kyc_applications"."applicant_kind" = case when "kyc_applications"."company" is null then 'natural' else 'legal' end);--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD CONSTRAINT "kyc_applications_reason_code_check" CHECK ("kyc_applications"."reason_code" in ('identity_not_verified', 'document_unreadable', 'document_expired',
        'information_incomplete', 'not_eligible'));--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD CONSTRAINT "kyc_applications_assignee_id_check" CHECK ("kyc_applications"."assignee_id" <> "kyc_applications"."user_id");--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD CONSTRAINT "kyc_documents_side_check" CHECK ("kyc_documents"."side" in ('front', 'back', 'single'));--> statement-breakpoint
CREATE POLICY "aml_alert_events_staff" ON "aml_alert_events" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_alert_events_engine" ON "aml_alert_events" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_alert_items_staff" ON "aml_alert_items" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_alert_items_engine" ON "aml_alert_items" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_case_events_staff" ON "aml_case_events" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_case_events_engine" ON "aml_case_events" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_case_files_staff" ON "aml_case_files" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_case_files_engine" ON "aml_case_files" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_case_subjects_staff" ON "aml_case_subjects" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_case_subjects_engine" ON "aml_case_subjects" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_cases_staff" ON "aml_cases" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_cases_engine" ON "aml_cases" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_fetches_staff" ON "list_fetches" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_fetches_engine" ON "list_fetches" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_version_changes_staff" ON "list_version_changes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_version_changes_engine" ON "list_version_changes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "activity_cursors_staff" ON "activity_cursors" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "activity_cursors_engine" ON "activity_cursors" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "monitored_activity_staff" ON "monitored_activity" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "monitored_activity_engine" ON "monitored_activity" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "monitoring_rules_staff" ON "monitoring_rules" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "monitoring_rules_engine" ON "monitoring_rules" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "peer_figures_staff" ON "peer_figures" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "peer_figures_engine" ON "peer_figures" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rule_hit_alerts_staff" ON "rule_hit_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rule_hit_alerts_engine" ON "rule_hit_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rule_hits_staff" ON "rule_hits" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rule_hits_engine" ON "rule_hits" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rule_snoozes_staff" ON "rule_snoozes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rule_snoozes_engine" ON "rule_snoozes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "simulated_alerts_staff" ON "simulated_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "simulated_alerts_engine" ON "simulated_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "business_holidays_staff" ON "business_holidays" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "business_holidays_engine" ON "business_holidays" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "sanctions_notices_staff" ON "sanctions_notices" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "sanctions_notices_engine" ON "sanctions_notices" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "suspicious_report_events_staff" ON "suspicious_report_events" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "suspicious_report_events_engine" ON "suspicious_report_events" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "suspicious_reports_staff" ON "suspicious_reports" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "suspicious_reports_engine" ON "suspicious_reports" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rescreening_results_staff" ON "rescreening_results" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rescreening_results_engine" ON "rescreening_results" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rescreening_runs_staff" ON "rescreening_runs" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rescreening_runs_engine" ON "rescreening_runs" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_list_sets_staff" ON "screening_list_sets" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_list_sets_engine" ON "screening_list_sets" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_standings_staff" ON "screening_standings" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_standings_engine" ON "screening_standings" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_configs_staff" ON "screening_configs" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_configs_engine" ON "screening_configs" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "monitoring_vendor_requests_staff" ON "monitoring_vendor_requests" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "monitoring_vendor_requests_engine" ON "monitoring_vendor_requests" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "monitoring_vendor_results_staff" ON "monitoring_vendor_results" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "monitoring_vendor_results_engine" ON "monitoring_vendor_results" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "vendor_requests_staff" ON "vendor_requests" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "vendor_requests_engine" ON "vendor_requests" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "vendor_results_staff" ON "vendor_results" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "vendor_results_engine" ON "vendor_results" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "whitelist_entries_staff" ON "whitelist_entries" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "whitelist_entries_engine" ON "whitelist_entries" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "gate_restrictions_staff" ON "gate_restrictions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "gate_restrictions_engine" ON "gate_restrictions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_application_events_app" ON "kyc_application_events" AS PERMISSIVE FOR INSERT TO "plimsoll_app" WITH CHECK ("kyc_application_events"."user_id" is not distinct from (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "kyc_application_events_staff" ON "kyc_application_events" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_application_events_engine" ON "kyc_application_events" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_application_events_app_read" ON "kyc_application_events" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING ("kyc_application_events"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid) and "kyc_application_events"."customer_visible");--> statement-breakpoint
CREATE POLICY "kyc_declarations_app" ON "kyc_declarations" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("kyc_declarations"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("kyc_declarations"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "kyc_declarations_staff" ON "kyc_declarations" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_declarations_engine" ON "kyc_declarations" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_items_app" ON "kyc_items" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("kyc_items"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("kyc_items"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "kyc_items_staff" ON "kyc_items" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_items_engine" ON "kyc_items" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_parties_app" ON "kyc_parties" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("kyc_parties"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("kyc_parties"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "kyc_parties_staff" ON "kyc_parties" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_parties_engine" ON "kyc_parties" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_requirement_sets_app_read" ON "kyc_requirement_sets" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "kyc_requirement_sets_staff" ON "kyc_requirement_sets" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_requirement_sets_engine" ON "kyc_requirement_sets" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_requirements_app_read" ON "kyc_requirements" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "kyc_requirements_staff" ON "kyc_requirements" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_requirements_engine" ON "kyc_requirements" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_provider_events_staff" ON "kyc_provider_events" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_provider_events_engine" ON "kyc_provider_events" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_provider_images_staff" ON "kyc_provider_images" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_provider_images_engine" ON "kyc_provider_images" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_provider_sessions_staff" ON "kyc_provider_sessions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_provider_sessions_engine" ON "kyc_provider_sessions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_reviews_staff" ON "kyc_reviews" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_reviews_engine" ON "kyc_reviews" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_risk_matrices_staff" ON "kyc_risk_matrices" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_risk_matrices_engine" ON "kyc_risk_matrices" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_risk_ratings_staff" ON "kyc_risk_ratings" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_risk_ratings_engine" ON "kyc_risk_ratings" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_risk_signals_staff" ON "kyc_risk_signals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_risk_signals_engine" ON "kyc_risk_signals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_risk_simulations_staff" ON "kyc_risk_simulations" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_risk_simulations_engine" ON "kyc_risk_simulations" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_standings_staff" ON "kyc_standings" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_standings_engine" ON "kyc_standings" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);