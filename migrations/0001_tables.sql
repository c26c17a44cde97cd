CREATE TYPE "public"."actor_kind" AS ENUM('customer', 'staff', 'apiKey', 'job', 'webhook', 'system', 'anonymous');--> statement-breakpoint
CREATE TYPE "public"."approval_status" AS ENUM('pending', 'approved', 'executed', 'rejected', 'expired', 'cancelled');--> statement-breakpoint
CREATE TYPE "public"."approval_vote" AS ENUM('approve', 'reject');--> statement-breakpoint
CREATE TYPE "public"."audit_category" AS ENUM('authentication', 'trading', 'compliance', 'admin_action', 'system', 'financial', 'security');--> statement-breakpoint
CREATE TYPE "public"."audit_class" AS ENUM('normal', 'restricted');--> statement-breakpoint
CREATE TYPE "public"."audit_export_status" AS ENUM('pending', 'running', 'completed', 'failed');--> statement-breakpoint
CREATE TYPE "public"."audit_outcome" AS ENUM('success', 'refused', 'failed');--> statement-breakpoint
CREATE TYPE "public"."audit_severity" AS ENUM('info', 'warning', 'error', 'critical');--> statement-breakpoint
CREATE TYPE "public"."account_status" AS ENUM('active', 'frozen', 'suspended', 'closed');--> statement-breakpoint
CREATE TYPE "public"."account_type" AS ENUM('live', 'paper');--> statement-breakpoint
CREATE TYPE "public"."aml_alert_status" AS ENUM('open', 'assigned', 'resolved');--> statement-breakpoint
CREATE TYPE "public"."aml_disposition" AS ENUM('true_match', 'false_positive', 'inconclusive');--> statement-breakpoint
CREATE TYPE "public"."check_type" AS ENUM('sanctions_screening', 'pep_check', 'adverse_media', 'transaction_monitoring', 'source_of_funds');--> statement-breakpoint
CREATE TYPE "public"."list_kind" AS ENUM('ofac_sdn', 'ofac_consolidated', 'un_consolidated', 'uk_sanctions', 'eu_consolidated', 'opensanctions', 'own');--> statement-breakpoint
CREATE TYPE "public"."list_version_status" AS ENUM('importing', 'active', 'superseded', 'refused');--> statement-breakpoint
CREATE TYPE "public"."screening_result" AS ENUM('clear', 'warning', 'alert', 'error');--> statement-breakpoint
CREATE TYPE "public"."beneficiary_kind" AS ENUM('bank', 'crypto_wallet', 'mobile_money');--> statement-breakpoint
CREATE TYPE "public"."beneficiary_status" AS ENUM('active', 'removed');--> statement-breakpoint
CREATE TYPE "public"."deposit_status" AS ENUM('pending', 'processing', 'cleared', 'failed', 'refunded', 'charged_back');--> statement-breakpoint
CREATE TYPE "public"."funding_method" AS ENUM('bank_transfer', 'card', 'mcb_juice', 'mips', 'crypto', 'mobile_money', 'other');--> statement-breakpoint
CREATE TYPE "public"."withdrawal_status" AS ENUM('pending', 'under_review', 'approved', 'processing', 'completed', 'rejected', 'cancelled', 'failed', 'unknown');--> statement-breakpoint
CREATE TYPE "public"."api_key_mode" AS ENUM('live', 'test');--> statement-breakpoint
CREATE TYPE "public"."email_token_purpose" AS ENUM('verify_email', 'reset_password');--> statement-breakpoint
CREATE TYPE "public"."gate_restriction" AS ENUM('none', 'reduce_only', 'no_out', 'frozen');--> statement-breakpoint
CREATE TYPE "public"."gate_screening" AS ENUM('none', 'clear', 'open', 'confirmed');--> statement-breakpoint
CREATE TYPE "public"."kyc_level" AS ENUM('none', 'basic', 'standard', 'enhanced');--> statement-breakpoint
CREATE TYPE "public"."kyc_status" AS ENUM('not_started', 'pending', 'approved', 'rejected', 'resubmission_required');--> statement-breakpoint
CREATE TYPE "public"."risk_profile" AS ENUM('conservative', 'moderate', 'aggressive');--> statement-breakpoint
CREATE TYPE "public"."role" AS ENUM('customer', 'market_maker', 'support', 'compliance_officer', 'mlro', 'operations', 'risk_manager', 'admin', 'auditor');--> statement-breakpoint
CREATE TYPE "public"."user_status" AS ENUM('pending_kyc', 'active', 'suspended', 'closed');--> statement-breakpoint
CREATE TYPE "public"."kyc_application_status" AS ENUM('draft', 'submitted', 'under_review', 'approved', 'rejected', 'resubmission_required', 'withdrawn');--> statement-breakpoint
CREATE TYPE "public"."kyc_decision_outcome" AS ENUM('approved', 'rejected', 'resubmission_required');--> statement-breakpoint
CREATE TYPE "public"."kyc_document_status" AS ENUM('uploaded', 'accepted', 'rejected', 'expired');--> statement-breakpoint
CREATE TYPE "public"."kyc_document_type" AS ENUM('passport', 'national_id', 'driving_licence', 'residence_permit', 'proof_of_address', 'source_of_funds', 'source_of_wealth', 'selfie');--> statement-breakpoint
CREATE TYPE "public"."asset_kind" AS ENUM('fiat', 'crypto', 'stock', 'etf', 'bond', 'commodity');--> statement-breakpoint
CREATE TYPE "public"."book" AS ENUM('live', 'paper');--> statement-breakpoint
CREATE TYPE "public"."hold_reason" AS ENUM('payment', 'authorization', 'refund', 'escrow', 'withdrawal', 'margin', 'system', 'other');--> statement-breakpoint
CREATE TYPE "public"."hold_status" AS ENUM('active', 'released', 'captured', 'expired');--> statement-breakpoint
CREATE TYPE "public"."house_role" AS ENUM('client_money_bank', 'firm_money', 'fees_earned', 'suspense', 'unallocated_receipts', 'market_maker', 'custody', 'clearing', 'fx_position', 'receivable', 'dividends_payable', 'rounding');--> statement-breakpoint
CREATE TYPE "public"."journal_kind" AS ENUM('deposit', 'withdrawal', 'trade', 'fee', 'transfer', 'conversion', 'pnl', 'funding', 'margin', 'dividend', 'interest', 'corporate_action', 'adjustment', 'reversal', 'reset', 'write_off');--> statement-breakpoint
CREATE TYPE "public"."lot_source" AS ENUM('trade', 'deposit', 'transfer', 'conversion', 'corporate_action', 'adjustment');--> statement-breakpoint
CREATE TYPE "public"."reconciliation_status" AS ENUM('clean', 'breaks');--> statement-breakpoint
CREATE TYPE "public"."wallet_status" AS ENUM('active', 'suspended', 'closed');--> statement-breakpoint
CREATE TYPE "public"."exchange" AS ENUM('NYSE', 'NASDAQ', 'LSE', 'SEM', 'FOREX', 'CRYPTO', 'COMMODITY');--> statement-breakpoint
CREATE TYPE "public"."execution" AS ENUM('internal', 'venue');--> statement-breakpoint
CREATE TYPE "public"."instrument_kind" AS ENUM('spot', 'contract');--> statement-breakpoint
CREATE TYPE "public"."instrument_status" AS ENUM('active', 'halted', 'delisted');--> statement-breakpoint
CREATE TYPE "public"."instrument_type" AS ENUM('stock', 'forex', 'crypto', 'commodity', 'index', 'etf', 'bond');--> statement-breakpoint
CREATE TYPE "public"."risk_limit_scope" AS ENUM('platform', 'user', 'account', 'instrument', 'asset');--> statement-breakpoint
CREATE TYPE "public"."risk_limit_type" AS ENUM('max_position', 'max_order_value', 'max_daily_volume', 'max_open_orders', 'max_leverage', 'max_daily_loss');--> statement-breakpoint
CREATE TYPE "public"."liquidity" AS ENUM('maker', 'taker');--> statement-breakpoint
CREATE TYPE "public"."order_side" AS ENUM('buy', 'sell');--> statement-breakpoint
CREATE TYPE "public"."order_status" AS ENUM('held', 'pending', 'open', 'partially_filled', 'filled', 'cancelled', 'rejected', 'expired', 'replaced');--> statement-breakpoint
CREATE TYPE "public"."order_type" AS ENUM('market', 'limit', 'stop', 'stop_limit', 'trailing_stop', 'take_profit');--> statement-breakpoint
CREATE TYPE "public"."time_in_force" AS ENUM('day', 'gtc', 'ioc', 'fok', 'gtd');--> statement-breakpoint
CREATE TABLE "approval_votes" (
	"approval_id" uuid NOT NULL,
	"checker_id" uuid NOT NULL,
	"vote" "approval_vote" NOT NULL,
	"reason" text NOT NULL,
	"voted_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "approval_votes_pkey" PRIMARY KEY("approval_id","checker_id")
);
--> statement-breakpoint
ALTER TABLE "approval_votes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "approvals" (
	"id" uuid PRIMARY KEY NOT NULL,
	"action" text NOT NULL,
	"subject_type" text NOT NULL,
	"subject_id" uuid NOT NULL,
	"subject_user_id" uuid,
	"payload" jsonb NOT NULL,
	"payload_hash" "bytea" NOT NULL,
	"maker_id" uuid NOT NULL,
	"quorum" smallint NOT NULL,
	"checker_roles" text[] NOT NULL,
	"status" "approval_status" NOT NULL,
	"reason" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	"decided_at" timestamp (6) with time zone,
	"executed_at" timestamp (6) with time zone,
	CONSTRAINT "approvals_quorum_check" CHECK ("approvals"."quorum" between 1 and 5)
);
--> statement-breakpoint
ALTER TABLE "approvals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_checkpoints" (
	"tree_size" bigint PRIMARY KEY NOT NULL,
	"root_hash" "bytea" NOT NULL,
	"note" text NOT NULL,
	"signed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "audit_checkpoints" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_exports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"requested_by" uuid NOT NULL,
	"format" text NOT NULL,
	"filters" jsonb NOT NULL,
	"restricted" boolean NOT NULL,
	"status" "audit_export_status" NOT NULL,
	"row_count" bigint,
	"tree_size" bigint,
	"sha256" text,
	"file_name" text,
	"failure" text,
	"created_at" timestamp (6) with time zone NOT NULL,
	"completed_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "audit_exports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_leaves" (
	"leaf_index" bigint PRIMARY KEY NOT NULL,
	"log_id" uuid NOT NULL,
	"recorded_at" timestamp (6) with time zone NOT NULL,
	"leaf_hash" "bytea" NOT NULL,
	CONSTRAINT "audit_leaves_leaf_index_check" CHECK ("audit_leaves"."leaf_index" >= 0)
);
--> statement-breakpoint
ALTER TABLE "audit_leaves" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_logs" (
	"id" uuid NOT NULL,
	"recorded_at" timestamp (6) with time zone NOT NULL,
	"txid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"actor_kind" "actor_kind" NOT NULL,
	"actor_id" text NOT NULL,
	"actor_user_id" uuid,
	"subject_user_id" uuid,
	"event_type" text NOT NULL,
	"category" "audit_category" NOT NULL,
	"severity" "audit_severity" NOT NULL,
	"class" "audit_class" NOT NULL,
	"resource_type" text NOT NULL,
	"resource_id" text NOT NULL,
	"description" text NOT NULL,
	"before" jsonb,
	"after" jsonb,
	"outcome" "audit_outcome" NOT NULL,
	"request_id" text NOT NULL,
	"salt" "bytea" NOT NULL,
	"personal" "bytea" NOT NULL,
	"personal_hash" "bytea" NOT NULL,
	"row_mac" "bytea" NOT NULL,
	CONSTRAINT "audit_logs_pkey" PRIMARY KEY("recorded_at","id")
) PARTITION BY RANGE ("recorded_at");
--> statement-breakpoint
ALTER TABLE "audit_logs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_nodes" (
	"level" smallint NOT NULL,
	"node_index" bigint NOT NULL,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "audit_nodes_pkey" PRIMARY KEY("level","node_index")
);
--> statement-breakpoint
ALTER TABLE "audit_nodes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "files" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"content_type" text NOT NULL,
	"size_bytes" integer NOT NULL,
	"sha256" "bytea" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "files" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "guard_baseline" (
	"kind" text NOT NULL,
	"object" text NOT NULL,
	"state" text NOT NULL,
	CONSTRAINT "guard_baseline_pkey" PRIMARY KEY("kind","object")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"id" uuid NOT NULL,
	"scope_id" uuid NOT NULL,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"key" text NOT NULL,
	"user_id" uuid NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"status" smallint,
	"body" "bytea",
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("scope_id","method","path","key")
);
--> statement-breakpoint
ALTER TABLE "idempotency_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" uuid PRIMARY KEY NOT NULL,
	"txid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"position" bigint,
	"type" text NOT NULL,
	"user_id" uuid,
	"account_id" uuid,
	"customer_visible" boolean NOT NULL,
	"data" jsonb NOT NULL,
	"request_id" text NOT NULL,
	"occurred_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "outbox" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "outbox_consumers" (
	"name" text PRIMARY KEY NOT NULL,
	"position" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "outbox_consumers" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "outbox_retries" (
	"consumer" text NOT NULL,
	"position" bigint NOT NULL,
	"ordering_key" text NOT NULL,
	"attempts" integer NOT NULL,
	"last_error" text NOT NULL,
	"next_attempt_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "outbox_retries_pkey" PRIMARY KEY("consumer","position")
);
--> statement-breakpoint
ALTER TABLE "outbox_retries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "person_keys" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"key_id" "bytea" NOT NULL,
	"wrapped_key" "bytea" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "person_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "system_marks" (
	"name" text PRIMARY KEY NOT NULL,
	"value" jsonb NOT NULL,
	"marked_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"type" "account_type" NOT NULL,
	"name" text NOT NULL,
	"base_currency" text NOT NULL,
	"status" "account_status" NOT NULL,
	"is_default" boolean DEFAULT false NOT NULL,
	"margin_enabled" boolean DEFAULT false NOT NULL,
	"max_leverage" numeric(12, 6) DEFAULT '1' NOT NULL,
	"margin_call_threshold" numeric(12, 6) DEFAULT '0.8' NOT NULL,
	"liquidation_threshold" numeric(12, 6) DEFAULT '0.5' NOT NULL,
	"auto_liquidation" boolean DEFAULT true NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"updated_at" timestamp (6) with time zone NOT NULL,
	"closed_at" timestamp (6) with time zone,
	CONSTRAINT "accounts_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "accounts_max_leverage_check" CHECK ("accounts"."max_leverage" >= 1)
);
--> statement-breakpoint
ALTER TABLE "accounts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "aml_alerts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"screening_id" uuid NOT NULL,
	"status" "aml_alert_status" NOT NULL,
	"severity" text NOT NULL,
	"assignee_id" uuid,
	"disposition" "aml_disposition",
	"reason" text,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"resolved_at" timestamp (6) with time zone,
	"resolved_by" uuid,
	CONSTRAINT "aml_alerts_resolved_by_check" CHECK ("aml_alerts"."resolved_by" is null or "aml_alerts"."resolved_by" <> "aml_alerts"."user_id"),
	CONSTRAINT "aml_alerts_resolved_check" CHECK (("aml_alerts"."status" = 'resolved') = ("aml_alerts"."disposition" is not null))
);
--> statement-breakpoint
ALTER TABLE "aml_alerts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "list_entities" (
	"id" uuid PRIMARY KEY NOT NULL,
	"list_id" uuid NOT NULL,
	"source_id" text NOT NULL,
	"entity_hash" "bytea" NOT NULL,
	"kind" text NOT NULL,
	"record" jsonb NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "list_entities" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "list_version_entities" (
	"version_id" uuid NOT NULL,
	"entity_id" uuid NOT NULL,
	CONSTRAINT "list_version_entities_pkey" PRIMARY KEY("version_id","entity_id")
);
--> statement-breakpoint
ALTER TABLE "list_version_entities" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "list_versions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"list_id" uuid NOT NULL,
	"status" "list_version_status" NOT NULL,
	"file_hash" "bytea" NOT NULL,
	"published_at" text,
	"entity_count" integer NOT NULL,
	"added_count" integer NOT NULL,
	"changed_count" integer NOT NULL,
	"removed_count" integer NOT NULL,
	"refusal" text,
	"imported_by" text NOT NULL,
	"imported_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "list_versions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "screening_lists" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" "list_kind" NOT NULL,
	"name" text NOT NULL,
	"active_version_id" uuid,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "screening_lists" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "screening_matches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"screening_id" uuid NOT NULL,
	"entity_id" uuid NOT NULL,
	"rank" smallint NOT NULL,
	"score_bps" integer NOT NULL,
	"matched_name" text NOT NULL,
	"explanation" "bytea" NOT NULL
);
--> statement-breakpoint
ALTER TABLE "screening_matches" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "screenings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid,
	"check_type" "check_type" NOT NULL,
	"trigger" text NOT NULL,
	"provider" text NOT NULL,
	"subject" "bytea" NOT NULL,
	"result" "screening_result" NOT NULL,
	"risk_score" smallint NOT NULL,
	"list_versions" jsonb NOT NULL,
	"algorithm_version" text NOT NULL,
	"config_hash" text NOT NULL,
	"match_count" integer NOT NULL,
	"requested_by" text NOT NULL,
	"checked_at" timestamp (6) with time zone NOT NULL,
	"next_check_due_at" timestamp (6) with time zone,
	CONSTRAINT "screenings_risk_score_check" CHECK ("screenings"."risk_score" between 0 and 100)
);
--> statement-breakpoint
ALTER TABLE "screenings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "beneficiaries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" "beneficiary_kind" NOT NULL,
	"label" "bytea" NOT NULL,
	"destination" "bytea" NOT NULL,
	"destination_index" "bytea" NOT NULL,
	"hint" text NOT NULL,
	"status" "beneficiary_status" NOT NULL,
	"usable_from" timestamp (6) with time zone NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"removed_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "beneficiaries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "deposits" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"method" "funding_method" NOT NULL,
	"provider" text NOT NULL,
	"provider_reference" text,
	"payment_reference" text NOT NULL,
	"status" "deposit_status" NOT NULL,
	"payer" "bytea",
	"settlement_date" text,
	"statement_line_id" uuid,
	"approval_id" uuid,
	"journal_id" uuid,
	"failure_reason" text,
	"metadata" jsonb NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"cleared_at" timestamp (6) with time zone,
	CONSTRAINT "deposits_amount_check" CHECK ("deposits"."amount" > 0),
	CONSTRAINT "deposits_cleared_check" CHECK ("deposits"."status" not in ('cleared', 'refunded', 'charged_back') or "deposits"."journal_id" is not null)
);
--> statement-breakpoint
ALTER TABLE "deposits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "funding_limits" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kyc_level" text NOT NULL,
	"asset" text NOT NULL,
	"direction" text NOT NULL,
	"window_hours" integer NOT NULL,
	"maximum" numeric(20, 8) NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "funding_limits_direction_check" CHECK ("funding_limits"."direction" in ('deposit', 'withdrawal'))
);
--> statement-breakpoint
ALTER TABLE "funding_limits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "withdrawals" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"fee" numeric(20, 8) NOT NULL,
	"beneficiary_id" uuid NOT NULL,
	"destination" "bytea" NOT NULL,
	"destination_hash" "bytea" NOT NULL,
	"status" "withdrawal_status" NOT NULL,
	"hold_id" uuid,
	"approval_id" uuid,
	"journal_id" uuid,
	"transaction_reference" text,
	"rejection_reason" text,
	"estimated_completion_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"decided_at" timestamp (6) with time zone,
	"completed_at" timestamp (6) with time zone,
	CONSTRAINT "withdrawals_amount_check" CHECK ("withdrawals"."amount" > 0 and "withdrawals"."fee" >= 0),
	CONSTRAINT "withdrawals_completed_check" CHECK (("withdrawals"."status" = 'completed') = ("withdrawals"."journal_id" is not null))
);
--> statement-breakpoint
ALTER TABLE "withdrawals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "agreement_acceptances" (
	"user_id" uuid NOT NULL,
	"agreement_id" uuid NOT NULL,
	"client" "bytea" NOT NULL,
	"accepted_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "agreement_acceptances_pkey" PRIMARY KEY("user_id","agreement_id")
);
--> statement-breakpoint
ALTER TABLE "agreement_acceptances" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "agreements" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"revision" integer NOT NULL,
	"title" text NOT NULL,
	"body" text NOT NULL,
	"published_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"mode" "api_key_mode" NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"scopes" text[] NOT NULL,
	"allowed_cidrs" text[] NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"expires_at" timestamp (6) with time zone,
	"last_used_at" timestamp (6) with time zone,
	"revoked_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "api_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "credentials" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"password_hash" text NOT NULL,
	"failed_attempts" integer DEFAULT 0 NOT NULL,
	"locked_until" timestamp (6) with time zone,
	"changed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "credentials" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "customer_gates" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"kyc_status" "kyc_status" NOT NULL,
	"kyc_level" "kyc_level" NOT NULL,
	"screening" "gate_screening" NOT NULL,
	"restriction" "gate_restriction" NOT NULL,
	"agreements_current" boolean NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"changed_by" text NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "customer_gates" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "email_tokens" (
	"token_hash" "bytea" PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"purpose" "email_token_purpose" NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	"used_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "email_tokens" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "role_grants" (
	"user_id" uuid NOT NULL,
	"role" "role" NOT NULL,
	"granted_by" uuid,
	"approval_id" uuid,
	"granted_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "role_grants_pkey" PRIMARY KEY("user_id","role")
);
--> statement-breakpoint
ALTER TABLE "role_grants" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"refresh_hash" "bytea" NOT NULL,
	"previous_refresh_hash" "bytea",
	"client" "bytea" NOT NULL,
	"mfa_at" timestamp (6) with time zone,
	"logged_in_at" timestamp (6) with time zone NOT NULL,
	"last_active_at" timestamp (6) with time zone NOT NULL,
	"idle_expires_at" timestamp (6) with time zone NOT NULL,
	"absolute_expires_at" timestamp (6) with time zone NOT NULL,
	"revoked_at" timestamp (6) with time zone,
	"revoked_reason" text
);
--> statement-breakpoint
ALTER TABLE "sessions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "token_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"private_jwk" "bytea" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"retired_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "token_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "totp_secrets" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"secret" "bytea" NOT NULL,
	"confirmed_at" timestamp (6) with time zone,
	"last_used_step" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "totp_secrets" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "user_settings" (
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"value" "bytea" NOT NULL,
	"updated_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "user_settings_pkey" PRIMARY KEY("user_id","name")
);
--> statement-breakpoint
ALTER TABLE "user_settings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY NOT NULL,
	"email" "bytea" NOT NULL,
	"email_index" "bytea" NOT NULL,
	"phone" "bytea",
	"phone_index" "bytea",
	"profile" "bytea" NOT NULL,
	"status" "user_status" NOT NULL,
	"risk_profile" "risk_profile",
	"email_verified_at" timestamp (6) with time zone,
	"phone_verified_at" timestamp (6) with time zone,
	"last_login_at" timestamp (6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"updated_at" timestamp (6) with time zone NOT NULL,
	"deleted_at" timestamp (6) with time zone,
	CONSTRAINT "users_version_check" CHECK ("users"."version" > 0)
);
--> statement-breakpoint
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_applications" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"level" "kyc_level" NOT NULL,
	"status" "kyc_application_status" NOT NULL,
	"declaration" "bytea" NOT NULL,
	"provider" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"submitted_at" timestamp (6) with time zone,
	"decided_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "kyc_applications" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_decisions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"outcome" "kyc_decision_outcome" NOT NULL,
	"reason" text NOT NULL,
	"evidence" jsonb NOT NULL,
	"decided_by" uuid NOT NULL,
	"decided_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "kyc_decisions_decided_by_check" CHECK ("kyc_decisions"."decided_by" <> "kyc_decisions"."user_id")
);
--> statement-breakpoint
ALTER TABLE "kyc_decisions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_documents" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"type" "kyc_document_type" NOT NULL,
	"status" "kyc_document_status" NOT NULL,
	"file_id" uuid NOT NULL,
	"number" "bytea",
	"number_index" "bytea",
	"issuing_country" text,
	"issued_on" text,
	"expires_on" text,
	"rejection_reason" text,
	"uploaded_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "kyc_documents_issuing_country_check" CHECK ("kyc_documents"."issuing_country" is null or "kyc_documents"."issuing_country" ~ '^[A-Z]{3}$')
);
--> statement-breakpoint
ALTER TABLE "kyc_documents" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "kyc_levels" (
	"level" "kyc_level" PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"required_documents" jsonb NOT NULL,
	"description" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "assets" (
	"code" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"kind" "asset_kind" NOT NULL,
	"scale" integer NOT NULL,
	"isin" text,
	"cusip" text,
	"chain" text,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "assets_scale_check" CHECK ("assets"."scale" between 0 and 8),
	CONSTRAINT "assets_code_check" CHECK ("assets"."code" ~ '^[A-Z0-9.]{2,12}$')
);
--> statement-breakpoint
CREATE TABLE "holds" (
	"id" uuid PRIMARY KEY NOT NULL,
	"wallet_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"remaining" numeric(20, 8) NOT NULL,
	"reason" "hold_reason" NOT NULL,
	"reference_type" text NOT NULL,
	"reference_id" uuid NOT NULL,
	"status" "hold_status" NOT NULL,
	"expires_at" timestamp (6) with time zone,
	"metadata" jsonb NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"closed_at" timestamp (6) with time zone,
	CONSTRAINT "holds_amount_check" CHECK ("holds"."amount" > 0),
	CONSTRAINT "holds_remaining_check" CHECK ("holds"."remaining" between 0 and "holds"."amount"),
	CONSTRAINT "holds_closed_check" CHECK (("holds"."status" = 'active') = ("holds"."closed_at" is null)),
	CONSTRAINT "holds_closed_remaining_check" CHECK ("holds"."status" = 'active' or "holds"."remaining" = 0)
);
--> statement-breakpoint
ALTER TABLE "holds" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "journals" (
	"id" uuid NOT NULL,
	"booked_at" timestamp (6) with time zone NOT NULL,
	"book" "book" NOT NULL,
	"kind" "journal_kind" NOT NULL,
	"reference_type" text NOT NULL,
	"reference_id" uuid NOT NULL,
	"description" text NOT NULL,
	"metadata" jsonb NOT NULL,
	"value_date" text NOT NULL,
	"reverses_id" uuid,
	"rate" numeric(20, 10),
	"rate_source" text,
	"request_id" text NOT NULL,
	CONSTRAINT "journals_pkey" PRIMARY KEY("booked_at","id"),
	CONSTRAINT "journals_value_date_check" CHECK ("journals"."value_date" ~ '^\d{4}-\d{2}-\d{2}$')
) PARTITION BY RANGE ("booked_at");
--> statement-breakpoint
ALTER TABLE "journals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "ledger_entries" (
	"id" uuid NOT NULL,
	"booked_at" timestamp (6) with time zone NOT NULL,
	"journal_id" uuid NOT NULL,
	"wallet_id" uuid NOT NULL,
	"user_id" uuid,
	"account_id" uuid,
	"book" "book" NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"balance_after" numeric(20, 8) NOT NULL,
	"wallet_version" bigint NOT NULL,
	"kind" "journal_kind" NOT NULL,
	"reference_type" text NOT NULL,
	"reference_id" uuid NOT NULL,
	CONSTRAINT "ledger_entries_pkey" PRIMARY KEY("booked_at","id"),
	CONSTRAINT "ledger_entries_amount_check" CHECK ("ledger_entries"."amount" <> 0)
) PARTITION BY RANGE ("booked_at");
--> statement-breakpoint
ALTER TABLE "ledger_entries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "lot_disposals" (
	"id" uuid PRIMARY KEY NOT NULL,
	"lot_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"cost" numeric(20, 8),
	"proceeds" numeric(20, 8),
	"currency" text,
	"reference_type" text NOT NULL,
	"reference_id" uuid NOT NULL,
	"disposed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "lot_disposals_quantity_check" CHECK ("lot_disposals"."quantity" > 0)
);
--> statement-breakpoint
ALTER TABLE "lot_disposals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "lots" (
	"id" uuid PRIMARY KEY NOT NULL,
	"wallet_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"asset" text NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"quantity_open" numeric(20, 8) NOT NULL,
	"cost" numeric(20, 8),
	"cost_currency" text,
	"source" "lot_source" NOT NULL,
	"reference_id" uuid NOT NULL,
	"acquired_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "lots_quantity_check" CHECK ("lots"."quantity" > 0),
	CONSTRAINT "lots_quantity_open_check" CHECK ("lots"."quantity_open" between 0 and "lots"."quantity"),
	CONSTRAINT "lots_cost_check" CHECK (("lots"."cost" is null) = ("lots"."cost_currency" is null))
);
--> statement-breakpoint
ALTER TABLE "lots" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "reconciliations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"status" "reconciliation_status" NOT NULL,
	"checks" jsonb NOT NULL,
	"break_count" integer NOT NULL,
	"started_at" timestamp (6) with time zone NOT NULL,
	"completed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "reconciliations" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "wallets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid,
	"account_id" uuid,
	"house_role" "house_role",
	"house_reference" text,
	"book" "book" NOT NULL,
	"asset" text NOT NULL,
	"total" numeric(20, 8) DEFAULT 0 NOT NULL,
	"reserved" numeric(20, 8) DEFAULT 0 NOT NULL,
	"available" numeric(20, 8) GENERATED ALWAYS AS (total - reserved) STORED,
	"unsettled" numeric(20, 8) DEFAULT 0 NOT NULL,
	"status" "wallet_status" NOT NULL,
	"version" bigint DEFAULT 0 NOT NULL,
	"last_entry_at" timestamp (6) with time zone,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "wallets_owner_check" CHECK (("wallets"."account_id" is null) = ("wallets"."house_role" is not null)
        and ("wallets"."account_id" is null) = ("wallets"."user_id" is null)
        and ("wallets"."house_role" is null) = ("wallets"."house_reference" is null)),
	CONSTRAINT "wallets_reserved_check" CHECK ("wallets"."reserved" >= 0),
	CONSTRAINT "wallets_total_check" CHECK ("wallets"."house_role" is not null or "wallets"."total" >= "wallets"."reserved"),
	CONSTRAINT "wallets_unsettled_check" CHECK ("wallets"."unsettled" >= 0),
	CONSTRAINT "wallets_house_reserved_check" CHECK ("wallets"."house_role" is null or "wallets"."reserved" = 0)
);
--> statement-breakpoint
ALTER TABLE "wallets" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "instruments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"symbol" text NOT NULL,
	"name" text NOT NULL,
	"type" "instrument_type" NOT NULL,
	"kind" "instrument_kind" NOT NULL,
	"exchange" "exchange" NOT NULL,
	"base_asset" text NOT NULL,
	"quote_asset" text NOT NULL,
	"isin" text,
	"cusip" text,
	"tick" numeric(20, 8) NOT NULL,
	"lot" numeric(20, 8) NOT NULL,
	"min_quantity" numeric(20, 8) NOT NULL,
	"max_quantity" numeric(20, 8) NOT NULL,
	"collar_bps" integer NOT NULL,
	"maker_fee_bps" integer NOT NULL,
	"taker_fee_bps" integer NOT NULL,
	"status" "instrument_status" NOT NULL,
	"fractional" boolean NOT NULL,
	"execution" "execution" NOT NULL,
	"settlement_cycle" text NOT NULL,
	"sector" text,
	"industry" text,
	"description" text NOT NULL,
	"metadata" jsonb NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "instruments_steps_check" CHECK ("instruments"."tick" > 0 and "instruments"."lot" > 0),
	CONSTRAINT "instruments_exact_check" CHECK (scale(trim_scale("instruments"."tick")) + scale(trim_scale("instruments"."lot")) <= 8),
	CONSTRAINT "instruments_quantity_check" CHECK ("instruments"."min_quantity" > 0 and "instruments"."max_quantity" >= "instruments"."min_quantity"),
	CONSTRAINT "instruments_assets_check" CHECK ("instruments"."base_asset" <> "instruments"."quote_asset"),
	CONSTRAINT "instruments_fees_check" CHECK ("instruments"."maker_fee_bps" between 0 and 1000 and "instruments"."taker_fee_bps" between 0 and 1000),
	CONSTRAINT "instruments_settlement_cycle_check" CHECK ("instruments"."settlement_cycle" in ('T+0', 'T+1', 'T+2'))
);
--> statement-breakpoint
CREATE TABLE "quotes" (
	"instrument_id" uuid PRIMARY KEY NOT NULL,
	"last" numeric(20, 8) NOT NULL,
	"bid" numeric(20, 8),
	"ask" numeric(20, 8),
	"source" text NOT NULL,
	"quoted_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "quotes_last_check" CHECK ("quotes"."last" > 0)
);
--> statement-breakpoint
CREATE TABLE "risk_limits" (
	"id" uuid PRIMARY KEY NOT NULL,
	"scope" "risk_limit_scope" NOT NULL,
	"scope_id" text NOT NULL,
	"type" "risk_limit_type" NOT NULL,
	"value" numeric(20, 8) NOT NULL,
	"currency" text,
	"active" boolean NOT NULL,
	"effective_from" timestamp (6) with time zone NOT NULL,
	"effective_until" timestamp (6) with time zone,
	"set_by" text NOT NULL,
	"approval_id" uuid,
	"reason" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "risk_limits_value_check" CHECK ("risk_limits"."value" >= 0),
	CONSTRAINT "risk_limits_scope_check" CHECK (("risk_limits"."scope" = 'platform') = ("risk_limits"."scope_id" = ''))
);
--> statement-breakpoint
ALTER TABLE "risk_limits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "book_owners" (
	"instrument_id" uuid NOT NULL,
	"book" "book" NOT NULL,
	"epoch" bigint NOT NULL,
	"last_book_seq" bigint NOT NULL,
	"owned_since" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "book_owners_pkey" PRIMARY KEY("instrument_id","book")
);
--> statement-breakpoint
ALTER TABLE "book_owners" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "fills" (
	"id" uuid PRIMARY KEY NOT NULL,
	"trade_id" uuid NOT NULL,
	"order_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"symbol" text NOT NULL,
	"side" "order_side" NOT NULL,
	"price" numeric(20, 8) NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"amount" numeric(20, 8) NOT NULL,
	"fee" numeric(20, 8) NOT NULL,
	"fee_asset" text NOT NULL,
	"fee_bps" integer NOT NULL,
	"liquidity" "liquidity" NOT NULL,
	"realised_pnl" numeric(20, 8),
	"executed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "fills" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "order_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"order_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"type" text NOT NULL,
	"data" jsonb NOT NULL,
	"request_id" text NOT NULL,
	"occurred_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "order_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "orders" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"book" "book" NOT NULL,
	"instrument_id" uuid NOT NULL,
	"symbol" text NOT NULL,
	"side" "order_side" NOT NULL,
	"type" "order_type" NOT NULL,
	"time_in_force" time_in_force NOT NULL,
	"quantity" numeric(20, 8),
	"notional" numeric(20, 8),
	"limit_price" numeric(20, 8),
	"stop_price" numeric(20, 8),
	"trail_amount" numeric(20, 8),
	"trail_percent" numeric(12, 6),
	"leverage" numeric(12, 6) DEFAULT '1' NOT NULL,
	"post_only" boolean NOT NULL,
	"reduce_only" boolean NOT NULL,
	"client_order_id" text,
	"group_id" uuid,
	"replaces_id" uuid,
	"expires_at" timestamp (6) with time zone,
	"idempotency_key" text,
	"idempotency_index" integer,
	"request_hash" "bytea" NOT NULL,
	"status" "order_status" NOT NULL,
	"rejection_reason" text,
	"price_cap" numeric(20, 8),
	"reservation_asset" text NOT NULL,
	"reservation" numeric(20, 8) NOT NULL,
	"wallet_id" uuid,
	"filled_quantity" numeric(20, 8) DEFAULT 0 NOT NULL,
	"filled_amount" numeric(20, 8) DEFAULT 0 NOT NULL,
	"fees" numeric(20, 8) DEFAULT 0 NOT NULL,
	"book_seq" bigint,
	"cancel_requested_at" timestamp (6) with time zone,
	"cancel_reason" text,
	"version" integer DEFAULT 1 NOT NULL,
	"placed_at" timestamp (6) with time zone NOT NULL,
	"closed_at" timestamp (6) with time zone,
	CONSTRAINT "orders_size_check" CHECK (num_nonnulls("orders"."quantity", "orders"."notional") = 1),
	CONSTRAINT "orders_quantity_check" CHECK ("orders"."quantity" > 0 and "orders"."filled_quantity" <= "orders"."quantity"),
	CONSTRAINT "orders_notional_check" CHECK ("orders"."notional" > 0),
	CONSTRAINT "orders_reservation_check" CHECK ("orders"."reservation" >= 0),
	CONSTRAINT "orders_closed_check" CHECK (("orders"."status" in ('filled', 'cancelled', 'rejected', 'expired', 'replaced')) = ("orders"."closed_at" is not null)),
	CONSTRAINT "orders_closed_reservation_check" CHECK ("orders"."closed_at" is null or "orders"."reservation" = 0),
	CONSTRAINT "orders_rejection_check" CHECK (("orders"."status" = 'rejected') = ("orders"."rejection_reason" is not null))
);
--> statement-breakpoint
ALTER TABLE "orders" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "trades" (
	"id" uuid PRIMARY KEY NOT NULL,
	"instrument_id" uuid NOT NULL,
	"symbol" text NOT NULL,
	"book" "book" NOT NULL,
	"price" numeric(20, 8) NOT NULL,
	"quantity" numeric(20, 8) NOT NULL,
	"taker_side" "order_side" NOT NULL,
	"executed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "trades_positive_check" CHECK ("trades"."price" > 0 and "trades"."quantity" > 0)
);
--> statement-breakpoint
ALTER TABLE "approval_votes" ADD CONSTRAINT "approval_votes_approval_id_fkey" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD CONSTRAINT "aml_alerts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aml_alerts" ADD CONSTRAINT "aml_alerts_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_entities" ADD CONSTRAINT "list_entities_list_id_screening_lists_id_fk" FOREIGN KEY ("list_id") REFERENCES "public"."screening_lists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_version_entities" ADD CONSTRAINT "list_version_entities_version_id_list_versions_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."list_versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_version_entities" ADD CONSTRAINT "list_version_entities_entity_id_list_entities_id_fk" FOREIGN KEY ("entity_id") REFERENCES "public"."list_entities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "list_versions" ADD CONSTRAINT "list_versions_list_id_screening_lists_id_fk" FOREIGN KEY ("list_id") REFERENCES "public"."screening_lists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "screening_matches" ADD CONSTRAINT "screening_matches_screening_id_screenings_id_fk" FOREIGN KEY ("screening_id") REFERENCES "public"."screenings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "screening_matches" ADD CONSTRAINT "screening_matches_entity_id_list_entities_id_fk" FOREIGN KEY ("entity_id") REFERENCES "public"."list_entities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "screenings" ADD CONSTRAINT "screenings_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "beneficiaries" ADD CONSTRAINT "beneficiaries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "funding_limits" ADD CONSTRAINT "funding_limits_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_beneficiary_id_beneficiaries_id_fk" FOREIGN KEY ("beneficiary_id") REFERENCES "public"."beneficiaries"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_hold_id_holds_id_fk" FOREIGN KEY ("hold_id") REFERENCES "public"."holds"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agreement_acceptances" ADD CONSTRAINT "agreement_acceptances_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agreement_acceptances" ADD CONSTRAINT "agreement_acceptances_agreement_id_agreements_id_fk" FOREIGN KEY ("agreement_id") REFERENCES "public"."agreements"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "customer_gates" ADD CONSTRAINT "customer_gates_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "email_tokens" ADD CONSTRAINT "email_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_grants" ADD CONSTRAINT "role_grants_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "totp_secrets" ADD CONSTRAINT "totp_secrets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_settings" ADD CONSTRAINT "user_settings_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_applications" ADD CONSTRAINT "kyc_applications_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_decisions" ADD CONSTRAINT "kyc_decisions_application_id_kyc_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."kyc_applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD CONSTRAINT "kyc_documents_application_id_kyc_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."kyc_applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD CONSTRAINT "kyc_documents_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_documents" ADD CONSTRAINT "kyc_documents_file_id_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."files"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holds" ADD CONSTRAINT "holds_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holds" ADD CONSTRAINT "holds_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lot_disposals" ADD CONSTRAINT "lot_disposals_lot_id_lots_id_fk" FOREIGN KEY ("lot_id") REFERENCES "public"."lots"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lots" ADD CONSTRAINT "lots_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "wallets" ADD CONSTRAINT "wallets_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "wallets" ADD CONSTRAINT "wallets_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quotes" ADD CONSTRAINT "quotes_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "book_owners" ADD CONSTRAINT "book_owners_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fills" ADD CONSTRAINT "fills_trade_id_trades_id_fk" FOREIGN KEY ("trade_id") REFERENCES "public"."trades"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fills" ADD CONSTRAINT "fills_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "public"."orders"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "order_events" ADD CONSTRAINT "order_events_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "public"."orders"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_wallet_id_wallets_id_fk" FOREIGN KEY ("wallet_id") REFERENCES "public"."wallets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_account_id_user_id_fkey" FOREIGN KEY ("account_id","user_id") REFERENCES "public"."accounts"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trades" ADD CONSTRAINT "trades_instrument_id_instruments_id_fk" FOREIGN KEY ("instrument_id") REFERENCES "public"."instruments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "approvals_open_key" ON "approvals" USING btree ("action","subject_id") WHERE "approvals"."status" in ('pending', 'approved');--> statement-breakpoint
CREATE INDEX "approvals_status_idx" ON "approvals" USING btree ("status","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "audit_leaves_log_id_key" ON "audit_leaves" USING btree ("log_id");--> statement-breakpoint
CREATE INDEX "audit_logs_txid_idx" ON "audit_logs" USING btree ("txid");--> statement-breakpoint
CREATE INDEX "audit_logs_subject_user_id_idx" ON "audit_logs" USING btree ("subject_user_id","recorded_at","id");--> statement-breakpoint
CREATE INDEX "audit_logs_actor_user_id_idx" ON "audit_logs" USING btree ("actor_user_id","recorded_at","id");--> statement-breakpoint
CREATE INDEX "audit_logs_event_type_idx" ON "audit_logs" USING btree ("event_type","recorded_at","id");--> statement-breakpoint
CREATE INDEX "audit_logs_request_id_idx" ON "audit_logs" USING btree ("request_id");--> statement-breakpoint
CREATE INDEX "files_user_id_idx" ON "files" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "outbox_position_key" ON "outbox" USING btree ("position");--> statement-breakpoint
CREATE INDEX "outbox_unplaced_idx" ON "outbox" USING btree ("txid","id") WHERE "outbox"."position" is null;--> statement-breakpoint
CREATE INDEX "outbox_user_id_idx" ON "outbox" USING btree ("user_id","position") WHERE "outbox"."customer_visible";--> statement-breakpoint
CREATE INDEX "outbox_retries_next_attempt_at_idx" ON "outbox_retries" USING btree ("next_attempt_at");--> statement-breakpoint
CREATE UNIQUE INDEX "person_keys_key_id_key" ON "person_keys" USING btree ("key_id");--> statement-breakpoint
CREATE INDEX "accounts_user_id_idx" ON "accounts" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "accounts_default_key" ON "accounts" USING btree ("user_id","type") WHERE "accounts"."is_default";--> statement-breakpoint
CREATE INDEX "aml_alerts_status_idx" ON "aml_alerts" USING btree ("status","created_at");--> statement-breakpoint
CREATE INDEX "aml_alerts_user_id_idx" ON "aml_alerts" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "aml_alerts_screening_id_key" ON "aml_alerts" USING btree ("screening_id");--> statement-breakpoint
CREATE UNIQUE INDEX "list_entities_list_id_source_id_entity_hash_key" ON "list_entities" USING btree ("list_id","source_id","entity_hash");--> statement-breakpoint
CREATE INDEX "list_version_entities_entity_id_idx" ON "list_version_entities" USING btree ("entity_id");--> statement-breakpoint
CREATE INDEX "list_versions_list_id_idx" ON "list_versions" USING btree ("list_id","imported_at");--> statement-breakpoint
CREATE UNIQUE INDEX "screening_lists_kind_name_key" ON "screening_lists" USING btree ("kind","name");--> statement-breakpoint
CREATE UNIQUE INDEX "screening_matches_screening_id_rank_key" ON "screening_matches" USING btree ("screening_id","rank");--> statement-breakpoint
CREATE INDEX "screening_matches_entity_id_idx" ON "screening_matches" USING btree ("entity_id");--> statement-breakpoint
CREATE INDEX "screenings_user_id_idx" ON "screenings" USING btree ("user_id","checked_at");--> statement-breakpoint
CREATE INDEX "screenings_checked_at_idx" ON "screenings" USING btree ("checked_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "beneficiaries_destination_key" ON "beneficiaries" USING btree ("user_id","destination_index") WHERE "beneficiaries"."status" = 'active';--> statement-breakpoint
CREATE INDEX "beneficiaries_user_id_idx" ON "beneficiaries" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "deposits_payment_reference_key" ON "deposits" USING btree ("payment_reference");--> statement-breakpoint
CREATE UNIQUE INDEX "deposits_provider_reference_key" ON "deposits" USING btree ("provider","provider_reference");--> statement-breakpoint
CREATE INDEX "deposits_user_id_idx" ON "deposits" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "deposits_status_idx" ON "deposits" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "deposits_account_id_idx" ON "deposits" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "deposits_wallet_id_idx" ON "deposits" USING btree ("wallet_id");--> statement-breakpoint
CREATE INDEX "deposits_asset_idx" ON "deposits" USING btree ("asset");--> statement-breakpoint
CREATE INDEX "deposits_approval_id_idx" ON "deposits" USING btree ("approval_id");--> statement-breakpoint
CREATE UNIQUE INDEX "funding_limits_key" ON "funding_limits" USING btree ("asset","kyc_level","direction","window_hours");--> statement-breakpoint
CREATE INDEX "withdrawals_user_id_idx" ON "withdrawals" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "withdrawals_status_idx" ON "withdrawals" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "withdrawals_account_id_idx" ON "withdrawals" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "withdrawals_beneficiary_id_idx" ON "withdrawals" USING btree ("beneficiary_id");--> statement-breakpoint
CREATE INDEX "withdrawals_wallet_id_idx" ON "withdrawals" USING btree ("wallet_id");--> statement-breakpoint
CREATE INDEX "withdrawals_asset_idx" ON "withdrawals" USING btree ("asset");--> statement-breakpoint
CREATE INDEX "withdrawals_hold_id_idx" ON "withdrawals" USING btree ("hold_id");--> statement-breakpoint
CREATE INDEX "withdrawals_approval_id_idx" ON "withdrawals" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "agreement_acceptances_agreement_id_idx" ON "agreement_acceptances" USING btree ("agreement_id");--> statement-breakpoint
CREATE UNIQUE INDEX "agreements_kind_revision_key" ON "agreements" USING btree ("kind","revision");--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_secret_hash_key" ON "api_keys" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "api_keys_user_id_idx" ON "api_keys" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "email_tokens_user_id_idx" ON "email_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_refresh_hash_key" ON "sessions" USING btree ("refresh_hash");--> statement-breakpoint
CREATE INDEX "sessions_previous_refresh_hash_idx" ON "sessions" USING btree ("previous_refresh_hash");--> statement-breakpoint
CREATE INDEX "sessions_user_id_idx" ON "sessions" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email_index_key" ON "users" USING btree ("email_index");--> statement-breakpoint
CREATE INDEX "users_status_idx" ON "users" USING btree ("status","id");--> statement-breakpoint
CREATE UNIQUE INDEX "kyc_applications_open_key" ON "kyc_applications" USING btree ("user_id") WHERE "kyc_applications"."status" in ('draft', 'submitted', 'under_review', 'resubmission_required');--> statement-breakpoint
CREATE INDEX "kyc_applications_user_id_idx" ON "kyc_applications" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "kyc_applications_status_idx" ON "kyc_applications" USING btree ("status","submitted_at");--> statement-breakpoint
CREATE INDEX "kyc_decisions_application_id_idx" ON "kyc_decisions" USING btree ("application_id");--> statement-breakpoint
CREATE INDEX "kyc_documents_application_id_idx" ON "kyc_documents" USING btree ("application_id");--> statement-breakpoint
CREATE INDEX "kyc_documents_user_id_idx" ON "kyc_documents" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "kyc_documents_file_id_idx" ON "kyc_documents" USING btree ("file_id");--> statement-breakpoint
CREATE INDEX "kyc_documents_number_index_idx" ON "kyc_documents" USING btree ("number_index");--> statement-breakpoint
CREATE UNIQUE INDEX "holds_reference_key" ON "holds" USING btree ("reason","reference_id");--> statement-breakpoint
CREATE INDEX "holds_account_id_idx" ON "holds" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "holds_wallet_id_idx" ON "holds" USING btree ("wallet_id") WHERE "holds"."status" = 'active';--> statement-breakpoint
CREATE INDEX "holds_expires_at_idx" ON "holds" USING btree ("expires_at") WHERE "holds"."status" = 'active';--> statement-breakpoint
CREATE INDEX "journals_id_idx" ON "journals" USING btree ("id");--> statement-breakpoint
CREATE INDEX "journals_reference_id_idx" ON "journals" USING btree ("reference_id");--> statement-breakpoint
CREATE INDEX "ledger_entries_wallet_id_idx" ON "ledger_entries" USING btree ("wallet_id","wallet_version");--> statement-breakpoint
CREATE INDEX "ledger_entries_journal_id_idx" ON "ledger_entries" USING btree ("journal_id");--> statement-breakpoint
CREATE INDEX "ledger_entries_account_id_idx" ON "ledger_entries" USING btree ("account_id","booked_at","id");--> statement-breakpoint
CREATE INDEX "lot_disposals_lot_id_idx" ON "lot_disposals" USING btree ("lot_id");--> statement-breakpoint
CREATE INDEX "lot_disposals_account_id_idx" ON "lot_disposals" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "lots_open_idx" ON "lots" USING btree ("wallet_id","acquired_at","id") WHERE "lots"."quantity_open" > 0;--> statement-breakpoint
CREATE INDEX "lots_account_id_idx" ON "lots" USING btree ("account_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "wallets_account_id_asset_key" ON "wallets" USING btree ("account_id","asset");--> statement-breakpoint
CREATE UNIQUE INDEX "wallets_house_key" ON "wallets" USING btree ("book","house_role","asset","house_reference") WHERE "wallets"."house_role" is not null;--> statement-breakpoint
CREATE INDEX "wallets_user_id_idx" ON "wallets" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "wallets_asset_idx" ON "wallets" USING btree ("asset");--> statement-breakpoint
CREATE UNIQUE INDEX "instruments_symbol_key" ON "instruments" USING btree ("symbol");--> statement-breakpoint
CREATE INDEX "instruments_base_asset_idx" ON "instruments" USING btree ("base_asset");--> statement-breakpoint
CREATE INDEX "instruments_quote_asset_idx" ON "instruments" USING btree ("quote_asset");--> statement-breakpoint
CREATE INDEX "risk_limits_scope_idx" ON "risk_limits" USING btree ("type","scope","scope_id") WHERE "risk_limits"."active";--> statement-breakpoint
CREATE INDEX "fills_order_id_idx" ON "fills" USING btree ("order_id");--> statement-breakpoint
CREATE INDEX "fills_account_id_idx" ON "fills" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "fills_user_id_idx" ON "fills" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "fills_trade_id_liquidity_key" ON "fills" USING btree ("trade_id","liquidity");--> statement-breakpoint
CREATE INDEX "order_events_order_id_idx" ON "order_events" USING btree ("order_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "orders_client_order_id_key" ON "orders" USING btree ("account_id","client_order_id");--> statement-breakpoint
CREATE UNIQUE INDEX "orders_idempotency_key" ON "orders" USING btree ("account_id","idempotency_key","idempotency_index");--> statement-breakpoint
CREATE UNIQUE INDEX "orders_book_seq_key" ON "orders" USING btree ("instrument_id","book","book_seq");--> statement-breakpoint
CREATE INDEX "orders_account_id_idx" ON "orders" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "orders_user_id_idx" ON "orders" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "orders_open_idx" ON "orders" USING btree ("instrument_id","book","book_seq") WHERE "orders"."status" in ('held', 'pending', 'open', 'partially_filled');--> statement-breakpoint
CREATE INDEX "orders_account_open_idx" ON "orders" USING btree ("account_id") WHERE "orders"."closed_at" is null;--> statement-breakpoint
CREATE INDEX "orders_pending_idx" ON "orders" USING btree ("instrument_id","book","id") WHERE "orders"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "orders_cancel_idx" ON "orders" USING btree ("instrument_id","book") WHERE "orders"."cancel_requested_at" is not null and "orders"."closed_at" is null;--> statement-breakpoint
CREATE INDEX "trades_instrument_id_idx" ON "trades" USING btree ("instrument_id","id");--> statement-breakpoint
CREATE POLICY "approval_votes_staff" ON "approval_votes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "approval_votes_engine" ON "approval_votes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "approvals_staff" ON "approvals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "approvals_engine" ON "approvals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_checkpoints_staff" ON "audit_checkpoints" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_checkpoints_engine" ON "audit_checkpoints" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_exports_staff" ON "audit_exports" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_exports_engine" ON "audit_exports" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_leaves_staff" ON "audit_leaves" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_leaves_engine" ON "audit_leaves" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_logs_app" ON "audit_logs" AS PERMISSIVE FOR INSERT TO "plimsoll_app" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_logs_staff" ON "audit_logs" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_logs_engine" ON "audit_logs" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_nodes_staff" ON "audit_nodes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_nodes_engine" ON "audit_nodes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "files_app" ON "files" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("files"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("files"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "files_staff" ON "files" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "files_engine" ON "files" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "idempotency_keys_app" ON "idempotency_keys" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("idempotency_keys"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("idempotency_keys"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "idempotency_keys_staff" ON "idempotency_keys" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "idempotency_keys_engine" ON "idempotency_keys" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "outbox_app_read" ON "outbox" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING ("outbox"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid) and "outbox"."customer_visible");--> statement-breakpoint
CREATE POLICY "outbox_app" ON "outbox" AS PERMISSIVE FOR INSERT TO "plimsoll_app" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "outbox_staff" ON "outbox" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "outbox_engine" ON "outbox" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "outbox_consumers_staff" ON "outbox_consumers" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "outbox_consumers_engine" ON "outbox_consumers" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "outbox_retries_staff" ON "outbox_retries" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "outbox_retries_engine" ON "outbox_retries" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "person_keys_app" ON "person_keys" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("person_keys"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("person_keys"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "person_keys_staff" ON "person_keys" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "person_keys_engine" ON "person_keys" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "accounts_app" ON "accounts" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("accounts"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("accounts"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "accounts_staff" ON "accounts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "accounts_engine" ON "accounts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_alerts_staff" ON "aml_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "aml_alerts_engine" ON "aml_alerts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_entities_staff" ON "list_entities" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_entities_engine" ON "list_entities" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_version_entities_staff" ON "list_version_entities" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_version_entities_engine" ON "list_version_entities" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_versions_staff" ON "list_versions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "list_versions_engine" ON "list_versions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_lists_staff" ON "screening_lists" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_lists_engine" ON "screening_lists" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_matches_staff" ON "screening_matches" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screening_matches_engine" ON "screening_matches" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screenings_staff" ON "screenings" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "screenings_engine" ON "screenings" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "beneficiaries_app" ON "beneficiaries" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("beneficiaries"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("beneficiaries"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "beneficiaries_staff" ON "beneficiaries" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "beneficiaries_engine" ON "beneficiaries" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "deposits_app" ON "deposits" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("deposits"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("deposits"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "deposits_staff" ON "deposits" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "deposits_engine" ON "deposits" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "funding_limits_staff" ON "funding_limits" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "funding_limits_engine" ON "funding_limits" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "withdrawals_app" ON "withdrawals" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("withdrawals"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("withdrawals"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "withdrawals_staff" ON "withdrawals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "withdrawals_engine" ON "withdrawals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "agreement_acceptances_app" ON "agreement_acceptances" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("agreement_acceptances"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("agreement_acceptances"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "agreement_acceptances_staff" ON "agreement_acceptances" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "agreement_acceptances_engine" ON "agreement_acceptances" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "api_keys_app" ON "api_keys" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("api_keys"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("api_keys"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "api_keys_staff" ON "api_keys" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "api_keys_engine" ON "api_keys" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "credentials_app" ON "credentials" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("credentials"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("credentials"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "credentials_staff" ON "credentials" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "credentials_engine" ON "credentials" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "customer_gates_app" ON "customer_gates" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("customer_gates"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("customer_gates"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "customer_gates_staff" ON "customer_gates" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "customer_gates_engine" ON "customer_gates" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "email_tokens_app" ON "email_tokens" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("email_tokens"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("email_tokens"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "email_tokens_staff" ON "email_tokens" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "email_tokens_engine" ON "email_tokens" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "role_grants_app" ON "role_grants" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("role_grants"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("role_grants"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "role_grants_staff" ON "role_grants" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "role_grants_engine" ON "role_grants" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "sessions_app" ON "sessions" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("sessions"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("sessions"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "sessions_staff" ON "sessions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "sessions_engine" ON "sessions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "token_keys_staff" ON "token_keys" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "token_keys_engine" ON "token_keys" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "totp_secrets_app" ON "totp_secrets" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("totp_secrets"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("totp_secrets"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "totp_secrets_staff" ON "totp_secrets" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "totp_secrets_engine" ON "totp_secrets" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "user_settings_app" ON "user_settings" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("user_settings"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("user_settings"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "user_settings_staff" ON "user_settings" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "user_settings_engine" ON "user_settings" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "users_app" ON "users" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("users"."id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("users"."id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "users_staff" ON "users" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "users_engine" ON "users" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_applications_app" ON "kyc_applications" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("kyc_applications"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("kyc_applications"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "kyc_applications_staff" ON "kyc_applications" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_applications_engine" ON "kyc_applications" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_decisions_staff" ON "kyc_decisions" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_decisions_engine" ON "kyc_decisions" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_documents_app" ON "kyc_documents" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("kyc_documents"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("kyc_documents"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "kyc_documents_staff" ON "kyc_documents" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "kyc_documents_engine" ON "kyc_documents" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "holds_app" ON "holds" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("holds"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("holds"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "holds_staff" ON "holds" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "holds_engine" ON "holds" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "journals_staff" ON "journals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "journals_engine" ON "journals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "ledger_entries_app" ON "ledger_entries" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("ledger_entries"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("ledger_entries"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "ledger_entries_staff" ON "ledger_entries" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "ledger_entries_engine" ON "ledger_entries" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "lot_disposals_app" ON "lot_disposals" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("lot_disposals"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("lot_disposals"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "lot_disposals_staff" ON "lot_disposals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "lot_disposals_engine" ON "lot_disposals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "lots_app" ON "lots" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("lots"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("lots"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "lots_staff" ON "lots" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "lots_engine" ON "lots" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliations_staff" ON "reconciliations" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "reconciliations_engine" ON "reconciliations" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "wallets_app" ON "wallets" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("wallets"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("wallets"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "wallets_staff" ON "wallets" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "wallets_engine" ON "wallets" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_limits_staff" ON "risk_limits" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "risk_limits_engine" ON "risk_limits" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "book_owners_staff" ON "book_owners" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "book_owners_engine" ON "book_owners" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fills_app" ON "fills" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("fills"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("fills"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "fills_staff" ON "fills" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "fills_engine" ON "fills" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "order_events_app" ON "order_events" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("order_events"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("order_events"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "order_events_staff" ON "order_events" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "order_events_engine" ON "order_events" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "orders_app" ON "orders" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("orders"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("orders"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "orders_staff" ON "orders" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "orders_engine" ON "orders" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);