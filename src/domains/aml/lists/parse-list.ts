import { refuseAml } from '../errors.ts';
import type { listKind } from '../schema.ts';
import type { ListEntity } from './entity.ts';
import { parseEuCsv } from './eu-csv.ts';
import { parseFtmJson } from './ftm-json.ts';
import { parseOfacAdvancedXml } from './ofac-advanced-xml.ts';
import { parseOfacCsv } from './ofac-csv.ts';
import { parseOpenSanctionsCsv } from './opensanctions-csv.ts';
import { parseOwnCsv } from './own-csv.ts';
import { parseUkCsv } from './uk-csv.ts';
import { parseUkNormalised } from './uk-normalised.ts';
import { parseUnXml } from './un-xml.ts';

export type ListKind = (typeof listKind.enumValues)[number];

/** The files of one publication, by the part each plays. */
export type ListFiles = Readonly<Record<string, Uint8Array>>;

export const LIST_FORMATS = [
  'ofac_csv',
  'ofac_advanced_xml',
  'un_xml',
  'uk_csv',
  'uk_normalised',
  'eu_csv',
  'opensanctions_csv',
  'ftm_json',
  'own_csv',
] as const;

export type ListFormat = (typeof LIST_FORMATS)[number];

type Reader = {
  readonly parts: readonly string[];
  /** Raised when the same file would be read differently: a version says how it was read. */
  readonly revision: number;
  readonly parse: (part: (name: string) => Uint8Array) => readonly ListEntity[];
};

const READERS: Readonly<Record<ListFormat, Reader>> = {
  ofac_csv: {
    parts: ['primary', 'aliases', 'addresses'],
    revision: 2,
    parse: (part) =>
      parseOfacCsv({ primary: part('primary'), aliases: part('aliases'), addresses: part('addresses') }),
  },
  ofac_advanced_xml: { parts: ['file'], revision: 2, parse: (part) => parseOfacAdvancedXml(part('file')) },
  un_xml: { parts: ['file'], revision: 1, parse: (part) => parseUnXml(part('file')) },
  uk_csv: { parts: ['file'], revision: 1, parse: (part) => parseUkCsv(part('file')) },
  uk_normalised: {
    parts: ['subjects', 'names', 'dobs'],
    revision: 1,
    parse: (part) =>
      parseUkNormalised({ subjects: part('subjects'), names: part('names'), dobs: part('dobs') }),
  },
  eu_csv: { parts: ['file'], revision: 1, parse: (part) => parseEuCsv(part('file')) },
  opensanctions_csv: { parts: ['file'], revision: 1, parse: (part) => parseOpenSanctionsCsv(part('file')) },
  ftm_json: { parts: ['file'], revision: 1, parse: (part) => parseFtmJson(part('file')) },
  own_csv: { parts: ['file'], revision: 1, parse: (part) => parseOwnCsv(part('file')) },
};

/** How the files of a kind of list may be read; the first unless told otherwise. */
export const FORMATS_OF: Readonly<Record<ListKind, readonly [ListFormat, ...ListFormat[]]>> = {
  ofac_sdn: ['ofac_csv', 'ofac_advanced_xml'],
  ofac_consolidated: ['ofac_csv', 'ofac_advanced_xml'],
  un_consolidated: ['un_xml'],
  uk_sanctions: ['uk_csv', 'uk_normalised'],
  eu_consolidated: ['eu_csv'],
  opensanctions: ['opensanctions_csv', 'ftm_json'],
  own: ['own_csv', 'ftm_json'],
};

/** Which files a publication of a format consists of. */
export function partsOf(format: ListFormat): readonly string[] {
  return READERS[format].parts;
}

/** How a list is read: as it was set up, else as lists of its kind are. */
export function formatOf(list: { readonly kind: ListKind; readonly format: string | null }): ListFormat {
  return LIST_FORMATS.find((format) => format === list.format) ?? FORMATS_OF[list.kind][0];
}

/** @shape `format/revision` */
export function parserVersionOf(format: ListFormat): string {
  return `${format}/${READERS[format].revision}`;
}

/** @errors list_files_missing */
export function refuseWrongParts(format: ListFormat, files: ListFiles): void {
  const parts = partsOf(format);
  if (parts.some((part) => files[part] === undefined) || Object.keys(files).length !== parts.length) {
    throw refuseAml('list_files_missing', { detail: `Send exactly ${parts.join(', ')}.` });
  }
}

/**
 * Reads the files of a list in its official format.
 * @errors ListFormatError
 */
export function parseListFiles(format: ListFormat, files: ListFiles): readonly ListEntity[] {
  return READERS[format].parse((name) => files[name] ?? new Uint8Array());
}
