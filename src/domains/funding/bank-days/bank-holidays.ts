import { and, asc, desc, eq, gte } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { bankHolidays } from './schema.ts';

export type BankHoliday = typeof bankHolidays.$inferSelect;

/** Days read at once: some decades of one currency. */
const MOST = 1_000;

/** What counts now of each currency and day, one currency or all. */
export function listBankHolidays(
  ctx: Ctx,
  query: { readonly currency?: string | undefined; readonly from?: string | undefined },
): Promise<readonly BankHoliday[]> {
  return transact(ctx, 'staff', (tx) => newest(tx, query));
}

/** The days from this one on that were entered for a currency and not taken back. @units YYYY-MM-DD */
export async function observedBankHolidays(
  tx: Tx,
  currency: string,
  from: string,
): Promise<readonly string[]> {
  const rows = await newest(tx, { currency, from });
  return rows.filter(({ observed }) => observed).map(({ day }) => day);
}

function newest(
  tx: Tx,
  { currency, from }: { readonly currency?: string | undefined; readonly from?: string | undefined },
): Promise<BankHoliday[]> {
  return tx
    .selectDistinctOn([bankHolidays.currency, bankHolidays.day])
    .from(bankHolidays)
    .where(
      and(
        currency === undefined ? undefined : eq(bankHolidays.currency, currency),
        from === undefined ? undefined : gte(bankHolidays.day, from),
      ),
    )
    .orderBy(asc(bankHolidays.currency), asc(bankHolidays.day), desc(bankHolidays.id))
    .limit(MOST);
}
