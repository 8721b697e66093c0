/**
 * Enrolment: proof that this machine holds its keys, the cloud's answer, and the store's own check of it. Repeating
 * it after a lost answer is harmless, because the keys are made once and the code answers the same enrolment.
 */
import { toBase64Url } from '@tikiwallet/protocol';
import { IpcError } from '../ipc/index.ts';
import type { CloudApi } from './cloud/cloud-api.ts';
import type { Log } from './log.ts';
import type { StoreClient } from './store/store-client.ts';

export interface EnrolmentParts {
  readonly api: Pick<CloudApi, 'enrol'>;
  readonly store: Pick<StoreClient, 'run'>;
  readonly publicKeys: { readonly signing: Uint8Array; readonly sealing: Uint8Array };
  readonly log: Log;
}

/** @param typed what a person typed, with or without the dash. @throws IpcError */
export async function enrolKiosk(parts: EnrolmentParts, typed: string): Promise<void> {
  const code = typed.replace(/[\s-]/g, '').toUpperCase();
  if (code.length !== 8) throw new IpcError('enrolment_code_incorrect');
  const proof = await parts.store.run('proveKey', code);
  const answer = await parts.api.enrol({
    code,
    signingPublicKey: toBase64Url(parts.publicKeys.signing),
    sealingPublicKey: toBase64Url(parts.publicKeys.sealing),
    proof: toBase64Url(proof),
  });
  const installed = await parts.store.run('enrol', answer);
  if (installed.ok) return;
  parts.log.error({ code: installed.code }, "the cloud's enrolment does not verify");
  throw new IpcError('cloud_answer_invalid', { cause: installed.code });
}
