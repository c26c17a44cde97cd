import { expect, test } from 'bun:test';
import { withoutWhere } from './without-where.ts';

const TABLE: readonly [title: string, query: string, without: string][] = [
  [
    'a condition to the end',
    'select a from t where a = $1 and b = $2',
    'select a from t where (( a = $1 and b = $2) or true) ',
  ],
  [
    'a condition before order and limit',
    'select "a" from "t" where "t"."a" = $1 order by "a" limit $2',
    'select "a" from "t" where (( "t"."a" = $1 ) or true) order by "a" limit $2',
  ],
  [
    'a condition before a lock',
    'select a from t where a in ($1, $2) for update',
    'select a from t where (( a in ($1, $2) ) or true) for update',
  ],
  [
    'alternatives, whose parts must not escape',
    'select a from t where a = $1 or b = $2',
    'select a from t where (( a = $1 or b = $2) or true) ',
  ],
  [
    'each part of a union',
    'select a from t where a = 1 union all select a from u where a = 2',
    'select a from t where (( a = 1 ) or true) union all select a from u where (( a = 2) or true) ',
  ],
  [
    'rows of a with and of a derived table',
    'with x as (select a from t where a = $1) select * from (select a from x where a = $2) y where a = $3',
    'with x as (select a from t where (( a = $1) or true) ) select * from (select a from x where (( a = $2) or true) ) y where (( a = $3) or true) ',
  ],
  [
    'nothing within a condition',
    'select a from t where exists (select 1 from u where u.a = t.a)',
    'select a from t where (( exists (select 1 from u where u.a = t.a)) or true) ',
  ],
  [
    'nothing in a filter of an aggregate',
    'select count(*) filter (where a > 1) from t',
    'select count(*) filter (where a > 1) from t',
  ],
  ['nothing in a string', "select ' where ' from t", "select ' where ' from t"],
  ['nothing in a quoted name', 'select "where" from "order"', 'select "where" from "order"'],
  ['nothing in a comment', 'select a /* where b */ from t', 'select a /* where b */ from t'],
  ['nothing in a write', 'update t set a = 1 where b = 2', 'update t set a = 1 where b = 2'],
];

test.each(TABLE)('%s', (_title, query, without) => {
  expect(withoutWhere(query)).toBe(without);
});
