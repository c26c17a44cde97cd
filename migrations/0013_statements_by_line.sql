CREATE TABLE "bank_statement_bookings" (
	"statement_id" uuid PRIMARY KEY NOT NULL,
	"booked_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "bank_statement_bookings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "kyc_parties" DROP CONSTRAINT "kyc_parties_role_check";--> statement-breakpoint
ALTER TABLE "bank_statement_bookings" ADD CONSTRAINT "bank_statement_bookings_statement_id_bank_statements_id_fk" FOREIGN KEY ("statement_id") REFERENCES "public"."bank_statements"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kyc_parties" ADD CONSTRAINT "kyc_parties_role_check" CHECK ("kyc_parties"."role" in ('director', 'beneficial_owner', 'authorised_signatory', 'trustee', 'settlor',
        'beneficiary', 'protector'));--> statement-breakpoint
CREATE POLICY "bank_statement_bookings_staff" ON "bank_statement_bookings" AS PERMISSIVE FOR ALL TO "plimsoll_staff" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "bank_statement_bookings_engine" ON "bank_statement_bookings" AS PERMISSIVE FOR ALL TO "plimsoll_engine" USING (true) WITH CHECK (true);