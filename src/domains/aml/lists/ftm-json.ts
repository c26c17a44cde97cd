/**
 * FollowTheMoney entities, one JSON object a line, as OpenSanctions publishes them. Targets become entries; passports,
 * sanctions, wallets and relations of a target are read from their own lines. One line that is no entity refuses
 * the file: half a file is valid up to its last line.
 */
import { z } from 'zod';
import type { Json } from '../../../kernel/canonical-json.ts';
import { countryCode } from './country-code.ts';
import { readText } from './csv-table.ts';
import {
  distinctNames,
  distinctValues,
  type EntityGender,
  type EntityIdentifier,
  type ListEntity,
  type ListPurpose,
} from './entity.ts';
import { ftmKind } from './ftm-kind.ts';
import { ListFormatError } from './list-format-error.ts';
import { partialDates } from './partial-date.ts';
import { nameWithScript } from './script-of.ts';

const Line = z.object({
  id: z.string().min(1),
  caption: z.string().optional(),
  schema: z.string().min(1),
  properties: z.record(z.string(), z.array(z.string())),
  datasets: z.array(z.string()).optional(),
  target: z.boolean().optional(),
});

type FtmEntity = z.infer<typeof Line> & { readonly line: number };

/** What other lines say about a target. */
type About = {
  readonly identifiers: EntityIdentifier[];
  readonly programs: string[];
  readonly links: { readonly schema: string; readonly other: string }[];
};

const MAX_LINE = 4 * 1024 * 1024;

/** Schemas that can be on a list themselves. */
const TARGETS = new Set([
  'Person',
  'Organization',
  'Company',
  'LegalEntity',
  'PublicBody',
  'Vessel',
  'Airplane',
  'CryptoWallet',
]);

/** Whom a relation is between, by the property of either side. */
const RELATIONS: Readonly<Record<string, readonly [string, string]>> = {
  Ownership: ['owner', 'asset'],
  Directorship: ['director', 'organization'],
  Membership: ['member', 'organization'],
  Family: ['person', 'relative'],
  Associate: ['person', 'associate'],
  Representation: ['agent', 'client'],
  UnknownLink: ['subject', 'object'],
};

/**
 * Reads the targets; the id of the entity is the source id.
 * @errors empty_file, file_too_large, not_utf8, truncated, malformed, duplicate_id, missing_name
 */
export function parseFtmJson(bytes: Uint8Array): ListEntity[] {
  const targets = new Map<string, FtmEntity>();
  const about = new Map<string, About>();
  for (const entity of linesOf(bytes)) {
    if (TARGETS.has(entity.schema) && isTarget(entity)) {
      if (targets.has(entity.id)) {
        throw new ListFormatError('duplicate_id', `${entity.id} appears twice`, entity.line);
      }
      targets.set(entity.id, entity);
    } else {
      noteAbout(entity, about);
    }
    if (entity.schema === 'CryptoWallet') {
      noteWallet(entity, about);
    }
  }
  if (targets.size === 0) {
    throw new ListFormatError('empty_file', 'the file has no targets');
  }
  return [...targets.values()].map((entity) => toEntity(entity, about.get(entity.id)));
}

function* linesOf(bytes: Uint8Array): Generator<FtmEntity> {
  const text = readText(bytes, 'the file');
  let line = 0;
  let start = 0;
  while (start < text.length) {
    const found = text.indexOf('\n', start);
    const end = found === -1 ? text.length : found;
    line += 1;
    const content = text.slice(start, end).trim();
    start = end + 1;
    if (content !== '') {
      yield readLine(content, line, found === -1);
    }
  }
}

/** A last line without its end that cannot be read was cut off. Values are sets: their order says nothing. */
function readLine(content: string, line: number, isLast: boolean): FtmEntity {
  if (content.length > MAX_LINE) {
    throw new ListFormatError('malformed', 'the line is too long', line);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    throw new ListFormatError(isLast ? 'truncated' : 'malformed', 'the line is no JSON', line);
  }
  const entity = Line.safeParse(parsed);
  if (!entity.success) {
    throw new ListFormatError('malformed', 'the line is no entity', line);
  }
  // PostgreSQL keeps no NUL in text, however it is escaped.
  if (content.includes('\\u0000')) {
    throw new ListFormatError('malformed', 'the line holds a NUL character', line);
  }
  const { properties } = entity.data;
  const ordered = Object.entries(properties).map(([name, held]) => [name, [...held].sort()] as const);
  return { ...entity.data, properties: Object.fromEntries(ordered), line };
}

/** Older files do not say who is a target: whoever has a topic is. */
function isTarget(entity: FtmEntity): boolean {
  return entity.target ?? values(entity, 'topics').length > 0;
}

function noteAbout(entity: FtmEntity, about: Map<string, About>): void {
  if (entity.schema === 'Passport' || entity.schema === 'Identification') {
    const country = countryCode(values(entity, 'country')[0] ?? '');
    const type = entity.schema === 'Passport' ? 'passport' : 'national_id';
    for (const [holder, number] of pairsOf(entity, 'holder', 'number')) {
      aboutOf(about, holder).identifiers.push(
        country === undefined ? { type, number } : { type, number, country },
      );
    }
    return;
  }
  if (entity.schema === 'Sanction') {
    for (const holder of values(entity, 'entity')) {
      aboutOf(about, holder).programs.push(...values(entity, 'programId', 'program'));
    }
    return;
  }
  const [left, right] = RELATIONS[entity.schema] ?? [];
  if (left !== undefined && right !== undefined) {
    for (const [one, other] of pairsOf(entity, left, right)) {
      aboutOf(about, one).links.push({ schema: entity.schema, other });
      aboutOf(about, other).links.push({ schema: entity.schema, other: one });
    }
  }
}

