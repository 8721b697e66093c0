/** A line that is long: what is sent arrives later, in both directions, and nothing else is different. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface FarAway {
  readonly port: number;
  close(): void;
}

/** Listens, and is as far from `targetPort` as `roundTripMs` says. */
export async function farAway(targetPort: number, roundTripMs: number): Promise<FarAway> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    carry(near, far, roundTripMs / 2);
    carry(far, near, roundTripMs / 2);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: address.port, close };
}

function carry(from: Socket, to: Socket, delayMs: number): void {
  // Timers of one length fire in their order, so the bytes stay in theirs.
  from.on('data', (bytes: Buffer) => setTimeout(() => to.write(bytes), delayMs));
  from.on('end', () => setTimeout(() => to.end(), delayMs));
}
