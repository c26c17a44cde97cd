/**
 * The closed registry of audit events: each domain declares its own with category, severity and the
 * members of before/after that may be shown. What is not listed never reaches the log.
 */
export type AuditCategory =
  | 'authentication'
  | 'trading'
  | 'compliance'
  | 'admin_action'
  | 'system'
  | 'financial'
  | 'security';

export type AuditSeverity = 'info' | 'warning' | 'error' | 'critical';

export type AuditEventDefinition = {
  readonly category: AuditCategory;
  readonly severity: AuditSeverity;
  /** Only compliance, MLRO and auditors may see rows of class restricted (no tipping off). */
  readonly class?: 'normal' | 'restricted';
  readonly description: string;
  /** The members of before and after that may be written; never personal data, never secrets. */
  readonly shows: readonly string[];
};

export type AuditEvent = AuditEventDefinition & { readonly type: string };

/** Declares a domain's events; names are `entity.verb`. */
export function auditEvents<const Table extends Readonly<Record<string, AuditEventDefinition>>>(
  table: Table,
): { readonly [Type in keyof Table]: AuditEvent } {
  // In the order of canonical JSON, which then has nothing to sort.
  const events = Object.entries(table).map(
    ([type, definition]) => [type, { ...definition, shows: definition.shows.toSorted(), type }] as const,
  );
  return Object.fromEntries(events) as Readonly<Record<string, AuditEvent>> as {
    readonly [Type in keyof Table]: AuditEvent;
  };
}