function noteWallet(wallet: FtmEntity, about: Map<string, About>): void {
  for (const holder of values(wallet, 'holder')) {
    aboutOf(about, holder).identifiers.push(...walletIdentifiers(wallet));
  }
}

function walletIdentifiers(wallet: FtmEntity): EntityIdentifier[] {
  const currency = (values(wallet, 'currency')[0] ?? '').toLowerCase();
  return values(wallet, 'publicKey').map((number) => ({ type: `crypto_address:${currency}`, number }));
}

function aboutOf(about: Map<string, About>, id: string): About {
  const known = about.get(id) ?? { identifiers: [], programs: [], links: [] };
  about.set(id, known);
  return known;
}

function pairsOf(entity: FtmEntity, left: string, right: string): (readonly [string, string])[] {
  return values(entity, left).flatMap((one) => values(entity, right).map((other) => [one, other] as const));
}

function values(entity: FtmEntity, ...properties: readonly string[]): string[] {
  return properties.flatMap((property) => entity.properties[property] ?? []);
}

const IDENTIFIERS: readonly (readonly [string, string])[] = [
  ['passportNumber', 'passport'],
  ['idNumber', 'national_id'],
  ['socialSecurityNumber', 'national_id'],
  ['taxNumber', 'tax_id'],
  ['innCode', 'tax_id'],
  ['vatCode', 'tax_id'],
  ['registrationNumber', 'registration'],
  ['ogrnCode', 'registration'],
  ['leiCode', 'lei'],
  ['swiftBic', 'bic'],
  ['imoNumber', 'imo'],
  ['mmsi', 'mmsi'],
];

const COUNTRIES = ['nationality', 'citizenship', 'country', 'mainCountry', 'jurisdiction', 'flag'];

function toEntity(entity: FtmEntity, about: About | undefined): ListEntity {
  const names = namesOf(entity);
  if (names.length === 0) {
    throw new ListFormatError('missing_name', `${entity.id} has no name`, entity.line);
  }
  const identifiers = [
    ...IDENTIFIERS.flatMap(([property, type]) =>
      values(entity, property).map((number) => ({ type, number })),
    ),
    ...(entity.schema === 'CryptoWallet' ? walletIdentifiers(entity) : []),
    ...(about?.identifiers ?? []),
  ];
  const purpose = purposeOf(values(entity, 'topics'));
  return {
    sourceId: entity.id,
    kind: ftmKind(entity.schema),
    names,
    birthDates: distinctValues(values(entity, 'birthDate').flatMap((date) => partialDates(date))),
    countries: distinctValues(values(entity, ...COUNTRIES).map((country) => countryCode(country) ?? '')),
    genders: distinctValues(values(entity, 'gender').flatMap(genderOf)),
    identifiers: distinctIdentifiers(identifiers),
    programs: distinctValues([...values(entity, 'programId', 'program'), ...(about?.programs ?? [])].sort()),
    remarks: values(entity, 'notes', 'position').join('\n'),
    raw: rawOf(entity, about),
    ...(purpose === undefined ? {} : { purpose }),
  };
}

function namesOf(entity: FtmEntity) {
  const first = entity.caption ?? values(entity, 'name')[0] ?? '';
  const wallet = entity.schema === 'CryptoWallet' ? values(entity, 'publicKey') : [];
  return distinctNames([
    nameWithScript(first, 'primary'),
    ...values(entity, 'name').map((name) => nameWithScript(name, 'primary')),
    ...values(entity, 'alias', 'previousName').map((name) => nameWithScript(name, 'alias')),
    ...values(entity, 'weakAlias').map((name) => nameWithScript(name, 'weak_alias')),
    ...(first === '' ? wallet.map((key) => nameWithScript(key, 'primary')) : []),
  ]);
}

function genderOf(text: string): EntityGender[] {
  return text === 'male' || text === 'female' ? [text] : [];
}

/** The gravest of what the topics say. @source OpenSanctions, "Topics" */
function purposeOf(topics: readonly string[]): ListPurpose | undefined {
  if (topics.some((topic) => ['sanction', 'sanction.counter', 'asset.frozen'].includes(topic))) {
    return 'sanctions';
  }
  if (topics.some((topic) => topic.startsWith('role.') || topic.startsWith('gov'))) {
    return 'pep';
  }
  return topics.length > 0 ? 'adverse_media' : undefined;
}

function distinctIdentifiers(identifiers: readonly EntityIdentifier[]): EntityIdentifier[] {
  const keyed = new Map(identifiers.map((one) => [`${one.type} ${one.number} ${one.country ?? ''}`, one]));
  return [...keyed].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, identifier]) => identifier);
}

/** Without what changes at every publication. */
function rawOf(entity: FtmEntity, about: About | undefined): Json {
  const links = (about?.links ?? [])
    .map((link) => ({ ...link }))
    .sort((one, other) => (`${one.schema} ${one.other}` < `${other.schema} ${other.other}` ? -1 : 1));
  return {
    schema: entity.schema,
    properties: entity.properties,
    datasets: entity.datasets ?? [],
    ...(links.length === 0 ? {} : { links }),
  };
}
