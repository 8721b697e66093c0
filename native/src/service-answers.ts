// The frame around every answer of service discovery, whichever protocol speaks in it. Pure; the bytes are hostile.

export type ServiceAnswer = {
  /** 1 Bonjour, 2 UPnP. */
  readonly protocol: number;
  /** 0 success, 1 protocol not available, 2 data not available, 3 bad request. */
  readonly status: number;
  readonly data: Uint8Array;
};

/** Length (little endian), protocol, transaction, status, data; stops where the bytes end early. */
export function readAnswers(bytes: Uint8Array): readonly ServiceAnswer[] {
  const answers: ServiceAnswer[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    if (length < 3 || at + 2 + length > bytes.length) break;
    const [protocol = 0, , status = 0] = bytes.subarray(at + 2, at + 5);
    answers.push({ protocol, status, data: bytes.subarray(at + 5, at + 2 + length) });
    at += 2 + length;
  }
  return answers;
}
