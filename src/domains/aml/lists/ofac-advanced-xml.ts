/**
 * OFAC's lists in the advanced XML (sdn_advanced, cons_advanced). Everything is told by numbered references: value
 * sets first, then places, documents, parties and the entries that say under which programme. A number that no
 * set explains refuses the file. Names are put together as the CSV has them ("LAST, First Middle"), so that a
 * score does not depend on which of the two files an entry came from.
 */
import {
  childOf,
  childrenOf,
  childText,
  readXml,
  type XmlElement,
  type XmlLimits,
  xmlLimitsDefault,
} from '../../../platform/xml/read-xml.ts';
import { XmlError } from '../../../platform/xml/xml-error.ts';
import { countryCode } from './country-code.ts';
import { distinctNames, distinctValues, type EntityName, type ListEntity } from './entity.ts';
import { ListFormatError } from './list-format-error.ts';
import {
  birthDatesOf,
  documentIdentifier,
  gendersOf,
  identifierOfFeature,
  kindOfParty,
} from './ofac-features.ts';
import { type OfacSets, referenceOf } from './ofac-sets.ts';
import { nameWithScript } from './script-of.ts';

/** Value sets are read one value at a time, everything else one record at a time. */
const RECORD_DEPTH = 3;

/**
 * Reads the list; the id of the profile, which is the `ent_num` of the CSV, is the source id.
 * @errors those of the XML reader, then wrong_root, unknown_reference, missing_id, missing_name, duplicate_id,
 * empty_file
 */
export function parseOfacAdvancedXml(bytes: Uint8Array, limits: XmlLimits = xmlLimitsDefault): ListEntity[] {
  const sets: OfacSets = {
    values: new Map(),
    countryOfLocation: new Map(),
    documentsOfIdentity: new Map(),
    programsOfProfile: new Map(),
  };
  const entities = new Map<string, ListEntity>();
  const root = readSections(bytes, sets, entities, limits);
  if (localName(root.name) !== 'Sanctions') {
    throw new ListFormatError(
      'wrong_root',
      `<${root.name.slice(0, 40)}> is no advanced sanctions list`,
      root.line,
    );
  }
  if (entities.size === 0) {
    throw new ListFormatError('empty_file', 'the list has no parties');
  }
  // The entries that name the programmes stand behind the parties.
  return [...entities.values()].map((entity) => ({
    ...entity,
    programs: distinctValues(sets.programsOfProfile.get(entity.sourceId) ?? []),
  }));
}

/** The name without a namespace prefix: publishers change prefixes. */
function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** A record is read and let go before the next: a whole list of parties does not fit into memory. */
function readSections(
  bytes: Uint8Array,
  sets: OfacSets,
  entities: Map<string, ListEntity>,
  limits: XmlLimits,
): XmlElement {
  try {
    return readXml(
      bytes,
      RECORD_DEPTH,
      (element, path) => {
        const record = path[0]?.includes(':') === true ? withLocalNames(element) : element;
        takeRecord(sets, entities, localName(path[1] ?? ''), record);
      },
      limits,
    );
  } catch (error) {
    throw error instanceof XmlError ? new ListFormatError(error.code, error.detail, error.line) : error;
  }
}

function withLocalNames(element: XmlElement): XmlElement {
  return { ...element, name: localName(element.name), children: element.children.map(withLocalNames) };
}

function takeRecord(
  sets: OfacSets,
  entities: Map<string, ListEntity>,
  section: string,
  record: XmlElement,
): void {
  switch (section) {
    case 'ReferenceValueSets':
      for (const value of record.children) {
        const set = sets.values.get(value.name) ?? new Map<string, XmlElement>();
        set.set(value.attributes.ID ?? '', value);
        sets.values.set(value.name, set);
      }
      return;
    case 'Locations':
      takeLocation(sets, record);
      return;
    case 'IDRegDocuments': {
      const identity = record.attributes.IdentityID ?? '';
      sets.documentsOfIdentity.set(identity, [...(sets.documentsOfIdentity.get(identity) ?? []), record]);
      return;
    }
    case 'DistinctParties': {
      const entity = toEntity(record, sets);
      if (entities.has(entity.sourceId)) {
        throw new ListFormatError('duplicate_id', `profile ${entity.sourceId} appears twice`, record.line);
      }
      entities.set(entity.sourceId, entity);
      return;
    }
    case 'SanctionsEntries':
      takeEntry(sets, record);
      return;
    default:
  }
}

function takeLocation(sets: OfacSets, location: XmlElement): void {
  for (const country of childrenOf(location, 'LocationCountry')) {
    const named = referenceOf(sets, 'Country', country.attributes.CountryID, country.line);
    const code = countryCode(named.attributes.ISO2 ?? '') ?? countryCode(named.text);
    if (code !== undefined) {
      sets.countryOfLocation.set(location.attributes.ID ?? '', code);
    }
  }
}

