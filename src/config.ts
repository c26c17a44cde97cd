/**
 * The only reader of the environment. Everything wrong is said at once, and nothing starts.
 */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type AnchorStore, anchorStore } from './platform/audit/anchor.ts';
import { parseWitnesses } from './platform/audit/outside-config.ts';
import type { WitnessEndpoint } from './platform/audit/witness.ts';
import type { KmsAddress } from './platform/crypto/key-source.ts';
import { KeyringError, parseRootKeys } from './platform/crypto/keyring.ts';
import { type Connection, parseConnection } from './platform/db/client.ts';
import { type GoamlSettings, parseGoaml } from './platform/http/goaml.ts';
import { type KycProviders, parseKycProviders } from './platform/http/kyc-providers.ts';
import { type LocationHeaders, parseLocationHeaders } from './platform/http/location-headers.ts';
import { type MonitoringVendorSettings, parseMonitoringVendor } from './platform/http/monitoring-vendor.ts';
import { type PaymentSecrets, parsePaymentSecrets } from './platform/http/payment-secrets.ts';
import { faultsOf, type PayoutProviders, parsePayoutProviders } from './platform/http/payout-providers.ts';
import { type FeedSetting, isSandboxFeed, parsePriceFeeds } from './platform/http/price-feeds.ts';
import { parseRateLimits, type RateLimits } from './platform/http/rate-policy.ts';
import { parseScreeningVendor, type ScreeningVendorSettings } from './platform/http/screening-vendor.ts';
import { parseLiveVenue, type VenueSettings } from './platform/live-venue.ts';
import { isLoopbackHost, parseSmtpUrl, type SmtpServer } from './platform/mail/smtp-url.ts';
import { addressList } from './platform/setting-addresses.ts';
import { days, marginCallTerms, months, people, years } from './platform/setting-numbers.ts';
import { parseStreamLimits, type StreamLimits } from './platform/stream/limits.ts';

export const PROCESS_ROLES = ['api', 'engine', 'worker'] as const;
export type ProcessRole = (typeof PROCESS_ROLES)[number];

export type DatabaseConfig =
  | { readonly kind: 'embedded' }
  /** One login that may own the database; the runtime logins are derived from it (sandbox only). */
  | { readonly kind: 'owner'; readonly owner: Connection }
  | {
      readonly kind: 'logins';
      readonly app: Connection;
      readonly staff: Connection;
      readonly engine: Connection;
    };

