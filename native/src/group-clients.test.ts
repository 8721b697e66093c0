import { describe, expect, test } from 'vitest';
import { WifiDirectError } from './errors.ts';
import { GroupClients } from './group-clients.ts';

const [A, B, C] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b', '02:00:00:00:00:0c'];
const AUTHORIZED = 'flags=[AUTH][ASSOC][AUTHORIZED]\n';

function clients(): { readonly group: GroupClients; readonly said: string[] } {
  const said: string[] = [];
  const group = new GroupClients((event) => {
    if (event.type === 'client_joined' || event.type === 'client_left')
      said.push(`${event.type} ${event.address}`);
  });
  return { group, said };
}

/** Answers as the supplicant of a group does that `here` are in now. */
const listOf =
  (here: () => readonly string[]) =>
  async (command: string): Promise<string> => {
    const [, after] = command.split(' ');
    const at = after === undefined ? 0 : here().indexOf(after) + 1;
    if (after !== undefined && at === 0) throw new WifiDirectError('supplicant_refused', 'FAIL');
    const address = here()[at];
    return address === undefined ? '' : `${address}\n${AUTHORIZED}`;
  };

describe('who is in a group', () => {
  test('is counted where events were missed: those who came and those who left', async () => {
    const { group, said } = clients();
    group.joined(A);
    await group.count(listOf(() => [B, C]));
    expect(group.all).toEqual([B, C]);
    expect(said).toEqual([
      `client_joined ${A}`,
      `client_left ${A}`,
      `client_joined ${B}`,
      `client_joined ${C}`,
    ]);
  });

  test('is not told by a count that is older than the event: who joined since stays, who left is gone', async () => {
    const { group, said } = clients();
    group.joined(B);
    const { promise: answered, resolve: answer } = Promise.withResolvers<undefined>();
    // The list was read before A came and B left.
    const list = listOf(() => [B]);
    const counting = group.count(async (command) => {
      const reply = await list(command);
      await answered;
      return reply;
    });
    group.joined(A);
    group.left(B);
    answer(undefined);
    await counting;
    expect(group.all).toEqual([A]);
    expect(said).toEqual([`client_joined ${B}`, `client_joined ${A}`, `client_left ${B}`]);
  });

  test('is counted anew when somebody leaves while the list is read', async () => {
    const { group } = clients();
    let here = [A, B];
    const list = listOf(() => here);
    await group.count(async (command) => {
      if (command === `STA-NEXT ${A}`) here = [B];
      return await list(command);
    });
    expect(group.all).toEqual([B]);
  });

  test('is told by the newer of two counts, whatever the older one found', async () => {
    const { group } = clients();
    const held = (here: readonly string[]) => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const list = listOf(() => here);
      const counted = group.count(async (command) => {
        await promise;
        return await list(command);
      });
      return async () => {
        resolve(undefined);
        await counted;
      };
    };
    const [endOlder, endNewer] = [held([A, B]), held([A])];
    await endOlder();
    expect(group.all).toEqual([A, B]);
    await endNewer();
    expect(group.all).toEqual([A]);
  });

  test('is not told by a count of a group that is over', async () => {
    const { group, said } = clients();
    const counting = group.count(listOf(() => [A]));
    group.clear();
    await counting;
    expect([group.all, said]).toEqual([[], []]);
  });

  test('is not told by a list that is torn every time, nor by one that cannot be read', async () => {
    const { group } = clients();
    group.joined(A);
    const torn = async (command: string): Promise<string> => {
      if (command === 'STA-FIRST') return `${B}\n${AUTHORIZED}`;
      throw new WifiDirectError('supplicant_refused', 'FAIL');
    };
    await group.count(torn);
    const silent = async (): Promise<string> => {
      throw new WifiDirectError('supplicant_unreachable', 'timed_out');
    };
    await expect(group.count(silent)).rejects.toMatchObject({ code: 'supplicant_unreachable' });
    expect(group.all).toEqual([A]);
  });
});
