import { describe, expect, test } from 'bun:test';
import { xmlLimitsDefault } from '../../../platform/xml/read-xml.ts';
import { entityHash } from './entity.ts';
import { ListFormatError } from './list-format-error.ts';
import { parseUnXml } from './un-xml.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

// Shortened from the consolidated list of 27 February 2026; the elements are the publisher's.
const saddam = `<INDIVIDUAL><DATAID>6908000</DATAID><FIRST_NAME>SADDAM</FIRST_NAME><SECOND_NAME>HUSSEIN</SECOND_NAME>
<THIRD_NAME>AL-TIKRITI</THIRD_NAME><UN_LIST_TYPE>Iraq</UN_LIST_TYPE><REFERENCE_NUMBER>IQi.001</REFERENCE_NUMBER>
<NAME_ORIGINAL_SCRIPT>صدام حسين التكريتي</NAME_ORIGINAL_SCRIPT><GENDER>Male</GENDER><COMMENTS1/>
<NATIONALITY><VALUE>Iraq</VALUE></NATIONALITY>
<INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Abu Ali</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1937-04-28</DATE></INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>APPROXIMATELY</TYPE_OF_DATE><DATE>1938-01-01</DATE></INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1973</FROM_YEAR><TO_YEAR>1974</TO_YEAR></INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NUMBER>A 123456</NUMBER><ISSUING_COUNTRY>Iraq</ISSUING_COUNTRY></INDIVIDUAL_DOCUMENT>
<INDIVIDUAL_DOCUMENT/></INDIVIDUAL>`;
const adf = `<ENTITY><FIRST_NAME>ADF</FIRST_NAME><UN_LIST_TYPE>DRC</UN_LIST_TYPE><REFERENCE_NUMBER>CDe.001</REFERENCE_NUMBER>
<ENTITY_ALIAS><QUALITY>a.k.a.</QUALITY><ALIAS_NAME>Allied Democratic Forces</ALIAS_NAME></ENTITY_ALIAS>
<ENTITY_ADDRESS><COUNTRY>Democratic Republic of the Congo</COUNTRY></ENTITY_ADDRESS></ENTITY>`;
const list = (individuals: string, entities: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><CONSOLIDATED_LIST><INDIVIDUALS>${individuals}</INDIVIDUALS><ENTITIES>${entities}</ENTITIES></CONSOLIDATED_LIST>`;

function codeOf(document: string): string {
  try {
    parseUnXml(bytes(document));
  } catch (error) {
    if (error instanceof ListFormatError) {
      return error.code;
    }
    throw error;
  }
  return 'accepted';
}

describe('parseUnXml', () => {
  test('reads name parts, original script, alias quality, every kind of birth date, documents', () => {
    const [individual] = parseUnXml(bytes(list(saddam, adf)));
    expect(individual).toMatchObject({
      sourceId: 'IQi.001',
      kind: 'person',
      names: [
        { name: 'SADDAM HUSSEIN AL-TIKRITI', type: 'primary' },
        { name: 'صدام حسين التكريتي', type: 'primary', script: 'Arab' },
        { name: 'Abu Ali', type: 'weak_alias' },
      ],
      birthDates: ['1937-04-28', '1938', '1973', '1974'],
      countries: ['IQ'],
      genders: ['male'],
      identifiers: [{ type: 'passport', number: 'A 123456', country: 'IQ' }],
      programs: ['Iraq'],
    });
  });

  test('reads entities with their aliases and address countries', () => {
    const entity = parseUnXml(bytes(list(saddam, adf)))[1];
    expect(entity).toMatchObject({
      sourceId: 'CDe.001',
      kind: 'organisation',
      names: [
        { name: 'ADF', type: 'primary' },
        { name: 'Allied Democratic Forces', type: 'alias' },
      ],
      countries: ['CD'],
    });
  });

  test('gives an entity the same hash whatever else the list contains, and another one after a change', () => {
    const one = parseUnXml(bytes(list('', adf)))[0];
    const other = parseUnXml(bytes(list(saddam, adf)))[1];
    const changed = parseUnXml(bytes(list('', adf.replace('Forces', 'Force'))))[0];
    if (one === undefined || other === undefined || changed === undefined) {
      throw new Error('the fixture has no entity');
    }
    expect(entityHash(one)).toBe(entityHash(other));
    expect(entityHash(one)).not.toBe(entityHash(changed));
  });

  const refusals: readonly (readonly [string, string, string])[] = [
    ['an empty file', '', 'empty_file'],
    ['a list without records', list('', ''), 'empty_file'],
    ['another document', '<rss><channel/></rss>', 'wrong_root'],
    ['a record without reference', list(saddam.replace('IQi.001', ''), ''), 'missing_id'],
    [
      'a record without name',
      list('', adf.replace('ADF', '').replace('Allied Democratic Forces', '')),
      'missing_name',
    ],
    ['a repeated reference', list(saddam + saddam, adf), 'duplicate_id'],
    ['a truncated file', list(saddam, adf).slice(0, -200), 'truncated'],
    ['entity declarations', `<!DOCTYPE x [<!ENTITY a "b">]>${list(saddam, '')}`, 'doctype_refused'],
  ];
  for (const [what, document, code] of refusals) {
    test(`refuses ${what}`, () => {
      expect(codeOf(document)).toBe(code);
    });
  }

  test('refuses a file above the size limit before reading it', () => {
    expect(() => parseUnXml(bytes(list(saddam, adf)), { ...xmlLimitsDefault, maxBytes: 100 })).toThrow(
      'file_too_large',
    );
  });
});
