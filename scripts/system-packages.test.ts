import { describe, expect, test } from 'vitest';
import { ensureSystemPackages, type Machine, MissingSystemPackages } from './system-packages.ts';

type Answers = Readonly<Record<string, string>>;

function machine(
  overrides: Partial<Machine>,
  answers: Answers = {},
): Machine & { readonly ran: string[]; readonly said: string[] } {
  const ran: string[] = [];
  const said: string[] = [];
  return {
    platform: 'linux',
    isRoot: true,
    hasProgram: () => false,
    run: async (command, args) => {
      const line = [command, ...args].join(' ');
      ran.push(line);
      const match = Object.entries(answers).find(([part]) => line.includes(part));
      const stdout = match?.[1] ?? '';
      return { code: 0, output: stdout, stdout, durationMs: 0 };
    },
    say: (line) => said.push(line),
    ran,
    said,
    ...overrides,
  };
}

describe('ensureSystemPackages', () => {
  test('asks nothing of a machine that is not Linux', async () => {
    const mac = machine({ platform: 'darwin' });
    expect(await ensureSystemPackages(['desktop', 'browser', 'radio'], mac)).toEqual([]);
    expect(mac.ran).toEqual([]);
  });

  test('installs nothing when every need is met by a program or a package', async () => {
    const complete = machine(
      { hasProgram: (name) => name !== 'apt-get' },
      { 'dpkg-query': 'anything installed\n' },
    );
    expect(await ensureSystemPackages(['desktop', 'browser'], complete)).toEqual([]);
    expect(complete.ran.some((line) => line.startsWith('apt-get'))).toBe(false);
  });

  test('counts a package under its newer name as present', async () => {
    const newer = machine(
      { hasProgram: (name) => name === 'Xvfb' },
      {
        'libgtk-3-0t64': 'libgtk-3-0t64 installed\n',
        libasound2t64: 'libasound2t64 installed\n',
        dpkg: 'x installed\n',
      },
    );
    expect(await ensureSystemPackages(['desktop'], newer)).toEqual([]);
  });

  test('does not count a removed package with its configuration left as present', async () => {
    const removed = machine({ hasProgram: () => false }, { 'dpkg-query': 'chromium config-files\n' });
    await expect(ensureSystemPackages(['browser'], { ...removed, isRoot: false })).rejects.toThrow(
      'chromium',
    );
  });

  test('as root says what it installs in one line and installs it without questions', async () => {
    const bare = machine(
      { hasProgram: (name) => name === 'apt-get' },
      { 'apt-cache policy': 'Candidate: 1.0\n' },
    );
    expect(await ensureSystemPackages(['browser'], bare)).toEqual(['chromium']);
    expect(bare.said).toEqual(['Installing Debian packages: chromium']);
    expect(bare.ran.at(-1)).toMatch(/^apt-get install -y .* chromium$/);
  });

  test('takes the name that the release knows', async () => {
    const newer = machine(
      { hasProgram: (name) => name === 'apt-get' || name === 'Xvfb' },
      {
        'policy libasound2t64': 'Candidate: 1.2\n',
        'policy libasound2': 'Candidate: (none)\n',
        'dpkg-query -W -f=${Package} ${db:Status-Status}\n libasound2 ': '',
        'dpkg-query': 'x installed\n',
      },
    );
    expect(await ensureSystemPackages(['desktop'], newer)).toEqual(['libasound2t64']);
  });

  test('without root names the one line to type', async () => {
    const user = machine({ isRoot: false, hasProgram: (name) => name === 'apt-get' });
    const refused = ensureSystemPackages(['browser'], user);
    await expect(refused).rejects.toBeInstanceOf(MissingSystemPackages);
    await expect(refused).rejects.toMatchObject({
      code: 'system_packages_missing',
      remedy: 'sudo apt-get update && sudo apt-get install -y --no-install-recommends chromium',
    });
    expect(user.ran.some((line) => line.startsWith('apt-get'))).toBe(false);
  });

  test('says why apt could not install', async () => {
    const offline = machine({
      hasProgram: (name) => name === 'apt-get',
      run: async (command) => {
        const code = command === 'apt-get' ? 100 : 0;
        return { code, output: 'E: Unable to fetch some archives', stdout: '', durationMs: 0 };
      },
    });
    await expect(ensureSystemPackages(['radio'], offline)).rejects.toMatchObject({
      code: 'system_packages_not_installable',
      message: expect.stringContaining('Unable to fetch some archives'),
    });
  });
});
