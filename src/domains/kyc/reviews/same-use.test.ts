import { describe, expect, test } from 'bun:test';
import { type Paper, wholeUntil } from '../whole-paper.ts';
import { asApproved, goodUntil, renews } from './same-use.ts';

const APPLICATION = '0199c4b2-0000-7000-8000-000000000002' as Paper['applicationId'];
const EARLIER = '0199c4b2-0000-7000-8000-000000000001' as Paper['applicationId'];
const LATER = '0199c4b2-0000-7000-8000-000000000003' as Paper['applicationId'];
const SOMEBODY = '0199c4b2-0000-7000-8000-00000000000a' as Paper['id'];
const [CARD, ANOTHER_CARD] = [new Uint8Array([1, 2, 3]), new Uint8Array([4, 5, 6])];

let ids = 0;
function paper(more: Partial<Paper> = {}): Paper {
  ids += 1;
  return {
    id: `document ${ids}` as Paper['id'],
    type: 'passport',
    partyId: null,
    applicationId: APPLICATION,
    expiresOn: '2026-06-01',
    status: 'accepted',
    side: null,
    numberIndex: null,
    ...more,
  };
}

describe('whether it takes the place of an older one', () => {
  test.each<[string, Partial<Paper>, boolean]>([
    ['good for longer', { expiresOn: '2036-06-01' }, true],
    ['of another kind of identity', { type: 'national_id', expiresOn: '2036-06-01' }, true],
    ['of a later application', { applicationId: LATER, expiresOn: '2036-06-01' }, true],
    ['that nobody accepted', { status: 'uploaded', expiresOn: '2036-06-01' }, false],
    [
      'of a later application that nobody accepted',
      { applicationId: LATER, status: 'uploaded', expiresOn: '2036-06-01' },
      false,
    ],
    ['of an earlier application', { applicationId: EARLIER, expiresOn: '2036-06-01' }, false],
    ['good for as long', { applicationId: LATER }, false],
    ['that was refused', { status: 'rejected', expiresOn: '2036-06-01' }, false],
    ['of another use', { type: 'proof_of_address', expiresOn: '2036-06-01' }, false],
    ['of another person', { partyId: SOMEBODY, expiresOn: '2036-06-01' }, false],
    ['of identity that says no day', { applicationId: LATER, expiresOn: null }, false],
  ])('a document %s', (_title, change, expected) => {
    const [old, document] = [paper(), paper(change)];
    expect(renews(document, old, [old, document])).toBe(expected);
  });

  test('a bill that says no day takes the place of one handed in before, not of one beside it', () => {
    const bill = paper({ type: 'proof_of_address' });
    const later = paper({ type: 'proof_of_address', expiresOn: null, applicationId: LATER });
    const beside = paper({ type: 'proof_of_address', expiresOn: null });
    expect(renews(later, bill, [bill, later])).toBe(true);
    expect(renews(beside, bill, [bill, beside])).toBe(false);
  });

  test('a card whose other side says its day, by that day', () => {
    const old = paper();
    const back = paper({ type: 'national_id', side: 'back', expiresOn: null, applicationId: LATER });
    const front = (expiresOn: string) =>
      paper({ type: 'national_id', side: 'front', status: 'uploaded', expiresOn, applicationId: LATER });
    expect(renews(back, old, [old, back, front('2036-06-01')])).toBe(true);
    expect(renews(back, old, [old, back, front('2026-05-31')])).toBe(false);
  });
});

describe('until when the whole of it is good', () => {
  const back = paper({ type: 'national_id', side: 'back', expiresOn: null, numberIndex: CARD });
  const front = paper({ ...back, side: 'front', expiresOn: '2027-01-31' });

  test('is what either side says, and the earlier of both', () => {
    expect(wholeUntil(back, [back, front])).toBe('2027-01-31');
    expect(wholeUntil(front, [back, front])).toBe('2027-01-31');
    const dated = { ...back, expiresOn: '2026-12-31' };
    expect(wholeUntil(front, [dated, front])).toBe('2026-12-31');
    expect(wholeUntil(back, [back])).toBeNull();
  });

  test.each<[string, Partial<Paper>]>([
    ['another card', { numberIndex: ANOTHER_CARD }],
    ['the same side', { side: 'back' }],
    ['a picture of one side that has no other', { side: 'single' }],
    ['another kind of card', { type: 'driving_licence' }],
    ['somebody else', { partyId: SOMEBODY }],
    ['another application', { applicationId: LATER }],
    ['what was refused', { status: 'rejected' }],
  ])('is not what is said of %s', (_title, change) => {
    expect(wholeUntil(back, [back, { ...front, ...change }])).toBeNull();
  });

  test('is what the other side says where it says no number', () => {
    expect(wholeUntil(back, [back, { ...front, numberIndex: null }])).toBe('2027-01-31');
  });
});

describe('until when somebody has shown the same', () => {
  test('is the last day of what was accepted, and of nothing that merely lies there', () => {
    const [shown, other] = [paper(), paper({ expiresOn: '2036-06-01' })];
    expect(goodUntil(shown, [shown, other])).toBe('2036-06-01');
    expect(goodUntil(shown, [shown, { ...other, status: 'uploaded' }])).toBe('2026-06-01');
    expect(goodUntil(shown, [shown, { ...other, applicationId: LATER }])).toBe('2026-06-01');
  });

  test('is, for what was handed in before items were kept, that of all of it', () => {
    const papers = [paper({ status: 'uploaded' }), paper({ status: 'uploaded', expiresOn: '2036-06-01' })];
    const kept = papers.map((one) => asApproved(one, { requirementSet: null }));
    const asked = papers.map((one) => asApproved(one, { requirementSet: 1 }));
    expect(goodUntil(kept[0] as Paper, kept)).toBe('2036-06-01');
    expect(goodUntil(asked[0] as Paper, asked)).toBe('2026-06-01');
  });
});
