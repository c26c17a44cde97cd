import { desc, eq, type InferSelectModel } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import {
  type ScreeningConfig,
  screeningAlgorithm,
  screeningConfigDefault,
  screeningConfigHash,
} from '../config.ts';
import { screeningConfigs } from './schema.ts';

export type StoredConfig = InferSelectModel<typeof screeningConfigs>;

/** A configuration with the hash that screenings name it by. */
export type ActiveConfig = { readonly config: ScreeningConfig; readonly configHash: string };

const RELEASED: ActiveConfig = {
  config: screeningConfigDefault,
  configHash: screeningConfigHash(screeningConfigDefault),
};

/** What screens now; what the program came with where no version was stored yet. */
export async function activeConfig(tx: Tx): Promise<ActiveConfig> {
  const [active] = await tx
    .select({ content: screeningConfigs.content, contentHash: screeningConfigs.contentHash })
    .from(screeningConfigs)
    .where(eq(screeningConfigs.status, 'active'));
  return active === undefined ? RELEASED : { config: active.content, configHash: active.contentHash };
}

/** Every version, the newest first. */
export async function listConfigs(ctx: Ctx): Promise<readonly StoredConfig[]> {
  return transact(ctx, 'staff', (tx) =>
    tx.select().from(screeningConfigs).orderBy(desc(screeningConfigs.version)),
  );
}

/** The number of the next version; whoever takes it holds the lock until it is stored. */
export async function nextConfigVersion(tx: Tx): Promise<number> {
  await lockExclusive(tx, [CONFIGS]);
  const [newest] = await tx
    .select({ version: screeningConfigs.version })
    .from(screeningConfigs)
    .orderBy(desc(screeningConfigs.version))
    .limit(1);
  return (newest?.version ?? 0) + 1;
}

const CONFIGS = 'aml.screening_configs';

/**
 * Stores what the program came with as the version that screens, unless people decided on another: then that
 * stays, whatever a release brings.
 * @effects perhaps rows of `screening_configs`; audit `screening_config.released`
 */
export async function keepReleasedConfig(deps: Deps): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'aml.screening_config' }, newId());
  await transact(ctx, 'engine', async (tx) => {
    const version = await nextConfigVersion(tx);
    const [active] = await tx.select().from(screeningConfigs).where(eq(screeningConfigs.status, 'active'));
    if (active !== undefined && (active.origin === 'staff' || active.contentHash === RELEASED.configHash)) {
      return;
    }
    const at = deps.clock.now();
    if (active !== undefined) {
      await tx
        .update(screeningConfigs)
        .set({ status: 'retired', retiredAt: at })
        .where(eq(screeningConfigs.id, active.id));
    }
    const [stored] = await tx
      .insert(screeningConfigs)
      .values({
        id: newId(),
        version,
        status: 'active',
        origin: 'release',
        content: RELEASED.config,
        contentHash: RELEASED.configHash,
        algorithm: screeningAlgorithm,
        reason: 'What the program came with',
        createdBy: 'aml.screening_config',
        createdAt: at,
        activatedAt: at,
      })
      .returning();
    await record(tx, ctx, {
      event: AML_EVENTS['screening_config.released'],
      resource: { type: 'screening_config', id: stored?.id ?? '' },
      subjectUserId: null,
      after: stored,
    });
  });
}
