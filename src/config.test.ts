import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { ConfigError, readConfig } from './config.ts';
import { parseRateLimits } from './platform/http/rate-policy.ts';
import { parseStreamLimits } from './platform/stream/limits.ts';

const KEY = `k1:${Buffer.alloc(32, 1).toString('base64')}`;
const SEED = Buffer.alloc(32, 2).toString('base64');

/** Of a witness nobody has. */
const WITNESS = witnessKey('witness.example/w1');

/** The least a production server is given. */
const PRODUCTION = {
  PLIMSOLL_MODE: 'production',
  PLIMSOLL_KEYS: KEY,
  PLIMSOLL_SIGNING_KEY: SEED,
  DATABASE_APP_URL: 'postgres://app:a@db/plimsoll',
  DATABASE_STAFF_URL: 'postgres://staff:b@db/plimsoll',
  DATABASE_ENGINE_URL: 'postgres://engine:c@db/plimsoll',
  PLIMSOLL_PUBLIC_URL: 'https://api.example.mu',
  SMTP_URL: 'smtp://relay:pw@mail.example.mu',
  MAIL_FROM: 'Example Ltd <no-reply@example.mu>',
};

function witnessKey(name: string): string {
  const typed = Buffer.concat([Buffer.of(4), Buffer.alloc(32, 3)]);
  const id = createHash('sha256').update(`${name}\n`).update(typed).digest('hex').slice(0, 8);
  return `${name}+${id}+${typed.toString('base64')}`;
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
}

describe('a name that is no setting', () => {
  test('is refused, so that no default stays in force for a slip of the pen', () => {
    expect(problemsOf({ PLIMSOLL_DEMOO: 'on', PLIMSOLL_URL: 'http://127.0.0.1:1', PATH: '/bin' })).toEqual([
      'PLIMSOLL_DEMOO: is no setting',
    ]);
  });
});

describe('without any setting', () => {
  test('a sandbox on the loopback address with its own database and every role', () => {
    expect(readConfig({})).toEqual({
      mode: 'sandbox',
      host: '127.0.0.1',
      port: 8080,
      metricsPort: null,
      dataDir: '.data',
      roles: ['api', 'engine', 'worker'],
      database: { kind: 'embedded' },
      keys: null,
      keysFile: null,
      kms: null,
      signingKey: null,
      logOrigin: 'plimsoll.local/audit',
      witnesses: [],
      anchor: null,
      logLevel: 'info',
      trustedProxies: [],
      locationHeaders: null,
      demo: true,
      firmName: 'Plimsoll',
      timeZone: 'Indian/Mauritius',
      publicUrl: 'http://localhost:8080',
      smtp: null,
      mailFrom: 'no-reply@localhost',
      alarmEmails: [],
      retentionYears: 7,
      recovery: false,
      bulkReadThreshold: 100,
      depositDays: 30,
      exportDays: 30,
      tickMonths: 13,
      marginCall: { hours: 24, remindMinutes: 360, liquidates: false },
      feeds: [{ name: 'simulator', seed: 1n }],
      venues: { liveVenue: { name: 'simulated' }, simulatedSeed: 1n },
      rateLimits: parseRateLimits('sandbox', ''),
      streamLimits: parseStreamLimits(''),
      paymentSecrets: new Map(),
      payoutProviders: [],
      kycProviders: new Map(),
      screeningVendor: null,
      monitoringVendor: null,
      goaml: null,
    });
  });

  test('nobody executes at a venue in production unless it is named, and never the simulation', () => {
    expect(readConfig({ PLIMSOLL_VENUE: 'off' }).venues.liveVenue).toBeNull();
    expect(readConfig({ PLIMSOLL_VENUE: 'simulated:seed=42' }).venues.simulatedSeed).toBe(42n);
    for (const PLIMSOLL_VENUE of ['simulated', 'nasdaq']) {
      expect(() => readConfig({ PLIMSOLL_MODE: 'production', PLIMSOLL_VENUE })).toThrow('PLIMSOLL_VENUE');
    }
  });

  test('a margin call is recalled when it says so, else with a quarter of its time left', () => {
    const terms = (PLIMSOLL_MARGIN_CALL: string) => readConfig({ PLIMSOLL_MARGIN_CALL }).marginCall;
    expect(terms('1h')).toEqual({ hours: 1, remindMinutes: 15, liquidates: false });
    expect(terms('24h,liquidate')).toEqual({ hours: 24, remindMinutes: 360, liquidates: true });
    expect(terms('24h,remind=4h')).toEqual({ hours: 24, remindMinutes: 240, liquidates: false });
    expect(terms('2h,remind=90m,liquidate')).toEqual({ hours: 2, remindMinutes: 90, liquidates: true });
  });

  test('an empty variable counts as none', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '', PLIMSOLL_KEYS: '' })).toEqual(readConfig({}));
  });

  test('the configuration cannot be changed afterwards', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true);
  });
});

