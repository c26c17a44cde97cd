import { calleeName, dottedName, literalText } from './ast.js';

const opensTransaction = new Set(['transact', 'transactInLane', 'transaction']);
const writesRows = new Set(['insert', 'update', 'delete']);
const writesAudit = /^(?:record(?:[A-Z]\w*)?|raiseAlarm)$/;
const transactionName = /(?:^|\.)(?:\w+T|t)x$/;
const writingSql =
  /^\s*(?:insert\s+into|update|delete\s+from|merge\s+into|with\b[\s\S]*\b(?:insert\s+into|update|delete\s+from))\b/i;

/** Look-ups and adapters by their anatomy: there only a write inside the transaction itself counts. */
const notVerbs = /[\\/](?:store|index|jobs)\.ts$/;

/**
 * A verb that opens a transaction and writes, or opens one with the money login, must call `record(…)`:
 * no regulated change without its audit row (invariant I5). A verb's file that only reads on the money
 * login is excused by name in `.oxlintrc.json`, where it is seen.
 */
export const auditedTransaction = {
  create(context) {
    const isVerb = !notVerbs.test(context.filename);
    const openings = [];
    const writes = [];
    let audited = false;
    return {
      CallExpression(node) {
        const name = calleeName(node);
        if (name === undefined) return;
        if (opensTransaction.has(name)) openings.push(node);
        if (writesAudit.test(name)) audited = true;
        if (writesRows.has(name) && isOnTransaction(node.callee)) writes.push(node);
      },
      TaggedTemplateExpression(node) {
        if (writingSql.test(literalText(node.quasi))) writes.push(node);
      },
      'Program:exit'() {
        if (audited) return;
        for (const node of openings) {
          const writesHere = writes.some((write) => isVerb || isInside(write, node));
          if (writesHere || (isVerb && isMoneyLogin(node))) {
            context.report({
              node,
              message: 'This transaction writes no audit row: call record(…) inside it (I5).',
            });
          }
        }
      },
    };
  },
};

function isOnTransaction(callee) {
  return callee.type === 'MemberExpression' && transactionName.test(dottedName(callee.object) ?? '');
}

function isInside(inner, outer) {
  return outer.range[0] <= inner.range[0] && inner.range[1] <= outer.range[1];
}

/** `transact(ctx, 'engine', …)`, `db.engine.transaction(…)`, or a lane, which is the engine's. */
function isMoneyLogin(opening) {
  if (calleeName(opening) === 'transactInLane') return true;
  const login = opening.arguments[1];
  if (login && literalText(login) === 'engine') return true;
  return (dottedName(opening.callee) ?? '').endsWith('.engine.transaction');
}
