/** The sockets of the raw data path. */
import net from 'node:net';
import tls from 'node:tls';

const BUFFER_BYTES = 256 * 1024;

/**
 * Opens a connection.
 * @param connect what `net.connect` or `tls.connect` are told beside host and port.
 * @param receive takes what comes, and returns whether to go on; after a false the socket waits for `resume`. Of a plain
 * connection the bytes are valid until then.
 */
export function openBulkSocket(
  { protocol, hostname, port }: URL,
  connect: tls.ConnectionOptions,
  receive: (bytes: Buffer) => boolean,
): net.Socket {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (protocol !== 'https:') {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    const onread = { buffer, callback: (size: number) => receive(buffer.subarray(0, size)) };
    const target = { ...connect, host, port: Number(port) || 80, onread, noDelay: true };
    return net.connect(target as net.NetConnectOpts);
  }
  const named = { ...(net.isIP(host) === 0 && { servername: host }), ALPNProtocols: ['http/1.1'] };
  const socket = tls.connect({ ...named, ...connect, host, port: Number(port) || 443 });
  socket.setNoDelay(true);
  // A TLS socket goes on to fill a buffer of ours with what it has decrypted, paused or not: here every piece has its own.
  return socket.on('data', (piece: Buffer) => {
    if (!receive(piece)) socket.pause();
  });
}
