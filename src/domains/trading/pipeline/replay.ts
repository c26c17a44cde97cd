/** In which order a book is told again what a refused settlement undid. Pure. */
import type { Id } from '../../../kernel/id.ts';
import type { Work } from './desk.ts';
import { enteringIn } from './tripped-books.ts';

type Told = Extract<Work, { type: 'mark' | 'halt' | 'resume' }>;

/**
 * What stood before the batch comes first, as it stood when the prices of the batch came; then the batch in its own
 * order, so that each price reaches what it reached. Where the batch left the book halted nothing of it matches any
 * more; what resumed finds everything that was collected.
 * @shape again: what is told of the orders now; queued: those that waited behind the batch
 */
export function replayOf(works: readonly Work[], again: readonly Work[], queued: ReadonlySet<Id>): Work[] {
  const places = new Map(works.flatMap((work, at) => enteringIn(work).map((id) => [id, at] as const)));
  const halts = works.findLast(isPhase)?.type === 'halt';
  const market = works.flatMap((work, at) =>
    isTold(work) && !(halts && isPhase(work)) ? [{ work, at }] : [],
  );
  const orders = again.map((work) => {
    const id = leadingIn(work);
    const behind = id !== undefined && queued.has(id) ? works.length : -1;
    return { work, at: (id === undefined ? undefined : places.get(id)) ?? behind };
  });
  const told = [...orders, ...market].toSorted((one, other) => one.at - other.at);
  const standing = told.findIndex(({ at }) => at >= 0);
  const stood = standing === -1 ? told.length : standing;
  const halt: Work[] = halts ? [{ type: 'halt' }] : [];
  return [
    ...told.slice(0, stood).map(({ work }) => work),
    ...halt,
    ...told.slice(stood).map(({ work }) => work),
  ];
}

/** The order by which a command takes its place; an exit that waits comes before its entry. */
function leadingIn(work: Work): Id | undefined {
  switch (work.type) {
    case 'wait':
      return work.parentId;
    case 'end':
      return work.orderId;
    default:
      return enteringIn(work)[0];
  }
}

function isTold(work: Work): work is Told {
  return work.type === 'mark' || isPhase(work);
}

function isPhase({ type }: Work): boolean {
  return type === 'halt' || type === 'resume';
}
