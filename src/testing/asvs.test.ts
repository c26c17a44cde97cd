/**
 * The table of OWASP ASVS 5.0 says of every requirement of its chapters what is true here, and points at code
 * and tests that are there. What it rests on in words, `docs/compliance/access.md`, agrees with the code.
 */
import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { getTableColumns } from 'drizzle-orm';
import { operationsOf } from '../app.ts';
import { ACCESS_TOKEN_SECONDS } from '../domains/identity/access-tokens.ts';
import { lockMs, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '../domains/identity/rules.ts';
import { credentials } from '../domains/identity/schema.ts';
import { sessionLimitsOf } from '../domains/identity/session-limits.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { STEP_UP_MS } from '../platform/http/authorise.ts';
import { openapiDocument } from '../platform/http/openapi.ts';
import { parseRateLimits } from '../platform/http/rate-policy.ts';
import { VERSION } from '../platform/http/version.ts';

const operations = operationsOf({ domains: allDomains, platformEndpoints });
const document = openapiDocument(operations, VERSION) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: unknown }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
};

/** What a sign-in answers. */
const sessions = Object.keys(document.components.schemas).filter((name) =>
  JSON.stringify(document.components.schemas[name]).includes('"accessToken"'),
);

/**
 * The level of each requirement of a section, in their order.
 * @source OWASP ASVS 5.0.0
 */
const LEVELS: Readonly<Record<string, string>> = {
  '6.1': '122',
  '6.2': '111111112222',
  '6.3': '11223333',
  '6.4': '112233',
  '6.5': '22222333',
  '6.6': '2223',
  '6.7': '33',
  '6.8': '2222',
  '7.1': '222',
  '7.2': '1111',
  '7.3': '22',
  '7.4': '11222',
  '7.5': '223',
  '7.6': '22',
  '8.1': '1233',
  '8.2': '1123',
  '8.3': '133',
  '8.4': '23',
  '9.1': '111',
  '9.2': '1222',
  '10.1': '22',
  '10.2': '223',
  '10.3': '22223',
  '10.4': '1111122222233333',
  '10.5': '22222',
  '10.6': '22',
  '10.7': '222',
};

const root = join(import.meta.dir, '..', '..');
const table = readFileSync(join(root, 'docs', 'compliance', 'asvs.csv'), 'utf8');
const [header, ...rows] = parse(table) as string[][];
const requirements = rows.map(([id = '', level, text, state, where = '', tests = '', note = '']) => ({
  id,
  level,
  text,
  state,
  where: listOf(where),
  tests: listOf(tests),
  note,
}));

function listOf(cell: string): string[] {
  return cell === '' ? [] : cell.split('; ');
}

describe('the table', () => {
  test('has every requirement of its chapters once, with its level', () => {
    const expected = Object.entries(LEVELS).flatMap(([section, levels]) =>
      [...levels].map((level, index) => `${section}.${index + 1} ${level}`),
    );
    expect(requirements.map(({ id, level }) => `${id} ${level}`)).toEqual(expected);
    expect(header).toEqual(['id', 'level', 'requirement', 'state', 'where', 'test', 'note']);
  });

  test('says of each whether it is met, what shows it, and else what is missing', () => {
    const faults = requirements.filter(({ text, state, where, tests, note }) => {
      const shown = where.length > 0 && tests.length > 0;
      switch (state) {
        case 'met':
          return text === '' || !shown;
        case 'partial':
          return text === '' || !shown || note === '';
        case 'not_met':
        case 'not_applicable':
          return text === '' || note === '';
        default:
          return true;
      }
    });
    expect(faults).toEqual([]);
  });

  test('cites code and tests that are there', () => {
    const cited = requirements.flatMap(({ where, tests }) => [...where, ...tests]);
    expect([...new Set(cited)].filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const tests = requirements.flatMap((requirement) => requirement.tests);
    expect(tests.filter((path) => !path.endsWith('.test.ts'))).toEqual([]);
  });
});

describe('what was decided', () => {
  const text = readFileSync(join(root, 'docs', 'compliance', 'access.md'), 'utf8').replace(/\s+/g, ' ');
  const production = parseRateLimits('production', '');
  const customer = sessionLimitsOf(['customer']);
  const staff = sessionLimitsOf(['support']);
  const hours = (ms: number) => ms / 3_600_000;
  const minutes = (ms: number) => ms / 60_000;

  test.each([
    `| customer | ${hours(customer.idleMs)} hours | ${hours(customer.absoluteMs) / 24} days |`,
    `| staff, from one role on | ${minutes(staff.idleMs)} minutes | ${hours(staff.absoluteMs)} hours |`,
    `An access token lives ${ACCESS_TOKEN_SECONDS / 60} minutes`,
    `a second factor counts for ${minutes(STEP_UP_MS)} minutes`,
    `At least ${MIN_PASSWORD_LENGTH} characters and at most ${MAX_PASSWORD_LENGTH}`,
    `| failures in a row that are free | ${[1, 2, 3, 4, 5, 6].filter((failures) => lockMs(failures) === 0).length} |`,
    `${lockMs(5) / 1000} seconds, doubling with each further one to ${hours(lockMs(100))} hour |`,
    ...(['sign_in', 'recovery'] as const).map((name) => {
      const { quota, windowSeconds } = production[name];
      return `| \`${name}\` requests in production | ${quota} in ${windowSeconds} seconds |`;
    }),
    `address in production | ${production.address.quota} in ${production.address.windowSeconds} seconds |`,
  ])('is what the code does: %s', (sentence) => {
    expect(text).toContain(sentence);
  });

  test('names every operation by which somebody signs in', () => {
    const named = [...text.matchAll(/`(\w+)`/g)].map((match) => match[1]);
    const opening = operations
      .filter(({ path, method }) => {
        const { responses } = document.paths[path]?.[method] ?? {};
        return sessions.some((name) => JSON.stringify(responses).includes(`/schemas/${name}"`));
      })
      .map((operation) => operation.operationId);
    expect(opening.length).toBeGreaterThan(4);
    expect(opening.filter((operationId) => !named.includes(operationId))).toEqual([]);
  });
});

test('no password ends by the calendar, and nothing is asked that others know', () => {
  expect(Object.keys(getTableColumns(credentials)).toSorted()).toEqual([
    'changedAt',
    'failedAttempts',
    'lockedUntil',
    'passwordHash',
    'userId',
  ]);
  const names = [...JSON.stringify(document.components.schemas).matchAll(/"(\w+)":/g)].map(
    (found) => found[1],
  );
  expect(names.filter((name) => /passwordHint|question|maiden/i.test(name ?? ''))).toEqual([]);
});