export type Config = {
  readonly mode: 'sandbox' | 'production';
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number | null;
  readonly dataDir: string;
  readonly roles: readonly ProcessRole[];
  readonly database: DatabaseConfig;
  /** Root keys as text; null makes the sandbox keep its own in the data folder. */
  readonly keys: string | null;
  /** A file of root keys instead; with `kms`, its keys are encrypted and that decrypts them. */
  readonly keysFile: string | null;
  readonly kms: KmsAddress | null;
  readonly signingKey: string | null;
  /** Name of the audit log in its checkpoints. */
  readonly logOrigin: string;
  /** Who cosigns the log's checkpoints. */
  readonly witnesses: readonly WitnessEndpoint[];
  /** Where the log's checkpoints are kept on another host. */
  readonly anchor: AnchorStore | null;
  readonly logLevel: string;
  readonly trustedProxies: readonly string[];
  /** The headers in which trusted proxies say where a client is; null where none does. */
  readonly locationHeaders: LocationHeaders | null;
  readonly demo: boolean;
  readonly firmName: string;
  /** Whose days the firm counts in. @units IANA name */
  readonly timeZone: string;
  /** Where people reach this service, without a slash at the end. */
  readonly publicUrl: string;
  /** Null writes mail to the data folder. */
  readonly smtp: SmtpServer | null;
  /** The sender of all mail: an address, or `Name <address>`. */
  readonly mailFrom: string;
  readonly alarmEmails: readonly string[];
  /** @units years */
  readonly retentionYears: number;
  /** Start in recovery: nothing moves until banks and custodians are reconciled. */
  readonly recovery: boolean;
  /** How many different people one of the staff may look at within an hour before an alarm is raised. */
  readonly bulkReadThreshold: number;
  /** How long an announced deposit waits for its money. @units days */
  readonly depositDays: number;
  /** How long the file of an audit export is kept. @units days */
  readonly exportDays: number;
  readonly rateLimits: RateLimits;
  /** What one stream, one credential and one node may take up. */
  readonly streamLimits: StreamLimits;
  /** What each payment provider signs its events with. */
  readonly paymentSecrets: PaymentSecrets;
  /** Who carries payouts that no bank file pays. */
  readonly payoutProviders: PayoutProviders;
  /** For how many whole months ticks are kept; candles stay. */
  readonly tickMonths: number;
  /** How long customers have to meet a margin call. */
  readonly marginCall: z.output<typeof marginCallTerms>;
  /** The price feeds this installation runs. */
  readonly feeds: readonly FeedSetting[];
  /** Who executes live orders at a venue, and the seed of the simulated one. */
  readonly venues: VenueSettings;
  /** The providers of identity checks that applicants are sent to. */
  readonly kycProviders: KycProviders;
  /** The outside vendor that screens beside this program. */
  readonly screeningVendor: ScreeningVendorSettings | null;
  /** The outside vendor that watches what customers do beside this program. */
  readonly monitoringVendor: MonitoringVendorSettings | null;
  /** How the firm is known to the FIU. */
  readonly goaml: GoamlSettings | null;
};

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The environment is wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What commands and tests read by themselves. */
const BESIDE = [
  'PLIMSOLL_URL',
  'PLIMSOLL_SHARED_DIR',
  'PLIMSOLL_TEST_CLUSTER',
  'PLIMSOLL_MODEL_SEED',
  'PLIMSOLL_MODEL_ACTIONS',
  'PLIMSOLL_CONTRACT_RUNS',
];

/**
 * Reads and checks the environment.
 * @errors ConfigError with every problem at once
 */
export function readConfig(environment: Environment = process.env): Config {
  const problems: string[] = [];
  const known = new Set<string>(BESIDE);
  const read: Read = (name, schema, fallback) => {
    known.add(name);
    const text = environment[name];
    if (text === undefined || text === '') {
      return fallback;
    }
    const result = schema.safeParse(text);
    if (!result.success) {
      problems.push(`${name}: ${result.error.issues.map((issue) => issue.message).join('; ')}`);
      return fallback;
    }
    return result.data;
  };
  const mode = read('PLIMSOLL_MODE', z.enum(['sandbox', 'production']), 'sandbox');
  const port = read('PORT', portNumber, 8080);
  const demo = read('PLIMSOLL_DEMO', ON_OFF, mode === 'sandbox');
  const config: Config = {
    mode,
    port,
    demo,
    // The demo firm's prices live.
    feeds: read<readonly FeedSetting[]>(
      'PLIMSOLL_FEEDS',
      readable(parsePriceFeeds),
      demo && mode === 'sandbox' ? parsePriceFeeds('simulator') : [],
    ),
    venues: read(
      'PLIMSOLL_VENUE',
      readable((text) => parseLiveVenue(mode, text)),
      parseLiveVenue(mode),
    ),
    host: read('HOST', z.string().regex(/^[a-zA-Z0-9.:-]+$/, 'must be a host name or address'), '127.0.0.1'),
    metricsPort: read<number | null>('METRICS_PORT', portNumber, null),
    dataDir: read('PLIMSOLL_DATA_DIR', z.string(), '.data'),
    roles: read<readonly ProcessRole[]>('PLIMSOLL_ROLES', roleList, PROCESS_ROLES),
    database: readDatabase(environment, mode, problems),
    ...keySettings(read),
    ...logSettings(read),
    logLevel: read(
      'LOG_LEVEL',
      z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
      'info',
    ),
    trustedProxies: read<readonly string[]>('TRUSTED_PROXIES', addressList, []),
    locationHeaders: read<LocationHeaders | null>(
      'PLIMSOLL_LOCATION_HEADERS',
      readable(parseLocationHeaders),
      null,
    ),
    ...firmSettings(read, port),
    retentionYears: read('PLIMSOLL_RETENTION_YEARS', years, 7),
    recovery: read('PLIMSOLL_RECOVERY', ON_OFF, false),
    depositDays: read('PLIMSOLL_DEPOSIT_DAYS', days, 30),
    bulkReadThreshold: read('PLIMSOLL_BULK_READ_THRESHOLD', people, 100),
    ...limitSettings(read, mode),
    tickMonths: read('PLIMSOLL_TICK_MONTHS', months, 13),
    marginCall: read('PLIMSOLL_MARGIN_CALL', marginCallTerms, marginCallTerms.parse('24h')),
    ...outsideSettings(read),
  };
  problems.push(...contradictions(config, environment), ...unknownSettings(environment, known));
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  return Object.freeze(config);
}

