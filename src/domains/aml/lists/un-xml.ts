/**
 * The UN Security Council consolidated list in its official XML. Individuals carry up to four name parts,
 * aliases with a quality, birth dates of three kinds, and sometimes the name in its original script.
 */
import type { Json } from '../../../kernel/canonical-json.ts';
import {
  childrenOf,
  childText,
  readXml,
  type XmlElement,
  type XmlLimits,
  xmlLimitsDefault,
} from '../../../platform/xml/read-xml.ts';
import { XmlError } from '../../../platform/xml/xml-error.ts';
import { countryCode } from './country-code.ts';
import {
  distinctNames,
  distinctValues,
  type EntityGender,
  type EntityIdentifier,
  type EntityName,
  type ListEntity,
  type NameType,
} from './entity.ts';
import { ListFormatError } from './list-format-error.ts';
import { partialDates, yearsBetween } from './partial-date.ts';

const recordDepth = 3;

/**
 * Reads the whole list; `REFERENCE_NUMBER` (for example `QDi.006`) is the source id.
 * @errors those of the XML reader, then wrong_root, missing_id, missing_name, duplicate_id, empty_file
 */
export function parseUnXml(bytes: Uint8Array, limits: XmlLimits = xmlLimitsDefault): ListEntity[] {
  const entities: ListEntity[] = [];
  const seen = new Set<string>();
  const root = readList(
    bytes,
    (element, path) => {
      const kind = recordKind(element, path);
      if (kind === undefined) {
        return;
      }
      const entity = toEntity(element, kind);
      if (seen.has(entity.sourceId)) {
        throw new ListFormatError('duplicate_id', `${entity.sourceId} appears twice`, element.line);
      }
      seen.add(entity.sourceId);
      entities.push(entity);
    },
    limits,
  );
  if (root.name !== 'CONSOLIDATED_LIST') {
    throw new ListFormatError('wrong_root', `<${root.name}> is not a UN consolidated list`, root.line);
  }
  if (entities.length === 0) {
    throw new ListFormatError('empty_file', 'the list has no individuals and no entities');
  }
  return entities;
}

/** A list that is no XML is refused as any other list that cannot be read. */
function readList(
  bytes: Uint8Array,
  onElement: (element: XmlElement, path: readonly string[]) => void,
  limits: XmlLimits,
): XmlElement {
  try {
    return readXml(bytes, recordDepth, onElement, limits);
  } catch (error) {
    throw error instanceof XmlError ? new ListFormatError(error.code, error.detail, error.line) : error;
  }
}

function recordKind(element: XmlElement, path: readonly string[]): 'person' | 'organisation' | undefined {
  const section = path[1];
  if (path[0] !== 'CONSOLIDATED_LIST') {
    throw new ListFormatError('wrong_root', `<${path[0]}> is not a UN consolidated list`, element.line);
  }
  if (section === 'INDIVIDUALS' && element.name === 'INDIVIDUAL') {
    return 'person';
  }
  return section === 'ENTITIES' && element.name === 'ENTITY' ? 'organisation' : undefined;
}

function toEntity(element: XmlElement, kind: 'person' | 'organisation'): ListEntity {
  const sourceId = childText(element, 'REFERENCE_NUMBER');
  if (sourceId === '') {
    throw new ListFormatError('missing_id', 'a record without REFERENCE_NUMBER', element.line);
  }
  const names = namesOf(element, kind);
  if (names.length === 0) {
    throw new ListFormatError('missing_name', `${sourceId} has no name`, element.line);
  }
  const prefix = kind === 'person' ? 'INDIVIDUAL' : 'ENTITY';
  const countries = [
    ...childrenOf(element, 'NATIONALITY').flatMap((nationality) =>
      childrenOf(nationality, 'VALUE').map((value) => value.text),
    ),
    ...childrenOf(element, `${prefix}_ADDRESS`).map((address) => childText(address, 'COUNTRY')),
  ];
  const programs = [childText(element, 'UN_LIST_TYPE')];
  return {
    sourceId,
    kind,
    names,
    birthDates: distinctValues(
      childrenOf(element, 'INDIVIDUAL_DATE_OF_BIRTH').flatMap((date) => birthDatesOf(date)),
    ),
    countries: distinctValues(countries.map((country) => countryCode(country) ?? '')),
    genders: genderOf(childText(element, 'GENDER')),
    identifiers: childrenOf(element, 'INDIVIDUAL_DOCUMENT').flatMap((document) => identifierOf(document)),
    programs: distinctValues(programs),
    remarks: childText(element, 'COMMENTS1'),
    raw: toJson(element),
  };
}

