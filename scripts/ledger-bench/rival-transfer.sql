\set payer random(1, :accounts)
\set payee 1 + (:payer + random(0, :accounts - 2)) % :accounts
SELECT create_transfer(:payer, :payee, 1.25);
