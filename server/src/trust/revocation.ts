/**
 * Three corrections that an operator makes: a generation whose key leaked certifies nothing any more, a time that was signed
 * by a wrong clock is taken back, and a database that came back steps ahead of what it forgot.
 *
 * Owns: the table `revoked_issuers`. Never: revokes the generation that signs; the key is rotated first.
 */
import { asc, eq, sql } from 'drizzle-orm';
import { MAX_REVOKED_ISSUERS, type RevokedIssuer, verifyTrustBundle } from '@tikiwallet/protocol';
import type { Db, Executor } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { revokedIssuers, trustState } from '../db/schema/trust.ts';
import { RETIRE_SEALING_KEY, STEP_AHEAD } from '../db/step-ahead.ts';
import { problem } from '../http/problem.ts';
import { must } from './protocol-run.ts';

export async function readRevokedIssuers(executor: Executor): Promise<readonly RevokedIssuer[]> {
  const rows = await executor
    .select()
    .from(revokedIssuers)
    .orderBy(asc(revokedIssuers.generation))
    .limit(MAX_REVOKED_ISSUERS);
  return rows.map(({ generation, honouredUntil }) => ({
    generation,
    honouredUntil: Math.floor(honouredUntil.getTime() / 1000),
  }));
}

/**
 * From `honouredUntil` on every kiosk and phone with news refuses what the generation certified. Repeatable; a second call may
 * bring the moment forward, and never puts it off: somebody may rely on it already.
 * @throws ApiProblem `not_permitted` for a generation that is the one that signs, or newer; `request_invalid` when there are
 *   too many
 */
export async function revokeIssuer(db: Db, revoked: RevokedIssuer): Promise<void> {
  await inTransaction(db, async (tx) => {
    const [state] = await tx.select().from(trustState).for('update');
    if (state === undefined || state.bundleBytes === null)
      throw problem('not_found', { detail: 'This server has never been started.' });
    const { signer } = must(verifyTrustBundle(state.bundleBytes, state.rootPublicKey));
    if (revoked.generation >= signer.generation) {
      throw problem('not_permitted', {
        detail: `Generation ${signer.generation} signs the trust bundles. Rotate the issuer key first (TIKI_ISSUER_KEY_FILE).`,
      });
    }
    const known = await readRevokedIssuers(tx);
    const earlier = known.find((one) => one.generation === revoked.generation);
    if (earlier === undefined && known.length >= MAX_REVOKED_ISSUERS)
      throw problem('request_invalid', { detail: 'too many generations are revoked already' });
    const honouredUntil = new Date(
      Math.min(revoked.honouredUntil, earlier?.honouredUntil ?? revoked.honouredUntil) * 1000,
    );
    await tx
      .insert(revokedIssuers)
      .values({ generation: revoked.generation, honouredUntil })
      .onConflictDoUpdate({ target: revokedIssuers.generation, set: { honouredUntil } });
    // Another basis: the next who asks gets a new bundle.
    await tx.update(trustState).set({ bundleBasis: null }).where(eq(trustState.id, 1));
  });
}

/**
 * The next bundle carries this machine's time, though an earlier one carried a later time: a clock that ran ahead was set
 * right. Kiosks and phones take it because its version is higher; the sealing key of the wrong time goes, because an earlier
 * word about the same key would be refused.
 */
export async function correctTime(db: Db): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.update(trustState).set({ bundleIssuedAt: null }).where(eq(trustState.id, 1));
    await tx.execute(sql.raw(RETIRE_SEALING_KEY));
  });
}

/** This database was brought back from an earlier moment by PostgreSQL's own means. Repeatable. */
export async function afterRestore(db: Db): Promise<void> {
  await inTransaction(db, async (tx) => {
    for (const statement of STEP_AHEAD) await tx.execute(sql.raw(statement));
  });
}
