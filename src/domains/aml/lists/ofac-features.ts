/**
 * What OFAC's advanced XML calls features and documents of a party: birth dates as periods, genders and kinds as
 * references, numbers of documents and wallets.
 */
import { childOf, childrenOf, childText, type XmlElement } from '../../../platform/xml/read-xml.ts';
import { countryCode } from './country-code.ts';
import type { EntityGender, EntityIdentifier, EntityKind } from './entity.ts';
import { type OfacSets, referenceOf } from './ofac-sets.ts';
import { yearsBetween } from './partial-date.ts';

export type OfacFeature = { readonly type: string; readonly versions: readonly XmlElement[] };

/** The kind of a party, from its sub-type and the type that one belongs to. @errors unknown_reference */
export function kindOfParty(sets: OfacSets, profile: XmlElement): EntityKind {
  const subType = referenceOf(sets, 'PartySubType', profile.attributes.PartySubTypeID, profile.line);
  const type = referenceOf(sets, 'PartyType', subType.attributes.PartyTypeID, subType.line);
  const words = `${subType.text} ${type.text}`.toLowerCase();
  const kinds: readonly (readonly [string, EntityKind])[] = [
    ['vessel', 'vessel'],
    ['aircraft', 'aircraft'],
    ['individual', 'person'],
    ['entity', 'organisation'],
  ];
  return kinds.find(([word]) => words.includes(word))?.[1] ?? 'unknown';
}

/** @shape 'YYYY' | 'YYYY-MM' | 'YYYY-MM-DD'; each year of a period that spans some */
export function birthDatesOf(feature: OfacFeature): string[] {
  if (!/^birthdate$/iu.test(feature.type)) {
    return [];
  }
  return feature.versions
    .flatMap((version) => childrenOf(version, 'DatePeriod'))
    .flatMap((period) => {
      const [start, end] = [momentOf(period, 'Start', 'From'), momentOf(period, 'End', 'To')];
      const approximate = childOf(period, 'Start')?.attributes.Approximate === 'true';
      if (start === undefined) {
        return [];
      }
      if (end === undefined || end === start) {
        return [approximate ? start.slice(0, 4) : start];
      }
      if (start.slice(0, 4) === end.slice(0, 4)) {
        return [start.slice(0, 7) === end.slice(0, 7) ? start.slice(0, 7) : start.slice(0, 4)];
      }
      return yearsBetween(start.slice(0, 4), end.slice(0, 4));
    });
}

/** @errors unknown_reference */
export function gendersOf(sets: OfacSets, features: readonly OfacFeature[]): EntityGender[] {
  const details = features
    .filter(({ type }) => /^gender$/iu.test(type))
    .flatMap(({ versions }) => versions.flatMap((version) => childrenOf(version, 'VersionDetail')));
  const words = details.map((detail) =>
    detail.attributes.DetailReferenceID === undefined
      ? detail.text
      : referenceOf(sets, 'DetailReference', detail.attributes.DetailReferenceID, detail.line).text,
  );
  return [...new Set(words.map((word) => word.trim().toLowerCase()))].filter(
    (word): word is EntityGender => word === 'male' || word === 'female',
  );
}

/** Wallets and tail numbers are features; other numbers are documents. */
export function identifierOfFeature(feature: OfacFeature): EntityIdentifier[] {
  const currency = /^digital currency address - (\S+)/iu.exec(feature.type)?.[1];
  const type =
    currency === undefined ? FEATURE_TYPES[feature.type] : `crypto_address:${currency.toLowerCase()}`;
  if (type === undefined) {
    return [];
  }
  return feature.versions
    .flatMap((version) => childrenOf(version, 'VersionDetail'))
    .map((detail) => detail.text.trim())
    .filter((number) => number !== '')
    .map((number) => ({ type, number }));
}

const FEATURE_TYPES: Readonly<Record<string, string>> = {
  'SWIFT/BIC': 'bic',
  'Aircraft Tail Number': 'registration',
};

const DOCUMENT_TYPES: readonly (readonly [RegExp, string])[] = [
  [/passport/iu, 'passport'],
  [/driver/iu, 'driving_licence'],
  [/residen/iu, 'residence_permit'],
  [/legal entity number/iu, 'lei'],
  [/tax|^nit|^ruc|^rif|^rtn|r\.f\.c|v\.a\.t/iu, 'tax_id'],
  [/vessel registration/iu, 'imo'],
  [/^mmsi/iu, 'mmsi'],
  [/swift/iu, 'bic'],
  [/registration|registry|company number|trade license/iu, 'registration'],
  [/national|identification|identity|cedula|c\.u\.r\.p|d\.n\.i|ssn|^nie|personal id/iu, 'national_id'],
];

/** @errors unknown_reference */
export function documentIdentifier(sets: OfacSets, document: XmlElement): EntityIdentifier[] {
  const named = referenceOf(
    sets,
    'IDRegDocType',
    document.attributes.IDRegDocTypeID,
    document.line,
  ).text.trim();
  const number = childText(document, 'IDRegistrationNo').replace(/^IMO\s+/u, '');
  if (number === '') {
    return [];
  }
  const type = DOCUMENT_TYPES.find(([pattern]) => pattern.test(named))?.[1] ?? 'other';
  const issuer = document.attributes['IssuedBy-CountryID'];
  const issued = issuer === undefined ? undefined : referenceOf(sets, 'Country', issuer, document.line);
  const country = issued && (countryCode(issued.attributes.ISO2 ?? '') ?? countryCode(issued.text));
  return [country === undefined ? { type, number } : { type, number, country }];
}

function momentOf(period: XmlElement, edge: 'Start' | 'End', side: 'From' | 'To'): string | undefined {
  const outer = childOf(period, edge);
  const point = outer && (childOf(outer, side) ?? childOf(outer, 'From') ?? childOf(outer, 'To'));
  if (point === undefined) {
    return undefined;
  }
  const parts = ['Year', 'Month', 'Day'].map((part) => childText(point, part));
  const [year = '', month = '', day = ''] = parts;
  return [year, month.padStart(2, '0'), month === '' ? '' : day.padStart(2, '0')]
    .filter((part) => /^\d+$/u.test(part) && Number.parseInt(part, 10) > 0)
    .join('-');
}
