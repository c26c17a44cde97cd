CREATE TYPE "public"."audit_archive_status" AS ENUM('approved', 'exported', 'verified', 'detached');--> statement-breakpoint
CREATE TYPE "public"."key_purpose" AS ENUM('house', 'blind_index', 'cursor', 'row_mac', 'token_mac');--> statement-breakpoint
CREATE TYPE "public"."key_status" AS ENUM('next', 'active', 'retired');--> statement-breakpoint
CREATE TYPE "public"."rotation_status" AS ENUM('running', 'done');--> statement-breakpoint
CREATE TYPE "public"."legal_hold_scope" AS ENUM('user', 'period', 'all');--> statement-breakpoint
CREATE TYPE "public"."record_class" AS ENUM('customer_file', 'kyc_file', 'transactions', 'orders', 'supervision', 'audit_log');--> statement-breakpoint
CREATE TYPE "public"."retention_action" AS ENUM('destroy', 'archive');--> statement-breakpoint
CREATE TYPE "public"."retention_outcome" AS ENUM('destroyed', 'kept');--> statement-breakpoint
CREATE TYPE "public"."retention_run_status" AS ENUM('reported', 'approved', 'done');--> statement-breakpoint
CREATE TYPE "public"."recovery_cause" AS ENUM('restored', 'other_cluster', 'log_behind', 'requested');--> statement-breakpoint
ALTER TYPE "public"."audit_export_status" ADD VALUE 'cancelled';--> statement-breakpoint
ALTER TYPE "public"."audit_export_status" ADD VALUE 'expired';--> statement-breakpoint
CREATE TABLE "audit_archives" (
	"id" uuid PRIMARY KEY NOT NULL,
	"month" text NOT NULL,
	"status" "audit_archive_status" NOT NULL,
	"approval_id" uuid NOT NULL,
	"row_count" bigint NOT NULL,
	"file_name" text,
	"sha256" text,
	"size_bytes" bigint,
	"tree_size" bigint,
	"checkpoint" text,
	"failure" text,
	"approved_at" timestamp (6) with time zone NOT NULL,
	"exported_at" timestamp (6) with time zone,
	"verified_at" timestamp (6) with time zone,
	"detached_at" timestamp (6) with time zone,
	"dropped_at" timestamp (6) with time zone,
	CONSTRAINT "audit_archives_month_key" UNIQUE("month"),
	CONSTRAINT "audit_archives_month_check" CHECK ("audit_archives"."month" ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
	CONSTRAINT "audit_archives_file_check" CHECK ("audit_archives"."status" = 'approved' or ("audit_archives"."file_name" is not null and "audit_archives"."sha256" is not null
        and "audit_archives"."tree_size" is not null and "audit_archives"."checkpoint" is not null))
);
--> statement-breakpoint
ALTER TABLE "audit_archives" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_anchors" (
	"tree_size" bigint NOT NULL,
	"target" text NOT NULL,
	"anchored_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "audit_anchors_pkey" PRIMARY KEY("tree_size","target")
);
--> statement-breakpoint
ALTER TABLE "audit_anchors" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_cosignatures" (
	"tree_size" bigint NOT NULL,
	"witness" text NOT NULL,
	"key_id" text NOT NULL,
	"line" text NOT NULL,
	"cosigned_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "audit_cosignatures_pkey" PRIMARY KEY("tree_size","witness","key_id")
);
--> statement-breakpoint
ALTER TABLE "audit_cosignatures" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "installation_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"purpose" "key_purpose" NOT NULL,
	"key_id" "bytea" NOT NULL,
	"wrapped_key" "bytea" NOT NULL,
	"status" "key_status" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"activated_at" timestamp (6) with time zone,
	"retired_at" timestamp (6) with time zone,
	CONSTRAINT "installation_keys_status_check" CHECK (("installation_keys"."status" = 'next') = ("installation_keys"."activated_at" is null)
        and ("installation_keys"."status" = 'retired') = ("installation_keys"."retired_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "installation_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "key_rotations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" varchar(16) NOT NULL,
	"table_name" varchar(63) NOT NULL,
	"column_name" varchar(63) NOT NULL,
	"to_key_id" "bytea",
	"status" "rotation_status" NOT NULL,
	"last_row_id" varchar(2000),
	"rows_done" bigint NOT NULL,
	"started_at" timestamp (6) with time zone NOT NULL,
	"heartbeat_at" timestamp (6) with time zone NOT NULL,
	"finished_at" timestamp (6) with time zone,
	CONSTRAINT "key_rotations_rows_done_check" CHECK ("key_rotations"."rows_done" >= 0),
	CONSTRAINT "key_rotations_finished_check" CHECK (("key_rotations"."status" = 'done') = ("key_rotations"."finished_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "key_rotations" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "person_key_versions" (
	"user_id" uuid NOT NULL,
	"key_id" "bytea" NOT NULL,
	"wrapped_key" "bytea" NOT NULL,
	"status" "key_status" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"retired_at" timestamp (6) with time zone,
	CONSTRAINT "person_key_versions_pkey" PRIMARY KEY("user_id","key_id"),
	CONSTRAINT "person_key_versions_status_check" CHECK ("person_key_versions"."status" in ('next', 'retired')
        and ("person_key_versions"."status" = 'retired') = ("person_key_versions"."retired_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "person_key_versions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "legal_holds" (
	"id" uuid PRIMARY KEY NOT NULL,
	"scope" "legal_hold_scope" NOT NULL,
	"user_id" uuid,
	"period_from" timestamp (6) with time zone,
	"period_to" timestamp (6) with time zone,
	"reference" "bytea" NOT NULL,
	"reason" "bytea" NOT NULL,
	"placed_by" uuid NOT NULL,
	"placed_at" timestamp (6) with time zone NOT NULL,
	"released_at" timestamp (6) with time zone,
	"release_approval_id" uuid,
	CONSTRAINT "legal_holds_scope_check" CHECK (("legal_holds"."scope" = 'user') = ("legal_holds"."user_id" is not null)
        and ("legal_holds"."scope" = 'period') = ("legal_holds"."period_from" is not null and "legal_holds"."period_to" is not null)
        and ("legal_holds"."period_from" is null) = ("legal_holds"."period_to" is null)
        and ("legal_holds"."period_from" is null or "legal_holds"."period_from" < "legal_holds"."period_to")),
	CONSTRAINT "legal_holds_released_check" CHECK (("legal_holds"."released_at" is null) = ("legal_holds"."release_approval_id" is null))
);
--> statement-breakpoint
ALTER TABLE "legal_holds" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "retention_items" (
	"id" uuid PRIMARY KEY NOT NULL,
	"run_id" uuid NOT NULL,
	"record_class" "record_class" NOT NULL,
	"action" "retention_action" NOT NULL,
	"subject" text NOT NULL,
	"user_id" uuid,
	"due_since" timestamp (6) with time zone NOT NULL,
	"held" boolean NOT NULL
);
--> statement-breakpoint
ALTER TABLE "retention_items" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "retention_outcomes" (
	"item_id" uuid PRIMARY KEY NOT NULL,
	"outcome" "retention_outcome" NOT NULL,
	"reason" text,
	"decided_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "retention_outcomes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "retention_policies" (
	"id" uuid PRIMARY KEY NOT NULL,
	"record_class" "record_class" NOT NULL,
	"months" smallint,
	"basis" text NOT NULL,
	"approval_id" uuid,
	"version" integer NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "retention_policies_months_check" CHECK ("retention_policies"."months" between 1 and 1200)
);
--> statement-breakpoint
ALTER TABLE "retention_policies" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "retention_runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"as_of" timestamp (6) with time zone NOT NULL,
	"requested_by" uuid,
	"status" "retention_run_status" NOT NULL,
	"item_count" integer NOT NULL,
	"due_count" integer NOT NULL,
	"held_count" integer NOT NULL,
	"hash" "bytea" NOT NULL,
	"approval_id" uuid,
	"created_at" timestamp (6) with time zone NOT NULL,
	"finished_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "retention_runs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "recoveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"cause" "recovery_cause" NOT NULL,
	"started_at" timestamp (6) with time zone NOT NULL,
	"backup_id" uuid,
	"backup_taken_at" timestamp (6) with time zone,
	"tree_size" bigint NOT NULL,
	"foreign_size" bigint,
	"log_origin" text,
	"log_settled_at" timestamp (6) with time zone,
	"reconciliation_id" uuid,
	"approval_id" uuid,
	"ended_at" timestamp (6) with time zone,
	CONSTRAINT "recoveries_ended_check" CHECK ("recoveries"."ended_at" is null or ("recoveries"."reconciliation_id" is not null and "recoveries"."approval_id" is not null
        and "recoveries"."log_settled_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "recoveries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
DROP INDEX "audit_logs_subject_user_id_idx";--> statement-breakpoint
DROP INDEX "audit_logs_actor_user_id_idx";--> statement-breakpoint
DROP INDEX "audit_logs_request_id_idx";--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "recipient" text;--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "rows_done" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "rows_total" bigint;--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "size_bytes" bigint;--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "plain_sha256" text;--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "manifest" text;--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "started_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "heartbeat_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "audit_exports" ADD COLUMN "expires_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "person_key_versions" ADD CONSTRAINT "person_key_versions_user_id_person_keys_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."person_keys"("user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retention_items" ADD CONSTRAINT "retention_items_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "public"."retention_runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retention_outcomes" ADD CONSTRAINT "retention_outcomes_item_id_fkey" FOREIGN KEY ("item_id") REFERENCES "public"."retention_items"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "installation_keys_active_key" ON "installation_keys" USING btree ("purpose") WHERE "installation_keys"."status" = 'active';--> statement-breakpoint
CREATE UNIQUE INDEX "installation_keys_next_key" ON "installation_keys" USING btree ("purpose") WHERE "installation_keys"."status" = 'next';--> statement-breakpoint
CREATE UNIQUE INDEX "key_rotations_running_key" ON "key_rotations" USING btree ("kind","table_name","column_name") WHERE "key_rotations"."status" = 'running';--> statement-breakpoint
CREATE UNIQUE INDEX "person_key_versions_next_key" ON "person_key_versions" USING btree ("user_id") WHERE "person_key_versions"."status" = 'next';--> statement-breakpoint
CREATE INDEX "person_key_versions_created_at_idx" ON "person_key_versions" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "legal_holds_user_id_idx" ON "legal_holds" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "legal_holds_active_idx" ON "legal_holds" USING btree ("scope") WHERE "legal_holds"."released_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "retention_items_subject_key" ON "retention_items" USING btree ("run_id","record_class","subject");--> statement-breakpoint
CREATE INDEX "retention_items_user_id_idx" ON "retention_items" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "retention_policies_record_class_key" ON "retention_policies" USING btree ("record_class");--> statement-breakpoint
CREATE UNIQUE INDEX "recoveries_open_key" ON "recoveries" USING btree (("ended_at" is null)) WHERE "recoveries"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "approvals_subject_id_idx" ON "approvals" USING btree ("subject_id");--> statement-breakpoint
CREATE INDEX "audit_exports_created_at_idx" ON "audit_exports" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "audit_logs_resource_id_idx" ON "audit_logs" USING btree ("resource_id","recorded_at","id");--> statement-breakpoint
CREATE INDEX "audit_logs_tried_on_idx" ON "audit_logs" USING btree (("after" -> 'on' ->> 'id'),"recorded_at","id") WHERE "audit_logs"."resource_type" = 'operation';--> statement-breakpoint
CREATE INDEX "audit_logs_actor_id_idx" ON "audit_logs" USING btree ("actor_id","recorded_at","id") WHERE "audit_logs"."actor_kind" not in ('customer', 'staff');--> statement-breakpoint
CREATE INDEX "audit_logs_kinds_idx" ON "audit_logs" USING btree ("category","severity","outcome","class","recorded_at","id") WHERE "audit_logs"."category" not in ('trading', 'financial') or "audit_logs"."severity" <> 'info' or "audit_logs"."outcome" <> 'success' or "audit_logs"."class" <> 'normal';--> statement-breakpoint
CREATE INDEX "audit_logs_subject_user_id_idx" ON "audit_logs" USING btree ("subject_user_id","recorded_at","id") WHERE "audit_logs"."actor_user_id" is distinct from "audit_logs"."subject_user_id";--> statement-breakpoint
CREATE INDEX "audit_logs_actor_user_id_idx" ON "audit_logs" USING btree ("actor_user_id","recorded_at","id") WHERE "audit_logs"."actor_user_id" is not null;--> statement-breakpoint
CREATE INDEX "audit_logs_request_id_idx" ON "audit_logs" USING btree ("request_id","recorded_at","id");--> statement-breakpoint
CREATE POLICY "audit_archives_staff" ON "audit_archives" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_archives_engine" ON "audit_archives" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_anchors_staff" ON "audit_anchors" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_anchors_engine" ON "audit_anchors" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_cosignatures_staff" ON "audit_cosignatures" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_cosignatures_engine" ON "audit_cosignatures" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "installation_keys_staff" ON "installation_keys" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "installation_keys_engine" ON "installation_keys" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "key_rotations_staff" ON "key_rotations" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "key_rotations_engine" ON "key_rotations" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "person_key_versions_app" ON "person_key_versions" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("person_key_versions"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("person_key_versions"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "person_key_versions_staff" ON "person_key_versions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "person_key_versions_engine" ON "person_key_versions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "legal_holds_staff" ON "legal_holds" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "legal_holds_engine" ON "legal_holds" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retention_items_staff" ON "retention_items" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retention_items_engine" ON "retention_items" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retention_outcomes_staff" ON "retention_outcomes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retention_outcomes_engine" ON "retention_outcomes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retention_policies_staff" ON "retention_policies" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retention_policies_engine" ON "retention_policies" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retention_runs_staff" ON "retention_runs" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retention_runs_engine" ON "retention_runs" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "recoveries_staff" ON "recoveries" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "recoveries_engine" ON "recoveries" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);