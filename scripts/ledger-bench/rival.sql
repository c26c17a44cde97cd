-- The shape of pgledger, in its own manner: an account row with balance and version, a transfer, and two
-- entries with the balance before and after, all written by one call that locks both accounts in order.
-- Lighter than the original: native identifiers instead of text ones, and no checks of currency beyond one.
CREATE TABLE accounts (
  id bigint PRIMARY KEY,
  currency text NOT NULL,
  balance numeric NOT NULL,
  version bigint NOT NULL,
  may_be_negative boolean NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE TABLE transfers (
  id uuid PRIMARY KEY,
  from_account bigint NOT NULL REFERENCES accounts,
  to_account bigint NOT NULL REFERENCES accounts,
  amount numeric NOT NULL,
  created_at timestamptz NOT NULL,
  event_at timestamptz NOT NULL,
  metadata jsonb,
  CHECK (amount > 0 AND from_account <> to_account)
);
CREATE INDEX ON transfers (from_account);
CREATE INDEX ON transfers (to_account);
CREATE INDEX ON transfers (event_at);
CREATE TABLE entries (
  id uuid PRIMARY KEY,
  account bigint NOT NULL REFERENCES accounts,
  transfer uuid NOT NULL REFERENCES transfers,
  amount numeric NOT NULL,
  balance_before numeric NOT NULL,
  balance_after numeric NOT NULL,
  version bigint NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX ON entries (account);
CREATE INDEX ON entries (transfer);

CREATE FUNCTION create_transfer(payer bigint, payee bigint, quantity numeric) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  debited accounts;
  credited accounts;
  transfer_id uuid := uuidv7();
BEGIN
  PERFORM 1 FROM accounts WHERE id = least(payer, payee) FOR UPDATE;
  PERFORM 1 FROM accounts WHERE id = greatest(payer, payee) FOR UPDATE;
  UPDATE accounts SET balance = balance - quantity, version = version + 1, updated_at = now()
    WHERE id = payer RETURNING * INTO debited;
  IF NOT debited.may_be_negative AND debited.balance < 0 THEN
    RAISE EXCEPTION 'account % may not be negative', payer;
  END IF;
  UPDATE accounts SET balance = balance + quantity, version = version + 1, updated_at = now()
    WHERE id = payee RETURNING * INTO credited;
  IF debited.currency <> credited.currency THEN
    RAISE EXCEPTION 'the accounts hold different currencies';
  END IF;
  INSERT INTO transfers (id, from_account, to_account, amount, created_at, event_at)
    VALUES (transfer_id, payer, payee, quantity, now(), now());
  INSERT INTO entries (id, account, transfer, amount, balance_before, balance_after, version, created_at)
    VALUES (uuidv7(), payer, transfer_id, -quantity, debited.balance + quantity, debited.balance,
      debited.version, now());
  INSERT INTO entries (id, account, transfer, amount, balance_before, balance_after, version, created_at)
    VALUES (uuidv7(), payee, transfer_id, quantity, credited.balance - quantity, credited.balance,
      credited.version, now());
  RETURN transfer_id;
END
$$;
