/**
 * How codes are made: as few modules as the text needs, and all the error correction that still fits into them. Larger
 * modules read better than more correction (`scripts/camera/read-codes.slow.test.ts`, R1).
 */
export const QR_OPTIONS = { ecc: 'L', boostEcc: true, border: 0 } as const;
