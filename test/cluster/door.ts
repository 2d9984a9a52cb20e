/** Doors of the node's network: what pods and CRI-O reach at the node's address, led to where it really runs. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { NODE_ADDRESS } from '../support/cluster/place.ts';

export interface DoorOptions {
  /** `host:port` of what is behind it. */
  readonly to: string;
  /** TLS ends here, as at the router of a cluster; without it bytes go through as they are. */
  readonly certificate?: { readonly certificateFile: string; readonly keyFile: string };
}

/** An open door. */
export interface Door {
  /** `host:port` on the node's address. */
  readonly address: string;
  readonly close: () => void;
}

/** Opens a door on a free port. */
export async function openDoor({ to, certificate }: DoorOptions): Promise<Door> {
  const [host = '', port = ''] = to.split(':');
  const sockets = new Set<net.Socket>();
  const carry = (client: net.Socket): void => {
    const server = net.connect(Number(port), host);
    const end = (): void => {
      client.destroy();
      server.destroy();
      sockets.delete(client);
    };
    sockets.add(client);
    for (const side of [client, server]) side.on('error', end).on('close', end);
    client.pipe(server).pipe(client);
  };
  const listener =
    certificate === undefined
      ? net.createServer(carry)
      : tls.createServer(
          { cert: readFileSync(certificate.certificateFile), key: readFileSync(certificate.keyFile) },
          carry,
        );
  // Whoever gives up during the handshake.
  listener.on('tlsClientError', () => undefined);
  listener.listen(0, NODE_ADDRESS);
  await once(listener, 'listening');
  const address = listener.address() as net.AddressInfo;
  return {
    address: `${NODE_ADDRESS}:${address.port}`,
    close: () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
