import type { ServerResponse } from 'node:http';

/**
 * Makes a response close when its connection does. Node closes only the one that it is sending, and
 * forgets those of the requests that the client has sent behind it (pipelining).
 */
export function closeWithConnection(response: ServerResponse): void {
  // The one that Node is sending.
  if (response.socket !== null) return;
  const { socket } = response.req;
  const close = () => {
    if (response.socket === null) response.destroy().emit('close');
  };
  // A client can send any number of requests.
  socket.setMaxListeners(0).once('close', close);
  response.once('close', () => socket.off('close', close));
}