function namesOf(element: XmlElement, kind: 'person' | 'organisation'): EntityName[] {
  const parts = ['FIRST_NAME', 'SECOND_NAME', 'THIRD_NAME', 'FOURTH_NAME'].map((part) =>
    childText(element, part),
  );
  const names: EntityName[] = [{ name: parts.join(' '), type: 'primary' }];
  const original = childText(element, 'NAME_ORIGINAL_SCRIPT');
  if (original !== '') {
    names.push({ name: original, type: 'primary', script: scriptOf(original) });
  }
  for (const alias of childrenOf(element, kind === 'person' ? 'INDIVIDUAL_ALIAS' : 'ENTITY_ALIAS')) {
    const name = childText(alias, 'ALIAS_NAME');
    const type: NameType = childText(alias, 'QUALITY') === 'Low' ? 'weak_alias' : 'alias';
    const script = scriptOf(name);
    names.push(script === 'Latn' ? { name, type } : { name, type, script });
  }
  return distinctNames(names);
}

/** @shape ISO 15924 code of the first letter's script, 'Zyyy' when no known script is found */
function scriptOf(text: string): string {
  const scripts: readonly (readonly [string, RegExp])[] = [
    ['Arab', /\p{Script=Arabic}/u],
    ['Cyrl', /\p{Script=Cyrillic}/u],
    ['Hang', /\p{Script=Hangul}/u],
    ['Hani', /\p{Script=Han}/u],
    ['Hebr', /\p{Script=Hebrew}/u],
    ['Latn', /\p{Script=Latin}/u],
  ];
  return scripts.find(([, pattern]) => pattern.test(text))?.[0] ?? 'Zyyy';
}

function birthDatesOf(element: XmlElement): string[] {
  const fromYear = childText(element, 'FROM_YEAR');
  if (fromYear !== '') {
    return yearsBetween(fromYear, childText(element, 'TO_YEAR'));
  }
  const date = childText(element, 'DATE') || childText(element, 'YEAR');
  // An approximate date written out in full is still only a year.
  const approximate = childText(element, 'TYPE_OF_DATE') === 'APPROXIMATELY';
  return partialDates(date).map((found) => (approximate ? found.slice(0, 4) : found));
}

function genderOf(text: string): EntityGender[] {
  if (text === 'Male') {
    return ['male'];
  }
  return text === 'Female' ? ['female'] : [];
}

function identifierOf(element: XmlElement): EntityIdentifier[] {
  const number = childText(element, 'NUMBER');
  if (number === '') {
    return [];
  }
  const named = childText(element, 'TYPE_OF_DOCUMENT').toLowerCase();
  const type =
    named.includes('passeport') || named.includes('pasaporte') || named === 'passport'
      ? 'passport'
      : 'national_id';
  const country = countryCode(
    childText(element, 'ISSUING_COUNTRY') || childText(element, 'COUNTRY_OF_ISSUE'),
  );
  return [country === undefined ? { type, number } : { type, number, country }];
}

/** Elements as they were published, empty ones dropped; a repeated element becomes an array. */
function toJson(element: XmlElement): Json {
  if (element.children.length === 0) {
    return element.text.trim();
  }
  const members: Record<string, Json> = {};
  for (const child of element.children) {
    const value = toJson(child);
    if (value === '') {
      continue;
    }
    const previous = members[child.name];
    if (previous === undefined) {
      members[child.name] = value;
    } else {
      members[child.name] = Array.isArray(previous) ? [...(previous as Json[]), value] : [previous, value];
    }
  }
  return members;
}
