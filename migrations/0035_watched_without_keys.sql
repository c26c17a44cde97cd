ALTER TABLE "monitored_activity" DROP CONSTRAINT "monitored_activity_user_id_users_id_fk";
--> statement-breakpoint
ALTER TABLE "monitored_activity" DROP CONSTRAINT "monitored_activity_linked_user_id_users_id_fk";
