import { dottedName, withoutGlobal } from './ast.js';

/** `parseFloat` reads "1.2abc" as 1.2: it is banned everywhere, money or not. */
export const floatParsing = {
  create(context) {
    const names = ['parseFloat', 'Number.parseFloat'];
    return {
      CallExpression(node) {
        const uses = [node.callee, ...node.arguments].map((part) => withoutGlobal(dottedName(part)));
        if (uses.some((name) => names.includes(name))) {
          context.report({
            node,
            message: 'parseFloat accepts trailing garbage: parse with a schema or Number().',
          });
        }
      },
    };
  },
};
