/**
 * What an account's status allows. Pure. The status is the account's own; whether its owner's gate
 * lets money through is decided by identity (I8), and both must say yes.
 */

export type AccountStatus = 'active' | 'frozen' | 'suspended' | 'closed';

/** The moves of the gate, and what needs no money to move. */
export type AccountOperation = 'money_in' | 'money_out' | 'trade' | 'cancel' | 'read';

export const MAX_ACCOUNTS_PER_TYPE = 10;

/** How an account's units leave its lots; a sale may name its lots besides. */
export const ACCOUNT_LOT_METHODS = ['fifo', 'lifo', 'hifo', 'average'] as const;

export type AccountLotMethod = (typeof ACCOUNT_LOT_METHODS)[number];

/**
 * The documented matrix. `frozen`: nothing moves, what is open may be cancelled. `suspended`: money
 * may still arrive, nothing leaves. `closed`: history only. A blank is a refusal.
 */
const MATRIX: Readonly<Record<AccountStatus, Readonly<Record<AccountOperation, boolean>>>> = {
  //           deposits         withdrawals       new orders    open orders    any look
  active: { money_in: true, money_out: true, trade: true, cancel: true, read: true },
  frozen: { money_in: false, money_out: false, trade: false, cancel: true, read: true },
  suspended: { money_in: true, money_out: false, trade: false, cancel: true, read: true },
  closed: { money_in: false, money_out: false, trade: false, cancel: false, read: true },
};

/** Whether an account of this status may do this. */
export function accountAllows(status: AccountStatus, operation: AccountOperation): boolean {
  return MATRIX[status][operation];
}

/** Whether a code names a currency. @source ISO 4217, as the runtime's own table has it */
export function isCurrency(code: string): boolean {
  return CURRENCIES.has(code);
}

const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));