/** A measure whose comment is a word in capitals names the programme; the type of the measure does not. */
function takeEntry(sets: OfacSets, entry: XmlElement): void {
  const profile = entry.attributes.ProfileID ?? '';
  const programs = childrenOf(entry, 'SanctionsMeasure')
    .map((measure) => childText(measure, 'Comment'))
    .filter((comment) => comment !== '');
  sets.programsOfProfile.set(profile, [...(sets.programsOfProfile.get(profile) ?? []), ...programs]);
}

function toEntity(party: XmlElement, sets: OfacSets): ListEntity {
  const profile = childOf(party, 'Profile');
  const sourceId = profile?.attributes.ID ?? '';
  if (profile === undefined || sourceId === '') {
    throw new ListFormatError('missing_id', 'a party without a profile', party.line);
  }
  const identities = childrenOf(profile, 'Identity');
  const names = distinctNames(identities.flatMap((identity) => namesOf(identity, sets)));
  if (names.length === 0) {
    throw new ListFormatError('missing_name', `profile ${sourceId} has no name`, party.line);
  }
  const features = childrenOf(profile, 'Feature').map((feature) => ({
    type: referenceOf(sets, 'FeatureType', feature.attributes.FeatureTypeID, feature.line).text.trim(),
    versions: childrenOf(feature, 'FeatureVersion'),
  }));
  const documents = identities.flatMap(
    (identity) => sets.documentsOfIdentity.get(identity.attributes.ID ?? '') ?? [],
  );
  return {
    sourceId,
    kind: kindOfParty(sets, profile),
    names,
    birthDates: distinctValues(features.flatMap((feature) => birthDatesOf(feature))),
    countries: countriesOf(sets, features),
    genders: gendersOf(sets, features),
    identifiers: [
      ...documents.flatMap((document) => documentIdentifier(sets, document)),
      ...features.flatMap((feature) => identifierOfFeature(feature)),
    ],
    programs: [],
    remarks: childText(party, 'Comment'),
    raw: { profile: sourceId, features: features.map(({ type }) => type) },
  };
}

function countriesOf(
  sets: OfacSets,
  features: readonly { readonly type: string; readonly versions: readonly XmlElement[] }[],
): string[] {
  const told = features
    .filter(({ type }) => /^(?:nationality|citizenship|location|vessel flag)/iu.test(type))
    .flatMap(({ versions }) => versions);
  return distinctValues(
    told.flatMap((version) => [
      ...childrenOf(version, 'VersionLocation').map(
        ({ attributes }) => sets.countryOfLocation.get(attributes.LocationID ?? '') ?? '',
      ),
      ...childrenOf(version, 'VersionDetail').map((detail) => countryCode(detail.text) ?? ''),
    ]),
  );
}

function namesOf(identity: XmlElement, sets: OfacSets): EntityName[] {
  const typeOfGroup = new Map<string, string>();
  for (const groups of childrenOf(identity, 'NamePartGroups')) {
    for (const group of childrenOf(groups, 'MasterNamePartGroup').flatMap((master) => master.children)) {
      const type = referenceOf(sets, 'NamePartType', group.attributes.NamePartTypeID, group.line).text.trim();
      typeOfGroup.set(group.attributes.ID ?? '', type.toLowerCase());
    }
  }
  return childrenOf(identity, 'Alias').flatMap((alias) => {
    const weak = alias.attributes.LowQuality === 'true';
    const type = weak ? 'weak_alias' : alias.attributes.Primary === 'true' ? 'primary' : 'alias';
    return childrenOf(alias, 'DocumentedName').map((name) =>
      nameWithScript(fullName(name, typeOfGroup), type),
    );
  });
}

/** "LAST, First Middle Patronymic" for people, the parts in their order for everything else. */
function fullName(name: XmlElement, typeOfGroup: ReadonlyMap<string, string>): string {
  const parts = childrenOf(name, 'DocumentedNamePart')
    .flatMap((part) => childrenOf(part, 'NamePartValue'))
    .map((value) => {
      const type = typeOfGroup.get(value.attributes.NamePartGroupID ?? '');
      if (type === undefined) {
        const detail = 'a part of a name belongs to no group';
        throw new ListFormatError('unknown_reference', detail, value.line);
      }
      return { type, text: value.text.trim() };
    });
  const last = parts.filter(({ type }) => type === 'last name').map(({ text }) => text);
  const given = parts.filter(({ type }) => type !== 'last name' && type !== 'maiden name');
  const order = ['first name', 'middle name', 'patronymic', 'matronymic'];
  const rank = (type: string): number => (order.includes(type) ? order.indexOf(type) : order.length);
  const rest = [...given].sort((one, other) => rank(one.type) - rank(other.type)).map(({ text }) => text);
  return [last.join(' '), rest.join(' ')].filter((text) => text !== '').join(', ');
}
