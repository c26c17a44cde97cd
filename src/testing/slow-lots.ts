/**
 * The lots of one asset as a slow model keeps them, for tests: every choice looks at every lot anew, and shares are
 * fractions that are rounded by comparing distances. Costs are in one currency.
 */
export type SlowLot = { readonly id: string; quantity: bigint; cost: bigint | null };

export type SlowPick = { readonly lotId: string; readonly quantity: bigint };

export class SlowLots {
  /** Oldest first. */
  readonly lots: SlowLot[] = [];
  method: 'fifo' | 'lifo' | 'hifo' | 'average' = 'fifo';
  private made = 0;

  get quantity(): bigint {
    return this.lots.reduce((sum, lot) => sum + lot.quantity, 0n);
  }

  get cost(): bigint {
    return this.lots.reduce((sum, lot) => sum + (lot.cost ?? 0n), 0n);
  }

  add(quantity: bigint, cost: bigint | null, id?: string): void {
    this.made += 1;
    this.lots.push({ id: id ?? `lot ${this.made}`, quantity, cost });
  }

  /** @shape the parts in the order they were taken */
  take(
    quantity: bigint,
    picks: readonly SlowPick[] = [],
  ): { id: string; quantity: bigint; cost: bigint | null }[] {
    if (this.method === 'average') {
      this.average();
    }
    const parts: { id: string; quantity: bigint; cost: bigint | null }[] = [];
    let left = quantity;
    const from = (lot: SlowLot, most: bigint) => {
      const part = [lot.quantity, most, left].reduce((least, one) => (one < least ? one : least));
      if (part > 0n) {
        const cost = lot.cost === null ? null : nearest(lot.cost * part, lot.quantity);
        lot.quantity -= part;
        lot.cost = lot.cost === null || cost === null ? null : lot.cost - cost;
        left -= part;
        parts.push({ id: lot.id, quantity: part, cost });
      }
    };
    for (const pick of picks) {
      const lot = this.lots.find(({ id }) => id === pick.lotId);
      if (lot !== undefined) {
        from(lot, pick.quantity);
      }
    }
    while (left > 0n) {
      from(this.next(), left);
    }
    return parts;
  }

  private next(): SlowLot {
    const open = this.lots.filter(({ quantity }) => quantity > 0n);
    const candidates = this.method === 'lifo' ? open.toReversed() : open;
    const [first] = candidates;
    if (first === undefined) {
      throw new Error('the model has no more units');
    }
    if (this.method !== 'hifo') {
      return first;
    }
    return candidates.reduce((best, lot) => (isDearer(lot, best) ? lot : best));
  }

  private average(): void {
    const known = this.lots.filter(({ quantity, cost }) => quantity > 0n && cost !== null);
    const quantity = known.reduce((sum, lot) => sum + lot.quantity, 0n);
    const cost = known.reduce((sum, lot) => sum + (lot.cost ?? 0n), 0n);
    const near = (lot: SlowLot) => {
      const off = (lot.cost ?? 0n) * quantity - cost * lot.quantity;
      return (off < 0n ? -off : off) < quantity;
    };
    if (known.every(near)) {
      return;
    }
    let before = 0n;
    for (const lot of known) {
      const here = before + lot.quantity;
      lot.cost = nearest(cost * here, quantity) - nearest(cost * before, quantity);
      before = here;
    }
  }
}

function isDearer(lot: SlowLot, than: SlowLot): boolean {
  if (lot.cost === null || than.cost === null) {
    return lot.cost !== null && than.cost === null;
  }
  return lot.cost * than.quantity > than.cost * lot.quantity;
}

/** The integer nearest to a fraction; the even one of two. */
function nearest(dividend: bigint, divisor: bigint): bigint {
  const below = dividend / divisor;
  const [toBelow, toAbove] = [dividend - below * divisor, (below + 1n) * divisor - dividend];
  const even = below % 2n === 0n ? below : below + 1n;
  return toBelow < toAbove ? below : toAbove < toBelow ? below + 1n : even;
}
