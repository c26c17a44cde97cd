/**
 * One engine for the rules that ban a global or an import outside its home. A ban holds for the plain
 * access (`Date.now`), through `globalThis`, destructured (`const { now } = Date`) and imported.
 */
import { destructuredNames, dottedName, importedNames, withoutGlobal } from './ast.js';

/**
 * @param {{ message: string, members: string[], imports?: Record<string, string[]> }} ban
 *   `members` as dotted names; `imports` by module specifier, the names that may not be taken from it
 */
export function bannedNames({ message, members, imports = {} }) {
  const banned = new Set(members);
  return {
    create(context) {
      const report = (node) => context.report({ node, message });
      return {
        MemberExpression(node) {
          if (banned.has(withoutGlobal(dottedName(node)))) report(node);
        },
        VariableDeclarator(node) {
          const owner = node.init ? withoutGlobal(dottedName(node.init)) : undefined;
          if (owner === undefined) return;
          if (destructuredNames(node.id).some((name) => banned.has(`${owner}.${name}`))) report(node);
        },
        ImportDeclaration(node) {
          const names = imports[node.source.value];
          if (names && importedNames(node).some((name) => names.includes(name))) report(node);
        },
      };
    },
  };
}

/** Several visitors as one rule; all of them see every node. */
export function combined(...rules) {
  return {
    create(context) {
      const visitors = {};
      for (const rule of rules) {
        for (const [kind, visit] of Object.entries(rule.create(context))) {
          const earlier = visitors[kind];
          visitors[kind] = (node) => {
            earlier?.(node);
            visit(node);
          };
        }
      }
      return visitors;
    },
  };
}
