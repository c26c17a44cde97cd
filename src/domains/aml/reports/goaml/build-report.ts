/**
 * Puts a report together from what is known: who the clients are, what they moved, who stood on the other side. It
 * makes nothing up: what is not known is left out, and the checker tells what the format misses. Pure.
 */
import { iso31661 } from 'iso-3166';
import { formatAmount } from '../../../../kernel/amount.ts';
import type { Id } from '../../../../kernel/id.ts';
import type { Instant } from '../../../../kernel/time.ts';
import type { GoamlSettings } from '../../../../platform/http/goaml.ts';
import type { AccountFact, HoldingFact, PartyFact, RateFact } from '../../../../platform/report-facts.ts';
import { REPORT_ZONE } from '../calendar.ts';
import { type Client, clientEntity, clientPerson } from './client-nodes.ts';
import { goamlCode } from './codes.ts';
import { localValue } from './local-value.ts';
import type { GoamlNode } from './write-goaml.ts';

/** One movement of money that is told of. */
export type ReportedActivity = {
  readonly id: Id;
  readonly source: string;
  readonly sourceId: string;
  readonly kind: 'deposit' | 'withdrawal_requested' | 'transfer';
  readonly userId: Id;
  readonly accountId: Id | null;
  readonly occurredAt: Instant;
  readonly asset: string;
  /** @units of the asset */
  readonly amount: bigint;
  readonly counterpartyCountry: string | null;
  readonly toAccountId: Id | null;
};

export type ReportSources = {
  readonly settings: GoamlSettings;
  readonly report: {
    readonly reference: string;
    readonly code: 'STR' | 'SAR';
    readonly submittedAt: Instant;
    /** What the FIU calls the report that this one amends. */
    readonly amends: string | null;
    readonly narrative: string;
    readonly action: string;
    readonly indicators: readonly string[];
  };
  readonly clients: ReadonlyMap<Id, Client>;
  readonly accounts: ReadonlyMap<Id, AccountFact>;
  readonly holdings: readonly HoldingFact[];
  readonly activities: readonly ReportedActivity[];
  readonly parties: ReadonlyMap<string, PartyFact>;
  readonly rates: readonly RateFact[];
  /** What staff say an activity was worth, where no rate tells. @units decimal strings of rupees, by activity */
  readonly localAmounts: Readonly<Record<string, string>>;
};

/** The currency the FIU counts in. */
export const LOCAL_CURRENCY = 'MUR';

/** The report as a tree for the writer. */
export function buildReport(sources: ReportSources): GoamlNode {
  const { settings, report, activities } = sources;
  const { firstName, lastName, email, occupation } = settings.reportingPerson;
  return {
    rentity_id: String(settings.rentityId),
    rentity_branch: settings.rentityBranch,
    submission_code: 'E',
    report_code: report.code,
    entity_reference: report.reference,
    fiu_ref_number: report.amends ?? undefined,
    submission_date: localTime(report.submittedAt),
    currency_code_local: LOCAL_CURRENCY,
    reporting_person: { first_name: firstName, last_name: lastName, email, occupation },
    location: {
      address_type: goamlCode(settings, 'addressType', 'business'),
      address: settings.location.street,
      city: settings.location.city,
      country_code: settings.location.country,
    },
    reason: report.narrative === '' ? undefined : report.narrative,
    action: report.action === '' ? undefined : report.action,
    ...(activities.length === 0
      ? { activity: { report_parties: { report_party: partiesOf(sources) } } }
      : { transaction: activities.map((activity) => transactionOf(sources, activity)) }),
    report_indicators: { indicator: report.indicators },
  };
}

/** An instant as the format writes it: local time, without a zone. */
function localTime(at: Instant): string {
  return Temporal.Instant.from(at)
    .toZonedDateTimeISO(REPORT_ZONE)
    .toPlainDateTime()
    .toString({ smallestUnit: 'second' });
}

function partiesOf({ settings, clients }: ReportSources): readonly GoamlNode[] {
  return [...clients.values()].flatMap((client) => {
    const entity = clientEntity(client);
    const person = { person: clientPerson(settings, client) };
    return entity === null ? [person] : [{ entity }, person];
  });
}

function transactionOf(sources: ReportSources, activity: ReportedActivity): GoamlNode {
  const { settings } = sources;
  const { kind, sourceId, occurredAt, asset, amount } = activity;
  const party = sources.parties.get(`${activity.source} ${sourceId}`);
  const value = localValue(activity, sources.rates, sources.localAmounts[activity.id]);
  const funds = goamlCode(settings, 'funds', 'electronic');
  const foreign =
    asset === LOCAL_CURRENCY || value === null
      ? undefined
      : {
          foreign_currency_code: asset,
          foreign_amount: formatAmount(amount),
          foreign_exchange_rate: value.rate,
        };
  const other = otherSide(sources, activity, party);
  const sides = { funds, foreign, other };
  return {
    transactionnumber: sourceId,
    internal_ref_number: party?.reference ?? undefined,
    transaction_description: [kind, formatAmount(amount), asset, party?.status ?? ''].join(' ').trim(),
    date_transaction: localTime(occurredAt),
    transmode_code: goamlCode(settings, 'transmode', kind),
    amount_local: value?.amount,
    ...fromSide(sources, activity, sides),
    ...toSide(sources, activity, sides),
  };
}

