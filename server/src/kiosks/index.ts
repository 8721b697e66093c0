/** The public door of the kiosks room. */
export { type EnrolledKiosk, requireKiosk, requireKnownKiosk } from './authenticate-kiosk.ts';
export { enrol } from './enrol.ts';
export { certifiedName } from './kiosk-certificates.ts';
export { createKiosk, denyKiosk, listKiosks, renewCode, resumeKiosk, suspendKiosk } from './kiosks.ts';
export { readMerchantLimits, setMerchantLimits } from './merchant-limits.ts';
export { noteSealingKnown, noteSealingUnknown, tillsThatCannotSeal } from './sealing-unknown.ts';
export { trustForKiosk } from './trust-for-kiosk.ts';
