/** A way to the database that is cut after so many bytes of what the database says, for tests of lost connections. */
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';

/** `ends` is a FIN, as of a proxy that closes; `resets` an RST, as of a machine that is gone. */
export type Cut = 'ends' | 'resets';

export interface CuttingProxy {
  /** The database's address, over this way. */
  readonly url: string;
  /** The next `times` connections are cut once they carried `bytes`; those after them are not. */
  cut(plan: { readonly bytes: number; readonly how: Cut; readonly times?: number }): void;
  /** What the longest connection so far carried from the database. */
  longest(): number;
  /** How many connections there were so far. */
  dialled(): number;
  /** From now on nothing passes, and nothing is closed either. */
  silence(): void;
  close(): void;
}

/** @param url of a PostgreSQL that listens on TCP */
export async function cuttingProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url);
  const open = new Set<Socket>();
  let plan: { bytes: number; how: Cut; times: number } = { bytes: 0, how: 'ends', times: 0 };
  let longest = 0;
  let dialled = 0;
  let isSilent = false;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const mine = plan.times > 0 ? { ...plan } : null;
    plan.times -= 1;
    dialled += 1;
    const far = dial(Number(target.port), target.hostname);
    let carried = 0;
    const end = () => {
      far.destroy();
      if (mine?.how === 'resets') near.resetAndDestroy();
      else near.end();
    };
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('end', () => {
      if (!isSilent) near.end();
    });
    near.on('data', (chunk: Buffer) => {
      if (!isSilent) far.write(chunk);
    });
    far.on('data', (chunk: Buffer) => {
      const left = mine === null ? chunk.length : mine.bytes - carried;
      const passed = chunk.subarray(0, left);
      carried += passed.length;
      longest = Math.max(longest, carried);
      if (passed.length > 0) near.write(passed);
      if (mine !== null && carried >= mine.bytes) end();
    });
    if (mine?.bytes === 0) end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const way = new URL(url);
  way.hostname = '127.0.0.1';
  way.port = String(port);
  return {
    url: way.href,
    cut: ({ bytes, how, times = 1 }) => (plan = { bytes, how, times }),
    silence: () => (isSilent = true),
    longest: () => longest,
    dialled: () => dialled,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
