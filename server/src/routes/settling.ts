/** What the routes do with a batch, one by one or in a stream: open it where it is sealed, settle it, and return the money that it frees. */
import { isSealedSettlement } from '@tikiwallet/protocol';
import { giveBackClosing } from '../allowances/index.ts';
import type { ServerContext } from '../context.ts';
import { ApiProblem } from '../http/problem.ts';
import { type EnrolledKiosk, noteSealingKnown, noteSealingUnknown } from '../kiosks/index.ts';
import { settleBatch, settleNeeds } from '../settlement/index.ts';

/** @param batch an envelope, sealed or not. @returns the signed acknowledgement. @throws as `settleBatch`, `SealingKeys.open` */
export type Settle = (kiosk: EnrolledKiosk, batch: Uint8Array) => Promise<Uint8Array>;

export function settling(context: ServerContext): Settle {
  const { clock, db, log, offline, sealing, worker } = context;
  const needs = settleNeeds(context);
  const open = async (kiosk: EnrolledKiosk, batch: Uint8Array) => {
    try {
      return await sealing.open(batch);
    } catch (error) {
      const isUnknown = error instanceof ApiProblem && error.code === 'sealing_key_unknown';
      if (isUnknown && (await noteSealingUnknown(db, kiosk, new Date(clock.nowMs()))))
        log.warn({ kioskId: kiosk.kioskId }, 'a till seals to a key that is not known here');
      throw error;
    }
  };
  return async (kiosk, batch) => {
    const envelope = isSealedSettlement(batch) ? await open(kiosk, batch) : batch;
    const { acknowledgement, reportedDenyListVersion } = await settleBatch(needs, kiosk, envelope);
    try {
      await noteSealingKnown(db, kiosk);
    } catch (error) {
      // The batch is settled; the next one says it again.
      log.warn({ err: error }, 'that a till settles again could not be noted now');
    }
    if (reportedDenyListVersion !== null) {
      try {
        await giveBackClosing({ db: worker, clock, policy: offline.policy }, reportedDenyListVersion);
      } catch (error) {
        // The batch is settled whatever becomes of this; the periodic round returns the money later.
        log.warn({ err: error }, 'closing allowances could not be looked at now');
      }
    }
    return acknowledgement;
  };
}
