/**
 * Tables of the platform: evidence, approvals, outbox, idempotency, keys, marks. They name no
 * domain. The audit log has no foreign keys out, so that nothing outside can block or rewrite it.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant, xid8 } from './columns.ts';
import { internalRows, ownedBy, readByOwner, writtenByAll } from './policies.ts';

export const auditCategory = pgEnum('audit_category', [
  'authentication',
  'trading',
  'compliance',
  'admin_action',
  'system',
  'financial',
  'security',
]);
export const auditSeverity = pgEnum('audit_severity', ['info', 'warning', 'error', 'critical']);
export const auditClass = pgEnum('audit_class', ['normal', 'restricted']);
export const auditOutcome = pgEnum('audit_outcome', ['success', 'refused', 'failed']);
export const actorKind = pgEnum('actor_kind', [
  'customer',
  'staff',
  'apiKey',
  'job',
  'webhook',
  'system',
  'anonymous',
]);

/**
 * One row per regulated change or refused attempt (I4, I5, I6); partitioned by month of
 * `recorded_at`. `personal` is ciphertext under the actor's person key; `personal_hash` commits to it.
 */
export const auditLogs = pgTable(
  'audit_logs',
  {
    id: uuid('id').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    txid: xid8('txid').notNull().default(sql`pg_current_xact_id()`),
    actorKind: actorKind('actor_kind').notNull(),
    actorId: text('actor_id').notNull(),
    actorUserId: uuid('actor_user_id'),
    subjectUserId: uuid('subject_user_id'),
    eventType: text('event_type').notNull(),
    category: auditCategory('category').notNull(),
    severity: auditSeverity('severity').notNull(),
    class: auditClass('class').notNull(),
    resourceType: text('resource_type').notNull(),
    resourceId: text('resource_id').notNull(),
    description: text('description').notNull(),
    before: jsonb('before'),
    after: jsonb('after'),
    outcome: auditOutcome('outcome').notNull(),
    requestId: text('request_id').notNull(),
    salt: digest('salt').notNull(),
    personal: ciphertext('personal').notNull(),
    personalHash: digest('personal_hash').notNull(),
    rowMac: digest('row_mac').notNull(),
  },
  (table) => [
    primaryKey({ name: 'audit_logs_pkey', columns: [table.recordedAt, table.id] }),
    index('audit_logs_txid_idx').on(table.txid),
    // One's own affairs are found by who acted, so that a row is in one of both.
    index('audit_logs_subject_user_id_idx')
      .on(table.subjectUserId, table.recordedAt, table.id)
      .where(sql`${table.actorUserId} is distinct from ${table.subjectUserId}`),
    index('audit_logs_actor_user_id_idx')
      .on(table.actorUserId, table.recordedAt, table.id)
      .where(sql`${table.actorUserId} is not null`),
    index('audit_logs_event_type_idx').on(table.eventType, table.recordedAt, table.id),
    index('audit_logs_request_id_idx').on(table.requestId, table.recordedAt, table.id),
    index('audit_logs_resource_id_idx').on(table.resourceId, table.recordedAt, table.id),
    // What was tried on a thing and refused; the row itself is of the operation.
    index('audit_logs_tried_on_idx')
      .on(sql`(${table.after} -> 'on' ->> 'id')`, table.recordedAt, table.id)
      .where(sql`${table.resourceType} = 'operation'`),
    // People are found by actor_user_id; keys and machines by what they are.
    index('audit_logs_actor_id_idx')
      .on(table.actorId, table.recordedAt, table.id)
      .where(sql`${table.actorKind} not in ('customer', 'staff')`),
    // What is ordinary is found soon by going back in time; only the rest needs an order of its own.
    index('audit_logs_kinds_idx')
      .on(table.category, table.severity, table.outcome, table.class, table.recordedAt, table.id)
      .where(
        sql`${table.category} not in ('trading', 'financial') or ${table.severity} <> 'info' or ${table.outcome} <> 'success' or ${table.class} <> 'normal'`,
      ),
    ...writtenByAll('audit_logs', table.actorUserId),
  ],
);

/** The gap-free order of audit rows and their RFC 6962 leaf hashes, written by the one sequencer. */
export const auditLeaves = pgTable(
  'audit_leaves',
  {
    leafIndex: bigint('leaf_index', { mode: 'bigint' }).primaryKey(),
    logId: uuid('log_id').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    leafHash: digest('leaf_hash').notNull(),
  },
  (table) => [
    uniqueIndex('audit_leaves_log_id_key').on(table.logId),
    check('audit_leaves_leaf_index_check', sql`${table.leafIndex} >= 0`),
    ...internalRows('audit_leaves'),
  ],
);

