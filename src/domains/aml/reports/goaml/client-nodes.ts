/** Customers as a report names them: with everything that is known of them, and nothing that is not. Pure. */
import { iso31661 } from 'iso-3166';
import type { Id } from '../../../../kernel/id.ts';
import type { GoamlSettings } from '../../../../platform/http/goaml.ts';
import { goamlCode } from './codes.ts';
import type { GoamlNode } from './write-goaml.ts';

/** @units countries ISO 3166-1 alpha-3, days YYYY-MM-DD */
export type Client = {
  readonly userId: Id;
  readonly firstName: string;
  readonly lastName: string;
  readonly gender: string | undefined;
  readonly birthDate: string | undefined;
  readonly birthPlace: string | undefined;
  readonly nationality: string | undefined;
  readonly address:
    | {
        readonly street: string;
        readonly city: string;
        readonly state?: string | undefined;
        readonly postalCode?: string | undefined;
        readonly country: string;
      }
    | undefined;
  readonly occupation: string | undefined;
  readonly sourceOfFunds: string | undefined;
  readonly identifiers: readonly {
    readonly type: string;
    readonly number: string;
    readonly country: string | null;
  }[];
  /** The legal person they act for. */
  readonly company: {
    readonly name: string;
    readonly number: string | undefined;
    readonly country: string | undefined;
  } | null;
};

const ALPHA_2 = new Map(iso31661.map(({ alpha2, alpha3 }) => [alpha3 as string, alpha2 as string]));

const GENDERS: Readonly<Record<string, string>> = { male: 'M', female: 'F', other: 'O' };

/** A client as a person. */
export function clientPerson(settings: GoamlSettings, client: Client): GoamlNode {
  const { address, birthDate } = client;
  return {
    gender: GENDERS[client.gender ?? ''],
    first_name: client.firstName,
    last_name: client.lastName,
    birthdate: birthDate === undefined ? undefined : `${birthDate}T00:00:00`,
    birth_place: client.birthPlace,
    nationality1: countryOf(client.nationality),
    residence: countryOf(address?.country),
    addresses:
      address === undefined
        ? undefined
        : {
            address: {
              address_type: goamlCode(settings, 'addressType', 'home'),
              address: address.street,
              city: address.city,
              zip: address.postalCode,
              country_code: countryOf(address.country),
              state: address.state,
            },
          },
    occupation: client.occupation,
    identification: client.identifiers.map(({ type, number, country }) => ({
      type: goamlCode(settings, 'identifierType', type),
      number,
      issue_country: countryOf(country ?? client.nationality),
    })),
    source_of_wealth: client.sourceOfFunds,
  };
}

/** The legal person a client acts for; null for one who acts for nobody else. */
export function clientEntity({ company }: Client): GoamlNode | null {
  return company === null
    ? null
    : {
        name: company.name,
        incorporation_number: company.number,
        incorporation_country_code: countryOf(company.country),
      };
}

/** @units ISO 3166-1 alpha-2 */
export function countryOf(alpha3: string | undefined): string | undefined {
  return ALPHA_2.get(alpha3 ?? '');
}