const ON_OFF = z.enum(['on', 'off']).transform((text) => text === 'on');

type Read = <Value>(name: string, schema: z.ZodType<Value>, fallback: Value) => Value;

/** How much clients may take up. */
function limitSettings(read: Read, mode: Config['mode']) {
  return {
    rateLimits: read(
      'PLIMSOLL_RATE_LIMITS',
      readable((text) => parseRateLimits(mode, text)),
      parseRateLimits(mode, ''),
    ),
    streamLimits: read<StreamLimits>(
      'PLIMSOLL_STREAM_LIMITS',
      readable(parseStreamLimits),
      parseStreamLimits(''),
    ),
  };
}

/** Whom the product speaks with outside, and how. */
function outsideSettings(read: Read) {
  return {
    paymentSecrets: read<PaymentSecrets>(
      'PLIMSOLL_PAYMENT_SECRETS',
      readable(parsePaymentSecrets),
      new Map(),
    ),
    payoutProviders: read<PayoutProviders>('PLIMSOLL_PAYOUT_PROVIDERS', readable(parsePayoutProviders), []),
    kycProviders: read<KycProviders>('PLIMSOLL_KYC_PROVIDERS', readable(parseKycProviders), new Map()),
    screeningVendor: read<ScreeningVendorSettings | null>(
      'PLIMSOLL_SCREENING_VENDOR',
      readable(parseScreeningVendor),
      null,
    ),
    monitoringVendor: read<MonitoringVendorSettings | null>(
      'PLIMSOLL_MONITORING_VENDOR',
      readable(parseMonitoringVendor),
      null,
    ),
    goaml: read<GoamlSettings | null>('PLIMSOLL_GOAML', readable(parseGoaml), null),
  };
}

function keySettings(read: Read) {
  return {
    keys: read<string | null>('PLIMSOLL_KEYS', rootKeys, null),
    keysFile: read<string | null>('PLIMSOLL_KEYS_FILE', z.string(), null),
    kms: kmsOf(
      read<string | null>('PLIMSOLL_KMS', kmsUrl, null),
      read('PLIMSOLL_KMS_TOKEN', z.string().regex(/^[\x21-\x7e]{1,4096}$/, 'must be a token'), ''),
    ),
    signingKey: read<string | null>('PLIMSOLL_SIGNING_KEY', signingKey, null),
  };
}

function firmSettings(read: Read, port: number) {
  return {
    firmName: read('PLIMSOLL_FIRM_NAME', firmName, 'Plimsoll'),
    timeZone: read('PLIMSOLL_TIME_ZONE', timeZone, 'Indian/Mauritius'),
    publicUrl: read('PLIMSOLL_PUBLIC_URL', publicUrl, `http://localhost:${port}`),
    smtp: read<SmtpServer | null>('SMTP_URL', readable(parseSmtpUrl), null),
    mailFrom: read('MAIL_FROM', sender, 'no-reply@localhost'),
    alarmEmails: read<readonly string[]>('PLIMSOLL_ALARM_EMAILS', mailboxList, []),
  };
}

