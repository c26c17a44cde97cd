/**
 * What an application says besides who declares it: the legal person, everybody behind it and the forms of their own,
 * as sources to be compared. Pure.
 */
import type { CompanyInput, PartyDetailsInput } from '../applications/company.ts';
import type { Forms } from '../applications/forms-of.ts';
import type { MrzContent } from '../documents/read-mrz.ts';

export type Said = {
  readonly source: string;
  readonly said: Readonly<Record<string, string | null | undefined>>;
};

type PartySaid = {
  readonly id: string;
  readonly role: string;
  readonly shareBps: number | null;
  readonly details: PartyDetailsInput;
};

/** An address in one line; undefined where none is said. */
export function addressLine(address: object | null | undefined): string | undefined {
  const said = new Map<string, unknown>(Object.entries(address ?? {}));
  const parts = ['street', 'city', 'state', 'postalCode', 'country'].map((part) => said.get(part));
  return parts.filter((part) => typeof part === 'string').join(', ') || undefined;
}

/** What is said of a legal person. */
export function companySaid(company: CompanyInput): Said['said'] {
  return {
    companyName: company.legalName,
    registrationNumber: company.registrationNumber,
    incorporatedOn: company.incorporatedOn,
    companyCountry: company.country,
    legalForm: company.legalForm,
    registeredAddress: addressLine(company.registeredAddress),
    natureOfBusiness: company.natureOfBusiness,
    companyTaxResidence: company.taxResidences.toSorted().join(', '),
  };
}

/** What is said of somebody behind a legal person. */
export function partySaid({ id, role, shareBps, details }: PartySaid): Said {
  const { person, organisation } = details;
  const who =
    person === undefined
      ? { partyName: organisation?.legalName, partyNationality: organisation?.country }
      : {
          partyName: `${person.firstName} ${person.lastName}`,
          partyBirthDate: person.birthDate,
          partyNationality: person.nationality,
          partyAddress: addressLine(person.address),
        };
  const partyShare = shareBps === null ? null : `${shareBps} bps`;
  return { source: `party ${id}`, said: { partyRole: role, partyShare, ...who } };
}

/** What the zone of a document says of somebody behind a legal person; the document itself is a source of its own. */
export function partyZoneSaid(documentId: string, partyId: string, zone: MrzContent): Said {
  return {
    source: `mrz ${documentId} of ${partyId}`,
    said: {
      partyName: `${zone.givenNames} ${zone.surname}`,
      partyBirthDate: zone.birthDate,
      partyNationality: zone.nationality,
    },
  };
}

/** What is declared in forms of their own. */
export function formsSaid(forms: Forms, isLegalPerson: boolean): readonly Said[] {
  const residences = forms.tax_residence?.residences.map(({ country }) => country).toSorted();
  const taxed = residences?.join(', ');
  return [
    { source: 'tax_residence', said: { [isLegalPerson ? 'companyTaxResidence' : 'taxResidence']: taxed } },
    { source: 'fatca_crs', said: { usPerson: wordOf(forms.fatca_crs?.usPerson) } },
    {
      source: 'pep',
      said: { exposed: forms.pep === undefined ? undefined : 'yes', exposure: forms.pep?.kind },
    },
  ];
}

/** @shape `yes` or `no`; undefined where nothing is said */
export function wordOf(said: boolean | undefined): string | undefined {
  return said === undefined ? undefined : said ? 'yes' : 'no';
}
