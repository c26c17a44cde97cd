-- Whom watched activity names ------------------------------------------------------------------------------
-- In place of foreign keys, which look once for each row (docs/adr/0025-orders-without-foreign-keys.md): the people of
-- a statement are looked up once each. Written like the orders' trigger, for a plan that stays look-ups.
CREATE FUNCTION check_monitored_activity_names() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  PERFORM 1 FROM (
      SELECT m.user_id AS id FROM new_rows m
      UNION
      SELECT m.linked_user_id FROM new_rows m WHERE m.linked_user_id IS NOT NULL
    ) named WHERE (SELECT true FROM public.users u WHERE u.id = named.id) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'what was watched names people who are there' USING ERRCODE = '23503';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_monitored_activity_names AFTER INSERT ON monitored_activity REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION check_monitored_activity_names();
--> statement-breakpoint
ALTER TABLE monitored_activity ENABLE ALWAYS TRIGGER check_monitored_activity_names;
