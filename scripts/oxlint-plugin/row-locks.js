import { calleeName, literalText } from './ast.js';

const message = 'Row locks are taken by src/platform/db/locks.ts alone: it sorts before it locks.';
const strength = '(?:no\\s+key\\s+update|update|key\\s+share|share)';
const lockAfterSelect = new RegExp(`\\bselect\\b[\\s\\S]*\\bfor\\s+${strength}\\b`, 'i');
const lockClause = new RegExp(
  `(?:^|[\\s?)])for\\s+${strength}(?:\\s+of\\b|\\s+nowait\\b|\\s+skip\\s+locked\\b|\\s*;?\\s*$)`,
  'i',
);
const tableLock = /\block\s+table\b/i;
const drizzleStrengths = new Set(['update', 'no key update', 'share', 'key share']);

/** Sees `… for update` in SQL text (tagged or plain) and drizzle's `.for('update')`. */
export const rowLocks = {
  create(context) {
    return {
      TaggedTemplateExpression(node) {
        const text = literalText(node.quasi);
        if (lockClause.test(text) || lockAfterSelect.test(text) || tableLock.test(text)) report(node);
      },
      TemplateLiteral(node) {
        if (node.parent.type !== 'TaggedTemplateExpression') plainText(node);
      },
      Literal: plainText,
      CallExpression(node) {
        const [first] = node.arguments;
        if (calleeName(node) === 'for' && first && drizzleStrengths.has(literalText(first))) report(node);
      },
    };

    function plainText(node) {
      const text = literalText(node);
      if (text !== undefined && (lockAfterSelect.test(text) || /^\s*for\s+update\b/i.test(text)))
        report(node);
    }

    function report(node) {
      context.report({ node, message });
    }
  },
};
