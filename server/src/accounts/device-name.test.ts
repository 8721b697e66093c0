import { expect, test } from 'vitest';
import { deviceName } from './device-name.ts';

const like = (browser: string, system = 'X11; Linux x86_64') =>
  deviceName(`Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) ${browser} Safari/537.36`);

test.each([
  [like('Chrome/140.0'), 'Chrome · Linux'],
  [like('HeadlessChrome/140.0'), 'Chrome · Linux'],
  [like('Chrome/140.0 Mobile', 'Linux; Android 14'), 'Chrome · Android'],
  [like('Chrome/140.0 Edg/140.0', 'Windows NT 10.0'), 'Edge · Windows'],
  [like('Version/18.0', 'Macintosh'), 'Safari · Mac'],
  [like('CriOS/140.0', 'iPhone'), 'Chrome · iPhone'],
  [deviceName('curl/8.0 <b>'), null],
  [deviceName(undefined), null],
])('a browser is called what it is: %s', (name, expected) => {
  expect(name).toBe(expected);
});
