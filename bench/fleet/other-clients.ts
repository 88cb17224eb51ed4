/**
 * The others of a simulated fleet. reconnecting-websocket and partysocket are the packages themselves; Fresh, and the loop that people write
 * around `ws`, are models of a few lines.
 */
import PartySocket from "partysocket/ws";
import ReconnectingWebSocket from "reconnecting-websocket";
import type { FleetClient, Start } from "./client.ts";
import { socketClass } from "./simulated-socket.ts";

/** What is used of the class that both packages export; their own types want those of a browser. */
type Wrapper = new (url: string, protocols: undefined, options: Readonly<Record<string, unknown>>) => unknown;

/** Fresh 0.3.0, as its recorded behaviour has it: a new attempt at once, whatever has happened. */
const freshWithoutBackoff: Start = ({ id, server, roundTrip }) => {
  const again = () => {
    server.connect(id, roundTrip, {
      connected: () => undefined,
      opened: () => undefined,
      refused: again,
      answered: again,
      closed: again,
      lost: again,
    });
  };
  again();
};

/** `socket.on("close", () => setTimeout(connect, wait))`: the loop of most programs that use `ws`. */
const loop =
  (wait: number): Start =>
  (place) => {
    const Socket = socketClass(place);
    const connect = () => {
      const socket = new Socket("ws://fleet.test/");
      socket.addEventListener("close", () => place.clock.after(wait, connect));
    };
    connect();
  };

const wrapped =
  (Class: Wrapper, options: (random: () => number) => Readonly<Record<string, unknown>>): Start =>
  (place) => {
    new Class("ws://fleet.test/", undefined, { WebSocket: socketClass(place), ...options(place.random) });
  };

export const OTHER_CLIENTS: readonly FleetClient[] = [
  { name: "Fresh 0.3.0 (a model)", start: freshWithoutBackoff, share: 10 },
  { name: "ws, again after 1 s (a model)", start: loop(1000), share: 10 },
  { name: "ws, again after 5 s (a model)", start: loop(5000), share: 10 },
  {
    name: "reconnecting-websocket 4.4.0",
    // It draws its shortest wait once, when it is loaded. Here each connection stands for a browser of its own, so each draws.
    start: wrapped(ReconnectingWebSocket as unknown as Wrapper, (random) => ({
      minReconnectionDelay: 1000 + random() * 4000,
    })),
    global: true,
  },
  { name: "partysocket 1.3.0", start: wrapped(PartySocket as unknown as Wrapper, () => ({})), global: true },
];
