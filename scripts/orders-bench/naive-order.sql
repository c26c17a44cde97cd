\set account random(1, :accounts)
\set ticks random(1, 900)
BEGIN;
UPDATE wallets SET reserved = reserved + 1 WHERE id = :account AND total - reserved >= 1;
INSERT INTO orders VALUES (uuidv7(), :account::bigint / 10, :account, :account, 'BTC/USD', 'buy', 'limit', 'gtc', 0.01,
  90 + :ticks::numeric / 100, false, NULL, 'open', 1, 0, 0, 0, 1, now(), NULL);
INSERT INTO audit_logs VALUES (uuidv7(), :account::bigint / 10, 'order.placed', uuidv7(),
  jsonb_build_object('accountId', :account::bigint, 'symbol', 'BTC/USD', 'side', 'buy', 'quantity', '0.01'), now());
END;
