-- What a broker's first version does with an order, without any of what surrounds it: no authentication, no rules, no
-- proof. One wallet row, an order of 20 columns under four indexes, a line in a log.
CREATE TABLE wallets (
  id bigint PRIMARY KEY,
  total numeric(20, 8) NOT NULL,
  reserved numeric(20, 8) NOT NULL DEFAULT 0,
  CHECK (reserved >= 0 AND reserved <= total)
);
CREATE TABLE orders (
  id uuid PRIMARY KEY,
  user_id bigint NOT NULL,
  account_id bigint NOT NULL,
  wallet_id bigint NOT NULL,
  symbol text NOT NULL,
  side text NOT NULL,
  type text NOT NULL,
  time_in_force text NOT NULL,
  quantity numeric(20, 8) NOT NULL,
  limit_price numeric(20, 8),
  post_only boolean NOT NULL,
  client_order_id text,
  status text NOT NULL,
  reservation numeric(20, 8) NOT NULL,
  filled_quantity numeric(20, 8) NOT NULL,
  filled_amount numeric(20, 8) NOT NULL,
  fees numeric(20, 8) NOT NULL,
  version integer NOT NULL,
  placed_at timestamptz NOT NULL,
  closed_at timestamptz
);
CREATE INDEX ON orders (account_id, placed_at);
CREATE INDEX ON orders (user_id, placed_at);
CREATE INDEX ON orders (symbol, status, limit_price);
CREATE TABLE audit_logs (
  id uuid PRIMARY KEY,
  user_id bigint NOT NULL,
  event_type text NOT NULL,
  resource_id uuid NOT NULL,
  data jsonb NOT NULL,
  recorded_at timestamptz NOT NULL
);
