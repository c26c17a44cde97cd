import type { XmlElement } from '../../../platform/xml/read-xml.ts';
import { ListFormatError } from './list-format-error.ts';

/** What the parts of the file say, by number. */
export type OfacSets = {
  readonly values: Map<string, Map<string, XmlElement>>;
  readonly countryOfLocation: Map<string, string>;
  readonly documentsOfIdentity: Map<string, XmlElement[]>;
  readonly programsOfProfile: Map<string, string[]>;
};

/** The value that a number of a set stands for. @errors unknown_reference */
export function referenceOf(sets: OfacSets, set: string, id: string | undefined, line: number): XmlElement {
  const found = sets.values.get(set)?.get(id ?? '');
  if (found === undefined) {
    throw new ListFormatError(
      'unknown_reference',
      `${set} ${(id ?? '').slice(0, 20)} is not explained`,
      line,
    );
  }
  return found;
}
