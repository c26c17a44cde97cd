import { expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { AssertionError } from '../../kernel/assert.ts';
import { DomainError } from '../../kernel/error.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { EXPORT_FAILURES, failureOf, storedFailure } from './export-failure.ts';

function withCode(code: string): Error {
  return Object.assign(new Error('secret'), { code });
}

test('a failed export names what failed by a word of the list, whatever was thrown', async () => {
  const refused = await writeFile('/absent/folder/file', '').catch((error: unknown) => error);
  const thrown: readonly (readonly [unknown, string])[] = [
    [refused, 'storage'],
    [withCode('ENOSPC'), 'storage_full'],
    [withCode('EDQUOT'), 'storage_full'],
    [withCode('57P01'), 'database'],
    [new Error('wrapped', { cause: withCode('40001') }), 'database'],
    [withCode('CONNECTION_CLOSED'), 'database'],
    [withCode('ECONNREFUSED'), 'database'],
    [new DomainError('unavailable', PLATFORM_PROBLEMS.unavailable), 'database'],
    [new AssertionError('the range is complete'), 'log_inconsistent'],
    [new TypeError('x'), 'internal'],
    [withCode('ERR_INVALID_ARG_TYPE'), 'internal'],
    ['text', 'internal'],
    [null, 'internal'],
    [undefined, 'internal'],
  ];
  expect(thrown.map(([error]) => failureOf(error))).toEqual(thrown.map(([, word]) => word as never));
});

test('a stored word of no list is told as internal, and none stays none', () => {
  expect([storedFailure(null), storedFailure('Error'), storedFailure('storage')]).toEqual([
    null,
    'internal',
    'storage',
  ]);
  expect(EXPORT_FAILURES.every((word) => storedFailure(word) === word)).toBe(true);
});
