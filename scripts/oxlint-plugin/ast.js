/** The names that calls and member accesses spell, for the rules beside this file. */

/** `a.b.c` for a chain of plain names (computed string keys included), else undefined. */
export function dottedName(node) {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'ThisExpression') return 'this';
  if (node.type === 'ChainExpression') return dottedName(node.expression);
  if (node.type === 'MetaProperty') return `${node.meta.name}.${node.property.name}`;
  if (node.type !== 'MemberExpression') return undefined;
  const owner = dottedName(node.object);
  const key = keyName(node.property, node.computed);
  return owner === undefined || key === undefined ? undefined : `${owner}.${key}`;
}

/** The last name of a callee: `record` for both `record(…)` and `audit.record(…)`. */
export function calleeName(node) {
  const callee = node.callee.type === 'ChainExpression' ? node.callee.expression : node.callee;
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type === 'MemberExpression') return keyName(callee.property, callee.computed);
  return undefined;
}

/** `globalThis.x.y` and `x.y` name the same thing. */
export function withoutGlobal(name) {
  return name?.replace(/^(?:globalThis|global|window)\./, '');
}

/** Text of a string literal or of a template, its expressions replaced by `?`. */
export function literalText(node) {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type !== 'TemplateLiteral') return undefined;
  return node.quasis.map((part) => part.value.cooked ?? part.value.raw).join('?');
}

/** What `import { a as b } from 'm'` takes: the names as the module spells them. */
export function importedNames(node) {
  return node.specifiers
    .filter((specifier) => specifier.type === 'ImportSpecifier')
    .map((specifier) => specifier.imported.name ?? specifier.imported.value);
}

/** The names that `const { a, b: c } = owner` takes from its owner. */
export function destructuredNames(pattern) {
  if (pattern.type !== 'ObjectPattern') return [];
  return pattern.properties
    .filter((property) => property.type === 'Property')
    .map((property) => keyName(property.key, property.computed))
    .filter((name) => name !== undefined);
}

function keyName(property, computed) {
  if (!computed) return property.name;
  return property.type === 'Literal' && typeof property.value === 'string' ? property.value : undefined;
}
