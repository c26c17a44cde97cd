/**
 * What every verb is given: the dependencies built once per process, who acts, and the request it
 * belongs to. No domain type appears here; a domain keeps its own state with `perDeps`.
 */
import type { Logger } from 'pino';
import type { Actor } from '../kernel/actor.ts';
import type { Id } from '../kernel/id.ts';
import type { Clock } from '../kernel/time.ts';
import type { ActivitySource } from './activity.ts';
import type { ApprovalActions } from './approvals/actions.ts';
import type { RegisteredEvent } from './audit/registry.ts';
import type { Keyring } from './crypto/keyring.ts';
import type { PersonKeys } from './crypto/person-keys.ts';
import type { SealedColumn } from './crypto/sealed-columns.ts';
import type { Databases, Login, Tx } from './db/client.ts';
import type { Check, Exposures } from './domain.ts';
import type { FileStore } from './files/file-store.ts';
import type { GoamlSettings } from './http/goaml.ts';
import type { Handshake } from './http/handshake.ts';
import type { KycProviders } from './http/kyc-providers.ts';
import type { MonitoringVendorSettings } from './http/monitoring-vendor.ts';
import type { PaymentSecrets } from './http/payment-secrets.ts';
import type { PayoutProviders } from './http/payout-providers.ts';
import type { RateLimits } from './http/rate-policy.ts';
import type { ScreeningVendorSettings } from './http/screening-vendor.ts';
import type { VenueSettings } from './live-venue.ts';
import type { MailQueue } from './mail/mail-queue.ts';
import type { Privacy } from './privacy/privacy.ts';
import type { ReportFacts } from './report-facts.ts';
import type { MarginCallTerms } from './setting-numbers.ts';
import type { StreamChannel } from './stream/channel.ts';
import type { StreamLimits } from './stream/limits.ts';
import type { WalletMarks } from './wallet-marks.ts';

export type Mode = 'sandbox' | 'production';

/** What an operator decides about the whole installation. */
export type Settings = {
  /** Named in mails; no password may be made of it. */
  readonly firmName: string;
  /** Whose days the firm counts in: business dates and daily work. @units IANA name */
  readonly timeZone: string;
  /** Where people reach this service, without a slash at the end; passkeys are bound to its host name. */
  readonly publicUrl: string;
  /** Who is mailed when an alarm is raised. */
  readonly alarmEmails: readonly string[];
  /** How long records are kept after a relationship ended. @units years */
  readonly retentionYears: number;
  /** How many different people one of the staff may look at within an hour before an alarm is raised. */
  readonly bulkReadThreshold: number;
  /** How long an announced deposit waits for its money. @units days */
  readonly depositDays: number;
  /** How long the file of an audit export is kept. @units days */
  readonly exportDays: number;
  readonly rateLimits: RateLimits;
  /** For how many whole months ticks are kept; candles stay. */
  readonly tickMonths: number;
  /** How long customers have to meet a margin call. */
  readonly marginCall: MarginCallTerms;
  readonly streamLimits: StreamLimits;
  /** What each payment provider signs its events with, the newest first. */
  readonly paymentSecrets: PaymentSecrets;
  /** Who carries payouts that no bank file pays. */
  readonly payoutProviders: PayoutProviders;
  /** What each provider of identity checks is called with. */
  readonly kycProviders: KycProviders;
  /** The outside vendor that screens beside this program; null for none. */
  readonly screeningVendor: ScreeningVendorSettings | null;
  /** The outside vendor that watches what customers do beside this program; null for none. */
  readonly monitoringVendor: MonitoringVendorSettings | null;
  /** How the firm is known to the FIU; null where nobody set it. */
  readonly goaml: GoamlSettings | null;
} & VenueSettings;

export type Deps = Settings & {
  readonly mode: Mode;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly db: Databases;
  readonly keyring: Keyring;
  readonly personKeys: PersonKeys;
  readonly log: Logger;
  /** Takes mail and sends it in the background. */
  readonly mail: MailQueue;
  readonly files: FileStore;
  readonly approvalActions: ApprovalActions;
  readonly privacy: Privacy;
  /** Every event that can stand in the audit log. */
  readonly auditRegistry: readonly RegisteredEvent[];
  /** Every sealed column there is, and what each is bound to. */
  readonly sealedColumns: readonly SealedColumn[];
  /** Every domain's whole-book checks. */
  readonly checks: readonly Check[];
  /** What every domain tells of what people did. */
  readonly activitySources: readonly ActivitySource[];
  /** What every domain found about a person that whoever takes them on has to know. */
  readonly exposures: readonly Exposures[];
  /** What every domain knows that a report to an authority has to name. */
  readonly reportFacts: readonly ReportFacts[];
  /** What every domain lets clients subscribe to. */
  readonly streamChannels: readonly StreamChannel[];
  /** What has wallets hold for open positions what the prices of now ask. */
  readonly walletMarks: readonly WalletMarks[];
  /** Wakes the outbox relay of this process after a commit that wrote events. */
  readonly wakeRelay: () => void;
};

/** Where a request came from; personal data, sealed before it is stored. */
export type Client = {
  readonly ip: string;
  readonly userAgent: string;
  /** Where a trusted proxy says the request came from; absent where none says so. */
  readonly location?: Location;
};

/** @units country ISO 3166-1 alpha-2, degrees as decimal strings, IANA time zone */
export type Location = {
  readonly country: string;
  readonly city?: string;
  readonly latitude?: string;
  readonly longitude?: string;
  readonly timeZone?: string;
};

export type Ctx = {
  readonly deps: Deps;
  readonly actor: Actor;
  readonly requestId: string;
  readonly client: Client;
  /** The login this actor's own reads and case work use; money writes name `engine` themselves. */
  readonly login: Login;
  readonly idempotencyKey?: string;
  /** The WebSocket that is asked for, where the operation makes one. */
  readonly handshake?: Handshake;
  /** The version an `If-Match` header asked for. */
  readonly ifMatch?: number;
  readonly tx?: Tx;
};

/** Where work comes from that no person asked for. */
export const NO_CLIENT: Client = { ip: '', userAgent: '' };

/** A context for work no person asked for. */
export function machineCtx(
  deps: Deps,
  actor: Extract<Actor, { kind: 'job' | 'system' | 'webhook' }>,
  requestId: Id,
): Ctx {
  return { deps, actor, requestId, client: NO_CLIENT, login: 'engine' };
}

/**
 * State a domain keeps once per process, such as a price book or a screening index.
 * @effects builds the value on first use with these dependencies
 */
export function perDeps<Value>(build: (deps: Deps) => Value): (deps: Deps) => Value {
  const values = new WeakMap<Deps, { readonly value: Value }>();
  return (deps) => {
    const known = values.get(deps);
    if (known !== undefined) {
      return known.value;
    }
    const value = build(deps);
    values.set(deps, { value });
    return value;
  };
}