describe('a fault', () => {
  test.each([
    ['PORT', '65536'],
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['METRICS_PORT', 'x'],
    ['HOST', 'exa mple'],
    ['PLIMSOLL_MODE', 'staging'],
    ['PLIMSOLL_ROLES', 'api,baker'],
    ['PLIMSOLL_ROLES', 'api,'],
    ['PLIMSOLL_KEYS', 'k1:short'],
    ['PLIMSOLL_KEYS', `${KEY},${KEY}`],
    ['PLIMSOLL_SIGNING_KEY', 'c2hvcnQ='],
    ['PLIMSOLL_SIGNING_KEY', `${SEED}!`],
    ['PLIMSOLL_LOG_ORIGIN', 'Has Spaces'],
    ['LOG_LEVEL', 'loud'],
    ['PLIMSOLL_DEMO', 'yes'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.1,proxy'],
    ['TRUSTED_PROXIES', '::1/129'],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['DATABASE_URL', 'localhost:5432'],
    ['DATABASE_APP_URL', 'nonsense'],
    ['PLIMSOLL_FIRM_NAME', 'x'],
    ['PLIMSOLL_TIME_ZONE', 'Mars/Olympus'],
    ['PLIMSOLL_FIRM_NAME', 'Firm\nBcc: x@y.z'],
    ['PLIMSOLL_PUBLIC_URL', 'api.example.mu'],
    ['PLIMSOLL_PUBLIC_URL', 'ftp://example.mu'],
    ['PLIMSOLL_PUBLIC_URL', 'https://example.mu/path'],
    ['PLIMSOLL_PUBLIC_URL', 'https://me:pw@example.mu'],
    ['SMTP_URL', 'mail.example.mu'],
    ['SMTP_URL', 'http://mail.example.mu'],
    ['SMTP_URL', 'smtp://mail.example.mu?tls=perhaps'],
    ['SMTP_URL', 'smtp://only-a-user@mail.example.mu'],
    ['SMTP_URL', 'smtp://mail.example.mu?pool=true'],
    ['MAIL_FROM', 'nobody'],
    ['MAIL_FROM', 'Example <a@b.mu>, c@d.mu'],
    ['MAIL_FROM', 'Example\r\nBcc: x@y.z <a@b.mu>'],
    ['PLIMSOLL_ALARM_EMAILS', 'a@b.mu;c@d.mu'],
    ['PLIMSOLL_ALARM_EMAILS', 'a@b.mu,'],
    ['PLIMSOLL_MARGIN_CALL', '24h,liquidate,remind=4h'],
    ['PLIMSOLL_MARGIN_CALL', '24h,remind=24h'],
    ['PLIMSOLL_MARGIN_CALL', '1h,remind=60m'],
    ['PLIMSOLL_RETENTION_YEARS', '0'],
    ['PLIMSOLL_RETENTION_YEARS', 'ten'],
  ])('%s=%s is named', (name, value) => {
    expect(problemsOf({ [name]: value })[0]).toStartWith(`${name}: `);
  });

  test('is told with all others in one message', () => {
    const environment = {
      PORT: 'x',
      LOG_LEVEL: 'loud',
      PLIMSOLL_KEYS: 'k',
      DATABASE_URL: 'no',
      HOST: '0.0.0.0',
    };
    const problems = problemsOf(environment);
    expect(new Set(problems.map((problem) => problem.split(':')[0]))).toEqual(
      new Set(Object.keys(environment)),
    );
    expect(problems).toHaveLength(Object.keys(environment).length);
    expect(new ConfigError(problems).message.split('\n')).toHaveLength(6);
  });

  test('never quotes a secret', () => {
    const text = problemsOf({
      PLIMSOLL_KEYS: 'k1:c2VjcmV0',
      PLIMSOLL_SIGNING_KEY: 'c2VjcmV0',
      DATABASE_URL: 'mysql://u:c2VjcmV0@db/x',
      SMTP_URL: 'smtp://u:c2VjcmV0@mail/path',
    }).join();
    expect(text).not.toContain('c2VjcmV0');
  });
});

test('an authority for mail that is not there is told before anything starts', () => {
  const environment = { SMTP_URL: 'smtp://mail.example.mu?ca=/nowhere/ca.pem', MAIL_FROM: 'a@b.mu' };
  expect(problemsOf(environment)).toEqual(['SMTP_URL: the file that ca names is not there']);
});

test('mail by SMTP needs a sender', () => {
  expect(problemsOf({ SMTP_URL: 'smtp://mail.example.mu' })).toEqual([
    'MAIL_FROM: is required where SMTP_URL is set',
  ]);
});

test.each([
  ['PLIMSOLL_PUBLIC_URL', 'http://api.example.mu'],
  ['SMTP_URL', 'smtp://mail.example.mu?tls=off'],
])('production refuses %s=%s, which the sandbox takes', (name, value) => {
  expect(problemsOf({ ...PRODUCTION, [name]: value })).toEqual([
    expect.stringMatching(new RegExp(`^${name}: `)),
  ]);
  expect(problemsOf({ MAIL_FROM: 'a@b.mu', [name]: value })).toEqual([]);
});

describe('production', () => {
  test('starts with three logins, root keys and a signing key', () => {
    const config = readConfig(PRODUCTION);
    expect([config.mode, config.demo, config.database.kind]).toEqual(['production', false, 'logins']);
  });

  test.each(Object.keys(PRODUCTION).filter((name) => name !== 'PLIMSOLL_MODE'))(
    'refuses to do without %s',
    (name) => {
      expect(problemsOf({ ...PRODUCTION, [name]: '' })).toEqual([
        expect.stringMatching(new RegExp(`^${name}: is required`)),
      ]);
    },
  );

  test('asks witnesses over a line on which nobody else can answer', () => {
    const key = 'witness.example/w1+00000000+AAAA';
    const said = problemsOf({
      ...PRODUCTION,
      PLIMSOLL_WITNESSES: `${WITNESS}@http://witness.example/submit`,
    });
    expect(said).toEqual([expect.stringContaining('PLIMSOLL_WITNESSES: must be https')]);
    expect(
      problemsOf({ ...PRODUCTION, PLIMSOLL_WITNESSES: `${WITNESS}@https://witness.example/submit` }),
    ).toEqual([]);
    expect(problemsOf({ PLIMSOLL_WITNESSES: `${WITNESS}@http://witness.example/submit` })).toEqual([]);
    expect(problemsOf({ PLIMSOLL_WITNESSES: `${key}@https://witness.example/submit` })).toHaveLength(1);
  });

  test('does without the signing key where no worker runs', () => {
    expect(problemsOf({ ...PRODUCTION, PLIMSOLL_SIGNING_KEY: '', PLIMSOLL_ROLES: 'api,engine' })).toEqual([]);
  });

  test.each([
    ['an owner login', { DATABASE_URL: 'postgres://owner@db/x' }, 'DATABASE_URL'],
    ['the login of migrations', { DATABASE_MIGRATOR_URL: 'postgres://owner@db/x' }, 'DATABASE_MIGRATOR_URL'],
    ['the demo firm', { PLIMSOLL_DEMO: 'on' }, 'PLIMSOLL_DEMO'],
  ])('refuses %s', (_title, extra, name) => {
    expect(problemsOf({ ...PRODUCTION, ...extra })).toEqual([
      expect.stringMatching(new RegExp(`^${name}: `)),
    ]);
  });

  test('may listen on every address, the sandbox may not', () => {
    expect(problemsOf({ ...PRODUCTION, HOST: '0.0.0.0' })).toEqual([]);
    for (const host of ['0.0.0.0', '::', '192.168.1.4', 'example.com', '127.0.0.1.example.com']) {
      expect(problemsOf({ HOST: host })).toEqual([expect.stringMatching(/^HOST: /)]);
    }
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
      expect(problemsOf({ HOST: host })).toEqual([]);
    }
  });
});

