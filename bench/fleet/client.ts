/** What a client of a simulated fleet is: a function that starts one connection. */
import type { FakeClock } from "../../src/testing/index.ts";
import type { SimulatedServer } from "./simulated-server.ts";

export type Start = (place: {
  readonly id: number;
  readonly clock: FakeClock;
  readonly server: SimulatedServer;
  /** This connection's own chance. */
  readonly random: () => number;
  /** To the server and back, in ms. */
  readonly roundTrip: number;
}) => void;

export type FleetClient = {
  readonly name: string;
  readonly start: Start;
  /** It goes through promises, so the event loop has to turn between the timers; and it takes time and chance from the global objects. */
  readonly global?: true;
  /** One of so many is simulated, at as small a server, and counts for so many: for those whose attempts are too many to simulate. */
  readonly share?: number;
};
