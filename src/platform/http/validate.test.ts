import { describe, expect, test } from 'bun:test';
import { z } from '@hono/zod-openapi';
import type { DomainError, FieldError } from '../../kernel/error.ts';
import { queryOf, validate } from './validate.ts';

const Body = z.strictObject({
  name: z.string().max(5),
  lines: z.array(z.strictObject({ 'a/b~c': z.string() })).default([]),
  more: z.record(z.string(), z.unknown()).optional(),
});

function faultsOf(value: unknown, part: 'body' | 'query' = 'body'): readonly FieldError[] {
  try {
    validate(Body, value, part);
  } catch (error) {
    expect((error as DomainError).code).toBe('validation_failed');
    return (error as DomainError).extras.errors ?? [];
  }
  return [];
}

function pointersOf(value: unknown, part: 'body' | 'query' = 'body'): string[] {
  return faultsOf(value, part).map((fault) => `${fault.pointer} ${fault.code}`);
}

describe('faults', () => {
  test('each have the JSON pointer of the place they stand at, RFC 6901 escapes included', () => {
    expect(pointersOf({ name: 'too long', lines: [{ 'a/b~c': 'x' }, { 'a/b~c': 1 }] })).toEqual([
      '/name too_big',
      '/lines/1/a~1b~0c invalid_type',
    ]);
    expect(pointersOf({ name: 'too long' }, 'query')).toEqual(['query/name too_big']);
  });

  test('of the whole body point to the whole body', () => {
    for (const body of [null, 1, 'x', []]) {
      expect(pointersOf(body)).toEqual([' invalid_type']);
    }
  });

  test('say of a member that is not there that it is required', () => {
    expect(faultsOf({ lines: [{}] })).toEqual([
      { pointer: '/name', code: 'missing_field', detail: 'is required' },
      { pointer: '/lines/0/a~1b~0c', code: 'missing_field', detail: 'is required' },
    ]);
    expect(faultsOf({}, 'query')).toEqual([
      { pointer: 'query/name', code: 'missing_field', detail: 'is required' },
    ]);
    expect(pointersOf({ name: null })).toEqual(['/name invalid_type']);
  });

  test('name each unknown member, at any depth', () => {
    expect(pointersOf({ name: 'a', admin: true, lines: [{ 'a/b~c': 'x', price: '1' }] })).toEqual([
      '/lines/0/price unknown_field',
      '/admin unknown_field',
    ]);
    expect(pointersOf(JSON.parse('{"name":"a","__proto__":{"admin":true}}'))).toEqual([
      '/__proto__ unknown_field',
    ]);
  });

  test('never repeat what was sent', () => {
    expect(JSON.stringify(faultsOf({ name: 'secret-secret', lines: 'secret' }))).not.toContain('secret');
  });

  test('are at most fifty', () => {
    expect(faultsOf({ name: 'a', lines: Array.from({ length: 500 }, () => 1) })).toHaveLength(50);
  });
});

describe('text that PostgreSQL cannot keep is refused', () => {
  test.each([
    ['NUL', { name: 'a\0' }, '/name'],
    ['half a surrogate pair', { name: '\ud83c' }, '/name'],
    ['NUL in free JSON', { name: 'a', more: { x: ['\0'] } }, '/more/x/0'],
    ['NUL in a name', { name: 'a', more: { '\0': 1 } }, '/more'],
  ])('%s', (_title, body, pointer) => {
    expect(faultsOf(body)).toEqual([{ pointer, code: 'invalid_text', detail: expect.any(String) }]);
  });

  test('and whole surrogate pairs are not', () => {
    expect(validate(Body, { name: '\u{1f30a}' }, 'body')).toEqual({ name: '\u{1f30a}', lines: [] });
  });
});

test('a body nested deeper than any of ours is refused, not followed', () => {
  let deep: unknown = 'x';
  for (let level = 0; level < 100_000; level += 1) {
    deep = { deep };
  }
  expect(faultsOf({ name: 'a', more: { deep } })[0]?.detail).toBe('is nested too deeply');
});

describe('the query', () => {
  test('keeps a repeated member as an array, so that it fails where one is expected', () => {
    expect(queryOf(new URL('http://x/?a=1&a=2&b=3'))).toEqual({ a: ['1', '2'], b: '3' });
  });

  test('hides no member behind a name of JavaScript', () => {
    expect(Object.keys(queryOf(new URL('http://x/?__proto__=1&constructor=2')))).toEqual([
      '__proto__',
      'constructor',
    ]);
    const strict = z.strictObject({});
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(() => validate(strict, queryOf(new URL(`http://x/?${name}=1`)), 'query')).toThrow();
    }
  });
});
