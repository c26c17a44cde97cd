CREATE TYPE "public"."challenge_purpose" AS ENUM('register', 'sign_in', 'step_up');--> statement-breakpoint
CREATE TABLE "rate_counters" (
	"counter" "bytea" PRIMARY KEY NOT NULL,
	"arrives_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "rate_counters" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "break_glass_seals" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"first_hash" "bytea" NOT NULL,
	"second_hash" "bytea" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	"opened_at" timestamp (6) with time zone,
	"session_id" uuid,
	"revoked_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "break_glass_seals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "passkey_challenges" (
	"challenge_hash" "bytea" PRIMARY KEY NOT NULL,
	"purpose" "challenge_purpose" NOT NULL,
	"user_id" uuid,
	"session_id" uuid,
	"expires_at" timestamp (6) with time zone NOT NULL,
	"used_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "passkey_challenges" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "passkeys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"credential_id" "bytea" NOT NULL,
	"public_key" "bytea" NOT NULL,
	"sign_count" bigint NOT NULL,
	"transports" text[] NOT NULL,
	"device_type" text NOT NULL,
	"backed_up" boolean NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"last_used_at" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "passkeys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "recovery_codes" (
	"user_id" uuid NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"used_at" timestamp (6) with time zone,
	CONSTRAINT "recovery_codes_pkey" PRIMARY KEY("user_id","code_hash")
);
--> statement-breakpoint
ALTER TABLE "recovery_codes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "request_nonces" (
	"key_id" uuid NOT NULL,
	"nonce_hash" "bytea" NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "request_nonces_pkey" PRIMARY KEY("key_id","nonce_hash")
);
--> statement-breakpoint
ALTER TABLE "request_nonces" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "activated_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "approval_id" uuid;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "service" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "signing_key" "bytea";--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "rotated_from_id" uuid;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "methods" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "token_keys" ADD COLUMN "signs_from" timestamp (6) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "closed_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "break_glass_seals" ADD CONSTRAINT "break_glass_seals_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "passkey_challenges" ADD CONSTRAINT "passkey_challenges_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "passkeys" ADD CONSTRAINT "passkeys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recovery_codes" ADD CONSTRAINT "recovery_codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "rate_counters_arrives_at_idx" ON "rate_counters" USING btree ("arrives_at");--> statement-breakpoint
CREATE UNIQUE INDEX "break_glass_seals_first_hash_key" ON "break_glass_seals" USING btree ("first_hash");--> statement-breakpoint
CREATE INDEX "break_glass_seals_user_id_idx" ON "break_glass_seals" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "passkey_challenges_user_id_idx" ON "passkey_challenges" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "passkey_challenges_expires_at_idx" ON "passkey_challenges" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "passkeys_credential_id_key" ON "passkeys" USING btree ("credential_id");--> statement-breakpoint
CREATE INDEX "passkeys_user_id_idx" ON "passkeys" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "request_nonces_expires_at_idx" ON "request_nonces" USING btree ("expires_at");--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_rotated_from_id_fkey" FOREIGN KEY ("rotated_from_id") REFERENCES "public"."api_keys"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_rotated_from_id_key" ON "api_keys" USING btree ("rotated_from_id");--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_service_check" CHECK (not "api_keys"."service" or "api_keys"."activated_at" is null or "api_keys"."approval_id" is not null);--> statement-breakpoint
CREATE POLICY "rate_counters_staff" ON "rate_counters" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "rate_counters_engine" ON "rate_counters" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "break_glass_seals_staff" ON "break_glass_seals" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "break_glass_seals_engine" ON "break_glass_seals" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "passkey_challenges_staff" ON "passkey_challenges" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "passkey_challenges_engine" ON "passkey_challenges" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "passkeys_app" ON "passkeys" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("passkeys"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("passkeys"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "passkeys_staff" ON "passkeys" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "passkeys_engine" ON "passkeys" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "recovery_codes_app" ON "recovery_codes" AS PERMISSIVE FOR ALL TO "plimsoll_app" USING ("recovery_codes"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid)) WITH CHECK ("recovery_codes"."user_id" = (select nullif(current_setting('plimsoll.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "recovery_codes_staff" ON "recovery_codes" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "recovery_codes_engine" ON "recovery_codes" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "request_nonces_staff" ON "request_nonces" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "request_nonces_engine" ON "request_nonces" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);