import { expect, test } from 'vitest';
import { COUNT_ANEW, LeftRows } from './left-rows.ts';

function message(kind: string, bytes = 0): Buffer {
  const made = Buffer.alloc(5 + bytes, 'D');
  made.write(kind, 'latin1');
  made.writeUInt32BE(4 + bytes, 1);
  return made;
}

test.each([1, 2, 3, 7, 1000])(
  'is told before a row that may be counted wrong, in chunks of %s bytes',
  (size) => {
    const row = message('D', 300);
    const before = [message('Z', 1), message('2')];
    const between = [
      row,
      row,
      message('C', 6),
      message('Z', 1),
      message('2'),
      row,
      message('E', 70),
      message('Z', 1),
    ];
    const sent = Buffer.concat([...before, ...between, row, row]);
    const rows = new LeftRows();
    const heard: Buffer[] = [];
    for (let at = 0; at < sent.length; at += size) heard.push(...rows.heard(sent.subarray(at, at + size)));
    const expected = Buffer.concat([...before, COUNT_ANEW, ...between, COUNT_ANEW, row, row]);
    expect(Buffer.concat(heard).equals(expected)).toBe(true);
  },
);
