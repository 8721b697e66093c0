/** Names that a stranger's phone may give itself, for tests of what becomes of them (R13): 32 bytes at most, as the air has it. */
export const HOSTILE_NAMES: readonly string[] = [
  '<img src=x onerror=alert(1)>',
  '<b>bold</b>',
  '"\'`; drop table phones',
  '${7*7}{{7*7}}%s%n',
  'a\u0000b',
  'line\r\nbreak\tand tab',
  '\u001b[31mred\u001b[0m\u0007',
  '\u202Eecived ruoY\u202C',
  '\u2066\u2067\u200F\u061C.gnp',
  '\u200B\u2060\uFEFF',
  '\uD83D\uDE00\uFFFD\uD800',
  'e\u0301'.repeat(10),
  '\u0627\u0644\u0645\u062D\u0644',
  'W'.repeat(32),
  ' '.repeat(32),
  '-rf --help',
];
