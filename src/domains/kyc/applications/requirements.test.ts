import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  type ApplicantFacts,
  isMissing,
  missingInWords,
  requirementsFor,
  requirementsOfPeople,
  type ShownDocument,
  shownItems,
} from './requirements.ts';

type Row = Parameters<typeof requirementsFor>[0][number];

const TODAY = '2026-03-01';

const FACTS: ApplicantFacts = {
  level: 'standard',
  applicantKind: 'natural',
  nationality: 'MUS',
  risk: null,
  politicallyExposed: false,
};

function row(item: string, alternatives: readonly string[], more: Partial<Row> = {}): Row {
  return {
    level: 'standard',
    applicantKind: 'natural',
    nationality: null,
    riskLevel: null,
    onlyPep: false,
    item,
    alternatives,
    maxAgeDays: null,
    ...more,
  };
}

const IDENTITY = row('identity', ['passport', 'national_id']);
const ADDRESS = row('address', ['proof_of_address'], { maxAgeDays: 92 });
const WEALTH = row('source_of_wealth', ['source_of_wealth'], { riskLevel: 'high' });

let ids = 0;
function document(type: ShownDocument['type'], more: Partial<ShownDocument> = {}): ShownDocument {
  ids += 1;
  const id = `document ${ids}` as ShownDocument['id'];
  const none = {
    issuedOn: null,
    expiresOn: null,
    removedAt: null,
    partyId: null,
    applicationId: 'application' as ShownDocument['applicationId'],
    side: null,
    numberIndex: null,
  };
  return { id, type, status: 'uploaded', ...none, ...more };
}

/** As it is asked of the applicant. */
function asked(...rows: readonly Row[]) {
  return rows.map(({ item, alternatives, maxAgeDays }) => ({ item, alternatives, maxAgeDays, of: [null] }));
}

function missing(documents: readonly ShownDocument[]): number {
  return shownItems(asked(IDENTITY, ADDRESS), documents, [], TODAY).filter(isMissing).length;
}

describe('a document shows an item', () => {
  test('not as the back of a card whose front says that it is over', () => {
    const back = document('national_id', { side: 'back' });
    const front = (expiresOn: string) => document('national_id', { side: 'front', expiresOn });
    const address = document('proof_of_address');
    expect(missing([front('2026-02-28'), back, address])).toBe(1);
    expect(missing([front('2026-03-01'), back, address])).toBe(0);
  });

  test.each<[string, readonly ShownDocument[], number]>([
    ['one of each alternative is enough', [document('passport'), document('proof_of_address')], 0],
    ['nothing shows nothing', [], 2],
    ['another type of document shows none', [document('selfie'), document('proof_of_address')], 1],
    ['a refused document shows none', [document('passport', { status: 'rejected' })], 2],
    ['a document taken back shows none', [document('passport', { removedAt: '2026-01-01' as never })], 2],
    ['a document of yesterday shows none', [document('passport', { expiresOn: '2026-02-28' })], 2],
    ['a document counts on its last day', [document('passport', { expiresOn: TODAY })], 1],
    ['a bill of 92 days counts', [document('proof_of_address', { issuedOn: '2025-11-29' })], 1],
    ['a bill of 93 days does not', [document('proof_of_address', { issuedOn: '2025-11-28' })], 2],
    ['age says nothing of a passport', [document('passport', { issuedOn: '2017-01-01' })], 1],
  ])('%s', (_title, documents, expected) => {
    expect(missing(documents)).toBe(expected);
  });

  test('the newest usable one is what counts', () => {
    const [old, fresh, dead] = [
      document('passport'),
      document('national_id'),
      document('passport', { expiresOn: '2020-01-01' }),
    ];
    const [shown] = shownItems(asked(IDENTITY), [old, fresh, dead], [], TODAY);
    expect(shown?.documentId).toBe(fresh.id);
  });

  test('a declaration shows what asks for it, and no document does', () => {
    const form = asked(row('fatca_crs', ['declaration:fatca_crs']));
    const said = [{ id: 'one', kind: 'fatca_crs' }];
    expect(shownItems(form, [document('passport')], [], TODAY).filter(isMissing)).toHaveLength(1);
    expect(shownItems(form, [], said, TODAY)).toMatchObject([{ declarationId: 'one', documentId: null }]);
  });
});

