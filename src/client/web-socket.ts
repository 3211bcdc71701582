import type { ClientFrame } from '../realtime/frames.js';
import type { Dial } from './link.js';
import type { Platform } from './platform.js';

/** A web socket: frames both ways. A browser cannot give it headers, so the token is the first frame. */
export const dialWebSocket =
  (url: string, { WebSocket }: Platform): Dial =>
  (token, _, events) => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'));
    const send = (frame: ClientFrame): void => {
      socket.send(JSON.stringify(frame));
    };
    socket.onopen = () => {
      if (token !== undefined) send({ kind: 'authenticate', token });
    };
    socket.onmessage = ({ data }) => {
      events.text(data as string);
    };
    // What went wrong is told by `close`, which follows.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      events.end(code, reason);
    };
    return {
      send,
      close: () => {
        socket.onclose = socket.onmessage = socket.onopen = null;
        socket.close();
      },
    };
  };
