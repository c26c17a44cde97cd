/**
 * `asks`: another person decides. `votes`: is that decision. `carries out`: does nothing that was not decided.
 * `stops`: takes away, and only what another person gives back. `evidence`: adds to what is known and changes
 * nobody's standing. `case`: the work of one reviewer, argued in the controls.
 */
type Kind = 'asks' | 'votes' | 'carries out' | 'stops' | 'evidence' | 'case';

export type StaffWrite = {
  readonly kind: Kind;
  /** Every row it leaves in the audit log when it succeeds. */
  readonly leaves: readonly string[];
  /** What refuses staff who are the person it is about; null where it is about nobody. */
  readonly onOneself: 'self_action' | 'self_review' | 'self_approval' | 'forbidden' | null;
};

export type StaffWrites = Readonly<Record<string, StaffWrite>>;

/** A change that waits for another person; `more` is what asking leaves besides the request. */
export function asks(onOneself: StaffWrite['onOneself'], ...more: readonly string[]): StaffWrite {
  return { kind: 'asks', leaves: ['approval.requested', ...more], onOneself };
}

/** The same where few may know that it was asked. */
export function asksFew(onOneself: StaffWrite['onOneself'], ...more: readonly string[]): StaffWrite {
  return { kind: 'asks', leaves: ['restricted_approval.requested', ...more], onOneself };
}
