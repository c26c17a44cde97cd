import { expect, test } from 'bun:test';
import { parseKycProviders } from './kyc-providers.ts';

const SECRET = '0123456789abcdef0123456789abcdef';
const OLDER = 'fedcba9876543210fedcba9876543210';

test('reads a provider with two secrets while one is changed', () => {
  const text = `didit:workflow=w-1;key=k-1;secret=${SECRET};secret=${OLDER}`;
  expect([...parseKycProviders(text)]).toEqual([
    [
      'didit',
      { workflowId: 'w-1', apiKey: 'k-1', secrets: [SECRET, OLDER], url: 'https://verification.didit.me' },
    ],
  ]);
});

test('reads another address, without its last slash', () => {
  const text = `didit:workflow=w;key=k;secret=${SECRET};url=http://127.0.0.1:81/`;
  expect(parseKycProviders(text).get('didit')?.url).toBe('http://127.0.0.1:81');
});

test.each([
  ['', 'must list'],
  ['acme:workflow=w;key=k', 'must list'],
  [`didit:workflow=w;secret=${SECRET}`, 'one workflow'],
  [`didit:workflow=w;key=k;secret=${SECRET};secret=${OLDER};secret=${SECRET}`, 'one or two secrets'],
  ['didit:workflow=w;key=k;secret=short', '32 characters'],
  [`didit:workflow=w;key=k;secret=${SECRET};colour=red`, 'one workflow'],
  [`didit:workflow=w;key=k;secret=${SECRET};url=http://example.com`, 'https'],
  [`didit:workflow=w;key=k;secret=${SECRET},didit:workflow=w;key=k;secret=${SECRET}`, 'each provider once'],
])('refuses %s without naming a secret', (text, words) => {
  let message = '';
  try {
    parseKycProviders(text);
  } catch (thrown) {
    message = thrown instanceof Error ? thrown.message : '';
  }
  expect(message).toContain(words);
  expect(message).not.toContain(SECRET);
});