function logSettings(read: Read) {
  return {
    logOrigin: read(
      'PLIMSOLL_LOG_ORIGIN',
      z
        .string()
        .min(3)
        .max(100)
        .regex(/^[a-z0-9./-]*[a-z][a-z0-9./-]*$/, 'must be a name such as audit.example.mu'),
      'plimsoll.local/audit',
    ),
    witnesses: read<readonly WitnessEndpoint[]>('PLIMSOLL_WITNESSES', readable(parseWitnesses), []),
    anchor: read<AnchorStore | null>('PLIMSOLL_ANCHOR', readable(anchorStore), null),
    exportDays: read('PLIMSOLL_EXPORT_DAYS', days, 30),
  };
}

const portNumber = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port from 0 to 65535')
  .transform((text) => Number.parseInt(text, 10))
  .refine((port) => port <= 65_535, 'must be a port from 0 to 65535');

const roleList = z.string().transform((text, context) => {
  const roles = text.split(',').map((role) => role.trim());
  const known = roles.filter(isProcessRole);
  if (known.length !== roles.length) {
    context.addIssue(`must list some of ${PROCESS_ROLES.join(', ')}`);
  }
  return known;
});

function isProcessRole(text: string): text is ProcessRole {
  return PROCESS_ROLES.some((role) => role === text);
}

/** What is wrong with a key is said without the key. */
const rootKeys = z.string().superRefine((text, context) => {
  try {
    parseRootKeys(text);
  } catch (error) {
    context.addIssue(error instanceof KeyringError ? error.message : 'cannot be read');
  }
});

/** What a parser of ours reads; its refusal says what is wrong, without secrets. */
function readable<Value>(parse: (text: string) => Value): z.ZodType<Value> {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue(error instanceof Error ? error.message : 'cannot be read');
      return z.NEVER;
    }
  });
}

/** Nobody on the way listens or answers in its stead. */
function isPrivate(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
}

/** Root keys pass along it. */
const kmsUrl = z
  .string()
  .refine(
    isPrivate,
    'must be an https URL such as https://vault.example.mu:8200/v1/transit/decrypt/plimsoll',
  );

const firmName = z
  .string()
  .trim()
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}<>"]{2,80}$/u, 'must be a name of 2 to 80 characters');

const timeZone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}, 'must be an IANA time zone such as Indian/Mauritius');

const publicUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (!plain) {
    context.addIssue('must be a URL such as https://api.example.mu, with no path');
    return z.NEVER;
  }
  return url.origin;
});

const MAILBOX = /^[^\s\p{Cc}<>"(),:;@[\\\]]{1,64}@[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,252}[a-zA-Z0-9])?$/u;

const sender = z.string().refine((text) => {
  const [, address = text] = /^[^\p{Cc}\p{Zl}\p{Zp}<>"@,;:]{1,80} <([^<>]+)>$/u.exec(text) ?? [];
  return MAILBOX.test(address);
}, 'must be an address, or a name and an address such as Example Ltd <no-reply@example.mu>');

const mailboxList = z.string().transform((text, context) => {
  const addresses = text.split(',').map((address) => address.trim());
  if (!addresses.every((address) => MAILBOX.test(address))) {
    context.addIssue('must list e-mail addresses, separated by commas');
  }
  return addresses;
});

const signingKey = z.string().refine((text) => {
  const seed = Buffer.from(text, 'base64');
  return seed.length === 32 && seed.toString('base64') === text;
}, 'must be base64 of a 32-byte Ed25519 seed');

function readDatabase(environment: Environment, mode: Config['mode'], problems: string[]): DatabaseConfig {
  const url = (name: string): Connection | undefined => {
    const text = environment[name];
    if (text === undefined || text === '') {
      return undefined;
    }
    try {
      return parseConnection(text);
    } catch {
      problems.push(`${name}: must be a postgres:// URL`);
      return undefined;
    }
  };
  const [app, staff, engine] = [
    url('DATABASE_APP_URL'),
    url('DATABASE_STAFF_URL'),
    url('DATABASE_ENGINE_URL'),
  ];
  const owner = url('DATABASE_URL');
  if (app !== undefined && staff !== undefined && engine !== undefined) {
    return { kind: 'logins', app, staff, engine };
  }
  const needed = ['DATABASE_APP_URL', 'DATABASE_STAFF_URL', 'DATABASE_ENGINE_URL'];
  if (mode === 'production' || app !== undefined || staff !== undefined || engine !== undefined) {
    problems.push(...needed.filter((name) => !environment[name]).map((name) => `${name}: is required`));
  }
  return owner === undefined ? { kind: 'embedded' } : { kind: 'owner', owner };
}

/** A name that is not quite a setting's would otherwise leave its default in force without a word. */
function unknownSettings(environment: Environment, known: ReadonlySet<string>): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('PLIMSOLL_') && !known.has(name))
    .map((name) => `${name}: is no setting`);
}

