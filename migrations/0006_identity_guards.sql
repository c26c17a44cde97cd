-- What the schema files cannot say about the tables of 0005: forced row-level security, grants,
-- tables that need no log, and the functions and triggers of access.

-- Row-level security is forced wherever a policy exists -----------------------------------------------
DO $$
DECLARE
  target text;
BEGIN
  FOR target IN SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
  END LOOP;
END
$$;
--> statement-breakpoint

-- Short-lived state: after a crash everybody starts afresh, and replicas need none of it ----------------
ALTER TABLE rate_counters SET UNLOGGED;
--> statement-breakpoint
ALTER TABLE request_nonces SET UNLOGGED;
--> statement-breakpoint

-- Keys made before there were approvals go on working ----------------------------------------------------
ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
UPDATE api_keys SET activated_at = created_at WHERE activated_at IS NULL;
--> statement-breakpoint
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
--> statement-breakpoint

-- Grants ------------------------------------------------------------------------------------------------
GRANT SELECT ON passkeys TO plimsoll_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON passkeys, passkey_challenges, recovery_codes, break_glass_seals,
  request_nonces, rate_counters TO plimsoll_engine;
--> statement-breakpoint

-- Rate limits --------------------------------------------------------------------------------------------
-- The generic cell rate algorithm. arrives_at is when the bucket is full again; a token takes interval_us
-- to come back, and a bucket holds quota of them. The caller needs some tokens now and would like a block:
-- it gets the block while a quarter of the quota stays free, near the limit only what it needs. The row
-- lock makes callers take turns, so that no two get the same token; time is this server's, read under the
-- lock. What was granted is spent, whether the caller uses it or not.
CREATE FUNCTION take_tokens(
  which bytea, quota integer, interval_us bigint, need integer, block integer,
  OUT granted integer, OUT remaining integer, OUT retry_after_ms integer, OUT reset_ms integer
) LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  stands timestamptz;
  at timestamptz;
  backlog_us bigint;
BEGIN
  LOOP
    SELECT arrives_at INTO stands FROM rate_counters WHERE counter = which FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO rate_counters (counter, arrives_at) VALUES (which, clock_timestamp()) ON CONFLICT DO NOTHING;
  END LOOP;
  at := clock_timestamp();
  backlog_us := greatest(0, extract(epoch FROM stands - at) * 1000000)::bigint;
  remaining := greatest(0, (quota * interval_us - backlog_us) / interval_us);
  granted := CASE
    WHEN remaining - greatest(need, block) >= quota / 4 THEN greatest(need, block)
    ELSE least(need, remaining)
  END;
  IF granted > 0 THEN
    backlog_us := backlog_us + granted * interval_us;
    remaining := remaining - granted;
    UPDATE rate_counters SET arrives_at = at + backlog_us * interval '1 microsecond' WHERE counter = which;
  END IF;
  retry_after_ms := CASE
    WHEN granted < need THEN ceil((backlog_us - (quota - 1) * interval_us) / 1000.0)
    ELSE 0
  END;
  reset_ms := ceil(backlog_us / 1000.0);
END
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION take_tokens(bytea, integer, bigint, integer, integer) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION take_tokens(bytea, integer, bigint, integer, integer) TO plimsoll_engine;
--> statement-breakpoint

-- Revocation ---------------------------------------------------------------------------------------------
-- Whoever changes what a credential may do, by whatever path, tells every node at commit: which session,
-- key, user or person it concerns, never what it is. A refreshed session and a noted use tell nothing.
CREATE FUNCTION tell_revocation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  changed jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
BEGIN
  PERFORM pg_notify('plimsoll_revocations', TG_ARGV[0] || ' ' || (changed ->> TG_ARGV[1]));
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER sessions_tell AFTER UPDATE ON sessions FOR EACH ROW
  WHEN ((OLD.revoked_at, OLD.mfa_at, OLD.methods, OLD.absolute_expires_at, OLD.user_id)
    IS DISTINCT FROM (NEW.revoked_at, NEW.mfa_at, NEW.methods, NEW.absolute_expires_at, NEW.user_id))
  EXECUTE FUNCTION tell_revocation('session', 'id');
