/**
 * Checks each part of a request with its schema and names every fault by where it stands.
 */
import type { z } from '@hono/zod-openapi';
import type { FieldError } from '../../kernel/error.ts';
import { refuse } from './refuse.ts';

type Part = 'body' | 'query' | 'path';

/** A request can be wrong in more places than anyone reads. */
const MAX_FAULTS = 50;

/** No request of ours nests deeper; recursion over a request stays bounded. */
const MAX_DEPTH = 32;

/** @errors validation_failed with one entry per fault, the first fifty */
export function validate(schema: z.ZodType, value: unknown, part: Part): unknown {
  const unstorable = unstorableText(value, []);
  if (unstorable !== undefined) {
    const pointer = pointerOf(part, unstorable.path);
    throw invalid(part, [{ pointer, code: 'invalid_text', detail: unstorable.detail }]);
  }
  const result = schema.safeParse(value);
  if (result.success) {
    return result.data;
  }
  throw invalid(
    part,
    result.error.issues.flatMap((issue) => faultsOf(issue, value, part)),
  );
}

/** The query as an object; a repeated member becomes an array and so fails where one is expected. */
export function queryOf(url: URL): Record<string, unknown> {
  const names = new Set(url.searchParams.keys());
  // Entries make every name a member of its own, `__proto__` too.
  return Object.fromEntries(
    [...names].map((name) => {
      const values = url.searchParams.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

function invalid(part: Part, faults: readonly FieldError[]) {
  return refuse('validation_failed', {
    detail: `The ${part} does not fit its schema.`,
    errors: faults.slice(0, MAX_FAULTS),
  });
}

type Unstorable = { readonly path: readonly PropertyKey[]; readonly detail: string };

/** PostgreSQL keeps neither NUL nor half a surrogate pair, in text or in JSON. */
function unstorableText(value: unknown, path: readonly PropertyKey[]): Unstorable | undefined {
  if (typeof value === 'string') {
    return isStorable(value) ? undefined : { path, detail: 'holds characters that cannot be stored' };
  }
  if (value === null || typeof value !== 'object' || !(Array.isArray(value) || isRecord(value))) {
    return undefined;
  }
  if (path.length >= MAX_DEPTH) {
    return { path, detail: 'is nested too deeply' };
  }
  for (const [name, member] of Object.entries(value)) {
    const found = isStorable(name)
      ? unstorableText(member, [...path, name])
      : { path, detail: 'has a member whose name cannot be stored' };
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Files of a form are objects too, but not ours to look into. */
function isRecord(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function faultsOf(issue: z.core.$ZodIssue, value: unknown, part: Part): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointerOf(part, [...issue.path, key]),
      code: 'unknown_field',
      detail: 'is not a member of this request',
    }));
  }
  const pointer = pointerOf(part, issue.path);
  return isAbsent(issue, value)
    ? [{ pointer, code: 'missing_field', detail: 'is required' }]
    : [{ pointer, code: issue.code, detail: issue.message }];
}

/** Of what is not there, the schema only says that it has another type. */
function isAbsent({ code, path }: z.core.$ZodIssue, value: unknown): boolean {
  const isOfAnotherType = code === 'invalid_type' || code === 'invalid_value' || code === 'invalid_union';
  return isOfAnotherType && path.reduce(memberOf, value) === undefined;
}

function memberOf(value: unknown, name: PropertyKey): unknown {
  const isHeld = value !== null && typeof value === 'object' && Object.hasOwn(value, name);
  return isHeld ? (value as Readonly<Record<PropertyKey, unknown>>)[name] : undefined;
}

function pointerOf(part: Part, path: readonly PropertyKey[]): string {
  const steps = path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`);
  return part === 'body' ? steps.join('') : `${part}${steps.join('')}`;
}
