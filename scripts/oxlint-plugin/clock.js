import { dottedName, withoutGlobal } from './ast.js';
import { bannedNames, combined } from './banned-names.js';

const message = 'Time comes from deps.clock or a parameter: only the clock may ask the machine.';

const reads = bannedNames({
  message,
  members: ['Date.now', 'Temporal.Now'],
});

/** `new Date(value)` converts; `new Date()` and `Date()` ask the machine for the time. */
const constructions = {
  create(context) {
    const report = (node) => {
      const asksForNow = node.arguments.length === 0;
      if (asksForNow && withoutGlobal(dottedName(node.callee)) === 'Date') context.report({ node, message });
    };
    return { NewExpression: report, CallExpression: report };
  },
};

export const clock = combined(reads, constructions);