--> statement-breakpoint
CREATE TRIGGER sessions_tell_gone AFTER DELETE ON sessions FOR EACH ROW
  EXECUTE FUNCTION tell_revocation('session', 'id');
--> statement-breakpoint
CREATE TRIGGER api_keys_tell AFTER UPDATE ON api_keys FOR EACH ROW
  WHEN ((OLD.revoked_at, OLD.expires_at, OLD.activated_at, OLD.scopes, OLD.allowed_cidrs, OLD.mode,
      OLD.service, OLD.signing_key, OLD.secret_hash, OLD.user_id)
    IS DISTINCT FROM (NEW.revoked_at, NEW.expires_at, NEW.activated_at, NEW.scopes, NEW.allowed_cidrs,
      NEW.mode, NEW.service, NEW.signing_key, NEW.secret_hash, NEW.user_id))
  EXECUTE FUNCTION tell_revocation('key', 'id');
--> statement-breakpoint
CREATE TRIGGER api_keys_tell_gone AFTER DELETE ON api_keys FOR EACH ROW
  EXECUTE FUNCTION tell_revocation('key', 'id');
--> statement-breakpoint
CREATE TRIGGER users_tell AFTER UPDATE ON users FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION tell_revocation('user', 'id');
--> statement-breakpoint
CREATE TRIGGER role_grants_tell AFTER INSERT OR UPDATE OR DELETE ON role_grants FOR EACH ROW
  EXECUTE FUNCTION tell_revocation('user', 'user_id');
--> statement-breakpoint
CREATE TRIGGER totp_secrets_tell AFTER UPDATE ON totp_secrets FOR EACH ROW
  WHEN (OLD.confirmed_at IS DISTINCT FROM NEW.confirmed_at)
  EXECUTE FUNCTION tell_revocation('user', 'user_id');
--> statement-breakpoint
CREATE TRIGGER totp_secrets_tell_gone AFTER INSERT OR DELETE ON totp_secrets FOR EACH ROW
  EXECUTE FUNCTION tell_revocation('user', 'user_id');
--> statement-breakpoint
CREATE TRIGGER passkeys_tell AFTER INSERT OR DELETE ON passkeys FOR EACH ROW
  EXECUTE FUNCTION tell_revocation('user', 'user_id');
--> statement-breakpoint
CREATE TRIGGER person_keys_tell AFTER DELETE ON person_keys FOR EACH ROW
  EXECUTE FUNCTION tell_revocation('person', 'user_id');
--> statement-breakpoint
CREATE TRIGGER token_keys_tell AFTER INSERT OR UPDATE OR DELETE ON token_keys FOR EACH ROW
  EXECUTE FUNCTION tell_revocation('token_key', 'id');
--> statement-breakpoint
DO $$
DECLARE
  telling record;
BEGIN
  FOR telling IN
    SELECT tgrelid::regclass AS target, tgname FROM pg_trigger
    WHERE tgfoid = 'tell_revocation()'::regprocedure
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', telling.target, telling.tgname);
  END LOOP;
END
$$;
--> statement-breakpoint

