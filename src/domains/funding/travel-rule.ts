/**
 * What travels with a transfer of coins: who sends and who receives. It is made from what the customer
 * declared, held to the standard's structure and kept sealed with the withdrawal; sending it to another firm is the custodian's channel.
 * @source InterVASP Messaging Standard IVMS101
 */
import { iso31661 } from 'iso-3166';
import type { Amount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { profileOf } from '../identity/index.ts';
import { acceptedIdentityDocument, type Declared, declaredBy } from '../kyc/index.ts';
import type { Destination } from './destination.ts';
import { refuseFunding } from './errors.ts';
import { type TravelRule, travelRuleData } from './ivms101.ts';
import { TRAVEL_RULE_ABOVE } from './settings.ts';

type Firm = {
  readonly name: string;
  readonly lei?: string | undefined;
  readonly country?: string | undefined;
};

/** Whose hands the coins come into. */
export type ReceivingWallet =
  | { readonly wallet: 'self_hosted' }
  | { readonly wallet: 'hosted'; readonly vasp: Firm };

type Transfer = {
  readonly userId: Id;
  readonly accountId: Id;
  readonly amount: Amount;
  readonly destination: Destination;
  readonly travelRule?: ReceivingWallet | undefined;
};

/** The standard's lengths. */
const [NAME_MAX, LINE_MAX, TOWN_MAX, CODE_MAX] = [100, 70, 35, 16];

const IDENTIFIER_TYPES = { passport: 'CCPT', national_id: 'IDCD', driving_licence: 'DRLC' } as const;

const ALPHA_2 = new Map(iso31661.map((country) => [country.alpha3, country.alpha2]));

/**
 * The data of a transfer; null for what is no transfer of coins or lies below the threshold.
 * @errors travel_rule_data_required
 */
export async function travelRuleOf(tx: Tx, ctx: Ctx, transfer: Transfer): Promise<TravelRule | null> {
  const { destination, travelRule: receiving } = transfer;
  if (destination.kind !== 'crypto_wallet' || transfer.amount <= TRAVEL_RULE_ABOVE) {
    return null;
  }
  if (receiving === undefined) {
    throw refuseFunding('travel_rule_data_required');
  }
  const company = (await declaredBy(tx, ctx, [transfer.userId])).get(transfer.userId)?.company ?? null;
  const holder = destination.holderName;
  return travelRuleData.parse({
    originator: {
      originatorPersons: [
        company === null ? await originatorOf(tx, ctx, transfer.userId) : companyOf(transfer.userId, company),
      ],
      accountNumber: [transfer.accountId],
    },
    beneficiary: {
      beneficiaryPersons: [
        company === null
          ? { naturalPerson: { name: { nameIdentifier: [legalName(holder)] } } }
          : legalPerson({ name: holder }),
      ],
      accountNumber: [destination.address],
    },
    originatingVASP: { originatingVASP: legalPerson({ name: ctx.deps.firmName }) },
    ...(receiving.wallet === 'hosted'
      ? { beneficiaryVASP: { beneficiaryVASP: legalPerson(receiving.vasp) } }
      : {}),
  });
}

async function originatorOf(tx: Tx, ctx: Ctx, userId: Id): Promise<object> {
  const profile = present(await profileOf(tx, ctx, userId), 'whoever withdraws has a profile');
  const said = (await declaredBy(tx, ctx, [userId])).get(userId);
  const declared = { ...profile, ...said?.declaration };
  const { address, birthDate, birthPlace } = declared;
  const country = ALPHA_2.get(address?.country ?? '');
  const home = address === undefined ? undefined : placeOf('HOME', address);
  const identified = await identificationOf(tx, ctx, userId);
  return {
    naturalPerson: {
      name: { nameIdentifier: [legalName(declared.lastName, declared.firstName)] },
      ...(home === undefined ? {} : { geographicAddress: [home], countryOfResidence: country }),
      ...(identified === undefined ? {} : { nationalIdentification: identified }),
      // Identifies the person to whoever asks the firm; the standard takes it in place of an address.
      customerIdentification: userId,
      ...(birthDate === undefined || birthPlace === undefined
        ? {}
        : { dateAndPlaceOfBirth: { dateOfBirth: birthDate, placeOfBirth: cut(birthPlace, LINE_MAX) } }),
    },
  };
}

/** The legal person whose coins these are: whoever acts for it sends nothing of their own. */
function companyOf(userId: Id, { legalName: name, lei, country, registeredAddress }: Company): object {
  const seat = placeOf('BIZZ', registeredAddress);
  const { legalPerson: told } = legalPerson({ name, lei, country: ALPHA_2.get(country) });
  const more = { customerNumber: userId, ...(seat === undefined ? {} : { geographicAddress: [seat] }) };
  return { legalPerson: { ...told, ...more } };
}

type Company = NonNullable<Declared['company']>;
type Place = Company['registeredAddress'];

function placeOf(addressType: 'HOME' | 'BIZZ', { street, city, state, postalCode, country }: Place) {
  const code = ALPHA_2.get(country);
  return code === undefined
    ? undefined
    : {
        addressType,
        country: code,
        townName: cut(city, TOWN_MAX),
        addressLine: linesOf(street),
        ...(state === undefined ? {} : { countrySubDivision: cut(state, TOWN_MAX) }),
        ...(postalCode === undefined ? {} : { postCode: cut(postalCode, CODE_MAX) }),
      };
}

/** The document the customer was verified by; a number longer than the standard takes is left out. */
async function identificationOf(tx: Tx, ctx: Ctx, userId: Id): Promise<object | undefined> {
  const document = await acceptedIdentityDocument(tx, ctx, userId);
  if (document === undefined || document.number.length > TOWN_MAX) {
    return undefined;
  }
  const country = ALPHA_2.get(document.issuingCountry ?? '');
  return {
    nationalIdentifier: document.number,
    nationalIdentifierType: IDENTIFIER_TYPES[document.type],
    ...(country === undefined ? {} : { countryOfIssue: country }),
  };
}

function legalName(primary: string, secondary?: string): object {
  return {
    primaryIdentifier: cut(primary, NAME_MAX),
    ...(secondary === undefined ? {} : { secondaryIdentifier: cut(secondary, NAME_MAX) }),
    nameIdentifierType: 'LEGL',
  };
}

function legalPerson({ name, lei, country }: Firm) {
  return {
    legalPerson: {
      name: {
        nameIdentifier: [{ legalPersonName: cut(name, NAME_MAX), legalPersonNameIdentifierType: 'LEGL' }],
      },
      ...(lei === undefined
        ? {}
        : { nationalIdentification: { nationalIdentifier: lei, nationalIdentifierType: 'LEIX' } }),
      ...(country === undefined ? {} : { countryOfRegistration: country }),
    },
  };
}

/** A street in as many lines as the standard's length makes of it. */
function linesOf(street: string): readonly string[] {
  const lines: string[] = [];
  let rest = street.trim();
  while (rest !== '') {
    const line = cut(rest, LINE_MAX);
    lines.push(line.trim());
    rest = rest.slice(line.length).trim();
  }
  return lines;
}

/** As many whole signs as fit. */
function cut(text: string, max: number): string {
  let fitting = '';
  for (const sign of text) {
    if (fitting.length + sign.length > max) {
      break;
    }
    fitting += sign;
  }
  return fitting;
}
