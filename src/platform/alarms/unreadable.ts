/**
 * What is done about a sealed value that does not open: a list shows the rest, and somebody is called. Which
 * column and row is told to those who operate the system, never what is in it.
 */
import { newId } from '../../kernel/id.ts';
import { type Ctx, type Deps, machineCtx, perDeps } from '../context.ts';
import { KEY_EVENTS } from '../crypto/audit.ts';
import { SealError } from '../crypto/seal.ts';
import { transact } from '../db/transact.ts';
import { raiseAlarm } from './raise-alarm.ts';

const QUIET_MS = 3_600_000;

/** When the alarm of a column was last raised by this process. */
const raisedMs = perDeps((): Map<string, number> => new Map());

/**
 * What `open` gives; null where the ciphertext is altered, moved, truncated or under a key that is not here.
 * @effects a log line, and at most one alarm an hour for each column
 */
export function openedOrNull<Value>(ctx: Ctx, open: () => Value): Value | null {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SealError)) {
      throw error;
    }
    tellUnreadable(ctx.deps, ctx.requestId, error);
    return null;
  }
}

/** @effects a log line; alarm `sealed_column.unreadable`, in a transaction of its own, once an hour */
export function tellUnreadable(deps: Deps, requestId: string, error: SealError): void {
  const { table, column, rowId } = error.place;
  const object = `${table}.${column}`;
  // What follows the first word of a row's name may be a person's own, such as that of a setting.
  const row = rowId.split(' ')[0];
  deps.log.error(
    { requestId, object: `${object} ${row}`, failure: error.message },
    'a sealed value does not open',
  );
  const nowMs = deps.clock.realMs();
  const last = raisedMs(deps).get(object);
  if (last !== undefined && nowMs - last < QUIET_MS) {
    return;
  }
  raisedMs(deps).set(object, nowMs);
  const ctx = machineCtx(deps, { kind: 'system', name: 'sealed-columns' }, newId());
  const raised = transact(ctx, 'engine', (tx) =>
    raiseAlarm(tx, ctx, {
      event: KEY_EVENTS['sealed_column.unreadable'],
      resource: { type: 'sealed_column', id: object },
      subjectUserId: null,
      after: { table, column, row, fault: error.message },
    }),
  ).catch(() => {
    raisedMs(deps).delete(object);
    deps.log.error({ requestId, object }, 'the alarm of an unreadable value could not be raised');
  });
  deps.db.beforeClose(() => raised);
}
