/**
 * The project's own lint rules. A JavaScript module because oxlint loads plugins as ESM; which files a
 * rule binds, and the homes that are excused, stand in `.oxlintrc.json`.
 */
import { auditedTransaction } from './audited-transaction.js';
import { clock } from './clock.js';
import { environment } from './environment.js';
import { floatMoney } from './float-money.js';
import { floatParsing } from './float-parsing.js';
import { randomness } from './randomness.js';
import { rowLocks } from './row-locks.js';

export default {
  meta: { name: 'plimsoll' },
  rules: {
    'audited-transaction': auditedTransaction,
    clock,
    environment,
    'float-money': floatMoney,
    'float-parsing': floatParsing,
    randomness,
    'row-locks': rowLocks,
  },
};
