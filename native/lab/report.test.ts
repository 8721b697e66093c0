import { expect, test } from 'vitest';
import {
  type CaseResult,
  formatFailure,
  formatTable,
  readResults,
  RESULT_MARK,
  withoutSecrets,
} from './report.ts';

const passed: CaseResult = {
  name: 'a phone joins',
  durationMs: 3_400,
  figures: [{ what: 'first join and pay', ms: 812 }],
  failure: undefined,
};
const failed: CaseResult = {
  name: 'a phone leaves',
  durationMs: 61_000,
  figures: [],
  failure: {
    step: 'the kiosk knows',
    error: 'Error: not within 20000 ms',
    logs: [{ of: 'kiosk', lines: ['wlan0: AP-STA-CONNECTED 02:00:00:00:01:00'] }],
  },
};

test('results come through, and what was printed for people does not', () => {
  const output = ['hello', RESULT_MARK + JSON.stringify(passed), '', RESULT_MARK + JSON.stringify(failed)];
  expect(readResults(output.join('\n'))).toEqual([passed, failed]);
});

test('the table has every case with its duration, and the figures below their case', () => {
  expect(formatTable([passed, failed])).toBe(
    [
      'a phone joins               3.4 s  ok',
      '    first join and pay     0.81 s',
      'a phone leaves             61.0 s  FAILED',
    ].join('\n'),
  );
});

test('a failure says the case, the step and what the programs said last', () => {
  expect(formatFailure(failed)).toBe(
    [
      'FAILED: a phone leaves',
      '  step: the kiosk knows',
      '  Error: not within 20000 ms',
      '  kiosk:',
      '    wlan0: AP-STA-CONNECTED 02:00:00:00:01:00',
    ].join('\n'),
  );
});

test('R14 no passphrase and no PIN in what is shown of the logs', () => {
  const line =
    'wlan0: P2P-GROUP-STARTED wlan0 GO ssid="DIRECT-xy" freq=2412 passphrase="s3cret word" go_dev_addr=02';
  expect(withoutSecrets(line)).toBe(
    'wlan0: P2P-GROUP-STARTED wlan0 GO ssid="DIRECT-xy" freq=2412 passphrase=… go_dev_addr=02',
  );
  expect(withoutSecrets('psk=00ff pin=12345670')).toBe('psk=… pin=…');
});