function contradictions(config: Config, environment: Environment): string[] {
  const problems: string[] = [];
  if (environment.SMTP_URL && !environment.MAIL_FROM) {
    problems.push('MAIL_FROM: is required where SMTP_URL is set');
  }
  if (config.smtp?.caFile != null && !existsSync(config.smtp.caFile)) {
    problems.push('SMTP_URL: the file that ca names is not there');
  }
  problems.push(...keyContradictions(config), ...faultsOf(config));
  if (config.mode === 'production') {
    if (config.keys === null && config.keysFile === null) {
      problems.push('PLIMSOLL_KEYS: is required in production, or PLIMSOLL_KEYS_FILE');
    }
    if (config.signingKey === null && config.roles.includes('worker')) {
      problems.push('PLIMSOLL_SIGNING_KEY: is required in production where the worker role runs');
    }
    if (config.demo) {
      problems.push('PLIMSOLL_DEMO: the demo firm is refused in production');
    }
    if (config.feeds.some(isSandboxFeed)) {
      problems.push(
        'PLIMSOLL_FEEDS: prices that are made up, or come by plain ws or http, are refused in production',
      );
    }
    problems.push(...outwardContradictions(config, environment));
    if (environment.DATABASE_URL) {
      problems.push(
        'DATABASE_URL: is an owner login and is refused in production; set the three runtime logins',
      );
    }
    if (environment.DATABASE_MIGRATOR_URL) {
      problems.push('DATABASE_MIGRATOR_URL: belongs to db:migrate only, never to a running server');
    }
  } else if (!isLoopbackHost(config.host)) {
    problems.push('HOST: the sandbox binds to the loopback address only (127.0.0.1, ::1 or localhost)');
  }
  return problems;
}

function kmsOf(url: string | null, token: string): KmsAddress | null {
  return url === null ? null : { url, token };
}

function keyContradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.keys !== null && config.keysFile !== null) {
    problems.push('PLIMSOLL_KEYS_FILE: cannot be set together with PLIMSOLL_KEYS');
  }
  if (config.kms !== null && config.keysFile === null) {
    problems.push('PLIMSOLL_KMS: needs PLIMSOLL_KEYS_FILE, which holds the keys it encrypted');
  }
  if (config.kms?.token === '') {
    problems.push('PLIMSOLL_KMS_TOKEN: is required where PLIMSOLL_KMS is set');
  }
  return problems;
}

/** What a production server says to the outside world, and where from. */
function outwardContradictions(config: Config, environment: Environment): string[] {
  const problems: string[] = [];
  if (!environment.PLIMSOLL_PUBLIC_URL) {
    problems.push('PLIMSOLL_PUBLIC_URL: is required in production');
  } else if (!config.publicUrl.startsWith('https://')) {
    problems.push('PLIMSOLL_PUBLIC_URL: must be https in production');
  }
  if (!environment.SMTP_URL) {
    problems.push('SMTP_URL: is required in production, where people wait for their mail');
  } else if (config.smtp?.tls === 'off' && !isLoopbackHost(config.smtp.host)) {
    problems.push('SMTP_URL: tls=off is for the sandbox; mail leaves a production server encrypted');
  }
  if (config.witnesses.some(({ url }) => !isPrivate(url))) {
    problems.push('PLIMSOLL_WITNESSES: must be https in production: what a witness says can stop the log');
  }
  return problems;
}
