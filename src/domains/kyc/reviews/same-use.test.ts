import { expect, test } from 'bun:test';
import { renews } from './same-use.ts';

const OLD = {
  type: 'passport',
  partyId: null,
  applicationId: '0199c4b2-0000-7000-8000-000000000002',
  expiresOn: '2026-06-01',
  status: 'accepted',
} as const;

const EARLIER = '0199c4b2-0000-7000-8000-000000000001';
const LATER = '0199c4b2-0000-7000-8000-000000000003';
const SOMEBODY = '0199c4b2-0000-7000-8000-00000000000a';

test.each<[string, object, boolean]>([
  ['good for longer', { expiresOn: '2036-06-01' }, true],
  ['of another kind of identity', { type: 'national_id', expiresOn: '2036-06-01' }, true],
  ['of a later application', { applicationId: LATER, expiresOn: '2036-06-01' }, true],
  ['that nobody decided on by itself', { status: 'uploaded', expiresOn: '2036-06-01' }, true],
  ['of an earlier application', { applicationId: EARLIER, expiresOn: '2036-06-01' }, false],
  ['good for as long', { applicationId: LATER }, false],
  ['that was refused', { status: 'rejected', expiresOn: '2036-06-01' }, false],
  ['of another use', { type: 'proof_of_address', expiresOn: '2036-06-01' }, false],
  ['of another person', { partyId: SOMEBODY, expiresOn: '2036-06-01' }, false],
  ['of identity that says no day', { applicationId: LATER, expiresOn: null }, false],
])('a document %s: whether it takes the place of an older one', (_title, change, expected) => {
  expect(renews({ ...OLD, ...change }, OLD)).toBe(expected);
});

test('a bill that says no day takes the place of one handed in before, not of one beside it', () => {
  const bill = { ...OLD, type: 'proof_of_address' } as const;
  expect(renews({ ...bill, expiresOn: null, applicationId: LATER }, bill)).toBe(true);
  expect(renews({ ...bill, expiresOn: null }, bill)).toBe(false);
});
