/**
 * The OFAC CSV trio (`sdn`/`alt`/`add`, or `cons_prim`/`cons_alt`/`cons_add`): no header, `-0-` is null,
 * a trailing 0x1A byte. Everything about a person beyond the name stands in the free-text remarks.
 * The three files belong to one publication: an alias or address of an unknown `ent_num` refuses them all.
 */
import { parse } from 'csv-parse/sync';
import { countryCode } from './country-code.ts';
import { readText } from './csv-table.ts';
import {
  distinctNames,
  distinctValues,
  type EntityGender,
  type EntityIdentifier,
  type EntityKind,
  type EntityName,
  type ListEntity,
} from './entity.ts';
import { ListFormatError } from './list-format-error.ts';
import { partialDates } from './partial-date.ts';

export type OfacFiles = {
  readonly primary: Uint8Array;
  readonly aliases: Uint8Array;
  readonly addresses: Uint8Array;
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: the publisher ends its files with 0x1A
const endMark = /\u001a[\s\u001a]*$/u;
const primaryColumns = 12;
const aliasColumns = 5;
const addressColumns = 6;

/**
 * Reads one coherent OFAC trio.
 * @errors empty_file, file_too_large, not_utf8, malformed, wrong_column_count, missing_id, missing_name,
 * duplicate_id, unknown_reference, truncated
 * @source OFAC "SDN list data format" (dat_spec.txt)
 */
export function parseOfacCsv(files: OfacFiles): ListEntity[] {
  const primaries = readRows(files.primary, primaryColumns, 'primary');
  const aliases = groupByEntity(readRows(files.aliases, aliasColumns, 'aliases'));
  const addresses = groupByEntity(readRows(files.addresses, addressColumns, 'addresses'));
  const seen = new Set<string>();
  const entities: ListEntity[] = [];
  for (const row of primaries) {
    const sourceId = field(row, 0);
    if (!/^\d+$/u.test(sourceId)) {
      throw new ListFormatError('missing_id', 'ent_num is not a number', row.line);
    }
    if (seen.has(sourceId)) {
      throw new ListFormatError('duplicate_id', `ent_num ${sourceId} appears twice`, row.line);
    }
    seen.add(sourceId);
    entities.push(toEntity(row, aliases.get(sourceId) ?? [], addresses.get(sourceId) ?? []));
  }
  refuseOrphans(aliases, seen);
  refuseOrphans(addresses, seen);
  return entities;
}

type Row = { readonly fields: readonly string[]; readonly line: number };

function readRows(bytes: Uint8Array, columns: number, what: string): Row[] {
  const marked = readText(bytes, what);
  const rows = readRecords(marked, what);
  for (const row of rows) {
    if (row.fields.length !== columns) {
      const detail = `${what} row has ${row.fields.length} columns instead of ${columns}`;
      throw new ListFormatError('wrong_column_count', detail, row.line);
    }
  }
  if (rows.length === 0) {
    throw new ListFormatError('empty_file', `${what} has no rows`);
  }
  // A file that was cut between two rows has nothing else to show it by.
  if (!endMark.test(marked)) {
    throw new ListFormatError('truncated', `${what} lacks its end mark`);
  }
  return rows;
}

function readRecords(marked: string, what: string): Row[] {
  const text = marked.replace(endMark, '').trimEnd();
  if (text === '') {
    throw new ListFormatError('empty_file', `${what} has no content`);
  }
  try {
    const records = parse(text, {
      relax_column_count: true,
      skip_empty_lines: true,
      bom: true,
      info: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return records.map(({ record, info }) => ({ fields: record, line: info.lines }));
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'not CSV';
    throw new ListFormatError(/quote not closed/iu.test(detail) ? 'truncated' : 'malformed', detail);
  }
}

function field(row: Row, index: number): string {
  const value = (row.fields[index] ?? '').trim();
  return value === '-0-' ? '' : value;
}

function groupByEntity(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const id = field(row, 0);
    const group = groups.get(id);
    if (group === undefined) {
      groups.set(id, [row]);
    } else {
      group.push(row);
    }
  }
  return groups;
}

function refuseOrphans(groups: ReadonlyMap<string, readonly Row[]>, known: ReadonlySet<string>): void {
  for (const [id, rows] of groups) {
    if (!known.has(id)) {
      throw new ListFormatError(
        'unknown_reference',
        `ent_num ${id} is not in the primary file`,
        rows[0]?.line,
      );
    }
  }
}

function toEntity(row: Row, aliases: readonly Row[], addresses: readonly Row[]): ListEntity {
  const name = field(row, 1);
  if (name === '') {
    throw new ListFormatError('missing_name', `ent_num ${field(row, 0)} has no name`, row.line);
  }
  const remarks = field(row, 11);
  const parts = remarkParts(remarks);
  const kind = kindOf(field(row, 2));
  const countries = [
    ...parts.flatMap((part) => captured(part, /^(?:alt\. )?(?:nationality|citizen) (.+)$/u)),
    ...addresses.map((address) => field(address, 4)),
    field(row, 9),
  ];
  return {
    sourceId: field(row, 0),
    kind,
    names: namesOf(name, aliases, parts),
    birthDates: distinctValues(
      parts.flatMap((part) => captured(part, /^(?:alt\. )?DOB (.+)$/u)).flatMap((date) => partialDates(date)),
    ),
    countries: distinctValues(countries.map((country) => countryCode(country) ?? '')),
    genders: gendersOf(parts),
    identifiers: parts.flatMap((part) => identifierOf(part)),
    programs: distinctValues(
      field(row, 3)
        .split(/\]\s*\[|;\s*/u)
        .map((program) => program.trim()),
    ),
    remarks,
    raw: {
      primary: [...row.fields],
      aliases: aliases.map((alias) => [...alias.fields]),
      addresses: addresses.map((address) => [...address.fields]),
    },
  };
}

function kindOf(type: string): EntityKind {
  switch (type) {
    case 'individual':
      return 'person';
    case 'vessel':
      return 'vessel';
    case 'aircraft':
      return 'aircraft';
    default:
      return 'organisation';
  }
}

function remarkParts(remarks: string): string[] {
  return remarks
    .replace(/\.$/u, '')
    .split(/;\s+/u)
    .map((part) => part.trim().replace(/\.$/u, ''));
}

function captured(part: string, pattern: RegExp): string[] {
  const value = pattern.exec(part)?.[1];
  return value === undefined ? [] : [value];
}

/** Aliases that stand only in the remarks are the ones OFAC itself calls weak. */
function namesOf(name: string, aliases: readonly Row[], parts: readonly string[]): EntityName[] {
  const names: EntityName[] = [{ name, type: 'primary' }];
  for (const alias of aliases) {
    names.push({ name: field(alias, 3), type: 'alias' });
  }
  for (const part of parts) {
    const weak = /^(?:a|f|n)\.k\.a\. '(.+)'$/u.exec(part)?.[1];
    if (weak !== undefined) {
      names.push({ name: weak, type: 'weak_alias' });
    }
  }
  return distinctNames(names);
}

function gendersOf(parts: readonly string[]): EntityGender[] {
  const genders = parts.flatMap((part) => captured(part, /^Gender (Male|Female)$/u));
  return distinctValues(genders.map((gender) => (gender === 'Male' ? 'male' : 'female')));
}

const identifierPatterns: readonly { readonly type: string; readonly pattern: RegExp }[] = [
  { type: 'passport', pattern: /^Passport (?:No\. )?(.+)$/u },
  {
    type: 'national_id',
    pattern: /^(?:National ID|Identification Number|Identity Card|Personal ID Card)(?: No\.)? (.+)$/u,
  },
  { type: 'national_id', pattern: /^(?:Cedula No\.|C\.U\.R\.P\.|D\.N\.I\.|SSN|NIE) (.+)$/u },
  { type: 'tax_id', pattern: /^(?:Tax ID No\.|NIT #?|R\.F\.C\.|RUC #?|RIF #?|V\.A\.T\. Number|RTN) ?(.+)$/u },
  { type: 'driving_licence', pattern: /^Driver's License No\. (.+)$/u },
  { type: 'residence_permit', pattern: /^(?:Residency Number|Residence Permit No\.) (.+)$/u },
  { type: 'lei', pattern: /^Legal Entity Number (.+)$/u },
  { type: 'imo', pattern: /^Vessel Registration Identification IMO (\d+)$/u },
  { type: 'mmsi', pattern: /^MMSI (\d+)$/u },
  {
    type: 'registration',
    pattern:
      /^(?:Registration Number|Registration ID|Company Number|Commercial Registry Number|Business Registration Number|Trade License No\.) (.+)$/u,
  },
  { type: 'bic', pattern: /^SWIFT\/BIC (.+)$/u },
  { type: 'crypto_address', pattern: /^Digital Currency Address - (.+)$/u },
];

function identifierOf(part: string): EntityIdentifier[] {
  const text = part.replace(/^alt\. /u, '');
  for (const { type, pattern } of identifierPatterns) {
    const value = pattern.exec(text)?.[1];
    if (value !== undefined) {
      return [splitIdentifier(type, value)];
    }
  }
  return [];
}

function splitIdentifier(type: string, value: string): EntityIdentifier {
  if (type === 'crypto_address') {
    const [, currency, address] = /^(\S+) (\S+)$/u.exec(value) ?? [];
    return { type: `crypto_address:${(currency ?? '').toLowerCase()}`, number: address ?? value };
  }
  const place = /\(([^()]+)\)/u.exec(value)?.[1];
  const number = value.replace(/\s*(?:\(|issued |expires ).*$/u, '').trim();
  const country = place === undefined ? undefined : countryCode(place);
  return country === undefined ? { type, number } : { type, number, country };
}
