import { and, eq, sql } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import {
  monitoringVendorRequests,
  monitoringVendorResults,
  vendorRequests,
  vendorResults,
} from './schema.ts';
import { assessmentPlace } from './settle-assessment.ts';
import { vendorAnswerPlace } from './settle-request.ts';
import { ABOUT_ACTIVITIES, ABOUT_SCREENINGS, abandon } from './waiting-request.ts';

/** What outside vendors were asked of a person and said: never shown to them (no tipping off). */
export const personalVendorResults: PersonalData = {
  name: 'aml_vendors',
  recordClass: 'supervision',
  tables: ['vendor_requests', 'vendor_results'],
  restricted: true,
  sections: {
    requests: personalRows(vendorRequests, { keys: ['id'] }),
    results: personalRows(vendorResults, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, answer }) => ({
          answer: key === undefined ? null : openJson<Json>(key, vendorAnswerPlace(id), answer),
        })),
    }),
  },
  // Nobody is asked about who is gone, and whom they were taken for could be guessed from a digest.
  erase: async (tx, ctx, userId) => {
    const mine = eq(vendorRequests.userId, userId);
    for (const { id } of await tx
      .select({ id: vendorRequests.id })
      .from(vendorRequests)
      .where(and(mine, eq(vendorRequests.status, 'waiting')))
      .orderBy(vendorRequests.id)) {
      await abandon(tx, ctx, ABOUT_SCREENINGS, id, 'erased');
    }
    await tx.update(vendorRequests).set({ matchDigest: sql`null` }).where(mine);
  },
};

/** What outside vendors were asked of a person's activity and said: never shown to them (no tipping off). */
export const personalAssessments: PersonalData = {
  name: 'aml_monitoring_vendors',
  recordClass: 'supervision',
  tables: ['monitoring_vendor_requests', 'monitoring_vendor_results'],
  restricted: true,
  sections: {
    requests: personalRows(monitoringVendorRequests, { keys: ['id'] }),
    results: personalRows(monitoringVendorResults, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, answer }) => ({
          answer: key === undefined ? null : openJson<Json>(key, assessmentPlace(id), answer),
        })),
    }),
  },
  // Nobody is asked about who is gone.
  erase: async (tx, ctx, userId) => {
    for (const { id } of await tx
      .select({ id: monitoringVendorRequests.id })
      .from(monitoringVendorRequests)
      .where(and(eq(monitoringVendorRequests.userId, userId), eq(monitoringVendorRequests.status, 'waiting')))
      .orderBy(monitoringVendorRequests.id)) {
      await abandon(tx, ctx, ABOUT_ACTIVITIES, id, 'erased');
    }
  },
};
