import { refuseAml } from '../errors.ts';
import type { listKind } from '../schema.ts';
import type { ListEntity } from './entity.ts';
import { parseOfacCsv } from './ofac-csv.ts';
import { parseOwnCsv } from './own-csv.ts';
import { parseUnXml } from './un-xml.ts';

export type ListKind = (typeof listKind.enumValues)[number];

/** The files of one publication, by the part each plays. */
export type ListFiles = Readonly<Record<string, Uint8Array>>;

/** Which files a kind of list consists of; undefined where the kind cannot be imported yet. */
export const LIST_PARTS: Readonly<Record<ListKind, readonly string[] | undefined>> = {
  ofac_sdn: ['primary', 'aliases', 'addresses'],
  ofac_consolidated: ['primary', 'aliases', 'addresses'],
  un_consolidated: ['file'],
  own: ['file'],
  uk_sanctions: undefined,
  eu_consolidated: undefined,
  opensanctions: undefined,
};

/**
 * Reads the files of a list in its official format.
 * @errors list_files_missing, list_kind_unsupported, ListFormatError
 */
export function parseListFiles(kind: ListKind, files: ListFiles): readonly ListEntity[] {
  const parts = LIST_PARTS[kind];
  if (parts === undefined) {
    throw refuseAml('list_kind_unsupported');
  }
  if (parts.some((part) => files[part] === undefined) || Object.keys(files).length !== parts.length) {
    throw refuseAml('list_files_missing', { detail: `Send exactly ${parts.join(', ')}.` });
  }
  const part = (name: string): Uint8Array => files[name] ?? new Uint8Array();
  switch (kind) {
    case 'ofac_sdn':
    case 'ofac_consolidated':
      return parseOfacCsv({
        primary: part('primary'),
        aliases: part('aliases'),
        addresses: part('addresses'),
      });
    case 'un_consolidated':
      return parseUnXml(part('file'));
    default:
      return parseOwnCsv(part('file'));
  }
}
