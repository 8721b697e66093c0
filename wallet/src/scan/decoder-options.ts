/** How frames are looked at. Measured by `scripts/camera/read-codes.slow.test.ts` (R1). */
export const DECODER_OPTIONS = { formats: ['QRCode' as const], tryHarder: true, maxNumberOfSymbols: 2 };