/** Complete subtrees' hashes from 256 leaves up, so that proofs cost log n look-ups and the leaves of one tile. */
export const auditNodes = pgTable(
  'audit_nodes',
  {
    level: smallint('level').notNull(),
    nodeIndex: bigint('node_index', { mode: 'bigint' }).notNull(),
    hash: digest('hash').notNull(),
  },
  (table) => [
    primaryKey({ name: 'audit_nodes_pkey', columns: [table.level, table.nodeIndex] }),
    ...internalRows('audit_nodes'),
  ],
);

/** Signed tree heads (C2SP signed notes). */
export const auditCheckpoints = pgTable(
  'audit_checkpoints',
  {
    treeSize: bigint('tree_size', { mode: 'bigint' }).primaryKey(),
    rootHash: digest('root_hash').notNull(),
    note: text('note').notNull(),
    signedAt: instant('signed_at').notNull(),
  },
  () => internalRows('audit_checkpoints'),
);

export const auditExportStatus = pgEnum('audit_export_status', [
  'pending',
  'running',
  'completed',
  'failed',
  'cancelled',
  'expired',
]);

/** Exports asked for; the file lies in the file store. */
export const auditExports = pgTable(
  'audit_exports',
  {
    id: uuid('id').primaryKey(),
    requestedBy: uuid('requested_by').notNull(),
    format: text('format').notNull(),
    filters: jsonb('filters').notNull(),
    restricted: boolean('restricted').notNull(),
    status: auditExportStatus('status').notNull(),
    rowCount: bigint('row_count', { mode: 'number' }),
    treeSize: bigint('tree_size', { mode: 'number' }),
    sha256: text('sha256'),
    fileName: text('file_name'),
    failure: text('failure'),
    createdAt: instant('created_at').notNull(),
    completedAt: instant('completed_at'),
    /** The age recipient the file is encrypted to; null for a file as the format says. */
    recipient: text('recipient'),
    rowsDone: bigint('rows_done', { mode: 'number' }).notNull().default(0),
    rowsTotal: bigint('rows_total', { mode: 'number' }),
    sizeBytes: bigint('size_bytes', { mode: 'number' }),
    plainSha256: text('plain_sha256'),
    manifest: text('manifest'),
    startedAt: instant('started_at'),
    heartbeatAt: instant('heartbeat_at'),
    expiresAt: instant('expires_at'),
  },
  (table) => [
    index('audit_exports_created_at_idx').on(table.createdAt, table.id),
    ...internalRows('audit_exports'),
  ],
);

export const approvalStatus = pgEnum('approval_status', [
  'pending',
  'approved',
  'executed',
  'rejected',
  'expired',
  'cancelled',
]);
export const approvalVote = pgEnum('approval_vote', ['approve', 'reject']);

/** Four-eyes decisions bound to a payload hash (I7). The payload itself holds no personal data. */
export const approvals = pgTable(
  'approvals',
  {
    id: uuid('id').primaryKey(),
    action: text('action').notNull(),
    subjectType: text('subject_type').notNull(),
    subjectId: uuid('subject_id').notNull(),
    subjectUserId: uuid('subject_user_id'),
    payload: jsonb('payload').notNull(),
    payloadHash: digest('payload_hash').notNull(),
    makerId: uuid('maker_id').notNull(),
    quorum: smallint('quorum').notNull(),
    checkerRoles: text('checker_roles').array().notNull(),
    status: approvalStatus('status').notNull(),
    reason: text('reason').notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    decidedAt: instant('decided_at'),
    executedAt: instant('executed_at'),
  },
  (table) => [
    check('approvals_quorum_check', sql`${table.quorum} between 1 and 5`),
    uniqueIndex('approvals_open_key')
      .on(table.action, table.subjectId)
      .where(sql`${table.status} in ('pending', 'approved')`),
    index('approvals_status_idx').on(table.status, table.createdAt),
    index('approvals_subject_id_idx').on(table.subjectId),
    ...internalRows('approvals'),
  ],
);

