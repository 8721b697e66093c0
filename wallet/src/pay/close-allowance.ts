/**
 * Gives offline money back. The closing statement is the phone's last word on an allowance: from the moment it is on
 * disk nothing more is signed, whether or not the cloud has heard it, and the same statement is sent until it has.
 */
import { runAsync, signClosingStatement, toBase64Url } from '@tikiwallet/protocol';
import type { Allowance } from '@tikiwallet/server/contract';
import { ApiError } from '../api/problems.ts';
import type { Endpoints } from '../api/endpoints.ts';
import { writeMirrors } from '../store/marker.ts';
import { updateAllowance, writeAhead } from '../store/records.ts';
import type { StoredAllowance } from '../store/schema.ts';
import { paymentsMade } from './allowance-choice.ts';
import { WalletError } from './codes.ts';
import type { PayNeeds } from './needs.ts';
import { must } from './results.ts';
import { requireWholeMemory } from './sign-payment.ts';

/** Signs the closing statement, once. @throws WalletError */
export function closeOnPhone(allowanceId: string, needs: PayNeeds): Promise<StoredAllowance> {
  return needs.withLock(async () => {
    const allowance = await needs.database.get('allowances', allowanceId);
    if (allowance === undefined) throw new WalletError('allowance_not_found');
    if (allowance.closingStatement !== null) return allowance;
    if (allowance.state !== 'active') throw new WalletError('allowance_not_active');
    const marker = await requireWholeMemory(needs);
    const key = await needs.openKey(allowance.keyId, 0n);
    if (key === undefined) throw new WalletError('device_key_missing');
    const statement = await must(
      runAsync(
        signClosingStatement(
          {
            lastCounter: paymentsMade(allowance) === 0 ? 0 : allowance.lastCounter,
            cumulativeMinor: allowance.cumulativeMinor,
            signedAt: needs.clock.nowSeconds(),
          },
          allowance.certificateHash,
        ),
        needs.crypto,
        key.sign,
      ),
    );
    const closing: StoredAllowance = { ...allowance, state: 'closing', closingStatement: statement };
    const next = { epoch: marker.epoch, count: marker.count + 1 };
    await writeAhead(needs.database, {
      expectedCounter: allowance.lastCounter,
      allowance: closing,
      payment: null,
      marker: next,
    });
    await writeMirrors(needs.mirrors, next);
    return closing;
  });
}

/** Tells the cloud, now or when there is internet again. @throws WalletError */
export async function reportClosing(
  allowance: StoredAllowance,
  needs: Pick<PayNeeds, 'database'> & { readonly api: Pick<Endpoints, 'closeAllowance'> },
): Promise<Allowance> {
  if (allowance.closingStatement === null) throw new WalletError('allowance_not_active');
  try {
    const answer = await needs.api.closeAllowance(allowance.id, toBase64Url(allowance.closingStatement));
    await updateAllowance(needs.database, allowance.id, () => ({
      cloudStatus: answer.status,
      deniedFor: answer.deniedFor,
      returnsBy: answer.returnsBy,
    }));
    return answer;
  } catch (error) {
    // Ended or closed already: the cloud has nothing more to hear, the next look at the wallet tells how it stands.
    if (error instanceof ApiError && error.code === 'allowance_not_active') {
      await updateAllowance(needs.database, allowance.id, () => ({ cloudStatus: 'closing' }));
    }
    throw error;
  }
}
