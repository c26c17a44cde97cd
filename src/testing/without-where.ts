/**
 * Takes the condition out of a query, as a handler that forgot it would send it. The words stay where they
 * are, so that every parameter keeps its number and its type.
 */

/** What ends a condition, on its own level of parentheses. */
const ENDS = new Set([
  'group',
  'order',
  'limit',
  'offset',
  'for',
  'having',
  'union',
  'intersect',
  'except',
  'window',
  'fetch',
]);

/** A parenthesis behind one of these holds rows; behind another word it holds a condition or arguments. */
const OPENS_ROWS = new Set(['as', 'materialized', 'from', 'join', 'lateral']);

type Level = { readonly rows: boolean; selects: boolean; conditionAt: number | null; lastWord: string };

/**
 * Turns `where X` of every select that yields rows into `where ((X) or true)`; conditions within conditions,
 * such as `exists (select … where …)`, stay.
 */
export function withoutWhere(query: string): string {
  let out = '';
  const levels: Level[] = [newLevel(true)];
  const close = (level: Level): void => {
    out += level.conditionAt === null ? '' : ') or true) ';
    level.conditionAt = null;
  };
  for (const [token] of query.matchAll(TOKENS)) {
    const level = levels.at(-1) as Level;
    const word = token.toLowerCase();
    if (token === '(') {
      levels.push(newLevel(OPENS_ROWS.has(level.lastWord)));
    } else if (token === ')' && levels.length > 1) {
      close(level);
      levels.pop();
    } else if (ENDS.has(word) || token === ';') {
      close(level);
    }
    out += token;
    if (word === 'where' && level.rows && level.selects) {
      out += ' ((';
      level.conditionAt = out.length;
    }
    if (token.trim() !== '') {
      level.selects ||= word === 'select';
      level.lastWord = word;
    }
  }
  close(levels[0] as Level);
  return out;
}

/** Strings, quoted names, comments, words, and single characters. */
const TOKENS =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|\$\d+|[A-Za-z_][\w$]*|\s+|[\s\S]/g;

function newLevel(rows: boolean): Level {
  return { rows, selects: false, conditionAt: null, lastWord: '' };
}
