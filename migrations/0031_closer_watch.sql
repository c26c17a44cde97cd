DROP INDEX "monitored_activity_linked_user_id_idx";--> statement-breakpoint
DROP INDEX "monitored_activity_user_id_idx";--> statement-breakpoint
ALTER TABLE "payout_submissions" ADD COLUMN "accepted_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "payout_submissions" ADD COLUMN "turned_away" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "margin_calls" ADD COLUMN "mailed_at" timestamp (6) with time zone;--> statement-breakpoint
CREATE INDEX "monitored_activity_pair_idx" ON "monitored_activity" USING btree ("linked_user_id","user_id","instrument","occurred_at","id") WHERE "monitored_activity"."linked_user_id" is not null;--> statement-breakpoint
CREATE INDEX "monitored_activity_user_id_idx" ON "monitored_activity" USING btree ("user_id","is_market","kind","occurred_at","id");