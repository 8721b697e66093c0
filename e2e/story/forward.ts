// Runs inside one network and carries its connections over a socket in the file system to the outside, which network
// namespaces do not divide. `node forward.ts HOST PORT SOCKET [KEY CERTIFICATE]`: with a key, what comes in is TLS.

import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import process from 'node:process';
import { createServer as createTlsServer } from 'node:tls';

const [host = '', port = '', socketPath = '', key, certificate] = process.argv.slice(2);

function carry(inside: Socket): void {
  const outside = connect(socketPath);
  inside.on('error', () => outside.destroy());
  outside.on('error', () => inside.destroy());
  inside.pipe(outside).pipe(inside);
}

const server =
  key === undefined || certificate === undefined
    ? createServer(carry)
    : createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, carry);
server.listen({ host, port: Number(port) }, () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
