/**
 * Reads the published lists and labelled names that tests and benchmarks measure against. They live beside
 * the project and are no part of it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { IndexedEntity } from '../candidate-index.ts';
import { distinctNames, type EntityKind, type EntityName, type ListEntity } from '../lists/entity.ts';
import { parseOfacCsv } from '../lists/ofac-csv.ts';
import { parseUnXml } from '../lists/un-xml.ts';

export type LabelledPair = {
  readonly left: string;
  readonly right: string;
  readonly label: 'match' | 'nonmatch';
  readonly kind: EntityKind;
  /** What makes it hard, in the words of whoever labelled it. */
  readonly category: string;
};

export type ExpectedName = { readonly name: string; readonly reference: string; readonly kind: EntityKind };

export type PublishedLists = {
  readonly ofac: readonly ListEntity[];
  readonly un: readonly ListEntity[];
  readonly uk: readonly ListEntity[];
  readonly pairs: readonly LabelledPair[];
  readonly unQueries: readonly ExpectedName[];
  readonly unOriginalScript: readonly ExpectedName[];
  readonly cleanNames: readonly string[];
};

/** Where the data lies: under the given directory (PLIMSOLL_SHARED_DIR), or beside the checkout. */
export function publishedListsDirectory(shared: string | undefined): string {
  return join(shared ?? join(import.meta.dir, '../../../../../shared'), 'data/aml');
}

/** Loads everything from a data directory, or undefined when it is not there. */
export function loadPublishedLists(directory: string): PublishedLists | undefined {
  if (!existsSync(join(directory, 'dev_pairs.tsv'))) {
    return undefined;
  }
  const read = (path: string): Uint8Array => readFileSync(join(directory, path));
  const trio = (primary: string, aliases: string, addresses: string): ListEntity[] =>
    parseOfacCsv({ primary: read(primary), aliases: read(aliases), addresses: read(addresses) });
  return {
    ofac: [
      ...trio('ofac/sdn_2021-07.csv', 'ofac/alt_2021-07.csv', 'ofac/add_2021-07.csv'),
      ...trio('ofac/cons_prim_2025-12.csv', 'ofac/cons_alt_2025-12.csv', 'ofac/cons_add_2025-12.csv'),
    ],
    un: parseUnXml(read('un/UN_consolidated_2026-02-27.xml')),
    uk: loadUk(directory),
    pairs: loadPairs(directory),
    unQueries: loadExpected(directory, 'dev_un_queries.tsv'),
    unOriginalScript: loadExpected(directory, 'dev_un_original_script.tsv'),
    cleanNames: ['dev_clean_names_us.csv', 'dev_clean_names_global.csv'].flatMap((file) =>
      loadTable(directory, file, ',').map((row) => row.full_name ?? ''),
    ),
  };
}

/** Gives each entity a key that no other list's can equal. */
export function keyed(source: string, entities: readonly ListEntity[]): IndexedEntity[] {
  return entities.map((entity) => ({ key: `${source}:${entity.sourceId}`, entity }));
}

function loadTable(directory: string, file: string, delimiter: string): Record<string, string>[] {
  const options = { columns: true, delimiter, bom: true, quote: delimiter === '\t' ? null : '"' } as const;
  return parse(readFileSync(join(directory, file)), options) as Record<string, string>[];
}

function loadPairs(directory: string): LabelledPair[] {
  return loadTable(directory, 'dev_pairs.tsv', '\t').flatMap((row) => {
    const { label, schema, name_a: left = '', name_b: right = '' } = row;
    return label === 'match' || label === 'nonmatch'
      ? [{ left, right, label, kind: kindOf(schema ?? ''), category: row.category ?? '' }]
      : [];
  });
}

function kindOf(schema: string): EntityKind {
  switch (schema) {
    case 'Person':
      return 'person';
    case 'Company':
    case 'Organization':
    case 'LegalEntity':
      return 'organisation';
    case 'Vessel':
      return 'vessel';
    default:
      return 'unknown';
  }
}

function loadExpected(directory: string, file: string): ExpectedName[] {
  return loadTable(directory, file, '\t').map((row) => ({
    name: row.query_name ?? '',
    reference: row.expected_un_ref ?? '',
    kind: row.kind === 'ENTITY' ? 'organisation' : 'person',
  }));
}

function loadUk(directory: string): ListEntity[] {
  const names = new Map<string, EntityName[]>();
  for (const row of loadTable(directory, 'uk/subject_names.csv', ',')) {
    const type =
      row.alias_strength === 'low_quality_aka'
        ? 'weak_alias'
        : row.name_type === 'primary'
          ? 'primary'
          : 'alias';
    const id = row.unique_id ?? '';
    names.set(id, [...(names.get(id) ?? []), { name: row.full_name ?? '', type }]);
  }
  const births = new Map<string, string[]>();
  for (const row of loadTable(directory, 'uk/subject_dobs.csv', ',')) {
    const date = [row.year, row.month, row.day].filter((part) => part !== undefined && part !== '').join('-');
    births.set(row.unique_id ?? '', [...(births.get(row.unique_id ?? '') ?? []), date]);
  }
  const kinds: Readonly<Record<string, EntityKind>> = {
    individual: 'person',
    entity: 'organisation',
    ship: 'vessel',
  };
  return loadTable(directory, 'uk/subjects.csv', ',').map((row) => {
    const sourceId = row.unique_id ?? '';
    return {
      sourceId,
      kind: kinds[row.subject_type ?? ''] ?? 'unknown',
      names: distinctNames(names.get(sourceId) ?? []),
      birthDates: births.get(sourceId) ?? [],
      countries: [],
      genders: [],
      identifiers: [],
      programs: [],
      remarks: '',
      raw: row,
    };
  });
}
