import { dottedName, withoutGlobal } from './ast.js';
import { bannedNames, combined } from './banned-names.js';

const message = 'Amounts are scaled bigint: a float on a money path loses units (invariant I15).';

const members = bannedNames({ message, members: ['Number.parseFloat'] });

/** `parseFloat(x)`, `Number(x)`, `new Number(x)`, `+x` and `list.map(Number)` all make a float. */
const conversions = {
  create(context) {
    const isFloatMaker = (node) => {
      const name = withoutGlobal(dottedName(node));
      return name === 'Number' || name === 'parseFloat';
    };
    const report = (node) => {
      if (isFloatMaker(node.callee) || node.arguments.some(isFloatMaker)) context.report({ node, message });
    };
    return {
      CallExpression: report,
      NewExpression: report,
      UnaryExpression(node) {
        if (node.operator === '+' && node.argument.type !== 'Literal') context.report({ node, message });
      },
    };
  },
};

export const floatMoney = combined(members, conversions);
