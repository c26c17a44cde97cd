import { eq } from 'drizzle-orm';
import type { PersonalData } from '../../platform/domain.ts';
import { kycApplications, kycDocuments } from './schema.ts';
import { declarationOf } from './store.ts';

/** What KYC holds on a person; documents are named, their content is fetched apart. */
export const personalKyc: PersonalData = {
  name: 'kyc',
  exportOf: async (tx, ctx, userId) => {
    const applications = await tx.select().from(kycApplications).where(eq(kycApplications.userId, userId));
    const declared = [];
    for (const application of applications) {
      const { declaration: _sealed, ...facts } = application;
      declared.push({ ...facts, declaration: await declarationOf(tx, ctx, application) });
    }
    const documents = await tx
      .select({
        id: kycDocuments.id,
        type: kycDocuments.type,
        status: kycDocuments.status,
        uploadedAt: kycDocuments.uploadedAt,
      })
      .from(kycDocuments)
      .where(eq(kycDocuments.userId, userId));
    return { applications: declared, documents };
  },
};