type Sides = { funds: string; foreign: GoamlNode | undefined; other: OtherSide };

type OtherSide = { account: GoamlNode | null; person: GoamlNode; country: string };

function fromSide(sources: ReportSources, activity: ReportedActivity, sides: Sides): GoamlNode {
  const { funds, foreign, other } = sides;
  const head = { from_funds_code: funds, from_foreign_currency: foreign };
  if (activity.kind === 'deposit') {
    const side = other.account === null ? { from_person: other.person } : { from_account: other.account };
    return { t_from: { ...head, ...side, from_country: other.country } };
  }
  return { t_from_my_client: { ...head, ...clientSide(sources, activity, activity.accountId, 'from') } };
}

function toSide(sources: ReportSources, activity: ReportedActivity, sides: Sides): GoamlNode {
  const { funds, foreign, other } = sides;
  const head = { to_funds_code: funds, to_foreign_currency: foreign };
  if (activity.kind === 'withdrawal_requested') {
    const side = other.account === null ? { to_person: other.person } : { to_account: other.account };
    return { t_to: { ...head, ...side, to_country: other.country } };
  }
  const accountId = activity.kind === 'transfer' ? activity.toAccountId : activity.accountId;
  return { t_to_my_client: { ...head, ...clientSide(sources, activity, accountId, 'to') } };
}

/** A client with the account, or by person where the account is not known. */
function clientSide(
  sources: ReportSources,
  { userId }: ReportedActivity,
  accountId: Id | null,
  way: 'from' | 'to',
): GoamlNode {
  const { settings, clients, accounts } = sources;
  const client = clients.get(userId);
  const account = accountId === null ? undefined : accounts.get(accountId);
  const side =
    client === undefined
      ? {}
      : account === undefined
        ? { [`${way}_person`]: clientPerson(settings, client) }
        : { [`${way}_account`]: clientAccount(sources, client, account) };
  return { ...side, [`${way}_country`]: settings.location.country };
}

function clientAccount(sources: ReportSources, client: Client, account: AccountFact): GoamlNode {
  const { settings, holdings, report } = sources;
  const entity = clientEntity(client);
  const held = holdings.find(
    ({ accountId, asset }) => accountId === account.id && asset === account.currency,
  );
  return {
    institution_name: settings.institution,
    ...(settings.swift === undefined
      ? { institution_code: String(settings.rentityId) }
      : { swift: settings.swift }),
    branch: settings.branch,
    account: account.id,
    currency_code: account.currency,
    account_name: account.name,
    client_number: client.userId,
    personal_account_type: goamlCode(settings, 'accountType', entity === null ? 'person' : 'entity'),
    t_entity: entity ?? undefined,
    signatory: {
      is_primary: 'true',
      t_person: clientPerson(settings, client),
      role: goamlCode(settings, 'role', 'holder'),
    },
    opened: localTime(account.openedAt),
    closed: account.closedAt === null ? undefined : localTime(account.closedAt),
    balance: held === undefined || held.balance < 0n ? undefined : formatAmount(held.balance),
    date_balance: held === undefined || held.balance < 0n ? undefined : localTime(report.submittedAt),
    status_code: goamlCode(settings, 'accountStatus', account.status),
  };
}

/** Who stood on the other side; the format wants a name even where none is known. */
function otherSide(
  { settings }: ReportSources,
  { counterpartyCountry }: ReportedActivity,
  party: PartyFact | undefined,
): OtherSide {
  const name = party?.name?.trim() ?? '';
  const place = party?.account ?? null;
  const country = counterpartyCountry ?? countryOfPlace(party) ?? settings.location.country;
  const words = name.split(/\s+/u);
  const person = {
    first_name: words.slice(0, -1).join(' ') || UNKNOWN,
    last_name: words.at(-1) || UNKNOWN,
  };
  const account =
    place === null
      ? null
      : {
          institution_name: party?.bic ?? UNKNOWN,
          ...(party?.bic == null ? { institution_code: UNKNOWN } : { swift: party.bic }),
          account: place,
          account_name: name === '' ? undefined : name,
        };
  return { account, person, country };
}

const UNKNOWN = 'UNKNOWN';

const COUNTRIES = new Set(iso31661.map(({ alpha2 }) => alpha2 as string));

/** @source ISO 13616: an IBAN begins with its country; ISO 9362: a BIC has it at its fifth letter */
function countryOfPlace(party: PartyFact | undefined): string | undefined {
  const named = [party?.bic?.slice(4, 6), party?.account?.slice(0, 2)];
  return named.find((country) => country !== undefined && COUNTRIES.has(country));
}
