/** Code that a lint rule must catch, or must let pass, at a path. A `*` in a path is made unique. */
export type LintSample = {
  readonly rule: string;
  readonly path: string;
  readonly code: string;
  readonly caught: boolean;
};

const CLOCK = [
  'export const a = Date.now();',
  'export const a = globalThis.Date.now();',
  "export const a = Date['now']();",
  'export const a = new Date();',
  'export const a = Date();',
  'export const a = Temporal.Now.instant();',
  'const { now } = Date;\nexport const a = now();',
];

const RANDOMNESS = [
  'export const a = Math.random();',
  'export const a = crypto.randomUUID();',
  'export const a = globalThis.crypto.randomUUID();',
  'export const a = Bun.randomUUIDv7();',
  "import { randomUUIDv7 } from 'bun';\nexport const a = randomUUIDv7();",
  "import { randomUUID as id } from 'node:crypto';\nexport const a = id();",
];

const ENVIRONMENT = [
  'export const a = process.env.PORT;',
  "export const a = process['env'];",
  'export const a = Bun.env.PORT;',
  'export const a = import.meta.env.PORT;',
  'const { env } = process;\nexport const a = env;',
  "import { env } from 'node:process';\nexport const a = env;",
];

const FLOATS = [
  "export const a = Number('1.1');",
  "export const a = parseFloat('1.1');",
  "export const a = Number.parseFloat('1.1');",
  "export const a = ['1.1'].map(Number);",
  'declare const text: string;\nexport const a = +text;',
];

const ROW_LOCKS = [
  'export const a = sql`select id from wallets where id = 1 for update`;',
  'export const a = sql`SELECT id FROM wallets\n  FOR NO KEY UPDATE OF wallets`;',
  'export const a = sql`select id from jobs for update skip locked limit 1`;',
  'export const a = sql`where id = 1 for share`;',
  'export const a = sql`lock table wallets`;',
  "export const a = 'select id from wallets for update';",
  "export const a = db.select().from(wallets).for('update');",
];

const UNAUDITED = [
  'export const a = transact(ctx, login, async (tx) => { await tx.insert(orders).values({}); });',
  'export const a = transact(ctx, login, async (tx) => { await tx.update(orders).set({}); });',
  'export const a = transact(ctx, login, async (tx) => { await tx.execute(sql`delete from orders`); });',
  "export const a = transact(ctx, 'engine', (tx) => settle(tx));",
  'export const a = db.engine.transaction((tx) => settle(tx));',
];

const AUDITED = [
  "export const a = transact(ctx, 'engine', async (tx) => { await tx.insert(orders); await record(tx, ctx, {}); });",
  'export const a = transact(ctx, login, (tx) => tx.select().from(orders));',
  'export const a = hash.update(text);',
];

const PROMISES = {
  'typescript/no-floating-promises':
    'async function f(): Promise<void> {}\nexport function g(): void {\n  f();\n}\n',
  'typescript/await-thenable': 'export async function g(): Promise<void> {\n  await 1;\n}\n',
  'typescript/no-misused-promises':
    'async function f(): Promise<boolean> {\n  return true;\n}\nexport const a = [1].filter(() => f());\nif (f()) {\n  a.pop();\n}\n',
} as const;

export const lintSamples: readonly LintSample[] = [
  ...caught('plimsoll/clock', 'src/platform/*.ts', CLOCK),
  ...passed('plimsoll/clock', 'src/kernel/time.ts', [
    CLOCK.slice(0, 6).join('\n').replaceAll('export const a =', 'void'),
  ]),
  ...passed('plimsoll/clock', 'src/platform/clock.ts', ['export const a = Date.now();']),
  ...passed('plimsoll/clock', 'src/platform/*.test.ts', CLOCK),
  ...passed('plimsoll/clock', 'src/platform/*.ts', [
    'export const a = new Date(0);',
    'export const a = clock.now();',
  ]),
  ...caught('plimsoll/randomness', 'src/domains/kyc/*.ts', RANDOMNESS),
  ...passed('plimsoll/randomness', 'src/kernel/id.ts', ['export const a = Bun.randomUUIDv7();']),
  ...passed('plimsoll/randomness', 'src/platform/crypto/*.ts', RANDOMNESS),
  ...passed('plimsoll/randomness', 'src/testing/*.ts', RANDOMNESS),
  ...caught('plimsoll/environment', 'src/platform/*.ts', ENVIRONMENT),
  ...passed('plimsoll/environment', 'src/config.ts', ['export const a = process.env.PORT;']),
  ...passed('plimsoll/environment', 'scripts/*.ts', ENVIRONMENT),
  ...caught('plimsoll/float-money', 'src/domains/ledger/*.ts', FLOATS),
  ...caught('plimsoll/float-money', 'src/kernel/amount.ts', ["export const a = Number('1.1');"]),
  ...passed('plimsoll/float-money', 'src/platform/*.ts', ["export const a = Number('8080');"]),
  ...passed('plimsoll/float-money', 'src/domains/ledger/*.ts', [
    'export const a = +1 - Number.MAX_SAFE_INTEGER;',
  ]),
  ...caught('plimsoll/float-parsing', 'src/platform/*.ts', [FLOATS[1] ?? '', FLOATS[2] ?? '']),
  ...passed('plimsoll/float-parsing', 'src/platform/*.ts', ["export const a = Number('1.1');"]),
  ...caught('plimsoll/row-locks', 'src/domains/ledger/*.ts', ROW_LOCKS),
  ...passed('plimsoll/row-locks', 'src/platform/db/locks.ts', [
    "export const a = db.select().for('update');",
  ]),
  ...passed('plimsoll/row-locks', 'src/domains/ledger/*.ts', [
    "export const a = 'waits for update of the price';",
  ]),
  ...caught('plimsoll/audited-transaction', 'src/domains/ledger/*.ts', UNAUDITED),
  ...caught('plimsoll/audited-transaction', 'src/domains/kyc/store.ts', UNAUDITED.slice(0, 1)),
  ...passed('plimsoll/audited-transaction', 'src/domains/ledger/*.ts', AUDITED),
  ...passed('plimsoll/audited-transaction', 'src/domains/kyc/index.ts', UNAUDITED.slice(3, 4)),
  ...passed('plimsoll/audited-transaction', 'src/domains/ledger/*.test.ts', UNAUDITED),
  ...Object.entries(PROMISES).flatMap(([rule, code]) => caught(rule, 'src/platform/*.ts', [code])),
];

function caught(rule: string, path: string, codes: readonly string[]): LintSample[] {
  return codes.map((code) => ({ rule, path, code, caught: true }));
}

function passed(rule: string, path: string, codes: readonly string[]): LintSample[] {
  return codes.map((code) => ({ rule, path, code, caught: false }));
}