/** One vote per person; a trigger refuses the maker and the subject as checkers. */
export const approvalVotes = pgTable(
  'approval_votes',
  {
    approvalId: uuid('approval_id').notNull(),
    checkerId: uuid('checker_id').notNull(),
    vote: approvalVote('vote').notNull(),
    reason: text('reason').notNull(),
    votedAt: instant('voted_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'approval_votes_pkey', columns: [table.approvalId, table.checkerId] }),
    foreignKey({
      name: 'approval_votes_approval_id_fkey',
      columns: [table.approvalId],
      foreignColumns: [approvals.id],
    }),
    ...internalRows('approval_votes'),
  ],
);

/** Domain events, written with the change; `position` is set by the relay in commit order. */
export const outbox = pgTable(
  'outbox',
  {
    id: uuid('id').primaryKey(),
    txid: xid8('txid').notNull().default(sql`pg_current_xact_id()`),
    position: bigint('position', { mode: 'bigint' }),
    type: text('type').notNull(),
    userId: uuid('user_id'),
    accountId: uuid('account_id'),
    customerVisible: boolean('customer_visible').notNull(),
    data: jsonb('data').notNull(),
    requestId: text('request_id').notNull(),
    occurredAt: instant('occurred_at').notNull(),
  },
  (table) => [
    // An event that has no place yet is in no index of places: every write would pay for it.
    uniqueIndex('outbox_position_key').on(table.position).where(sql`${table.position} is not null`),
    index('outbox_unplaced_idx').on(table.txid, table.id).where(sql`${table.position} is null`),
    index('outbox_user_id_idx')
      .on(table.userId, table.position)
      .where(sql`${table.customerVisible} and ${table.position} is not null`),
    // A relay of an older version would place the row as it is, and what is in it would be lost to everybody.
    check('outbox_packed_unplaced', sql`${table.type} <> 'outbox.packed' or ${table.position} is null`),
    readByOwner('outbox', table.userId, sql`${table.customerVisible}`),
    ...writtenByAll('outbox', table.userId),
  ],
);

/** How far each in-process consumer has read. */
export const outboxConsumers = pgTable(
  'outbox_consumers',
  {
    name: text('name').primaryKey(),
    position: bigint('position', { mode: 'bigint' }).notNull(),
  },
  () => internalRows('outbox_consumers'),
);

/** Events a consumer failed on, retried with backoff; later events of the same key wait behind. */
export const outboxRetries = pgTable(
  'outbox_retries',
  {
    consumer: text('consumer').notNull(),
    position: bigint('position', { mode: 'bigint' }).notNull(),
    orderingKey: text('ordering_key').notNull(),
    attempts: integer('attempts').notNull(),
    lastError: text('last_error').notNull(),
    nextAttemptAt: instant('next_attempt_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'outbox_retries_pkey', columns: [table.consumer, table.position] }),
    index('outbox_retries_next_attempt_at_idx').on(table.nextAttemptAt),
    ...internalRows('outbox_retries'),
  ],
);

/** Answers of requests that may be retried (I11); the body is sealed, it may hold personal data. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    id: uuid('id').notNull(),
    scopeId: uuid('scope_id').notNull(),
    method: text('method').notNull(),
    path: text('path').notNull(),
    key: text('key').notNull(),
    userId: uuid('user_id').notNull(),
    requestHash: digest('request_hash').notNull(),
    status: smallint('status'),
    body: ciphertext('body'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'idempotency_keys_pkey',
      columns: [table.scopeId, table.method, table.path, table.key],
    }),
    index('idempotency_keys_created_at_idx').on(table.createdAt),
    ...ownedBy('idempotency_keys', table.userId),
  ],
);

/** Each person's data key, wrapped by a key of the keyring; destroying the row erases the person. */
export const personKeys = pgTable(
  'person_keys',
  {
    userId: uuid('user_id').primaryKey(),
    keyId: digest('key_id').notNull(),
    wrappedKey: ciphertext('wrapped_key').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [uniqueIndex('person_keys_key_id_key').on(table.keyId), ...ownedBy('person_keys', table.userId)],
);

/**
 * One counter per credential or address and route class: the theoretical arrival time of the generic
 * cell rate algorithm. Not logged and not replicated: after a crash everybody starts afresh.
 */
export const rateCounters = pgTable(
  'rate_counters',
  {
    counter: digest('counter').primaryKey(),
    arrivesAt: instant('arrives_at').notNull(),
  },
  (table) => [index('rate_counters_arrives_at_idx').on(table.arrivesAt), ...internalRows('rate_counters')],
);

/** Facts about this database that must survive: seeded, clock moved, log origin, recovery. */
export const systemMarks = pgTable('system_marks', {
  name: text('name').primaryKey(),
  value: jsonb('value').notNull(),
  markedAt: instant('marked_at').notNull(),
});

/** Protective objects as the migrator left them; the guard compares the catalogue with it. */
export const guardBaseline = pgTable(
  'guard_baseline',
  {
    kind: text('kind').notNull(),
    object: text('object').notNull(),
    state: text('state').notNull(),
  },
  (table) => [primaryKey({ name: 'guard_baseline_pkey', columns: [table.kind, table.object] })],
);

/** Files at rest: encrypted in the file store, their facts here. */
export const files = pgTable(
  'files',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    contentType: text('content_type').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    sha256: digest('sha256').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [index('files_user_id_idx').on(table.userId), ...ownedBy('files', table.userId)],
);
