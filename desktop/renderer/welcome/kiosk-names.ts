/** How tills of one shop are told apart by people. Pure. */

/** As the service has it. */
export const MAX_KIOSK_NAME = 40;

const plain = (name: string): string => name.normalize('NFKC').trim().toLocaleLowerCase('und');

export function isTaken(name: string, taken: readonly string[]): boolean {
  return taken.some((one) => plain(one) === plain(name));
}

/** `name` itself, or with the next number that no till has: "Counter 1" becomes "Counter 2". */
export function freeName(name: string, taken: readonly string[]): string {
  const wanted = name.trim();
  if (!isTaken(wanted, taken)) return wanted;
  const [, stem = wanted, digits = '1'] = /^(.*?)\s*(\d{1,4})$/.exec(wanted) ?? [];
  for (let number = Number(digits) + 1; ; number += 1) {
    const end = ` ${number}`;
    const next = `${stem.slice(0, MAX_KIOSK_NAME - end.length).trimEnd()}${end}`.trim();
    if (!isTaken(next, taken)) return next;
  }
}
