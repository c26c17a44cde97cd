ALTER TYPE "public"."repayment_status" ADD VALUE 'given_up';--> statement-breakpoint
ALTER TYPE "public"."quarantine_reason" ADD VALUE 'too_old' BEFORE 'quote_crossed';--> statement-breakpoint
CREATE TABLE "deposit_accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"asset" text NOT NULL,
	"holder_name" text NOT NULL,
	"iban" text NOT NULL,
	"bic" text NOT NULL,
	"bank_name" text NOT NULL,
	"approval_id" uuid NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "deposit_accounts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
DROP INDEX "repayments_receipt_id_key";--> statement-breakpoint
ALTER TABLE "repayments" ADD COLUMN "given_up_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "simulated_orders" ADD COLUMN "client" uuid;--> statement-breakpoint
ALTER TABLE "simulated_reports" ADD COLUMN "depth_key" text;--> statement-breakpoint
ALTER TABLE "deposit_accounts" ADD CONSTRAINT "deposit_accounts_asset_assets_code_fk" FOREIGN KEY ("asset") REFERENCES "public"."assets"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposit_accounts" ADD CONSTRAINT "deposit_accounts_approval_id_approvals_id_fk" FOREIGN KEY ("approval_id") REFERENCES "public"."approvals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deposit_accounts_asset_idx" ON "deposit_accounts" USING btree ("asset","id");--> statement-breakpoint
CREATE INDEX "deposit_accounts_approval_id_idx" ON "deposit_accounts" USING btree ("approval_id");--> statement-breakpoint
CREATE INDEX "simulated_reports_depth_idx" ON "simulated_reports" USING btree ("depth_key") WHERE "simulated_reports"."depth_key" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "repayments_receipt_id_key" ON "repayments" USING btree ("receipt_id") WHERE "repayments"."given_up_at" is null;--> statement-breakpoint
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_packed_unplaced" CHECK ("outbox"."type" <> 'outbox.packed' or "outbox"."position" is null);--> statement-breakpoint
ALTER TABLE "repayments" ADD CONSTRAINT "repayments_given_up_check" CHECK (("repayments"."status"::text = 'given_up') = ("repayments"."given_up_at" is not null));--> statement-breakpoint
CREATE POLICY "deposit_accounts_app_read" ON "deposit_accounts" AS PERMISSIVE FOR SELECT TO "plimsoll_app" USING (true);--> statement-breakpoint
CREATE POLICY "deposit_accounts_staff" ON "deposit_accounts" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "deposit_accounts_engine" ON "deposit_accounts" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);