-- API keys (I7) ------------------------------------------------------------------------------------------
-- What a key may do is decided when it is made: afterwards it can only begin to work, end sooner, or be
-- revoked. A service key works only once two people agreed to it, or as the successor of one that does,
-- within what they agreed to.
CREATE FUNCTION check_api_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (
      (NEW.id, NEW.user_id, NEW.mode, NEW.secret_hash, NEW.scopes, NEW.allowed_cidrs, NEW.created_at,
        NEW.service, NEW.approval_id, NEW.signing_key, NEW.rotated_from_id)
      IS DISTINCT FROM
      (OLD.id, OLD.user_id, OLD.mode, OLD.secret_hash, OLD.scopes, OLD.allowed_cidrs, OLD.created_at,
        OLD.service, OLD.approval_id, OLD.signing_key, OLD.rotated_from_id)
      OR (OLD.activated_at IS NOT NULL AND NEW.activated_at IS DISTINCT FROM OLD.activated_at)
      OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
      OR (OLD.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at))) THEN
    RAISE EXCEPTION 'an API key cannot be rewritten' USING ERRCODE = 'PL007';
  END IF;
  IF NEW.service AND NEW.activated_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.activated_at IS NULL)
    AND NOT EXISTS (
      SELECT FROM approvals a
      WHERE a.id = NEW.approval_id AND a.action = 'api_key.activate' AND a.status = 'executed'
        AND a.subject_user_id = NEW.user_id AND a.payload -> 'scopes' = to_jsonb(NEW.scopes)
        AND (a.subject_id = NEW.id OR EXISTS (
          SELECT FROM api_keys k
          WHERE k.id = NEW.rotated_from_id AND k.service AND k.activated_at IS NOT NULL
            AND (k.approval_id, k.user_id, k.mode, k.scopes, k.allowed_cidrs)
              = (NEW.approval_id, NEW.user_id, NEW.mode, NEW.scopes, NEW.allowed_cidrs)
            AND NEW.expires_at <= k.expires_at))) THEN
    RAISE EXCEPTION 'a service key works only once another person approved it' USING ERRCODE = 'PL007';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER check_api_key BEFORE INSERT OR UPDATE ON api_keys
  FOR EACH ROW EXECUTE FUNCTION check_api_key();
--> statement-breakpoint
ALTER TABLE api_keys ENABLE ALWAYS TRIGGER check_api_key;
--> statement-breakpoint
-- Since when nonces are kept: a row that vanishes with the others when the database crashes, so that a
-- node can tell that it no longer knows which signatures were used.
ALTER TABLE request_nonces NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
INSERT INTO request_nonces (key_id, nonce_hash, expires_at)
  VALUES ('00000000-0000-0000-0000-000000000000', '', now());
--> statement-breakpoint
ALTER TABLE request_nonces FORCE ROW LEVEL SECURITY;
--> statement-breakpoint

-- A customer writes to the logs in their own name only -----------------------------------------------------
ALTER POLICY audit_logs_app ON audit_logs TO plimsoll_app WITH CHECK (
  actor_user_id IS NOT DISTINCT FROM (SELECT nullif(current_setting('plimsoll.user_id', true), '')::uuid));
--> statement-breakpoint
ALTER POLICY outbox_app ON outbox TO plimsoll_app WITH CHECK (
  user_id IS NOT DISTINCT FROM (SELECT nullif(current_setting('plimsoll.user_id', true), '')::uuid));
--> statement-breakpoint

-- The sealed login -----------------------------------------------------------------------------------------
-- Whoever holds a seal has no way in but that seal: no password, no factor, no key, no mailed token. And
-- nobody takes the user behind it away: one bad admin must not be able to lock the emergency out first.
CREATE FUNCTION refuse_sealed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  changed jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
BEGIN
  IF EXISTS (SELECT FROM break_glass_seals WHERE user_id = (changed ->> TG_ARGV[0])::uuid) THEN
    RAISE EXCEPTION 'the sealed login is changed by its command only' USING ERRCODE = 'PL403';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
--> statement-breakpoint
GRANT SELECT (user_id) ON break_glass_seals TO plimsoll_staff;
--> statement-breakpoint
CREATE TRIGGER refuse_sealed BEFORE UPDATE OF status, email_index ON users FOR EACH ROW
  WHEN ((OLD.status, OLD.email_index) IS DISTINCT FROM (NEW.status, NEW.email_index))
  EXECUTE FUNCTION refuse_sealed('id');
--> statement-breakpoint
CREATE TRIGGER refuse_sealed BEFORE INSERT OR UPDATE OR DELETE ON role_grants FOR EACH ROW
  EXECUTE FUNCTION refuse_sealed('user_id');
--> statement-breakpoint
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['credentials', 'email_tokens', 'totp_secrets', 'passkeys', 'recovery_codes', 'api_keys'] LOOP
    EXECUTE format('CREATE TRIGGER refuse_sealed BEFORE INSERT ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_sealed(''user_id'')', target);
  END LOOP;
  FOREACH target IN ARRAY ARRAY['users', 'role_grants', 'credentials', 'email_tokens', 'totp_secrets', 'passkeys',
      'recovery_codes', 'api_keys'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER refuse_sealed', target);
  END LOOP;
END
$$;
