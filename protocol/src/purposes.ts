/** The first field of every object: what it is for. A number is never reused; a changed layout takes a new one. */
export const PURPOSE = {
  issuerCertificate: 1,
  allowanceCertificate: 2,
  kioskCertificate: 3,
  paymentRequest: 4,
  payment: 5,
  receipt: 6,
  journalEntry: 7,
  settlementBatch: 8,
  settlementAcknowledgement: 9,
  trustBundle: 10,
  proofOfPossession: 11,
  closingStatement: 12,
  delivery: 13,
  requestEnvelope: 14,
  settlementEnvelope: 15,
  denyListDelta: 20,
  // Files for people and tools begin at 24: the one-byte numbers below stay for what must fit a QR code.
  doubleSpendProof: 24,
  journalFile: 25,
} as const;
