import { expect, test } from 'vitest';
import { DEMANDED, HARDWARE, readLaws, readRequirements, testNames } from './requirements.ts';

test('every law of the transport and the protocol is said by the name of a test', () => {
  const map = readRequirements();
  expect(DEMANDED.filter((number) => !map.has(number))).toEqual([]);
});

test('every number in the name of a test is a law of the document', () => {
  const laws = readLaws();
  expect([...readRequirements().keys()].filter((number) => !laws.has(number))).toEqual([]);
  for (const number of [...DEMANDED, ...HARDWARE]) expect(laws.has(number)).toBe(true);
});

test('the cases of the radio lab count as tests', () => {
  const source = `export const cases = [{ name: 'R96 a phone joins', run: async () => { f({ name: other }); } }];`;
  expect(testNames('native/lab/guest/cases/some.ts', source)).toEqual(['R96 a phone joins']);
  expect(testNames('e2e/air/some-cases.ts', source)).toEqual(['R96 a phone joins']);
  expect(testNames('e2e/story/some.ts', source)).toEqual([]);
});

test('names are read through groups, tables and conditions, and nowhere else', () => {
  const source = `
    // R99 in a comment
    describe('a group (R1)', () => { it.each([[1]])('case %i', () => { expect('R98').toBe('R98'); }); });
    test.describe('R2 another', () => { test('inner', async () => {}); });
    it.skipIf(true)(\`R3 with \${value} in it\`, () => {});
    other('R97 no test', () => {});
  `;
  expect(testNames('some.test.ts', source)).toEqual([
    'a group (R1) > case %i',
    'R2 another > inner',
    'R3 with … in it',
  ]);
});