describe('the database', () => {
  test('of a sandbox is one login that may own it', () => {
    const { database } = readConfig({ DATABASE_URL: 'postgres://me:p%40ss@db:5433/x?sslmode=verify-full' });
    expect(database).toEqual({
      kind: 'owner',
      owner: { host: 'db', port: 5433, database: 'x', username: 'me', password: 'p@ss', tls: 'verify-full' },
    });
  });

  test('with some of the three logins lacks the others', () => {
    expect(problemsOf({ DATABASE_APP_URL: 'postgres://app@db/x' })).toEqual([
      'DATABASE_STAFF_URL: is required',
      'DATABASE_ENGINE_URL: is required',
    ]);
  });
});

describe('providers of payouts', () => {
  const secrets = { PLIMSOLL_PAYMENT_SECRETS: `acme=${'n'.repeat(32)}` };

  test('have an address and the methods they carry', () => {
    const { payoutProviders } = readConfig({
      ...secrets,
      PLIMSOLL_PAYOUT_PROVIDERS:
        'acme:url=https://pay.example.mu/;methods=mcb_juice|crypto,test:url=http://127.0.0.1:9;methods=blink',
    });
    expect(payoutProviders).toEqual([
      { name: 'acme', url: 'https://pay.example.mu', methods: ['mcb_juice', 'crypto'] },
      { name: 'test', url: 'http://127.0.0.1:9', methods: ['blink'] },
    ]);
  });

  test.each([
    ['without a secret', 'other:url=https://pay.example.mu;methods=blink'],
    ['a bank’s method', 'acme:url=https://pay.example.mu;methods=bank_transfer'],
    ['no method', 'acme:url=https://pay.example.mu'],
    ['a method of two', 'acme:url=https://a.mu;methods=blink,test:url=https://b.mu;methods=blink'],
    ['a provider twice', 'acme:url=https://a.mu;methods=blink,acme:url=https://b.mu;methods=mips'],
    ['plain http beyond this machine', 'acme:url=http://pay.example.mu;methods=blink'],
  ])('are refused: %s', (_name, text) => {
    const problems = problemsOf({ ...secrets, PLIMSOLL_PAYOUT_PROVIDERS: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toStartWith('PLIMSOLL_PAYOUT_PROVIDERS: ');
  });

  test('are neither the built-in one nor on plain http in production', () => {
    for (const text of ['test:url=https://a.mu;methods=blink', 'acme:url=http://127.0.0.1:9;methods=blink']) {
      const set = { ...secrets, PLIMSOLL_MODE: 'production', PLIMSOLL_PAYOUT_PROVIDERS: text };
      expect(problemsOf(set).filter((each) => each.includes('PAYOUT'))).toHaveLength(1);
    }
  });
});

describe('secrets of payment providers', () => {
  const [fresh, old] = ['n'.repeat(32), 'o'.repeat(32)];

  test('are one for each, or two while one is changed', () => {
    const { paymentSecrets } = readConfig({
      PLIMSOLL_PAYMENT_SECRETS: `acme=${fresh}|${old}, other-1=${old}`,
    });
    expect([...paymentSecrets]).toEqual([
      ['acme', [fresh, old]],
      ['other-1', [old]],
    ]);
  });

  test.each([
    ['short', 'acme=short-and-sweet'],
    ['no name', `=${'n'.repeat(32)}`],
    ['three of one', `acme=${Array(3).fill('n'.repeat(32)).join('|')}`],
    ['one provider twice', `acme=${'n'.repeat(32)},acme=${'o'.repeat(32)}`],
    ['the built-in provider', `test=${'n'.repeat(32)}`],
  ])('are refused without being told: %s', (_name, text) => {
    const problems = problemsOf({ PLIMSOLL_PAYMENT_SECRETS: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toStartWith('PLIMSOLL_PAYMENT_SECRETS: ');
    expect(problems[0]).not.toMatch(/short-and-sweet|nnnn|oooo/);
  });
});
