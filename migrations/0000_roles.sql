-- The four database logins and the role that owns the protected functions. Roles belong to the
-- whole cluster, so they may exist already; passwords are set outside migrations.
DO $$
DECLARE
  login text;
BEGIN
  FOREACH login IN ARRAY ARRAY['plimsoll_app', 'plimsoll_staff', 'plimsoll_engine'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = login) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', login);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database of this cluster created it at the same moment
      END;
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'plimsoll_ledger') THEN
    BEGIN
      CREATE ROLE plimsoll_ledger NOLOGIN NOINHERIT;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
  END IF;
END
$$;
--> statement-breakpoint
-- The migrator hands the protected functions over to plimsoll_ledger and must be its member for that.
DO $$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT plimsoll_ledger TO %I', current_user);
  END IF;
END
$$;
--> statement-breakpoint
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO plimsoll_app, plimsoll_staff, plimsoll_engine, plimsoll_ledger;
