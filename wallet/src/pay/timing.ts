/** How long a payment is offered to a kiosk. */

/** How long after its request's end a payment is still offered: the kiosk may have stored it and its answer been lost. */
export const GRACE_SECONDS = 20;
/** Asked again later, a kiosk gets this much time to answer. */
export const ASK_AGAIN_SECONDS = 15;
