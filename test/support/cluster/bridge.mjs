// Carries one port of the host into the node's network namespace: it runs in there, and listens at a socket that was
// opened out here and handed to it. `node bridge.mjs HOST:PORT`, the listening socket as file descriptor 3.
import net from 'node:net';

const [host, port] = process.argv[2].split(':');
net
  .createServer((client) => {
    const server = net.connect(Number(port), host);
    const end = () => {
      client.destroy();
      server.destroy();
    };
    for (const side of [client, server]) side.on('error', end).on('close', end);
    client.pipe(server).pipe(client);
  })
  .listen({ fd: 3 });