describe('what is asked for', () => {
  const rows = [
    IDENTITY,
    ADDRESS,
    WEALTH,
    row('fatca_crs', ['declaration:fatca_crs'], { nationality: 'USA' }),
    row('source_of_wealth', ['source_of_wealth'], { onlyPep: true }),
    row('incorporation', ['certificate_of_incorporation'], { applicantKind: 'legal' }),
  ];
  const items = (facts: Partial<ApplicantFacts>) =>
    requirementsFor(rows, { ...FACTS, ...facts }).map(({ item }) => item);

  test.each<[string, Partial<ApplicantFacts>, readonly string[]]>([
    ['the level', {}, ['identity', 'address']],
    ['a nationality', { nationality: 'USA' }, ['identity', 'address', 'fatca_crs']],
    ['a risk', { risk: 'high' }, ['identity', 'address', 'source_of_wealth']],
    [
      'risk and exposure, once',
      { risk: 'high', politicallyExposed: true },
      ['identity', 'address', 'source_of_wealth'],
    ],
    ['a legal person', { applicantKind: 'legal' }, ['incorporation']],
    ['another level', { level: 'enhanced' }, []],
  ])('follows from %s', (_title, facts, expected) => {
    expect(items(facts)).toEqual([...expected]);
  });

  test('two rows of one item leave what meets both, and both where nothing does', () => {
    const only = requirementsFor([IDENTITY, row('identity', ['passport'], { nationality: 'MUS' })], FACTS);
    expect(only).toMatchObject([{ item: 'identity', alternatives: ['passport'] }]);
    const both = requirementsFor([IDENTITY, row('identity', ['selfie'])], FACTS);
    expect(both.map(({ item }) => item)).toEqual(['identity', 'identity_2']);
    expect(missingInWords(both)).toBe('Upload passport or national_id; selfie.');
  });

  test('whoever the applicant is, what meets all that is asked meets what the level asks', () => {
    const facts = fc.record({
      level: fc.constant('standard' as const),
      applicantKind: fc.constant('natural'),
      nationality: fc.constantFrom('MUS', 'USA'),
      risk: fc.constantFrom(null, 'low', 'high'),
      politicallyExposed: fc.boolean(),
    });
    const alternatives = fc.uniqueArray(fc.constantFrom('passport', 'national_id', 'selfie'), {
      minLength: 1,
    });
    const further = fc.array(
      fc.record({ alternatives, nationality: fc.constantFrom(null, 'USA'), onlyPep: fc.boolean() }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(facts, further, (who, more) => {
        const all = requirementsFor(
          [IDENTITY, ADDRESS, ...more.map(({ alternatives: any, ...rest }) => row('identity', any, rest))],
          who,
        );
        const documents = all.map((one) => document(one.alternatives[0] as ShownDocument['type']));
        expect(shownItems(all, documents, [], TODAY).some(isMissing)).toBe(false);
        expect(missing(documents)).toBe(0);
      }),
    );
  });
});

describe('of people behind a legal person', () => {
  const rows = [IDENTITY, row('identity', ['passport'], { applicantKind: 'party' })];
  const facts = { ...FACTS, applicantKind: 'legal' };
  const [devi, kavi] = [
    { partyIds: ['devi 1', 'devi 2'], nationality: 'MUS', isApplicant: false },
    { partyIds: ['kavi 1'], nationality: 'FRA', isApplicant: true },
  ] as const;
  const required = requirementsOfPeople(rows, facts, [devi, kavi]);
  const shown = (...documents: readonly ShownDocument[]) =>
    shownItems(required, documents, [], TODAY).map(({ documentId }) => documentId);

  test('each shows their own, once for all parts they have', () => {
    expect(required.map(({ item }) => item)).toEqual(['identity_devi 1', 'identity_kavi 1']);
    const second = document('passport', { partyId: 'devi 2' as never });
    expect(shown(second)).toEqual([second.id, null]);
    expect(missingInWords(required.slice(0, 1))).toBe('Upload passport of the party devi 1.');
  });

  test("the applicant's own document shows nobody else, and another's not the applicant", () => {
    const own = document('passport');
    expect(shown(own)).toEqual([null, own.id]);
    const theirs = document('passport', { partyId: 'devi 1' as never });
    expect(missing([theirs, document('proof_of_address')])).toBe(1);
  });
});
